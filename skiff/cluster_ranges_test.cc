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
