#include "skiff/pod_addresses.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(PodAddressesTest, TheDefaultHasABlockForEachNode) {
  EXPECT_EQ(DefaultClusterCidr(0), "10.244.0.0/16");
  EXPECT_EQ(DefaultClusterCidr(256), "10.244.0.0/16");
  EXPECT_EQ(DefaultClusterCidr(257), "10.128.0.0/9");
  for (const int nodes : {1, 256, 257, 32'000}) {
    EXPECT_TRUE(CheckClusterCidr(DefaultClusterCidr(nodes), nodes)) << nodes;
  }
}

TEST(PodAddressesTest, ARangeThatIsTooSmallSaysForHowManyNodesItIs) {
  EXPECT_EQ(CheckClusterCidr("10.244.0.0/22", 5).error().message,
            "--cluster-cidr=10.244.0.0/22: it has blocks for 4 nodes, and 5 are asked for");
  EXPECT_EQ(CheckClusterCidr("10.244.0.0/25", 1).error().message,
            "--cluster-cidr=10.244.0.0/25: it must be from /8 to /24");
  EXPECT_TRUE(CheckClusterCidr("fd00::/56", 256));
  EXPECT_EQ(CheckClusterCidr("fd00::/40", 1).error().message,
            "--cluster-cidr=fd00::/40: it must be from /48 to /64");
  EXPECT_EQ(CheckClusterCidr("pods", 1).error().message, "--cluster-cidr: \"pods\" is no CIDR");
}

}  // namespace
}  // namespace skiff
