#include "controllers/nodes/node_health.h"

#include <gtest/gtest.h>

#include <limits>

namespace skiff {
namespace {

using core_v1::Node;
using core_v1::Taint;
using core_v1::Toleration;

const TimePoint kHealthNow{1'700'000'000s};

Node NodeOf(const std::string& ready) {
  Node node;
  node.metadata.name = "n";
  auto& condition = node.status.conditions.emplace_back();
  condition.type = "Ready";
  condition.status = ready;
  return node;
}

std::string Taints(const Node& node) {
  std::string text;
  for (const Taint& taint : node.spec.taints) text += taint.key + ":" + taint.effect + " ";
  return text;
}

TEST(NodeHealthTest, ASilentNodeBecomesUnknown) {
  Node node = NodeOf("True");
  EXPECT_TRUE(MarkUnknown(node, kHealthNow));
  EXPECT_EQ(FindCondition(node, "Ready")->status, "Unknown");
  EXPECT_EQ(FindCondition(node, "Ready")->reason, "NodeStatusUnknown");
  EXPECT_EQ(FindCondition(node, "DiskPressure")->reason, "NodeStatusNeverUpdated");
  EXPECT_FALSE(MarkUnknown(node, kHealthNow + 10s)) << "once is enough";
}

TEST(NodeHealthTest, TaintsFollowConditionsAndLeaveOthersAlone) {
  Node node = NodeOf("False");
  node.spec.unschedulable = true;
  node.spec.taints.emplace_back().key = "mine";
  EXPECT_TRUE(SetNoScheduleTaints(node, kHealthNow));
  EXPECT_EQ(Taints(node),
            "mine: node.kubernetes.io/not-ready:NoSchedule "
            "node.kubernetes.io/unschedulable:NoSchedule ");
  EXPECT_FALSE(SetNoScheduleTaints(node, kHealthNow));
  node.status.conditions[0].status = "True";
  node.spec.unschedulable = false;
  EXPECT_TRUE(SetNoScheduleTaints(node, kHealthNow));
  EXPECT_EQ(Taints(node), "mine: ");
}

TEST(NodeHealthTest, TheNoExecuteTaintIsSwapped) {
  Node node = NodeOf("False");
  SetNoExecuteTaint(node, NoExecuteTaintFor(node), kHealthNow);
  EXPECT_EQ(NoExecuteTaintOf(node), kNotReadyTaint);
  node.status.conditions[0].status = "Unknown";
  SetNoExecuteTaint(node, NoExecuteTaintFor(node), kHealthNow);
  EXPECT_EQ(Taints(node), "node.kubernetes.io/unreachable:NoExecute ");
  node.status.conditions[0].status = "True";
  EXPECT_EQ(NoExecuteTaintFor(node), "");
}

Toleration Tolerate(const std::string& key, std::optional<int64_t> seconds) {
  Toleration toleration;
  toleration.key = key;
  toleration.operator_ = "Exists";
  toleration.effect = "NoExecute";
  toleration.toleration_seconds = seconds;
  return toleration;
}

TEST(EvictionDelayTest, TheShortestTolerationCounts) {
  std::vector<Taint> taints(2);
  taints[0].key = "a";
  taints[0].effect = "NoExecute";
  taints[1].key = "b";
  taints[1].effect = "NoExecute";
  EXPECT_EQ(EvictionDelay(taints, {}), Duration(0));
  EXPECT_EQ(EvictionDelay(taints, {Tolerate("a", 300)}), Duration(0));
  EXPECT_EQ(EvictionDelay(taints, {Tolerate("a", 300), Tolerate("b", 20)}), Duration(20s));
  EXPECT_EQ(EvictionDelay(taints, {Tolerate("", std::nullopt)}), kNever);
  EXPECT_EQ(EvictionDelay(taints, {Tolerate("a", -3), Tolerate("b", std::nullopt)}), Duration(0));
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_GT(EvictionDelay(taints, {Tolerate("a", kMost), Tolerate("b", kMost)}), 90 * 365 * 24h);
  EXPECT_EQ(EvictionDelay({}, {}), kNever);
  taints[0].effect = taints[1].effect = "NoSchedule";
  EXPECT_EQ(EvictionDelay(taints, {}), kNever);
}

TEST(ZoneTest, StateAndRateFollowTheShareOfBrokenNodes) {
  EXPECT_EQ(StateOf(5, 2, 0.55), ZoneState::kNormal);
  EXPECT_EQ(StateOf(1, 2, 0.55), ZoneState::kNormal) << "two are too few to tell";
  EXPECT_EQ(StateOf(2, 3, 0.55), ZoneState::kPartialDisruption);
  EXPECT_EQ(StateOf(0, 1, 0.55), ZoneState::kFullDisruption);
  EXPECT_EQ(RateOf(ZoneState::kNormal, 5, {}), 0.1);
  EXPECT_EQ(RateOf(ZoneState::kPartialDisruption, 5, {}), 0);
  EXPECT_EQ(RateOf(ZoneState::kPartialDisruption, 51, {}), 0.01);
}

TEST(ZoneTest, OldLabelsGoBeforeThoseOfToday) {
  Node node;
  EXPECT_EQ(ZoneOf(node), ":");
  node.metadata.labels["topology.kubernetes.io/zone"] = "z";
  node.metadata.labels["topology.kubernetes.io/region"] = "r";
  EXPECT_EQ(ZoneOf(node), "r:z");
  node.metadata.labels["failure-domain.beta.kubernetes.io/zone"] = "y";
  EXPECT_EQ(ZoneOf(node), "r:y");
  node.metadata.labels["failure-domain.beta.kubernetes.io/region"] = "";
  EXPECT_EQ(ZoneOf(node), ":y");
}

TEST(NodeHealthTest, ZonesCountTheirNodesAsTheyChange) {
  const auto in_zone = [](const std::string& zone, const std::string& ready) {
    Node node = NodeOf(ready);
    node.metadata.labels["topology.kubernetes.io/zone"] = zone;
    return node;
  };
  const Node ready = in_zone("a", "True");
  const Node down = in_zone("a", "Unknown");
  const Node moved = in_zone("b", "Unknown");
  Node apart = in_zone("b", "True");
  apart.metadata.labels["node.kubernetes.io/exclude-disruption"] = "";
  ZoneCounts counts;
  counts.Saw(nullptr, &ready);
  counts.Saw(nullptr, &ready);
  counts.Saw(nullptr, &apart);
  counts.Saw(&ready, &down);
  const std::string zone = ZoneOf(ready);
  EXPECT_EQ(counts.Of(zone).ready, 1);
  EXPECT_EQ(counts.Of(zone).not_ready, 1);
  EXPECT_EQ(counts.zones().size(), 1);
  counts.Saw(&down, &moved);
  EXPECT_EQ(counts.Of(zone).not_ready, 0);
  EXPECT_EQ(counts.Of(ZoneOf(moved)).not_ready, 1);
  counts.Saw(&ready, nullptr);
  counts.Saw(&moved, nullptr);
  EXPECT_TRUE(counts.zones().empty());
}

TEST(NodeHealthTest, APeriodOfNothingIsNoReasonToDoNothingElse) {
  EXPECT_EQ(LookPeriod(5s), 5s);
  EXPECT_EQ(LookPeriod(0s), 100ms);
  EXPECT_EQ(LookPeriod(-5s), 100ms);
}

TEST(NodeHealthTest, ARateMayBeAnyNumber) {
  EXPECT_EQ(PauseOf(0.1), 10s);
  EXPECT_EQ(PauseOf(0), kNever);
  EXPECT_EQ(PauseOf(-1), kNever);
  EXPECT_EQ(PauseOf(std::numeric_limits<double>::quiet_NaN()), kNever);
  EXPECT_EQ(PauseOf(std::numeric_limits<double>::infinity()), 0s);
  EXPECT_GT(PauseOf(1e-300), 24h * 365);
  EXPECT_LT(PauseOf(1e-300), kNever / 2);
}

}  // namespace
}  // namespace skiff
