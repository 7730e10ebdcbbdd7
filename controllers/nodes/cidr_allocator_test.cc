#include "controllers/nodes/cidr_allocator.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

CidrAllocator AllocatorOf(const std::string& range, int prefix, const std::string& reserved = "") {
  std::vector<PodCidr> taken;
  if (!reserved.empty()) taken.push_back(*PodCidr::Parse(reserved));
  return *CidrAllocator::Make(*PodCidr::Parse(range), prefix, taken);
}

TEST(CidrAllocatorTest, BlocksFollowEachOther) {
  CidrAllocator allocator = AllocatorOf("10.244.0.0/16", 24);
  EXPECT_EQ(allocator.Allocate()->Text(), "10.244.0.0/24");
  EXPECT_EQ(allocator.Allocate()->Text(), "10.244.1.0/24");
  allocator.Occupy(*PodCidr::Parse("10.244.2.0/24"));
  EXPECT_EQ(allocator.Allocate()->Text(), "10.244.3.0/24");
}

TEST(CidrAllocatorTest, AWideRangeHasSmallBlocks) {
  CidrAllocator allocator = AllocatorOf("10.0.0.0/8", 26);
  EXPECT_EQ(allocator.Allocate()->Text(), "10.0.0.0/26");
  EXPECT_TRUE(allocator.Occupy(*PodCidr::Parse("10.255.255.192/26")));
  EXPECT_FALSE(CidrAllocator::Make(*PodCidr::Parse("10.0.0.0/8"), 29, {}));
  EXPECT_FALSE(CidrAllocator::Make(*PodCidr::Parse("fd00::/47"), 64, {}));
}

TEST(CidrAllocatorTest, AFullRangeSaysSoUntilABlockIsReleased) {
  CidrAllocator allocator = AllocatorOf("10.0.0.0/30", 32);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(allocator.Allocate());
  EXPECT_FALSE(allocator.Allocate());
  allocator.Release(*PodCidr::Parse("10.0.0.2/32"));
  EXPECT_EQ(allocator.Allocate()->Text(), "10.0.0.2/32");
}

TEST(CidrAllocatorTest, ReservedRangesAreLeftAlone) {
  CidrAllocator allocator = AllocatorOf("10.0.0.0/22", 24, "10.0.1.128/25");
  EXPECT_EQ(allocator.Allocate()->Text(), "10.0.0.0/24");
  EXPECT_EQ(allocator.Allocate()->Text(), "10.0.2.0/24");
}

TEST(CidrAllocatorTest, LargerBlocksOccupySeveral) {
  CidrAllocator allocator = AllocatorOf("10.0.0.0/22", 24);
  EXPECT_TRUE(allocator.Occupy(*PodCidr::Parse("10.0.0.0/23")));
  EXPECT_EQ(allocator.Allocate()->Text(), "10.0.2.0/24");
}

TEST(CidrAllocatorTest, AnySizeIsOccupied) {
  CidrAllocator allocator = AllocatorOf("10.244.0.0/16", 24);
  EXPECT_TRUE(allocator.Occupy(*PodCidr::Parse("10.244.0.0/17")));
  EXPECT_EQ(allocator.Allocate()->Text(), "10.244.128.0/24");
  EXPECT_TRUE(allocator.Occupy(*PodCidr::Parse("10.0.0.0/8")));
  EXPECT_FALSE(allocator.Allocate());
  allocator.Release(*PodCidr::Parse("10.244.0.0/17"));
  EXPECT_EQ(allocator.Allocate()->Text(), "10.244.0.0/24");
  EXPECT_FALSE(allocator.Occupy(*PodCidr::Parse("10.245.0.0/24")));
}

TEST(CidrAllocatorTest, WhatIsAvoidedIsGivenOutLast) {
  CidrAllocator allocator = AllocatorOf("10.0.0.0/22", 24);
  EXPECT_TRUE(allocator.Avoid(*PodCidr::Parse("10.0.0.0/23")));
  EXPECT_TRUE(allocator.Avoid(*PodCidr::Parse("10.0.0.0/23"))) << "again, which is no more";
  EXPECT_FALSE(allocator.Avoid(*PodCidr::Parse("10.1.0.0/16")));
  EXPECT_EQ(allocator.Allocate()->Text(), "10.0.2.0/24");
  EXPECT_EQ(allocator.Allocate()->Text(), "10.0.3.0/24");
  EXPECT_EQ(allocator.Allocate()->Text(), "10.0.0.0/24");
  allocator.Release(*PodCidr::Parse("10.0.0.0/23"));
  EXPECT_EQ(allocator.Allocate()->Text(), "10.0.1.0/24");
}

TEST(CidrAllocatorTest, FarLargerIsMoreThanSixteenTimesAsLarge) {
  const CidrAllocator allocator = AllocatorOf("10.244.0.0/16", 24);
  for (const auto& [text, wanted] : {std::pair("10.244.0.0/20", false), {"10.244.0.0/19", true},
                                     {"10.0.0.0/8", true}, {"fd00::/8", false}}) {
    EXPECT_EQ(allocator.IsFarLarger(*PodCidr::Parse(text)), wanted) << text;
  }
}

TEST(CidrAllocatorTest, Ipv6WorksAlike) {
  CidrAllocator allocator = AllocatorOf("fd00:1::/48", 64);
  EXPECT_EQ(allocator.Allocate()->Text(), "fd00:1::/64");
  EXPECT_EQ(allocator.Allocate()->Text(), "fd00:1:0:1::/64");
}

TEST(CidrTest, BadTextIsRefused) {
  for (const char* text : {"", "10.0.0.0", "10.0.0.0/33", "x/8", "10.0.0.0/-1", "10.0.0/8"}) {
    EXPECT_FALSE(PodCidr::Parse(text)) << text;
  }
  EXPECT_EQ(PodCidr::Parse("10.1.2.3/8")->Text(), "10.0.0.0/8");
}

}  // namespace
}  // namespace skiff
