#include "controllers/network/endpoint_hints.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

using core_v1::Node;
using discovery_v1::Endpoint;
using discovery_v1::EndpointSlice;

Ptr<Node> NodeIn(const std::string& zone, const std::string& cpu, bool ready = true) {
  auto node = std::make_shared<Node>();
  if (!zone.empty()) node->metadata.labels["topology.kubernetes.io/zone"] = zone;
  if (!cpu.empty()) node->status.allocatable["cpu"] = *Quantity::Parse(cpu);
  auto& condition = node->status.conditions.emplace_back();
  condition.type = "Ready";
  condition.status = ready ? "True" : "False";
  return node;
}

Endpoint EndpointIn(const std::string& zone, bool ready = true) {
  Endpoint endpoint;
  endpoint.addresses = {"10.0.0.1"};
  endpoint.conditions.ready = ready;
  if (!zone.empty()) endpoint.zone = zone;
  endpoint.node_name = "node-of-" + zone;
  return endpoint;
}

EndpointSlice SliceOf(const std::vector<std::string>& zones) {
  EndpointSlice slice;
  for (const std::string& zone : zones) slice.endpoints.push_back(EndpointIn(zone));
  return slice;
}

// "a b -": the zones of hints, in order; of nodes in brackets.
std::string HintsOf(const EndpointSlice& slice) {
  std::string text;
  for (const Endpoint& endpoint : slice.endpoints) {
    if (!text.empty()) text += " ";
    if (!endpoint.hints) text += "-";
    if (!endpoint.hints) continue;
    for (const auto& zone : endpoint.hints->for_zones) text += zone.name;
    for (const auto& node : endpoint.hints->for_nodes) text += "[" + node.name + "]";
  }
  return text;
}

Ptr<EndpointSlice> Kept(EndpointSlice slice) {
  return std::make_shared<EndpointSlice>(std::move(slice));
}

TEST(SharesOfTest, AreThoseOfReadyNodesThatRunPods) {
  const auto shares = SharesOf({NodeIn("a", "1"), NodeIn("b", "2500m"), NodeIn("b", "500m"),
                                NodeIn("b", "8", /*ready=*/false)});
  EXPECT_EQ(shares, (ZoneShares{{"a", 0.25}, {"b", 0.75}}));
  auto of_control_plane = std::make_shared<Node>(*NodeIn("", ""));
  of_control_plane->metadata.labels["node-role.kubernetes.io/control-plane"] = "";
  EXPECT_EQ(SharesOf({NodeIn("a", "1"), NodeIn("b", "1"), of_control_plane}).size(), 2u);
}

TEST(SharesOfTest, AreNoMoreThanAllWhateverNodesSay) {
  const std::string most = "9223372036854775807";
  const auto shares = SharesOf({NodeIn("a", most), NodeIn("b", most), NodeIn("b", "11")});
  ASSERT_EQ(shares.size(), 2u);
  for (const auto& [zone, share] : shares) {
    EXPECT_GT(share, 0) << zone;
    EXPECT_LE(share, 1) << zone;
  }
}

TEST(SharesOfTest, CannotBeSaidOfOneZoneOrWithoutNumbers) {
  EXPECT_TRUE(SharesOf({NodeIn("a", "1"), NodeIn("a", "1")}).empty());
  EXPECT_TRUE(SharesOf({NodeIn("a", "1"), NodeIn("b", "1"), NodeIn("", "1")}).empty());
  EXPECT_TRUE(SharesOf({NodeIn("a", "1"), NodeIn("b", "1"), NodeIn("c", "")}).empty());
}

TEST(WantsZoneSharesTest, TheOlderAnnotationComesFirst) {
  core_v1::Service service;
  EXPECT_FALSE(WantsZoneShares(service));
  service.metadata.annotations["service.kubernetes.io/topology-mode"] = "Auto";
  EXPECT_TRUE(WantsZoneShares(service));
  service.metadata.annotations["service.kubernetes.io/topology-aware-hints"] = "Disabled";
  EXPECT_FALSE(WantsZoneShares(service));
}

TEST(HintByDistributionTest, ReadyEndpointsAreForTheirZoneOrNode) {
  SliceChanges changes;
  changes.create.push_back(SliceOf({"a", "", "b"}));
  changes.create[0].endpoints.push_back(EndpointIn("a", /*ready=*/false));
  HintByDistribution("PreferClose", changes);
  EXPECT_EQ(HintsOf(changes.create[0]), "a - b -");
  HintByDistribution("PreferSameNode", changes);
  // One whose zone nobody knows still has a node.
  EXPECT_EQ(HintsOf(changes.create[0]), "a[node-of-a] [node-of-] b[node-of-b] -");
  HintByDistribution("", changes);
  EXPECT_EQ(HintsOf(changes.create[0]), "- - - -");
}

