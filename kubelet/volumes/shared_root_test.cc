#include "kubelet/volumes/shared_root.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "kubelet/mount_table.h"
#include "kubelet/node_traces.h"
#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

// In a process with mounts of its own, none of which is shared; 77: that cannot be had here.
int InPrivateMounts(const std::function<bool()>& check) {
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWNS) != 0) _exit(77);
    if (mount(nullptr, "/", nullptr, MS_PRIVATE | MS_REC, nullptr) != 0) _exit(77);
    _exit(check() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

size_t MountsOn(const std::string& path) {
  size_t count = 0;
  for (const auto& mount : Mounts()) count += mount.path == path ? 1 : 0;
  return count;
}

bool IsShared(const std::string& path) {
  bool is_shared = false;
  for (const auto& mount : Mounts()) {
    if (mount.path == path) is_shared = mount.is_shared;
  }
  return is_shared;
}

class SharedRootTest : public testing::Test {
 protected:
  void SetUp() override {
    const int code = InPrivateMounts([] { return true; });
    if (code == 77) GTEST_SKIP() << "no mounts of one's own here";
  }
  const TemporaryTree tree_;
  const std::string root_ = fs::canonical(tree_.root()).string();
};

TEST_F(SharedRootTest, TheDirectoryIsMountedOnItselfOnceAndShared) {
  EXPECT_EQ(InPrivateMounts([&] {
              return MakeRootShared(root_) && MakeRootShared(root_) && MountsOn(root_) == 1 &&
                     IsShared(root_);
            }),
            0);
}

TEST_F(SharedRootTest, ItGoesWithTheNode) {
  EXPECT_EQ(InPrivateMounts([&] {
              const NodeTraces traces{
                  .directory = root_ + ".node", .kubelet_root = root_, .cgroups = {}};
              std::error_code error;
              return MakeRootShared(root_) && MountsOn(root_) == 1 && RemoveNodePods(traces) &&
                     MountsOn(root_) == 0 && fs::remove_all(root_, error) > 0 && !error;
            }),
            0);
}

TEST_F(SharedRootTest, AMountOfItsOwnIsSharedAsItIs) {
  EXPECT_EQ(InPrivateMounts([&] {
              return mount("tmpfs", root_.c_str(), "tmpfs", 0, nullptr) == 0 &&
                     MakeRootShared(root_) && MountsOn(root_) == 1 && IsShared(root_);
            }),
            0);
}

TEST_F(SharedRootTest, WhereAllIsSharedNothingIsMounted) {
  EXPECT_EQ(InPrivateMounts([&] {
              return mount(nullptr, "/", nullptr, MS_SHARED | MS_REC, nullptr) == 0 &&
                     MakeRootShared(root_) && MountsOn(root_) == 0;
            }),
            0);
}

TEST_F(SharedRootTest, MountsOfPodsThatRunAreNotHidden) {
  EXPECT_EQ(InPrivateMounts([&] {
              const std::string volume = root_ + "/pods";
              fs::create_directories(volume);
              if (mount("tmpfs", volume.c_str(), "tmpfs", 0, nullptr) != 0) return false;
              const auto made = MakeRootShared(root_);
              return !made && made.error().reason == Reason::kConflict && MountsOn(root_) == 0;
            }),
            0);
}

}  // namespace
}  // namespace skiff::kubelet
