#include "proxy/service_map.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace skiff::proxy
