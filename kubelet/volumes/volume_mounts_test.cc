#include "kubelet/volumes/volume_mounts.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

#include "kubelet/volumes/temporary_tree.h"

namespace skiff::kubelet {
namespace {

// How much this thread has read so far, this included.
uint64_t BytesRead() {
  unsigned long long bytes = 0;
  std::ifstream in("/proc/thread-self/io");
  for (std::string line; std::getline(in, line);) {
    if (std::sscanf(line.c_str(), "rchar: %llu", &bytes) == 1) break;
  }
  return bytes;
}

TEST(VolumeMountsTest, OfADirectoryThatIsNotThereNothingIsRead) {
  if (BytesRead() == 0) GTEST_SKIP() << "this kernel does not count what a thread reads";
  TemporaryTree tree;
  VolumeMounts mounts;
  const auto cost_of = [&](const std::string& directory) {
    const uint64_t before = BytesRead();
    EXPECT_TRUE(mounts.UnmountBelow(directory));
    return BytesRead() - before;
  };
  const uint64_t there = cost_of(tree.root());
  const uint64_t missing = cost_of(tree.root() + "/missing");
  const uint64_t nothing = [] {
    const uint64_t before = BytesRead();
    return BytesRead() - before;
  }();
  // The account itself grows by a digit now and then.
  EXPECT_LE(missing, nothing + 16);
  EXPECT_GT(there, nothing + 200) << "the table of mounts";
}

}  // namespace
}  // namespace skiff::kubelet