TEST(HintByDistributionTest, WhatIsUnchangedIsWrittenWhereItsHintsAreOthers) {
  SliceChanges changes;
  changes.create.push_back(SliceOf({"a"}));
  HintByDistribution("PreferSameZone", changes);
  const auto right = Kept(changes.create[0]);
  changes = {};
  changes.keep = {right, Kept(SliceOf({"b"}))};
  HintByDistribution("PreferSameZone", changes);
  EXPECT_EQ(changes.keep, std::vector{right});
  ASSERT_EQ(changes.update.size(), 1u);
  EXPECT_EQ(HintsOf(changes.update[0]), "b");
  changes.update.clear();
  RemoveHints(changes);
  EXPECT_TRUE(changes.keep.empty());
  ASSERT_EQ(changes.update.size(), 1u);
  EXPECT_EQ(HintsOf(changes.update[0]), "-");
}

TEST(HintBySharesTest, EachZoneGetsItsOwnWhereThatIsItsShare) {
  SliceChanges changes;
  changes.create.push_back(SliceOf({"a", "b", "c"}));
  const auto allotted = HintByShares({{"a", 1 / 3.0}, {"b", 1 / 3.0}, {"c", 1 / 3.0}}, changes);
  EXPECT_EQ(allotted.refusal, "");
  EXPECT_EQ(allotted.endpoints, (ZoneEndpoints{{"a", 1}, {"b", 1}, {"c", 1}}));
  EXPECT_EQ(HintsOf(changes.create[0]), "a b c");
}

TEST(HintBySharesTest, WhatAZoneHasTooManyOfGoesToOthers) {
  SliceChanges changes;
  changes.create.push_back(SliceOf({"a", "a", "a", "a", "b", "b"}));
  const auto allotted = HintByShares({{"a", 1 / 3.0}, {"b", 1 / 3.0}, {"c", 1 / 3.0}}, changes);
  EXPECT_EQ(allotted.endpoints, (ZoneEndpoints{{"a", 2}, {"b", 2}, {"c", 2}}));
  EXPECT_EQ(HintsOf(changes.create[0]), "c c a a b b");
}

TEST(HintBySharesTest, UnchangedSlicesStayAsLongAsNoZoneGetsTooMany) {
  SliceChanges changes;
  changes.create.push_back(SliceOf({"a", "b"}));
  const ZoneShares halves = {{"a", 0.5}, {"b", 0.5}};
  (void)HintByShares(halves, changes);
  const auto kept = Kept(changes.create[0]);
  changes = {};
  changes.keep = {kept};
  EXPECT_EQ(HintByShares(halves, changes).endpoints, (ZoneEndpoints{{"a", 1}, {"b", 1}}));
  EXPECT_EQ(changes.keep, std::vector{kept});
  EXPECT_TRUE(changes.update.empty());
  // The zone b is no more.
  EXPECT_EQ(HintByShares({{"a", 0.5}, {"c", 0.5}}, changes).refusal, "");
  EXPECT_TRUE(changes.keep.empty());
  ASSERT_EQ(changes.update.size(), 1u);
}

TEST(HintBySharesTest, SaysWhyThereAreNoHints) {
  SliceChanges changes;
  const auto refusal = [&](const ZoneShares& shares, const std::vector<std::string>& zones) {
    changes = {};
    changes.create.push_back(SliceOf(zones));
    const auto allotted = HintByShares(shares, changes);
    EXPECT_TRUE(allotted.endpoints.empty());
    EXPECT_EQ(HintsOf(changes.create[0]).find_first_not_of("- "), std::string::npos);
    return allotted.refusal;
  };
  EXPECT_EQ(refusal({}, {"a", "b"}),
            "Insufficient Node information: allocatable CPU or zone not specified on one or more "
            "nodes");
  EXPECT_EQ(refusal({{"a", 0.5}, {"b", 0.5}}, {"a"}),
            "Insufficient number of endpoints (1 endpoints, 2 zones)");
  EXPECT_EQ(refusal({{"a", 0.5}, {"b", 0.5}}, {"a", ""}),
            "One or more endpoints do not have a zone specified");
  EXPECT_EQ(refusal({{"a", 0.5}, {"b", 0.5}}, {"a", "a", "b"}),
            "Unable to allocate minimum required endpoints to each zone without exceeding "
            "overload threshold (3 endpoints, 2 zones)");
}

TEST(IsOverloadedTest, AZoneWithFewerEndpointsThanItsShareBears) {
  const ZoneShares halves = {{"a", 0.5}, {"b", 0.5}};
  EXPECT_FALSE(IsOverloaded({}, halves));
  EXPECT_FALSE(IsOverloaded({{"a", 5}, {"b", 5}}, halves));
  EXPECT_TRUE(IsOverloaded({{"a", 8}, {"b", 2}}, halves));
  EXPECT_TRUE(IsOverloaded({{"a", 2}}, halves));
  EXPECT_TRUE(IsOverloaded({{"a", 2}}, {}));
}

}  // namespace
}  // namespace skiff
