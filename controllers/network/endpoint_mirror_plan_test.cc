#include "controllers/network/endpoint_mirror_plan.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff {
namespace {

using core_v1::EndpointAddress;
using core_v1::Endpoints;
using core_v1::EndpointSubset;
using core_v1::Service;
using discovery_v1::EndpointSlice;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<EndpointAddress> Addresses(const std::vector<std::string>& ips) {
  std::vector<EndpointAddress> addresses;
  for (const std::string& ip : ips) addresses.emplace_back().ip = ip;
  return addresses;
}

EndpointSubset SubsetOf(const std::vector<std::string>& ready,
                        const std::vector<std::string>& not_ready,
                        const std::vector<int>& ports) {
  EndpointSubset subset;
  subset.addresses = Addresses(ready);
  subset.not_ready_addresses = Addresses(not_ready);
  for (const int number : ports) {
    auto& port = subset.ports.emplace_back();
    port.name = "p" + std::to_string(number);
    port.port = number;
    port.protocol = "TCP";
  }
  return subset;
}

Endpoints EndpointsOf(std::vector<EndpointSubset> subsets) {
  Endpoints endpoints;
  endpoints.metadata.namespace_ = "ns";
  endpoints.metadata.name = "db";
  endpoints.metadata.uid = "u";
  endpoints.subsets = std::move(subsets);
  return endpoints;
}

// As the server keeps a slice that was made.
Ptr<EndpointSlice> KeptSlice(EndpointSlice slice, const std::string& name) {
  slice.metadata.name = name;
  slice.metadata.generate_name = "";
  return std::make_shared<EndpointSlice>(std::move(slice));
}

std::vector<std::string> Texts(const EndpointSlice& slice) {
  std::vector<std::string> texts;
  for (const auto& endpoint : slice.endpoints) {
    texts.push_back(endpoint.addresses[0] + (*endpoint.conditions.ready ? "" : " not ready"));
  }
  return texts;
}

TEST(EndpointMirrorPlanTest, OnlyWhatHasNoSlicesYetIsMirrored) {
  Endpoints endpoints = EndpointsOf({});
  Service service;
  EXPECT_TRUE(ShouldMirror(endpoints, &service));
  EXPECT_FALSE(ShouldMirror(endpoints, nullptr));
  service.spec.selector["app"] = "db";
  EXPECT_FALSE(ShouldMirror(endpoints, &service));
  service.spec.selector.clear();
  endpoints.metadata.labels["endpointslice.kubernetes.io/skip-mirror"] = "false";
  EXPECT_TRUE(ShouldMirror(endpoints, &service));
  endpoints.metadata.labels["endpointslice.kubernetes.io/skip-mirror"] = "true";
  EXPECT_FALSE(ShouldMirror(endpoints, &service));
  endpoints.metadata.labels.clear();
  endpoints.metadata.annotations["control-plane.alpha.kubernetes.io/leader"] = "";
  EXPECT_FALSE(ShouldMirror(endpoints, &service));
}

TEST(EndpointMirrorPlanTest, ASliceSaysWhatTheEndpointsSay) {
  Endpoints endpoints = EndpointsOf({SubsetOf({"010.0.0.1"}, {"10.0.0.2"}, {80})});
  endpoints.metadata.labels = {{"app", "db"}, {"kubernetes.io/service-name", "other"}};
  endpoints.metadata.annotations = {
      {"note", "x"},
      {"endpoints.kubernetes.io/last-change-trigger-time", "now"},
      {"kubectl.kubernetes.io/last-applied-configuration", "{}"}};
  auto& address = endpoints.subsets[0].addresses[0];
  address.hostname = "first";
  address.node_name = "n1";
  address.target_ref.Ensure().name = "pod";
  const auto plan = PlanMirror(endpoints, {}, 1000);
  ASSERT_THAT(plan.changes.create, SizeIs(1));
  const EndpointSlice& slice = plan.changes.create[0];
  EXPECT_EQ(slice.metadata.generate_name, "db-");
  EXPECT_EQ(slice.metadata.owner_references[0].kind, "Endpoints");
  EXPECT_EQ(slice.metadata.owner_references[0].uid, "u");
  EXPECT_EQ(slice.metadata.labels,
            (std::map<std::string, std::string>{{"app", "db"},
                                                {"kubernetes.io/service-name", "db"},
                                                {"endpointslice.kubernetes.io/managed-by",
                                                 "endpointslicemirroring-controller.k8s.io"}}));
  EXPECT_EQ(slice.metadata.annotations, (std::map<std::string, std::string>{{"note", "x"}}));
  EXPECT_EQ(slice.address_type, "IPv4");
  EXPECT_EQ(slice.ports[0].port, 80);
  EXPECT_THAT(Texts(slice), ElementsAre("10.0.0.1", "10.0.0.2 not ready"));
  EXPECT_EQ(slice.endpoints[0].hostname, "first");
  EXPECT_EQ(slice.endpoints[0].node_name, "n1");
  EXPECT_EQ(slice.endpoints[0].target_ref->name, "pod");
  EXPECT_FALSE(slice.endpoints[0].conditions.serving);
}

TEST(EndpointMirrorPlanTest, FamiliesAndPortsHaveSlicesOfTheirOwn) {
  const auto plan = PlanMirror(
      EndpointsOf({SubsetOf({"10.0.0.1", "fd00::1"}, {}, {80}), SubsetOf({"10.0.0.2"}, {}, {81})}),
      {}, 1000);
  EXPECT_THAT(plan.changes.create, SizeIs(3));
}

TEST(EndpointMirrorPlanTest, SubsetsOfTheSameAddressesAreOne) {
  const auto repacked =
      Repacked({SubsetOf({"10.0.0.1"}, {}, {80}), SubsetOf({"10.0.0.1"}, {}, {81}),
                SubsetOf({"10.0.0.3"}, {}, {82}), SubsetOf({}, {"10.0.0.3"}, {82})})
          .subsets;
  ASSERT_THAT(repacked, SizeIs(2));
  const size_t both = repacked[0].ports.size() == 2 ? 0 : 1;
  EXPECT_THAT(repacked[both].addresses, SizeIs(1));
  EXPECT_THAT(repacked[both].ports, SizeIs(2));
  EXPECT_THAT(repacked[1 - both].addresses, IsEmpty());
  EXPECT_THAT(repacked[1 - both].not_ready_addresses, SizeIs(1)) << "not ready prevails";
}

std::vector<std::string> ManyAddresses(int count) {
  std::vector<std::string> ips;
  for (int i = 0; i < count; ++i) ips.push_back(fmt::format("10.{}.{}.1", i / 250, i % 250));
  return ips;
}

std::vector<int> ManyPorts(int count) {
  std::vector<int> ports;
  for (int port = 1; port <= count; ++port) ports.push_back(port);
  return ports;
}

// Of each pair of a port and an address a few bytes would be gigabytes.
TEST(EndpointMirrorPlanTest, ManyPortsOfManyAddressesTakeAsLongAsTheyAre) {
  const auto plan =
      PlanMirror(EndpointsOf({SubsetOf(ManyAddresses(20'000), {}, ManyPorts(20'000))}), {}, 1000);
  ASSERT_THAT(plan.changes.create, SizeIs(1));
  EXPECT_THAT(plan.changes.create[0].ports, SizeIs(20'000));
  EXPECT_THAT(plan.changes.create[0].endpoints, SizeIs(1000));
  EXPECT_EQ(plan.skipped, 19'000);
}

TEST(EndpointMirrorPlanTest, WhatComesOfSharedAddressesIsBounded) {
  constexpr int kPorts = 1000;
  std::vector<EndpointSubset> subsets = {SubsetOf(ManyAddresses(10'000), {}, ManyPorts(kPorts))};
  for (int port = 1; port <= kPorts; ++port) {
    subsets.push_back(SubsetOf({fmt::format("11.0.{}.{}", port / 250, port % 250)}, {}, {port}));
  }
  const auto repacked = Repacked(subsets);
  EXPECT_THAT(repacked.subsets, SizeIs(19)) << "each of 10,001 addresses";
  EXPECT_EQ(repacked.left_out, (kPorts - 19) * 10'001);
  const auto plan = PlanMirror(EndpointsOf(std::move(subsets)), {}, 1000);
  EXPECT_EQ(plan.skipped, 19 * 9'001);
  EXPECT_EQ(plan.left_out, (kPorts - 19) * 10'001);
}

TEST(EndpointMirrorPlanTest, ASecondLookChangesNothing) {
  Endpoints endpoints = EndpointsOf({SubsetOf({"10.0.0.1", "10.0.0.2"}, {}, {80})});
  auto slice = PlanMirror(endpoints, {}, 1000).changes.create.at(0);
  std::swap(slice.endpoints[0], slice.endpoints[1]);
  const std::vector<Ptr<EndpointSlice>> existing = {KeptSlice(slice, "db-x")};
  const auto same = PlanMirror(endpoints, existing, 1000).changes;
  EXPECT_THAT(same.create, IsEmpty());
  EXPECT_THAT(same.update, IsEmpty()) << "in whatever order the endpoints are";
  EXPECT_THAT(same.remove, IsEmpty());

  endpoints.metadata.labels["new"] = "label";
  EXPECT_THAT(PlanMirror(endpoints, existing, 1000).changes.update, SizeIs(1));
  endpoints.metadata.labels.clear();
  endpoints.metadata.uid = "another";
  EXPECT_THAT(PlanMirror(endpoints, existing, 1000).changes.update, SizeIs(1));
}

TEST(EndpointMirrorPlanTest, OtherPortsTakeOverTheSliceOfTheOldOnes) {
  Endpoints endpoints = EndpointsOf({SubsetOf({"10.0.0.1"}, {}, {80})});
  const auto slice = PlanMirror(endpoints, {}, 1000).changes.create.at(0);
  const auto changes =
      PlanMirror(EndpointsOf({SubsetOf({"10.0.0.1"}, {}, {81})}), {KeptSlice(slice, "db-x")}, 1000)
          .changes;
  EXPECT_THAT(changes.create, IsEmpty());
  EXPECT_THAT(changes.remove, IsEmpty());
  ASSERT_THAT(changes.update, SizeIs(1));
  EXPECT_EQ(changes.update[0].metadata.name, "db-x");
  EXPECT_EQ(changes.update[0].ports[0].port, 81);
}

TEST(EndpointMirrorPlanTest, WithoutAddressesThereAreNoSlices) {
  Endpoints endpoints = EndpointsOf({SubsetOf({"10.0.0.1"}, {}, {80})});
  const auto slice = PlanMirror(endpoints, {}, 1000).changes.create.at(0);
  const std::vector<Ptr<EndpointSlice>> existing = {KeptSlice(slice, "a"), KeptSlice(slice, "b")};
  EXPECT_THAT(PlanMirror(endpoints, existing, 1000).changes.remove, SizeIs(1)) << "one is enough";
  EXPECT_THAT(PlanMirror(EndpointsOf({}), existing, 1000).changes.remove, SizeIs(2));
}

TEST(EndpointMirrorPlanTest, WhatIsTooMuchOrNoAddressIsSkipped) {
  const auto plan = PlanMirror(
      EndpointsOf({SubsetOf({"10.0.0.1", "10.0.0.2", "10.0.0.3"}, {"10.0.0.4"}, {80}),
                   SubsetOf({"10.0.0.5"}, {"name"}, {81})}),
      {}, 2);
  EXPECT_EQ(plan.invalid, 1);
  EXPECT_EQ(plan.skipped, 3);
  ASSERT_THAT(plan.changes.create, SizeIs(2));
  for (const auto& slice : plan.changes.create) EXPECT_LE(slice.endpoints.size(), 2u);
}

// Else a megabyte that somebody writes would become ten thousand, in the memory of all.
TEST(EndpointMirrorPlanTest, OfManyLabelsAndAnnotationsFewerCopiesAreMade) {
  std::vector<EndpointSubset> subsets;
  for (int i = 1; i <= 20; ++i) {
    subsets.push_back(SubsetOf({"10.0.0." + std::to_string(i)}, {}, {i}));
  }
  Endpoints endpoints = EndpointsOf(subsets);
  const auto all = PlanMirror(endpoints, {}, 1000);
  EXPECT_THAT(all.changes.create, SizeIs(20));
  EXPECT_EQ(all.beyond_them, 0);
  std::vector<Ptr<EndpointSlice>> kept;
  for (const EndpointSlice& slice : all.changes.create) {
    kept.push_back(KeptSlice(slice, "s" + std::to_string(kept.size())));
  }
  endpoints.metadata.annotations["a"] = std::string(size_t{1} << 20, 'a');
  const auto few = PlanMirror(endpoints, kept, 1000);
  EXPECT_EQ(few.slices_max, 15u);
  EXPECT_THAT(few.changes.update, SizeIs(15));
  EXPECT_THAT(few.changes.remove, SizeIs(5)) << "which would say what is not so any more";
  EXPECT_EQ(few.beyond_them, 5);
}

}  // namespace
}  // namespace skiff
