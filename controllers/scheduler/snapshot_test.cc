#include "controllers/scheduler/snapshot.h"

#include <gtest/gtest.h>

#include <limits>

namespace skiff::scheduler {
namespace {

PodInfoPtr PodOfMemory(const std::string& uid, const std::string& memory) {
  auto pod = std::make_shared<core_v1::Pod>();
  pod->metadata.uid = uid;
  pod->spec.containers.emplace_back().resources.requests["memory"] = *Quantity::Parse(memory);
  return std::make_shared<const PodInfo>(std::move(pod));
}

TEST(NodeInfoTest, ItsLabelsAreThoseOfTheNodeAsItIsNow) {
  const auto node_with = [](const std::map<std::string, std::string>& labels) {
    auto node = std::make_shared<core_v1::Node>();
    node->metadata.labels = labels;
    return node;
  };
  NodeInfo info;
  info.SetNode(node_with({{"kubernetes.io/hostname", "a"}, {"x", "y"}}));
  EXPECT_EQ(*info.Label("kubernetes.io/hostname"), "a");
  EXPECT_EQ(*info.Label("x"), "y");
  EXPECT_EQ(info.Label("topology.kubernetes.io/zone"), nullptr);
  info.SetNode(node_with({{"topology.kubernetes.io/zone", "z"}}));
  EXPECT_EQ(info.Label("kubernetes.io/hostname"), nullptr);
  EXPECT_EQ(*info.Label("topology.kubernetes.io/zone"), "z");
  EXPECT_EQ(info.Label("x"), nullptr);
}

TEST(NodeInfoTest, WhatIsLeftAfterASumThatMetItsLimitIsWhatItsPodsAskFor) {
  NodeInfo node;
  for (const char* uid : {"a", "b"}) node.AddPod(PodOfMemory(uid, "8Ei"));
  node.AddPod(PodOfMemory("c", "1Gi"));
  EXPECT_EQ(node.requested.memory, std::numeric_limits<int64_t>::max());
  node.RemovePod("a");
  EXPECT_EQ(node.requested.memory, std::numeric_limits<int64_t>::max());
  node.RemovePod("b");
  EXPECT_EQ(node.requested.memory, int64_t{1} << 30);
  EXPECT_EQ(node.non_zero_requested.memory, int64_t{1} << 30);
  node.RemovePod("c");
  EXPECT_TRUE(node.requested.IsZero());
}

TEST(ResourcesTest, ADifferenceStaysAtTheLimitsOfItsNumbers) {
  Resources least{.memory = std::numeric_limits<int64_t>::min(), .scalar = {{"example.com/a", -2}}};
  least.Subtract({.memory = 1, .scalar = {{"example.com/a", std::numeric_limits<int64_t>::max()}}});
  EXPECT_EQ(least.memory, std::numeric_limits<int64_t>::min());
  EXPECT_EQ(least.scalar.at("example.com/a"), std::numeric_limits<int64_t>::min());
}

}  // namespace
}  // namespace skiff::scheduler
