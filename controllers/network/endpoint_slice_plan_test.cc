#include "controllers/network/endpoint_slice_plan.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "controllers/network/service_pods.h"

namespace skiff {
namespace {

using core_v1::Pod;
using core_v1::Service;
using discovery_v1::EndpointSlice;

Service ServiceOf() {
  Service service;
  service.metadata.name = "web";
  service.metadata.namespace_ = "default";
  service.metadata.uid = "s";
  service.metadata.labels["app"] = "web";
  service.spec.cluster_ip = "10.0.0.5";
  service.spec.selector["app"] = "web";
  auto& port = service.spec.ports.emplace_back();
  port.name = "http";
  port.protocol = "TCP";
  port.port = 80;
  port.target_port = std::string("web");
  return service;
}

Pod PodOf(int number, bool ready = true) {
  Pod pod;
  pod.metadata.name = "p" + std::to_string(number);
  pod.metadata.namespace_ = "default";
  pod.metadata.uid = pod.metadata.name;
  pod.spec.node_name = "n";
  auto& container_port = pod.spec.containers.emplace_back().ports.emplace_back();
  container_port.name = "web";
  container_port.container_port = 8080;
  pod.status.phase = "Running";
  pod.status.pod_ip = "10.1.0." + std::to_string(number);
  pod.status.pod_ips.emplace_back().ip = pod.status.pod_ip;
  auto& condition = pod.status.conditions.emplace_back();
  condition.type = "Ready";
  condition.status = ready ? "True" : "False";
  return pod;
}

std::vector<EndpointGroup> Groups(const Service& service, int from, int to) {
  EndpointGroups groups(service);
  for (int number = from; number < to; ++number) {
    const Pod pod = PodOf(number);
    groups.Add(pod, EndpointOf(service, pod, "IPv4", "z1"));
  }
  return groups.Take();
}

Ptr<EndpointSlice> Stored(EndpointSlice slice, const std::string& name) {
  slice.metadata.name = name;
  return std::make_shared<EndpointSlice>(std::move(slice));
}

TEST(EndpointSlicePlanTest, AServiceWithoutPodsHasOneEmptySlice) {
  const auto changes = PlanSlices(ServiceOf(), "IPv4", {}, {}, 100);
  ASSERT_EQ(changes.create.size(), 1u);
  EXPECT_TRUE(changes.create[0].endpoints.empty());
  EXPECT_EQ(changes.create[0].metadata.generate_name, "web-");
  EXPECT_EQ(changes.create[0].metadata.labels.at("kubernetes.io/service-name"), "web");
  const auto again = PlanSlices(ServiceOf(), "IPv4", {Stored(changes.create[0], "x")}, {}, 100);
  EXPECT_TRUE(again.create.empty() && again.update.empty() && again.remove.empty());
}

TEST(EndpointSlicePlanTest, TheFirstPodsTakeOverTheEmptySlice) {
  const Service service = ServiceOf();
  const auto empty = Stored(PlanSlices(service, "IPv4", {}, {}, 100).create[0], "web-abc");
  const auto changes = PlanSlices(service, "IPv4", {empty}, Groups(service, 0, 2), 100);
  EXPECT_TRUE(changes.create.empty());
  EXPECT_TRUE(changes.remove.empty());
  ASSERT_EQ(changes.update.size(), 1u);
  EXPECT_EQ(changes.update[0].metadata.name, "web-abc");
  ASSERT_EQ(changes.update[0].endpoints.size(), 2u);
  EXPECT_EQ(changes.update[0].ports[0].port, 8080);
  EXPECT_EQ(changes.update[0].endpoints[0].target_ref->name, "p0");
}

TEST(EndpointSlicePlanTest, NothingIsWrittenWhenNothingChanged) {
  const Service service = ServiceOf();
  const auto stored =
      Stored(PlanSlices(service, "IPv4", {}, Groups(service, 0, 3), 100).create[0], "web-abc");
  const auto changes = PlanSlices(service, "IPv4", {stored}, Groups(service, 0, 3), 100);
  EXPECT_TRUE(changes.create.empty() && changes.update.empty() && changes.remove.empty());
}

TEST(EndpointSlicePlanTest, OnlyTheSliceThatAPodLeavesIsWritten) {
  const Service service = ServiceOf();
  const auto first = PlanSlices(service, "IPv4", {}, Groups(service, 0, 20), 10);
  ASSERT_EQ(first.create.size(), 2u);
  const std::vector<Ptr<EndpointSlice>> stored = {Stored(first.create[0], "a"),
                                                  Stored(first.create[1], "b")};
  auto groups = Groups(service, 0, 20);
  std::erase_if(groups[0].endpoints, [](const auto& it) { return it.target_ref->name == "p3"; });
  const auto changes = PlanSlices(service, "IPv4", stored, groups, 10);
  ASSERT_EQ(changes.update.size(), 1u);
  EXPECT_EQ(changes.update[0].endpoints.size(), 9u);
  EXPECT_TRUE(changes.create.empty() && changes.remove.empty());
  // A pod that comes fills the gap.
  const auto more = PlanSlices(service, "IPv4",
                               {Stored(changes.update[0], changes.update[0].metadata.name),
                                changes.update[0].metadata.name == "a" ? stored[1] : stored[0]},
                               Groups(service, 0, 20), 10);
  EXPECT_EQ(more.update.size(), 1u);
  EXPECT_TRUE(more.create.empty());
}

TEST(EndpointSlicePlanTest, WhatNewSlicesLeaveGoesIntoOneThatIsThere) {
  const Service service = ServiceOf();
  const auto slice_of = [&](int from, int to, const std::string& name) {
    return Stored(PlanSlices(service, "IPv4", {}, Groups(service, from, to), 10).create[0], name);
  };
  const std::vector<Ptr<EndpointSlice>> existing = {slice_of(0, 5, "five"), slice_of(5, 11, "six")};
  const auto changes = PlanSlices(service, "IPv4", existing, Groups(service, 0, 24), 10);
  ASSERT_EQ(changes.create.size(), 1u);
  EXPECT_EQ(changes.create[0].endpoints.size(), 10u);
  ASSERT_EQ(changes.update.size(), 1u);
  EXPECT_EQ(changes.update[0].metadata.name, "six") << "it has the least room to spare";
  EXPECT_EQ(changes.update[0].endpoints.size(), 9u);
  EXPECT_EQ(changes.keep.size(), 1u);
  // What fits into none of them is a slice of its own, and so is what fills one.
  EXPECT_EQ(PlanSlices(service, "IPv4", existing, Groups(service, 0, 27), 10).create.size(), 2u);
  EXPECT_EQ(PlanSlices(service, "IPv4", existing, Groups(service, 0, 31), 10).create.size(), 2u);
}

TEST(EndpointSlicePlanTest, ASliceOfAnotherServiceOfThatNameIsReplaced) {
  const Service service = ServiceOf();
  Service before = service;
  before.metadata.uid = "gone";
  const auto foreign =
      Stored(PlanSlices(before, "IPv4", {}, Groups(before, 0, 1), 100).create[0], "web-old");
  const auto changes = PlanSlices(service, "IPv4", {foreign}, Groups(service, 0, 1), 100);
  // It keeps its name and owner, and goes with the latter.
  EXPECT_EQ(changes.create.size(), 1u);
  EXPECT_EQ(changes.remove, std::vector{foreign});
}

TEST(EndpointSlicePlanTest, HintsMakeNoDifference) {
  const Service service = ServiceOf();
  auto slice = PlanSlices(service, "IPv4", {}, Groups(service, 0, 1), 100).create[0];
  slice.endpoints[0].hints.Ensure().for_zones.emplace_back().name = "z1";
  const auto stored = Stored(slice, "web-abc");
  const auto changes = PlanSlices(service, "IPv4", {stored}, Groups(service, 0, 1), 100);
  EXPECT_EQ(changes.keep, std::vector{stored});
}

TEST(EndpointSlicePlanTest, ASliceWithANewContentLosesItsAnnotations) {
  const Service service = ServiceOf();
  auto slice = PlanSlices(service, "IPv4", {}, {}, 100).create[0];
  slice.metadata.annotations["of"] = "before";
  const auto changes =
      PlanSlices(service, "IPv4", {Stored(slice, "web-abc")}, Groups(service, 0, 1), 100);
  ASSERT_EQ(changes.update.size(), 1u);
  EXPECT_TRUE(changes.update[0].metadata.annotations.empty());
}

TEST(EndpointOfTest, ConditionsFollowThePod) {
  Service service = ServiceOf();
  auto endpoint = EndpointOf(service, PodOf(1, /*ready=*/false), "IPv4", "");
  EXPECT_FALSE(*endpoint.conditions.ready);
  Pod leaving = PodOf(1);
  leaving.metadata.deletion_timestamp = Time(TimePoint(1s));
  endpoint = EndpointOf(service, leaving, "IPv4", "");
  EXPECT_FALSE(*endpoint.conditions.ready);
  EXPECT_TRUE(*endpoint.conditions.serving);
  EXPECT_TRUE(*endpoint.conditions.terminating);
  service.spec.publish_not_ready_addresses = true;
  EXPECT_TRUE(*EndpointOf(service, leaving, "IPv4", "").conditions.ready);
  EXPECT_TRUE(EndpointOf(service, PodOf(1), "IPv6", "").addresses.empty());
}

TEST(PodPortsTest, NamesAreLookedUpByNameAndProtocol) {
  const Service service = ServiceOf();
  const Pod pod = PodOf(1);
  PodPorts ports(pod);
  EXPECT_EQ(ports.NumberOf(service.spec.ports[0]), 8080);
  auto udp = service.spec.ports[0];
  udp.protocol = "UDP";
  EXPECT_EQ(ports.NumberOf(udp), std::nullopt);
  auto number = service.spec.ports[0];
  number.target_port = 9090;
  EXPECT_EQ(ports.NumberOf(number), 9090);
}

TEST(PodPortsTest, OfTwoPortsOfANameTheFirstIsMeant) {
  Pod pod = PodOf(1);
  pod.spec.init_containers.emplace_back().ports = pod.spec.containers[0].ports;
  pod.spec.init_containers[0].ports[0].container_port = 1;
  pod.spec.init_containers[0].ports.push_back(pod.spec.init_containers[0].ports[0]);
  pod.spec.init_containers[0].ports[1].name = "side";
  auto side = ServiceOf().spec.ports[0];
  side.target_port = std::string("side");
  EXPECT_EQ(PodPorts(pod).NumberOf(side), std::nullopt) << "it does not stay";
  pod.spec.init_containers[0].restart_policy = "Always";
  EXPECT_EQ(PodPorts(pod).NumberOf(side), 1);
  EXPECT_EQ(PodPorts(pod).NumberOf(ServiceOf().spec.ports[0]), 8080);
}

// Ports by number are the same in all pods, and looked at once.
TEST(EndpointGroupsTest, ThousandsOfPortsAndPodsAreNoMillions) {
  constexpr int kPorts = 20'000, kPods = 5'000;
  Service service = ServiceOf();
  service.spec.ports.assign(kPorts, service.spec.ports[0]);
  for (int i = 0; i < kPorts; ++i) {
    service.spec.ports[i].name = fmt::format("p{}", i);
    service.spec.ports[i].target_port = i + 1;
  }
  const Pod pod = PodOf(1);
  EndpointGroups groups(service);
  for (int i = 0; i < kPods; ++i) groups.Add(pod, EndpointOf(service, pod, "IPv4", ""));
  const auto taken = groups.Take();
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].ports.size(), kPorts);
  EXPECT_EQ(taken[0].endpoints.size(), kPods);
}

