#include "controllers/network/endpoint_slice_plan.h"

#include <gtest/gtest.h>

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
  std::vector<EndpointGroup> groups;
  for (int number = from; number < to; ++number) {
    const Pod pod = PodOf(number);
    AddToGroup(groups, PortsOf(service, pod), EndpointOf(service, pod, "IPv4", "z1"));
  }
  return groups;
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

TEST(PortOfTest, NamesAreLookedUpByNameAndProtocol) {
  const Service service = ServiceOf();
  EXPECT_EQ(PortOf(PodOf(1), service.spec.ports[0]), 8080);
  auto udp = service.spec.ports[0];
  udp.protocol = "UDP";
  EXPECT_EQ(PortOf(PodOf(1), udp), std::nullopt);
  auto number = service.spec.ports[0];
  number.target_port = 9090;
  EXPECT_EQ(PortOf(PodOf(1), number), 9090);
}

}  // namespace
}  // namespace skiff
