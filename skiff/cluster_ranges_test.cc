#include "skiff/cluster_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff {
namespace {

using testing::HasSubstr;

std::string ErrorOf(const std::string& pods, const std::string& services, int nodes = 1) {
  const auto checked = CheckClusterRanges({.services = services, .pods = pods, .nodes = nodes});
  return checked ? "" : checked.error().message;
}

TEST(ClusterRangesTest, PodsAndServicesHaveRangesOfTheirOwn) {
  EXPECT_EQ(ErrorOf("10.244.0.0/16", "10.96.0.0/16"), "");
  EXPECT_THAT(ErrorOf("10.96.0.0/16", "10.96.0.0/16"), HasSubstr("overlap"));
  EXPECT_THAT(ErrorOf("10.0.0.0/8", "10.96.0.0/16"), HasSubstr("overlap"));
  EXPECT_THAT(ErrorOf("10.96.5.0/24", "10.96.0.0/16"), HasSubstr("overlap"));
  EXPECT_EQ(ErrorOf("x", "10.96.0.0/16"), "--cluster-cidr: \"x\" is no CIDR");
  EXPECT_EQ(ErrorOf("10.244.0.0/16", ""), "--service-cluster-ip-range: \"\" is no CIDR");
}

TEST(ClusterRangesTest, ADualStackClusterHasARangeOfEachFamily) {
  const std::string pods = "10.244.0.0/16,fd00:10:244::/56";
  const std::string services = "10.96.0.0/16,fd00:10:96::/112";
  EXPECT_EQ(ErrorOf(pods, services), "");
  EXPECT_THAT(ErrorOf(pods, "10.96.0.0/16"), HasSubstr("are not of the same families"));
  EXPECT_THAT(ErrorOf("fd00:10:244::/56,10.244.0.0/16", services),
              HasSubstr("are not of the same families"));
  EXPECT_THAT(ErrorOf("10.244.0.0/16,10.245.0.0/16", services), HasSubstr("one of IPv6"));
  EXPECT_THAT(ErrorOf(pods + ",fd01::/56", services), HasSubstr("one of IPv6"));
  EXPECT_EQ(ErrorOf("10.244.0.0/16,x", services), "--cluster-cidr: \"x\" is no CIDR");
  EXPECT_EQ(ErrorOf("10.244.0.0/16,", services), "--cluster-cidr: \"\" is no CIDR");
  EXPECT_THAT(ErrorOf(pods, "10.96.0.0/16,fd00:10:244::/112"), HasSubstr("overlap"));
  EXPECT_THAT(ErrorOf("10.244.0.0/16,fd00:10:244::/64", services, 2), HasSubstr("for 1 nodes"));
  EXPECT_THAT(ErrorOf(pods, "10.96.0.0/16,fd00:10:96::/48"), HasSubstr("from /64 to /124"));
}

TEST(ClusterRangesTest, ARealNodeIsKnownByAnAddressOfIpv4First) {
  ClusterRanges ranges{.services = "fd00:10:96::/112", .pods = "fd00:10:244::/56"};
  EXPECT_TRUE(CheckClusterRanges(ranges));
  ranges.are_nodes_real = true;
  const auto checked = CheckClusterRanges(ranges);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr("the first one must be of IPv4"));
  EXPECT_FALSE(CheckFamilies(ranges));
  EXPECT_TRUE(CheckFamilies({.services = "10.96.0.0/30", .pods = "10.1.0.0/28"}))
      << "who joins takes what others have made";
}

TEST(ClusterRangesTest, EveryNodeHasRoom) {
  EXPECT_EQ(ErrorOf("10.244.0.0/24", "10.96.0.0/16", 1), "");
  EXPECT_THAT(ErrorOf("10.244.0.0/24", "10.96.0.0/16", 2), HasSubstr("blocks for 1 nodes"));
  EXPECT_EQ(ErrorOf("10.244.0.0/16", "10.96.0.0/16", 256), "");
  EXPECT_THAT(ErrorOf("10.244.0.0/16", "10.96.0.0/16", 257), HasSubstr("blocks for 256 nodes"));
  EXPECT_THAT(ErrorOf("10.244.0.0/25", "10.96.0.0/16"), HasSubstr("from /8 to /24"));
  EXPECT_THAT(ErrorOf("10.244.0.0/16", "10.96.0.0/29"), HasSubstr("too small"));
}

}  // namespace
}  // namespace skiff
