#include "kubelet/mount_table.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(MountTableTest, ALineOfMountinfoIsRead) {
  const MountInfo mount = ParseMountInfo(
      "36 35 98:0 /mnt1 /mnt\\0402\\134x rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors");
  EXPECT_EQ(mount.path, "/mnt 2\\x");
  EXPECT_EQ(mount.options, "rw,noatime");
  EXPECT_EQ(mount.type, "ext3");
  EXPECT_EQ(mount.super_options, "rw,errors");
  EXPECT_TRUE(mount.is_shared);
  EXPECT_FALSE(ParseMountInfo("36 35 98:0 / /shared:1 rw master:1 - none none rw").is_shared);
  EXPECT_EQ(ParseMountInfo("36 35 98:0 / /proc rw - proc none rw").type, "proc");
  EXPECT_EQ(ParseMountInfo("").path, "");
  EXPECT_EQ(ParseMountInfo("36 35 98:0 / /x\\9 rw - a b c").path, "/x\\9");
}

TEST(MountTableTest, TheDeepestMountComesFirst) {
  const auto below = MountsBelow("");  // All there are.
  EXPECT_FALSE(below.empty());
  for (size_t i = 1; i < below.size(); ++i) {
    EXPECT_FALSE(below[i].starts_with(below[i - 1] + "/")) << below[i];
  }
  EXPECT_TRUE(MountsBelow("/nowhere").empty());
}

}  // namespace
}  // namespace skiff
