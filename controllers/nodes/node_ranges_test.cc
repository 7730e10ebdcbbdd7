#include "controllers/nodes/node_ranges.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

class NodeRangesTest : public testing::Test {
 protected:
  NodeRangesTest() { options_.allocate_node_cidrs = true; }

  // What is wrong with them; "" when nothing.
  std::string Take(const std::vector<std::string>& ranges, const NodeMaskSizes& given = {}) {
    taken_ = options_;
    taken_.cluster_cidrs = ranges;
    const auto done = TakeMaskSizes(given, taken_);
    return done ? "" : done.error().message;
  }
  // The first block of each range.
  std::vector<std::string> Blocks() const {
    std::vector<std::string> blocks;
    auto allocators = AllocatorsFor(taken_);
    if (!allocators) return {allocators.error().message};
    for (CidrAllocator& each : *allocators) blocks.push_back(each.Allocate()->Text());
    return blocks;
  }

  ControllerOptions options_, taken_;
};

using RangeTexts = std::vector<std::string>;

TEST_F(NodeRangesTest, OneSizeIsForTheOneFamilyThatThereIs) {
  EXPECT_EQ(Take({"10.244.0.0/16"}), "");
  EXPECT_EQ(Blocks(), (RangeTexts{"10.244.0.0/24"}));
  EXPECT_EQ(Take({"10.244.0.0/16"}, {.any = 26}), "");
  EXPECT_EQ(Blocks(), (RangeTexts{"10.244.0.0/26"}));
  EXPECT_EQ(Take({"fd00::/64"}, {.any = 80}), "");
  EXPECT_EQ(Blocks(), (RangeTexts{"fd00::/80"}));
  EXPECT_EQ(Take({"10.244.0.0/16"}, {.any = 26, .ipv4 = 26}),
            "usage of --node-cidr-mask-size-ipv4 and --node-cidr-mask-size-ipv6 is not allowed if "
            "--node-cidr-mask-size is set. For dual-stack clusters please unset it and use "
            "IPFamily specific flags");
  EXPECT_EQ(Take({"10.244.0.0/16"}, {.ipv6 = 80}),
            "usage of --node-cidr-mask-size-ipv6 is not allowed for a single-stack IPv4 cluster");
  EXPECT_EQ(Take({"fd00::/64"}, {.ipv4 = 26}),
            "usage of --node-cidr-mask-size-ipv4 is not allowed for a single-stack IPv6 cluster");
}

TEST_F(NodeRangesTest, OfTwoFamiliesEachHasItsOwnSize) {
  const RangeTexts both = {"10.244.0.0/16", "fd00::/56"};
  EXPECT_EQ(Take(both, {.ipv4 = 25, .ipv6 = 60}), "");
  EXPECT_EQ(Blocks(), (RangeTexts{"10.244.0.0/25", "fd00::/60"}));
  EXPECT_EQ(Take(both, {.any = 25}),
            "usage of --node-cidr-mask-size is not allowed with dual-stack clusters");
}

TEST_F(NodeRangesTest, RangesThatCannotBeGivenOutAreRefused) {
  EXPECT_EQ(Take({}), "invalid CIDR[0]: <nil> (invalid CIDR address: )");
  EXPECT_EQ(Take({"10.244.0.0/16", "pods"}), "invalid CIDR[1]: <nil> (invalid CIDR address: pods)");
  EXPECT_EQ(Take({"10.244.0.0/16", "10.245.0.0/16"}),
            "len of ClusterCIDRs==2 and they are not configured as dual stack (at least one from "
            "each IPFamily");
  EXPECT_EQ(Take({"10.244.0.0/16", "fd00::/56", "fd01::/56"}),
            "length of clusterCIDRs is:3 more than max allowed of 2");
  EXPECT_EQ(Take({"10.244.0.0/25"}),
            "Controller: Invalid --cluster-cidr, mask size of cluster CIDR must be less than or "
            "equal to --node-cidr-mask-size configured for CIDR family");
  EXPECT_EQ(Take({"fd00::/40"}), "cannot cut fd00::/40 into blocks of /64");
}

TEST_F(NodeRangesTest, WhereNoneAreGivenOutNobodyLooks) {
  options_.allocate_node_cidrs = false;
  EXPECT_EQ(Take({"pods"}, {.any = 1, .ipv6 = 2}), "");
  EXPECT_EQ(Take({}), "");
  options_.allocate_node_cidrs = true;
  options_.controllers = {"*", "-nodeipam"};
  EXPECT_EQ(Take({}), "");
}

// As kube-controller-manager, which says so and goes on.
TEST_F(NodeRangesTest, AServiceRangeThatCannotBeReadKeepsNobodyFromHis) {
  options_.service_cidrs = {"services", "10.244.0.0/24"};
  EXPECT_EQ(Take({"10.244.0.0/16"}), "");
  EXPECT_EQ(Blocks(), (RangeTexts{"10.244.1.0/24"}));
}

}  // namespace
}  // namespace skiff