TEST(EndpointGroupsTest, SlicesOfManyGroupsAreFoundAgain) {
  constexpr int kPorts = 1'000, kPods = 200;
  Service service = ServiceOf();
  service.spec.ports.assign(kPorts, service.spec.ports[0]);
  for (int i = 0; i < kPorts; ++i) service.spec.ports[i].name = fmt::format("p{}", i);
  EndpointGroups groups(service);
  for (int i = 0; i < kPods; ++i) {
    Pod pod = PodOf(i);
    pod.spec.containers[0].ports[0].container_port = i + 1;
    groups.Add(pod, EndpointOf(service, pod, "IPv4", ""));
  }
  const auto taken = groups.Take();
  ASSERT_EQ(taken.size(), kPods);
  auto created = PlanSlices(service, "IPv4", {}, taken, 100).create;
  ASSERT_EQ(created.size(), kPods);
  std::vector<Ptr<EndpointSlice>> existing;
  for (auto& slice : created) {
    // As another wrote them.
    std::reverse(slice.ports.begin(), slice.ports.end());
    existing.push_back(Stored(std::move(slice), fmt::format("web-{}", existing.size())));
  }
  const auto changes = PlanSlices(service, "IPv4", existing, taken, 100);
  EXPECT_EQ(changes.keep.size(), kPods);
  EXPECT_TRUE(changes.create.empty() && changes.update.empty() && changes.remove.empty());
}

}  // namespace
}  // namespace skiff
