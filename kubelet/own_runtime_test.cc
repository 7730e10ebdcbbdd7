// On a real containerd, in a network namespace of the test's own.
#include "kubelet/own_runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "kubelet/containerd_paths.h"
#include "kubelet/containerd_test_host.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class OwnRuntimeTest : public testing::Test {
 protected:
  OwnRuntimeTest() {
    char name[] = "/tmp/skiff-own-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    options_ = {.directory = directory_ + "/data",
                .image_directory = directory_ + "/images",
                .use_system = false};
    fs::create_directories(options_.image_directory);
  }
  ~OwnRuntimeTest() override { fs::remove_all(directory_); }
  void Pack() {
    const auto archive = PackImage(ContainerdTestHost::BusyboxImage());
    ASSERT_TRUE(archive) << archive.error().message;
    std::ofstream(options_.image_directory + "/busybox.tar") << *archive;
    std::ofstream(options_.image_directory + "/broken.tar") << "no archive";
    std::ofstream(options_.image_directory + "/notes.txt") << "no archive either";
  }

  std::string directory_;
  OwnRuntime::Options options_;
};

TEST_F(OwnRuntimeTest, RunsContainerdWithImagesAndTakesItAwayAgain) {
  std::string skip_reason;
  for (const std::string& problem : ContainerdProblems({.directory = options_.directory})) {
    skip_reason += problem + "; ";
  }
  if (!fs::exists("/bin/busybox")) skip_reason += "busybox-static is not installed";
  if (!skip_reason.empty()) GTEST_SKIP() << skip_reason;
  Pack();
  std::thread([&] {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    auto own = OwnRuntime::Make(options_);
    ASSERT_TRUE(own) << own.error().message;
    const auto runtime = cri::MakeGrpcRuntime({.endpoint = (*own)->endpoint()});
    const auto image = runtime->ImageStatus(ContainerdTestHost::kImage);
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_TRUE(*image);

    const auto second = OwnRuntime::Make(options_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().reason, Reason::kConflict);
    EXPECT_THAT(second.error().message, HasSubstr("another kubelet runs containerd in"));

    const ContainerdPaths paths(options_.directory);
    const auto process = ReadPidFile(paths.PidFile());
    ASSERT_TRUE(process);
    const auto left = (*own)->LeaveNothing(directory_ + "/kubelet", "/skiff-own-test");
    EXPECT_TRUE(left) << left.error().message;
    EXPECT_FALSE(IsAlive(*process));
    EXPECT_TRUE(fs::exists(paths.Root())) << "images stay for the next start";
    own->reset();
    auto again = OwnRuntime::Make(options_);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE((*again)->LeaveNothing(directory_ + "/kubelet", "/skiff-own-test"));
  }).join();
}

TEST_F(OwnRuntimeTest, ADirectoryThatCannotBeMadeIsNamed) {
  options_.directory = "/proc/none";
  const auto own = OwnRuntime::Make(options_);
  ASSERT_FALSE(own);
  EXPECT_THAT(own.error().message, HasSubstr("/proc/none: "));
}

}  // namespace
}  // namespace skiff::kubelet
