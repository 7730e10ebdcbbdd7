#include "proxy/service_map.h"

#include <gtest/gtest.h>

#include <set>

namespace skiff::proxy {
namespace {

std::shared_ptr<core_v1::Service> WebService() {
  auto service = std::make_shared<core_v1::Service>();
  service->metadata.namespace_ = "default";
  service->metadata.name = "web";
  service->spec.cluster_ip = "10.96.0.10";
  service->spec.cluster_ips = {"10.96.0.10"};
  core_v1::ServicePort port;
  port.name = "http";
  port.protocol = "TCP";
  port.port = 80;
  service->spec.ports = {port};
  return service;
}

discovery_v1::Endpoint EndpointOn(const std::string& ip, const std::string& node) {
  discovery_v1::Endpoint endpoint;
  endpoint.addresses = {ip};
  endpoint.node_name = node;
  return endpoint;
}

std::shared_ptr<discovery_v1::EndpointSlice> Slice(std::vector<discovery_v1::Endpoint> endpoints) {
  auto slice = std::make_shared<discovery_v1::EndpointSlice>();
  slice->metadata.namespace_ = "default";
  slice->metadata.labels["kubernetes.io/service-name"] = "web";
  slice->address_type = "IPv4";
  discovery_v1::EndpointPort port;
  port.name = "http";
  port.protocol = "TCP";
  port.port = 8080;
  slice->ports = {port};
  slice->endpoints = std::move(endpoints);
  return slice;
}

const NodeFacts kNode = {.name = "node-a", .zone = "z1"};

TEST(ServiceMapTest, JoinsServicePortsWithTheEndpointsOfTheirSlices) {
  const auto map =
      BuildServiceMap({WebService()},
                      {Slice({EndpointOn("10.0.0.2", "node-b"), EndpointOn("10.0.0.1", "node-a")}),
                       Slice({EndpointOn("10.0.0.1", "node-a")})},
                      kNode);
  const ServicePortRules& rules = map.at("default/web:http/tcp");
  ASSERT_EQ(rules.cluster_endpoints.size(), 2u);
  EXPECT_EQ(rules.cluster_endpoints[0].Address(), "10.0.0.1:8080");
  ASSERT_EQ(rules.local_endpoints.size(), 1u);
  EXPECT_EQ(rules.local_endpoints[0].ip, "10.0.0.1");
}

TEST(ServiceMapTest, DrainingEndpointsServeOnlyWhenNoneIsReady) {
  auto draining = EndpointOn("10.0.0.1", "node-a");
  draining.conditions.ready = false;
  draining.conditions.serving = true;
  draining.conditions.terminating = true;
  auto failed = EndpointOn("10.0.0.3", "node-a");
  failed.conditions.ready = failed.conditions.serving = false;
  const auto with_ready =
      BuildServiceMap({WebService()}, {Slice({draining, EndpointOn("10.0.0.2", "node-b")})}, kNode);
  EXPECT_EQ(with_ready.at("default/web:http/tcp").cluster_endpoints[0].ip, "10.0.0.2");
  const auto alone = BuildServiceMap({WebService()}, {Slice({draining, failed})}, kNode);
  ASSERT_EQ(alone.at("default/web:http/tcp").cluster_endpoints.size(), 1u);
  EXPECT_EQ(alone.at("default/web:http/tcp").cluster_endpoints[0].ip, "10.0.0.1");
}

TEST(ServiceMapTest, ZoneHintsKeepTrafficInTheZoneUnlessOneEndpointHasNone) {
  auto here = EndpointOn("10.0.0.1", "node-b");
  here.hints.emplace().for_zones.emplace_back().name = "z1";
  auto there = EndpointOn("10.0.0.2", "node-c");
  there.hints.emplace().for_zones.emplace_back().name = "z2";
  const auto hinted = BuildServiceMap({WebService()}, {Slice({here, there})}, kNode);
  EXPECT_EQ(hinted.at("default/web:http/tcp").cluster_endpoints.size(), 1u);
  there.hints.reset();
  const auto mixed = BuildServiceMap({WebService()}, {Slice({here, there})}, kNode);
  EXPECT_EQ(mixed.at("default/web:http/tcp").cluster_endpoints.size(), 2u);
}

TEST(ServiceMapTest, HeadlessAndExternalNameServicesHaveNoRules) {
  auto headless = WebService();
  headless->spec.cluster_ip = "None";
  headless->spec.cluster_ips = {"None"};
  auto alias = WebService();
  alias->spec.type = "ExternalName";
  EXPECT_TRUE(BuildServiceMap({headless, alias}, {}, kNode).empty());
}

// Another proxy serves them, or none, as kube-proxy's own selection has it.
TEST(ServiceMapTest, ServicesThatALabelTakesOutHaveNoRules) {
  for (const char* label :
       {"service.kubernetes.io/headless", "service.kubernetes.io/service-proxy-name"}) {
    auto service = WebService();
    service->metadata.labels[label] = "";
    EXPECT_TRUE(BuildServiceMap({service}, {}, kNode).empty()) << label;
  }
}

// As old objects of the API have them, and as the API still takes some: iptables-restore refuses
// them, or reads octal numbers there.
TEST(ServiceMapTest, RulesHoldWhatKubernetesReadsInAddresses) {
  auto service = WebService();
  service->spec.cluster_ip = "10.96.0.09";
  service->spec.cluster_ips = {"10.96.0.09"};
  service->spec.external_ips = {"010.0.0.09", "::ffff:10.0.0.8", "fd00::1", "10.0.0.x"};
  service->spec.load_balancer_source_ranges = {"\n10.1.2.3/8\v", "010.0.0.0/024",
                                               "::ffff:10.3.0.0/112", "fd00::/8", "rubbish"};
  service->status.load_balancer.ingress.resize(2);
  service->status.load_balancer.ingress[0].ip = "192.0.2.010";
  service->status.load_balancer.ingress[1].ip = "-j ACCEPT";
  Unreadable unreadable;
  const auto map = BuildServicePorts(
      *service,
      {Slice({EndpointOn("::ffff:10.127.9.2", "node-a"), EndpointOn("10.127.9.03", "node-a"),
              EndpointOn("fd00::2", "node-a"), EndpointOn("10.127.9", "node-a")})},
      kNode, &unreadable);
  const ServicePortRules& rules = map.at("default/web:http/tcp");
  EXPECT_EQ(rules.cluster_ip, "10.96.0.9");
  EXPECT_EQ(rules.external_ips, (std::vector<std::string>{"10.0.0.9", "10.0.0.8"}));
  EXPECT_EQ(rules.source_ranges,
            (std::vector<std::string>{"10.0.0.0/8", "10.0.0.0/24", "10.3.0.0/16"}));
  EXPECT_EQ(rules.load_balancer_ips, (std::vector<std::string>{"192.0.2.10"}));
  ASSERT_EQ(rules.local_endpoints.size(), 2u);
  EXPECT_EQ(rules.local_endpoints[0].Address(), "10.127.9.2:8080");
  EXPECT_EQ(rules.local_endpoints[1].Address(), "10.127.9.3:8080");
  EXPECT_EQ(unreadable, (Unreadable{"-j ACCEPT", "10.0.0.x", "10.127.9", "rubbish"}));
}

// A port that was asked for, and not given yet, may be another Service's, or a program's.
TEST(ServiceMapTest, ABalancersAddressServesThePortsThatItTells) {
  auto service = WebService();
  auto& at = service->status.load_balancer.ingress.emplace_back();
  at.ip = "192.0.2.10";
  const auto served = [&] {
    return BuildServicePorts(*service, {Slice({EndpointOn("10.0.0.1", "node-a")})}, kNode)
        .at("default/web:http/tcp")
        .load_balancer_ips;
  };
  EXPECT_EQ(served(), (std::vector<std::string>{"192.0.2.10"}));
  auto& told = at.ports.emplace_back();
  told.port = service->spec.ports[0].port + 1;
  told.protocol = "TCP";
  EXPECT_TRUE(served().empty());
  --told.port;
  EXPECT_EQ(served(), (std::vector<std::string>{"192.0.2.10"}));
}

TEST(ServiceMapTest, ARangeThatCannotBeReadLetsNobodyIn) {
  auto service = WebService();
  service->spec.load_balancer_source_ranges = {"rubbish"};
  service->status.load_balancer.ingress.resize(1);
  service->status.load_balancer.ingress[0].ip = "192.0.2.10";
  const auto map = BuildServicePorts(*service, {Slice({EndpointOn("10.0.0.1", "node-a")})}, kNode);
  EXPECT_TRUE(map.at("default/web:http/tcp").load_balancer_ips.empty());
}

// As the API takes it: 2,000 ports and 1,000 endpoints.
TEST(ServiceMapTest, AServiceHasNoMoreRulesThanANodeCanHold) {
  auto service = WebService();
  std::vector<discovery_v1::Endpoint> endpoints;
  constexpr int kEndpoints = 1000, kPorts = 2000;
  for (int i = 0; i < kEndpoints; ++i) {
    endpoints.push_back(EndpointOn("10.1." + std::to_string(i / 250) + "." +
                                       std::to_string(i % 250),
                                   i < 100 ? "here" : "there"));
  }
  auto slice = Slice(endpoints);
  const auto port = service->spec.ports[0];
  const auto slice_port = slice->ports[0];
  service->spec.ports.clear();
  slice->ports.clear();
  for (int i = 0; i < kPorts; ++i) {
    service->spec.ports.push_back(port);
    service->spec.ports.back().name = "p" + std::to_string(i);
    service->spec.ports.back().port = 1000 + i;
    slice->ports.push_back(slice_port);
    slice->ports.back().name = "p" + std::to_string(i);
  }
  const ServiceMap map = BuildServicePorts(*service, {slice}, {.name = "here"});
  ASSERT_EQ(map.size(), static_cast<size_t>(kPorts));
  size_t all = 0;
  std::set<std::string> used;
  for (const auto& [key, rules] : map) {
    all += rules.cluster_endpoints.size();
    EXPECT_FALSE(rules.cluster_endpoints.empty()) << key;
    EXPECT_FALSE(rules.local_endpoints.empty()) << key;
    EXPECT_TRUE(rules.is_cut);
    for (const ServiceEndpoint& endpoint : rules.cluster_endpoints) used.insert(endpoint.ip);
  }
  EXPECT_LE(all, kEndpointsOfAServiceMax);
  EXPECT_EQ(used.size(), static_cast<size_t>(kEndpoints)) << "all of them have something to do";
}

// One service after the other has what those before it left, and each a bit.
TEST(ServiceMapTest, ServicesOfANamespaceHaveNoMoreEndpointsThanANodeCanHold) {
  const auto service = WebService();
  std::vector<discovery_v1::Endpoint> endpoints;
  for (int i = 1; i <= 6; ++i) {
    endpoints.push_back(EndpointOn("10.1.0." + std::to_string(i), "there"));
  }
  const auto slice = Slice(endpoints);
  EndpointRoom room(/*namespace_max=*/10);
  const auto build = [&](const std::string& name) {
    const ServiceMap map =
        BuildServicePorts(*service, {slice}, {.name = "here"}, nullptr, room.Left(name));
    room.Take(name, map);
    return map.begin()->second.cluster_endpoints.size();
  };
  EXPECT_EQ(build("ns/a"), 6u);
  EXPECT_EQ(build("ns/b"), 4u);
  EXPECT_EQ(build("ns/c"), 1u);
  EXPECT_TRUE(room.Grown().empty());
  EXPECT_EQ(build("other/a"), 6u);
  EXPECT_EQ(build("ns/a"), 5u) << "what the others have is theirs";
  room.Take("ns/b", {});
  EXPECT_EQ(room.Grown(), (std::vector<std::string>{"ns/a", "ns/c"}));
  EXPECT_EQ(build("ns/c"), 5u);
  EXPECT_TRUE(room.Grown().empty());
}

// As the API takes it, too: the addresses hold for each of the ports.
TEST(ServiceMapTest, AServiceHasNoMoreAddressesThanANodeCanHold) {
  auto service = WebService();
  constexpr size_t kMany = 2000;
  const auto port = service->spec.ports[0];
  service->spec.ports.clear();
  for (size_t i = 0; i < kMany; ++i) {
    service->spec.ports.push_back(port);
    service->spec.ports.back().name = "p" + std::to_string(i);
    const std::string ip = "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    service->spec.external_ips.push_back(ip);
    service->spec.load_balancer_source_ranges.push_back(ip + "/32");
  }
  const ServiceMap map = BuildServicePorts(*service, {}, kNode);
  ASSERT_EQ(map.size(), kMany);
  for (const auto& [key, rules] : map) {
    ASSERT_EQ(rules.external_ips.size(), kAddressesOfAServiceMax / kMany) << key;
    ASSERT_EQ(rules.source_ranges.size(), kAddressesOfAServiceMax / kMany) << key;
    EXPECT_TRUE(rules.is_cut);
  }
}

TEST(ServiceMapTest, ManyEndpointsOfOnePortAndManyPortsOfFewAreWhole) {
  auto service = WebService();
  std::vector<discovery_v1::Endpoint> endpoints;
  for (int i = 0; i < 1000; ++i) {
    endpoints.push_back(
        EndpointOn("10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250), "there"));
  }
  const auto port = service->spec.ports[0];
  for (int i = 0; i < 2000; ++i) {
    service->spec.ports.push_back(port);
    service->spec.ports.back().name = "p" + std::to_string(i);
  }
  const ServiceMap map = BuildServicePorts(*service, {Slice(endpoints)}, {.name = "here"});
  const ServicePortRules& rules = map.at("default/web:http/tcp");
  EXPECT_EQ(rules.cluster_endpoints.size(), 1000u);
  EXPECT_FALSE(rules.is_cut);
}

}  // namespace
}  // namespace skiff::proxy
