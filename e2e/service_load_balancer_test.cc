// Services of type LoadBalancer on the real server and store, with the nodes' addresses to give.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "api/gen/networking_v1.h"
#include "e2e/harness.h"

namespace skiff {
namespace {

using core_v1::Node;
using core_v1::Service;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kNode[] = R"(
apiVersion: v1
kind: Node
metadata: {name: node-a}
)";

std::string LoadBalancer(const std::string& name, int port) {
  return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name +
         "}\nspec: {type: LoadBalancer, selector: {app: web}, ports: [{port: " +
         std::to_string(port) + "}]}\n";
}

class ServiceLoadBalancerTest : public testing::Test {
 protected:
  ServiceLoadBalancerTest() : cluster_(Options()) {
    cluster_.Apply(kNode).RunUntilIdle();
    SetNode("192.0.2.1", "True");
  }
  TestCluster::Options Options() {
    TestCluster::Options options;
    auto& balancer = options.controllers.service_load_balancer.emplace();
    balancer.ingress_controller = "test.io/ingress";
    balancer.listened = [this] { return listened_; };
    return options;
  }
  void SetNode(const std::string& ip, const std::string& ready) {
    cluster_.Edit<Node>(
        {"", "node-a"},
        [&](Node& node) {
          node.status.addresses.resize(1);
          node.status.addresses[0].type = "InternalIP";
          node.status.addresses[0].address = ip;
          node.status.conditions.resize(1);
          node.status.conditions[0].type = "Ready";
          node.status.conditions[0].status = ready;
          node.status.conditions[0].last_heartbeat_time = cluster_.clock().Now();
        },
        /*status=*/true);
    cluster_.RunUntilIdle();
  }
  std::vector<std::string> AddressesOf(const std::string& name) {
    std::vector<std::string> addresses;
    const auto service = cluster_.Get<Service>({"default", name});
    for (const auto& ingress : service->status.load_balancer.ingress) {
      addresses.push_back(ingress.ip + " " + ingress.ip_mode.value_or(""));
    }
    return addresses;
  }
  std::string EventsOf(const std::string& name) {
    std::string text;
    for (const auto& event : cluster_.List<core_v1::Event>("default")) {
      if (event.involved_object.name == name) text += event.reason + ": " + event.message + "\n";
    }
    return text;
  }
  std::set<NodePort> listened_;
  TestCluster cluster_;
};

TEST_F(ServiceLoadBalancerTest, AddressesFollowTheNodes) {
  cluster_.Apply(LoadBalancer("web", 80)).RunUntilIdle();
  EXPECT_THAT(AddressesOf("web"), ElementsAre("192.0.2.1 VIP"));
  EXPECT_THAT(EventsOf("web"), HasSubstr("EnsuredLoadBalancer: Ensured load balancer\n"));
  SetNode("192.0.2.7", "True");
  EXPECT_THAT(AddressesOf("web"), ElementsAre("192.0.2.7 VIP"));
  SetNode("192.0.2.7", "False");
  EXPECT_THAT(AddressesOf("web"), IsEmpty());
  EXPECT_THAT(EventsOf("web"), HasSubstr("UnAvailableLoadBalancer: There are no available nodes"));
}

TEST_F(ServiceLoadBalancerTest, PortsThatIngressesAreServedAtAreTaken) {
  cluster_.Apply(
      "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: own}\n"
      "spec: {controller: test.io/ingress}\n---\n"
      "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: site}\n"
      "spec: {ingressClassName: own, defaultBackend: {service: {name: a, port: {number: 1}}}}\n");
  cluster_.Apply(LoadBalancer("before", 80)).RunUntilIdle();
  EXPECT_THAT(AddressesOf("before"), ElementsAre("192.0.2.1 VIP")) << "it is served nowhere yet";
  cluster_.Edit<networking_v1::Ingress>(
      {"default", "site"},
      [](networking_v1::Ingress& site) {
        auto& at = site.status.load_balancer.ingress.emplace_back();
        at.ip = "192.0.2.1";
        auto& port = at.ports.emplace_back();
        port.port = 443;
        port.protocol = "TCP";
      },
      /*status=*/true);
  cluster_.Apply(LoadBalancer("beside", 443)).RunUntilIdle();
  EXPECT_THAT(AddressesOf("beside"), ElementsAre("192.0.2.1 VIP")) << "they are of one second";
  cluster_.Delete<core_v1::Service>({"default", "beside"}).RunFor(1s);
  cluster_.Apply(LoadBalancer("web", 443)).RunUntilIdle();
  EXPECT_THAT(AddressesOf("before"), ElementsAre("192.0.2.1 VIP"));
  EXPECT_THAT(AddressesOf("web"), IsEmpty());
  EXPECT_THAT(EventsOf("web"), HasSubstr("port 443/TCP of the nodes is in use by ingress "
                                         "default/site"));
  cluster_.Edit<networking_v1::Ingress>({"default", "site"}, [](networking_v1::Ingress& site) {
    site.spec.ingress_class_name.reset();
  });
  cluster_.Apply(LoadBalancer("later", 443)).RunUntilIdle();
  EXPECT_THAT(AddressesOf("later"), IsEmpty()) << "what names no class is served as well";
  cluster_.Delete<core_v1::Service>({"default", "later"}).RunUntilIdle();
  cluster_.Delete<networking_v1::Ingress>({"default", "site"}).RunUntilIdle();
  EXPECT_THAT(AddressesOf("web"), ElementsAre("192.0.2.1 VIP"));
}

TEST_F(ServiceLoadBalancerTest, APortThatSomethingListensAtIsGivenWhenItIsLetGo) {
  cluster_.Apply(LoadBalancer("before", 80)).RunUntilIdle();
  listened_ = {{"TCP", 80}, {"TCP", 443}};
  cluster_.Apply(LoadBalancer("web", 443)).RunUntilIdle();
  cluster_.RunFor(12s);
  EXPECT_THAT(AddressesOf("before"), ElementsAre("192.0.2.1 VIP"));
  EXPECT_THAT(AddressesOf("web"), IsEmpty());
  EXPECT_THAT(EventsOf("web"), HasSubstr("port 443/TCP of the nodes is in use by a program on the "
                                         "control plane's machine"));
  listened_.clear();
  cluster_.RunFor(12s);
  EXPECT_THAT(AddressesOf("web"), ElementsAre("192.0.2.1 VIP"));
}

TEST_F(ServiceLoadBalancerTest, TheSecondOnAPortWaitsAndGetsItWhenItIsFree) {
  cluster_.Apply(LoadBalancer("first", 80)).RunUntilIdle();
  cluster_.RunFor(1s);
  cluster_.Apply(LoadBalancer("second", 80)).RunUntilIdle();
  EXPECT_THAT(AddressesOf("first"), ElementsAre("192.0.2.1 VIP"));
  EXPECT_THAT(AddressesOf("second"), IsEmpty());
  EXPECT_THAT(EventsOf("second"),
              HasSubstr("SyncLoadBalancerFailed: Error syncing load balancer: port 80/TCP of the "
                        "nodes is in use by service default/first"));
  cluster_.Delete<Service>({"default", "first"}).RunUntilIdle();
  EXPECT_THAT(AddressesOf("second"), ElementsAre("192.0.2.1 VIP"));
}

TEST_F(ServiceLoadBalancerTest, AServiceThatIsNoLoadBalancerAnyMoreFreesItsPort) {
  cluster_.Apply(LoadBalancer("first", 80)).RunUntilIdle();
  cluster_.Apply(LoadBalancer("second", 80)).RunUntilIdle();
  cluster_.Edit<Service>({"default", "first"}, [](Service& service) {
    service.spec.type = "ClusterIP";
    for (auto& port : service.spec.ports) port.node_port = 0;
    service.spec.allocate_load_balancer_node_ports.reset();
    service.spec.external_traffic_policy.clear();
  });
  cluster_.RunUntilIdle();
  EXPECT_THAT(AddressesOf("first"), IsEmpty());
  EXPECT_THAT(AddressesOf("second"), ElementsAre("192.0.2.1 VIP"));
}

}  // namespace
}  // namespace skiff
