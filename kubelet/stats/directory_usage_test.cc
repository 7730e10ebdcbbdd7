#include "kubelet/stats/directory_usage.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {
namespace {

class DirectoryUsageTest : public testing::Test {
 protected:
  DirectoryUsageTest() {
    char name[] = "/tmp/usageXXXXXX";
    root_ = mkdtemp(name);
  }
  ~DirectoryUsageTest() override { std::filesystem::remove_all(root_); }
  void Write(const std::string& name, size_t bytes) const {
    std::ofstream(root_ + "/" + name) << std::string(bytes, 'x');
  }
  std::string root_;
};

TEST_F(DirectoryUsageTest, AllThatIsBelowCounts) {
  std::filesystem::create_directories(root_ + "/a/b/c");
  std::filesystem::create_directories(root_ + "/d");
  Write("a/b/c/one", 100'000);
  Write("d/two", 200'000);
  const DirectoryUsage usage = UsageOfDirectory(root_);
  EXPECT_EQ(usage.inodes, 7);
  EXPECT_GE(usage.bytes, 300'000);
  EXPECT_LT(usage.bytes, 400'000);
  EXPECT_EQ(UsageOfDirectory(root_ + "/d").inodes, 2);
  EXPECT_EQ(UsageOfDirectory(root_ + "/nothing").inodes, 0);
}

TEST_F(DirectoryUsageTest, LinksLeadNowhere) {
  std::filesystem::create_directories(root_ + "/a/b");
  std::filesystem::create_directory_symlink("/", root_ + "/a/everything");
  std::filesystem::create_directory_symlink("..", root_ + "/a/up");
  std::filesystem::create_directory_symlink("a", root_ + "/also");
  EXPECT_EQ(UsageOfDirectory(root_).inodes, 6);
  EXPECT_EQ(UsageOfDirectory(root_ + "/also").inodes, 1);
}

TEST_F(DirectoryUsageTest, ManyDirectoriesInOneAnother) {
  std::string path = root_;
  for (int i = 0; i < 100; ++i) path += "/d";
  std::filesystem::create_directories(path);
  EXPECT_EQ(UsageOfDirectory(root_).inodes, 101);
}

// Makes them in one another and returns the last.
Descriptor MakeChain(const std::string& top, const std::string& name, int count) {
  Descriptor at = OpenDirectory(top).value();
  for (int i = 0; i < count; ++i) {
    EXPECT_EQ(mkdirat(at.number(), name.c_str(), 0700), 0);
    at = OpenBeneath(at, name, O_RDONLY | O_DIRECTORY).value();
  }
  return at;
}

TEST_F(DirectoryUsageTest, WhatHasALongerPathThanTheSystemTakesCounts) {
  constexpr size_t kBytes = 3 << 20;
  for (const int count : {30, 300}) {
    const std::string top = root_ + "/" + std::to_string(count);
    ASSERT_EQ(mkdir(top.c_str(), 0700), 0);
    const Descriptor last = MakeChain(top, std::string(200, 'd'), count);
    const Descriptor file(openat(last.number(), "file", O_WRONLY | O_CREAT, 0600));
    const std::string text(kBytes, 'x');
    ASSERT_EQ(write(file.number(), text.data(), kBytes), static_cast<ssize_t>(kBytes));
    const DirectoryUsage usage = UsageOfDirectory(top);
    EXPECT_EQ(usage.inodes, count + 2);
    EXPECT_GE(usage.bytes, static_cast<int64_t>(kBytes));
    EXPECT_TRUE(RemoveTree(top));
  }
}

TEST_F(DirectoryUsageTest, AllDirectoriesOfADeepTreeCount) {
  constexpr int kDepth = 100, kWidth = 5;
  Descriptor at = OpenDirectory(root_).value();
  for (int depth = 0; depth < kDepth; ++depth) {
    for (int i = 0; i < kWidth; ++i) {
      const std::string name = "e" + std::to_string(i);
      ASSERT_EQ(mkdirat(at.number(), name.c_str(), 0700), 0);
      ASSERT_EQ(mkdirat(at.number(), (name + "/f").c_str(), 0700), 0);
    }
    ASSERT_EQ(mkdirat(at.number(), "d", 0700), 0);
    at = OpenBeneath(at, "d", O_RDONLY | O_DIRECTORY).value();
  }
  EXPECT_EQ(UsageOfDirectory(root_).inodes, 1 + kDepth * (2 * kWidth + 1));
}

TEST_F(DirectoryUsageTest, WhatIsBeyondAWalkIsNotPassedOverInSilence) {
  (void)MakeChain(root_, "d", 100);
  EXPECT_TRUE(UsageOfDirectoryWithin(root_, {.levels = 101}).is_complete);
  const DirectoryUsage flat = UsageOfDirectoryWithin(root_, {.levels = 80});
  EXPECT_FALSE(flat.is_complete);
  EXPECT_EQ(flat.inodes, 81);
  EXPECT_FALSE(UsageOfDirectoryWithin(root_, {.entries = 99}).is_complete);
  Descriptor at = OpenDirectory(root_).value();
  for (int i = 0; i < 80; ++i) at = OpenBeneath(at, "d", O_RDONLY | O_DIRECTORY).value();
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(mkdirat(at.number(), ("e" + std::to_string(i)).c_str(), 0700), 0);
  }
  EXPECT_FALSE(UsageOfDirectoryWithin(root_, {.names = 5}).is_complete);
  EXPECT_TRUE(UsageOfDirectoryWithin(root_, {.names = 20}).is_complete);
}

TEST_F(DirectoryUsageTest, OneThatIsStoppedHasNotSeenAll) {
  (void)MakeChain(root_, "d", 10);
  std::stop_source end;
  end.request_stop();
  const DirectoryUsage some = UsageOfDirectoryWithin(root_, {.stop = end.get_token()});
  EXPECT_FALSE(some.is_complete);
  EXPECT_EQ(some.inodes, 1);
}

// One far down goes to and fro all the while, and whoever is in it does not find back.
TEST_F(DirectoryUsageTest, OneThatIsMovedAwayTakesNothingWithIt) {
  constexpr int kKept = 200, kMoved = 10;
  const Descriptor deep = MakeChain(root_, "d", 80);
  const Descriptor top = OpenDirectory(root_).value();
  for (int i = 0; i < kKept; ++i) {
    ASSERT_EQ(mkdirat(deep.number(), std::to_string(i).c_str(), 0700), 0);
    ASSERT_EQ(mkdirat(deep.number(), (std::to_string(i) + "/kept").c_str(), 0700), 0);
  }
  ASSERT_EQ(mkdirat(deep.number(), "moved", 0700), 0);
  for (int i = 0; i < kMoved; ++i) {
    ASSERT_EQ(mkdirat(deep.number(), ("moved/" + std::to_string(i)).c_str(), 0700), 0);
  }
  std::atomic<bool> is_over = false;
  std::thread mover([&] {
    while (!is_over) {
      renameat(deep.number(), "moved", top.number(), "moved");
      renameat(top.number(), "moved", deep.number(), "moved");
    }
  });
  for (int i = 0; i < 40; ++i) {
    const DirectoryUsage usage = UsageOfDirectory(root_);
    EXPECT_TRUE(!usage.is_complete || usage.inodes >= 1 + 80 + 2 * kKept) << usage.inodes;
  }
  is_over = true;
  mover.join();
}

long PeakKilobytes() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  return use.ru_maxrss;
}

// As many as a pod likes to make. Measured in a process that has done nothing else: what another
// test has freed would be taken for this.
TEST_F(DirectoryUsageTest, FilesTakeNoMemory) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto measure = [&] {
    constexpr int kFiles = 50'000;
    constexpr long kKilobytesMax = 4096;
    Write("0", 1);
    const std::string first = root_ + "/0";
    for (int i = 1; i < kFiles; ++i) {
      if (link(first.c_str(), (root_ + "/" + std::to_string(i)).c_str()) != 0) _exit(2);
    }
    const long before = PeakKilobytes();
    const bool is_all = UsageOfDirectory(root_).inodes == kFiles + 1;
    const bool is_small = PeakKilobytes() - before < kKilobytesMax;
    std::filesystem::remove_all(root_);
    _exit(is_all && is_small ? 0 : 1);
  };
  EXPECT_EXIT(measure(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace skiff::kubelet
