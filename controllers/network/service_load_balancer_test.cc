#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controllers/network/service_load_balancer_plan.h"

namespace skiff {
namespace {

using core_v1::Node;
using core_v1::Service;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::shared_ptr<Service> LoadBalancer(const std::string& name, std::vector<int> ports,
                                      int age = 0) {
  auto service = std::make_shared<Service>();
  service->metadata.namespace_ = "default";
  service->metadata.name = name;
  service->metadata.creation_timestamp = TimePoint(std::chrono::seconds(1000 - age));
  service->spec.type = "LoadBalancer";
  service->spec.cluster_ip = "10.96.0.10";
  service->spec.ip_families = {"IPv4"};
  for (const int number : ports) {
    auto& port = service->spec.ports.emplace_back();
    port.port = number;
    port.protocol = "TCP";
  }
  return service;
}

void Give(Service& service, const std::string& ip) {
  service.status.load_balancer.ingress.emplace_back().ip = ip;
}

std::shared_ptr<Node> NodeAt(const std::string& name, const std::string& ip) {
  auto node = std::make_shared<Node>();
  node->metadata.name = name;
  auto& ready = node->status.conditions.emplace_back();
  ready.type = "Ready";
  ready.status = "True";
  auto& address = node->status.addresses.emplace_back();
  address.type = "InternalIP";
  address.address = ip;
  return node;
}

LoadBalancerWorld World(std::vector<Ptr<Service>> services) {
  LoadBalancerWorld world;
  world.services = std::move(services);
  world.nodes = {NodeAt("b", "192.0.2.2"), NodeAt("a", "192.0.2.1")};
  return world;
}

LoadBalancerPlan PlanOf(const Service& service, const LoadBalancerWorld& world) {
  const std::string name = service.metadata.namespace_ + "/" + service.metadata.name;
  return PlanLoadBalancer(service, world, PortConflictsOf(world)[name]);
}

TEST(ServiceLoadBalancerTest, AServiceGetsTheAddressesOfTheNodesThatCanServe) {
  const auto web = LoadBalancer("web", {80});
  LoadBalancerWorld world = World({web});
  EXPECT_THAT(PlanOf(*web, world).addresses, ElementsAre("192.0.2.1", "192.0.2.2"));
  auto sick = NodeAt("b", "192.0.2.2");
  sick->status.conditions[0].status = "Unknown";
  auto excluded = NodeAt("c", "192.0.2.3");
  excluded->metadata.labels["node.kubernetes.io/exclude-from-external-load-balancers"] = "";
  world.nodes = {NodeAt("a", "192.0.2.1"), sick, excluded};
  EXPECT_THAT(PlanOf(*web, world).addresses, ElementsAre("192.0.2.1"));
  world.nodes = {sick};
  EXPECT_TRUE(PlanOf(*web, world).no_nodes);
}

TEST(ServiceLoadBalancerTest, PublicAddressesAndTheServicesFamiliesAreChosen) {
  const auto web = LoadBalancer("web", {80});
  LoadBalancerWorld world = World({web});
  auto dual = NodeAt("a", "192.0.2.1");
  dual->status.addresses.emplace_back().type = "InternalIP";
  dual->status.addresses.back().address = "fd00::1";
  world.nodes = {dual};
  web->spec.ip_families = {"IPv4", "IPv6"};
  EXPECT_THAT(PlanOf(*web, world).addresses, ElementsAre("192.0.2.1", "fd00::1"));
  dual->status.addresses.emplace_back().type = "ExternalIP";
  dual->status.addresses.back().address = "198.51.100.1";
  EXPECT_THAT(PlanOf(*web, world).addresses, ElementsAre("198.51.100.1"));
}

TEST(ServiceLoadBalancerTest, APortServesOneServiceAndTheOlderOneComesFirst) {
  const auto young = LoadBalancer("a", {80, 443}, 0);
  const auto old = LoadBalancer("b", {443}, 60);
  const auto other = LoadBalancer("c", {8080}, 0);
  const LoadBalancerWorld world = World({young, old, other});
  EXPECT_THAT(PlanOf(*old, world).port_conflict, IsEmpty());
  EXPECT_EQ(PlanOf(*young, world).port_conflict,
            "port 443/TCP of the nodes is in use by service default/b; the service gets an address "
            "when that port is free");
  EXPECT_THAT(PlanOf(*young, world).addresses, IsEmpty());
  EXPECT_THAT(PlanOf(*other, world).port_conflict, IsEmpty());
  // Whoever serves already goes on, and one that waits takes no port from others.
  Give(*young, "192.0.2.1");
  EXPECT_THAT(PlanOf(*young, world).port_conflict, IsEmpty());
  EXPECT_THAT(PlanOf(*old, world).port_conflict, HasSubstr("default/a"));
  const auto third = LoadBalancer("d", {443, 9090});
  const auto fourth = LoadBalancer("e", {9090});
  const LoadBalancerWorld crowded = World({young, third, fourth});
  EXPECT_THAT(PlanOf(*fourth, crowded).port_conflict, IsEmpty());
}

void Tell(Service& service, int port) {
  auto& told = service.status.load_balancer.ingress.front().ports.emplace_back();
  told.port = port;
  told.protocol = "TCP";
}

// Whoever may change a Service that has an address would have any other's traffic by it.
TEST(ServiceLoadBalancerTest, WhoHasAnAddressKeepsWhatHeWasGivenAndNoOthersPort) {
  const auto old = LoadBalancer("old", {8080, 443}, 600);
  const auto young = LoadBalancer("young", {443}, 0);
  for (const auto& each : {old, young}) Give(*each, "192.0.2.1");
  Tell(*old, 8080);
  Tell(*young, 443);
  LoadBalancerWorld world = World({old, young});
  EXPECT_THAT(PlanOf(*young, world).port_conflict, IsEmpty());
  EXPECT_EQ(PlanOf(*old, world).port_conflict,
            "port 443/TCP of the nodes is in use by service default/young; the service gets an "
            "address when that port is free");
  // So with what listens, and with an Ingress that is older.
  world = World({old});
  EXPECT_THAT(PlanOf(*old, world).port_conflict, IsEmpty());
  world.listened = {{"TCP", 8080}, {"TCP", 443}};
  EXPECT_THAT(PlanOf(*old, world).port_conflict, HasSubstr("port 443/TCP"));
  world.ingresses[{"TCP", 443}] = {"shop/site", TimePoint(std::chrono::seconds(1))};
  EXPECT_THAT(PlanOf(*old, world).port_conflict, HasSubstr("by ingress shop/site"));
  Tell(*old, 443);
  EXPECT_THAT(PlanOf(*old, world).port_conflict, IsEmpty());
}

// Two may have been given a port at one time, each before the other's was heard of.
TEST(ServiceLoadBalancerTest, WhatAServiceIsGivenConcernsWhoWantsIt) {
  const auto before = LoadBalancer("web", {8080, 443});
  Give(*before, "192.0.2.1");
  Tell(*before, 8080);
  Service now = *before;
  EXPECT_TRUE(ClaimAlike(*before, now));
  Tell(now, 443);
  EXPECT_FALSE(ClaimAlike(*before, now));
}

TEST(ServiceLoadBalancerTest, PortsOfTheNodesThatOthersUseAreRefused) {
  const auto web = LoadBalancer("web", {6443});
  LoadBalancerWorld world = World({web});
  world.taken[{"TCP", 6443}] = "the API server";
  EXPECT_THAT(PlanOf(*web, world).port_conflict, HasSubstr("by the API server"));
  web->spec.ports[0].port = 30080;
  auto node_port = LoadBalancer("np", {80});
  node_port->spec.type = "NodePort";
  node_port->spec.ports[0].node_port = 30080;
  world.services = {web, node_port};
  EXPECT_THAT(PlanOf(*web, world).port_conflict,
              HasSubstr("by the node port of service default/np"));
  core_v1::Pod pod;
  pod.metadata.namespace_ = "kube-system";
  pod.metadata.name = "ingress";
  pod.spec.node_name = "a";
  auto& port = pod.spec.containers.emplace_back().ports.emplace_back();
  port.host_port = port.container_port = 8080;
  AddHostPorts(pod, world.host_ports);
  web->spec.ports[0].port = 8080;
  EXPECT_THAT(PlanOf(*web, world).port_conflict, HasSubstr("pod kube-system/ingress"));
  web->spec.ports[0].protocol = "UDP";
  EXPECT_THAT(PlanOf(*web, world).port_conflict, IsEmpty());
  // A pod that anybody may have made takes no port from who has it.
  web->spec.ports[0].protocol = "TCP";
  Give(*web, "192.0.2.1");
  Tell(*web, 8080);
  EXPECT_THAT(PlanOf(*web, world).port_conflict, IsEmpty());
}

TEST(ServiceLoadBalancerTest, NobodyGetsThePortsThatNodesLiveBy) {
  LoadBalancerWorld world;
  world.taken = ReservedNodePorts(7443, 10250, 10053);
  const auto conflict = [&](const std::string& protocol, int port) {
    const auto web = LoadBalancer("web", {port});
    web->spec.ports[0].protocol = protocol;
    LoadBalancerWorld with = World({web});
    with.taken = world.taken;
    return PlanOf(*web, with).port_conflict;
  };
  EXPECT_THAT(conflict("TCP", 7443), HasSubstr("by the API server"));
  EXPECT_THAT(conflict("UDP", 7443), IsEmpty());
  EXPECT_THAT(conflict("UDP", 8472), HasSubstr("by the pods' network"));
  EXPECT_THAT(conflict("TCP", 2379), HasSubstr("by etcd"));
  EXPECT_THAT(conflict("TCP", 10256), HasSubstr("by the service proxy"));
  EXPECT_THAT(conflict("UDP", 10053), HasSubstr("by the cluster DNS"));
  EXPECT_THAT(conflict("TCP", 10053), HasSubstr("by the cluster DNS"));
  EXPECT_THAT(conflict("UDP", 68), HasSubstr("by DHCP"));
  EXPECT_THAT(conflict("TCP", 80), IsEmpty());
}

TEST(ServiceLoadBalancerTest, TheHealthChecksOfAServiceHaveTheirPort) {
  const auto web = LoadBalancer("web", {32000});
  const auto local = LoadBalancer("local", {80});
  local->spec.health_check_node_port = 32000;
  EXPECT_THAT(PlanOf(*web, World({web, local})).port_conflict,
              HasSubstr("by the health checks of service default/local"));
  EXPECT_THAT(ClaimedPorts(*local), Contains(NodePort("TCP", 32000)));
}

TEST(ServiceLoadBalancerTest, WhereSomethingListensOnlyWhoWasThereFirstStays) {
  const auto web = LoadBalancer("web", {80});
  LoadBalancerWorld world = World({web});
  world.listened = {{"TCP", 80}};
  EXPECT_THAT(PlanOf(*web, world).port_conflict,
              HasSubstr("port 80/TCP of the nodes is in use by a program on the control plane's "
                        "machine"));
  Give(*web, "192.0.2.1");
  EXPECT_THAT(PlanOf(*web, world).port_conflict, IsEmpty());
}

TEST(ServiceLoadBalancerTest, AnIngressKeepsItsPortFromYoungerServicesOnly) {
  const auto web = LoadBalancer("web", {80}, 60);
  LoadBalancerWorld world = World({web});
  world.listened = {{"TCP", 80}};  // By who serves the Ingress.
  const Time before = TimePoint(std::chrono::seconds(1000 - 61));
  world.ingresses[{"TCP", 80}] = {"shop/site", before};
  EXPECT_EQ(PlanOf(*web, world).port_conflict,
            "port 80/TCP of the nodes is in use by ingress shop/site; the service gets an address "
            "when that port is free");
  // A chart that brings both is served alike however fast the two controllers are.
  world.ingresses[{"TCP", 80}].created = web->metadata.creation_timestamp;
  EXPECT_THAT(PlanOf(*web, world).port_conflict, IsEmpty());
  world.ingresses[{"TCP", 80}].created = before;
  Give(*web, "192.0.2.1");
  EXPECT_THAT(PlanOf(*web, world).port_conflict, IsEmpty());
}

TEST(ServiceLoadBalancerTest, TheLocalPolicyTakesNodesWithEndpointsOnly) {
  const auto web = LoadBalancer("web", {80});
  web->spec.external_traffic_policy = "Local";
  LoadBalancerWorld world = World({web});
  EXPECT_TRUE(PlanOf(*web, world).no_nodes);
  world.nodes_with_endpoints["default/web"] = {"b"};
  EXPECT_THAT(PlanOf(*web, world).addresses, ElementsAre("192.0.2.2"));
}

TEST(ServiceLoadBalancerTest, OtherClassesAreOthersBusiness) {
  const auto web = LoadBalancer("web", {80});
  EXPECT_TRUE(IsNodeLoadBalancer(*web));
  web->spec.load_balancer_class = "example.com/metal";
  EXPECT_FALSE(IsNodeLoadBalancer(*web));
  web->spec.load_balancer_class = std::string(kNodeLoadBalancerClass);
  EXPECT_TRUE(IsNodeLoadBalancer(*web));
  web->spec.type = "NodePort";
  EXPECT_FALSE(IsNodeLoadBalancer(*web));
}

}  // namespace
}  // namespace skiff
