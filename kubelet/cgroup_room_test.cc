// On the real kernel: a cgroup of the test's own plays the container's.
#include "kubelet/cgroup_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "kubelet/containerd_host.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> Words(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

class CgroupRoomTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto mount = CgroupMount("");
    if (!mount) GTEST_SKIP() << "no cgroup v2";
    mount_ = *mount;
    container_ = mount_ + "/skiff-room-" + std::to_string(getpid());
    std::error_code error;
    fs::create_directory(container_, error);
    if (error) GTEST_SKIP() << container_ << ": " << error.message();
    child_ = fork();
    if (child_ == 0) {
      pause();
      _exit(0);
    }
    std::ofstream(container_ + "/cgroup.procs") << child_;
  }
  void TearDown() override {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
    rmdir((container_ + "/init").c_str());
    rmdir(container_.c_str());
  }

  std::string mount_;
  std::string container_;
  pid_t child_ = 0;
};

TEST_F(CgroupRoomTest, ProcessesGoToAChildAndControllersAreHandedOn) {
  const std::vector<std::string> child = {std::to_string(child_)};
  ASSERT_EQ(Words(container_ + "/cgroup.procs"), child);
  for (int time = 0; time < 2; ++time) {
    const auto made = MakeRoomForCgroups(container_);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_TRUE(Words(container_ + "/cgroup.procs").empty());
    EXPECT_EQ(Words(container_ + "/init/cgroup.procs"), child);
    EXPECT_THAT(Words(container_ + "/cgroup.subtree_control"),
                testing::UnorderedElementsAreArray(Words(container_ + "/cgroup.controllers")));
  }
}

TEST_F(CgroupRoomTest, AProcessOfAnotherContainerIsNotTakenForOneself) {
  // `child_` as it looks to somebody who does not see it.
  const pid_t outer = fork();
  if (outer == 0) {
    if (unshare(CLONE_NEWPID) != 0) _exit(1);
    const pid_t inner = fork();
    if (inner == 0) {
      const auto made = MakeRoomForCgroups(container_);
      const bool is_told = !made && made.error().message.find("outside") != std::string::npos;
      _exit(is_told ? 0 : 2);
    }
    int status = 0;
    waitpid(inner, &status, 0);
    _exit(WEXITSTATUS(status));
  }
  int status = 0;
  waitpid(outer, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(CgroupRoomTest, TheMachinesOwnRootIsLeftAlone) {
  if (fs::exists(mount_ + "/cgroup.type")) GTEST_SKIP() << "this is a container";
  const auto before = Words(mount_ + "/cgroup.subtree_control");
  ASSERT_TRUE(MakeRoomForCgroups(mount_));
  EXPECT_EQ(Words(mount_ + "/cgroup.subtree_control"), before);
  EXPECT_FALSE(fs::exists(mount_ + "/init/cgroup.procs"));
}

}  // namespace
}  // namespace skiff
