// Which changes have which Services of type LoadBalancer looked at again.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "api/gen/discovery_v1.h"
#include "api/gen/networking_v1.h"
#include "base/thread_seconds.h"
#include "client/manager.h"
#include "client/transport.h"
#include "controllers/network/service_load_balancer.h"

namespace skiff {
namespace {

using core_v1::Node;
using core_v1::Pod;
using core_v1::Service;

// A cluster of a hundred of them, each at a port of its own, on one node.
class LoadBalancerWakesTest : public testing::Test {
 protected:
  static constexpr int kServices = 100;

  LoadBalancerWakesTest() {
    AddServiceLoadBalancer(manager_, {});
    manager_.Start(executor_);
    for (int i = 0; i < kServices; ++i) ports_["s" + std::to_string(i)] = 1000 + i;
    Show<networking_v1::Ingress>({});
    Show<networking_v1::IngressClass>({});
    Show<discovery_v1::EndpointSlice>({});
    Show<Pod>({});
    ShowServices();
    ShowNode({});
    executor_.RunFor(1s);
  }
  ~LoadBalancerWakesTest() override { manager_.Stop(); }

  template <Kind K>
  void Show(std::vector<Json> objects) {
    std::vector<RawJson> items;
    for (Json& object : objects) {
      const std::string name = object["metadata"]["name"];
      object["metadata"]["uid"] = name;
      object["metadata"]["namespace"] = K::Info().namespaced ? "default" : "";
      auto& [shown, version] = shown_[std::string(K::Info().kind) + name];
      if (shown != object) version = std::to_string(++version_);
      shown = object;
      object["metadata"]["resourceVersion"] = version;
      items.emplace_back(std::move(object));
    }
    informers_.For<K>().cache().Replace(std::move(items), std::to_string(++version_));
  }
  void ShowServices() {
    std::vector<Json> services;
    for (const auto& [name, port] : ports_) {
      Json ports = Json::array({{{"port", port}, {"protocol", "TCP"}}});
      if (second_.contains(name)) {
        ports.push_back({{"name", "second"}, {"port", second_[name]}, {"protocol", "TCP"}});
      }
      Json told = ports;
      for (Json& each : told) each.erase("name");
      services.push_back(
          {{"metadata", {{"name", name}, {"labels", {{"of", labels_[name]}}}}},
           {"spec", {{"type", "LoadBalancer"}, {"ipFamilies", {"IPv4"}}, {"ports", ports}}},
           {"status",
            {{"loadBalancer",
              {{"ingress",
                Json::array({{{"ip", "192.0.2.1"}, {"ipMode", "VIP"}, {"ports", told}}})}}}}}});
    }
    Show<Service>(std::move(services));
  }
  void ShowNode(const std::string& heartbeat, const std::string& ready = "True") {
    Json condition = {{"type", "Ready"}, {"status", ready}};
    if (!heartbeat.empty()) condition["lastHeartbeatTime"] = heartbeat;
    Show<Node>({{{"metadata", {{"name", "node"}}},
                 {"status",
                  {{"addresses", Json::array({{{"type", "InternalIP"}, {"address", "192.0.2.1"}}})},
                   {"conditions", Json::array({condition})}}}}});
  }
  // A pod that has the port of its node.
  void ShowPodAt(int port, const std::string& label = "") {
    const Json ports = Json::array({{{"containerPort", port}, {"hostPort", port}}});
    const Json containers = Json::array({{{"name", "c"}, {"ports", ports}}});
    Show<Pod>({{{"metadata", {{"name", "pod"}, {"labels", {{"of", label}}}}},
                {"spec", {{"nodeName", "node"}, {"containers", containers}}}}});
  }
  // How many were put into the queue since the last time.
  uint64_t Woken() {
    uint64_t adds = 0;
    for (const auto& [name, counts] : manager_.Queues()) adds += counts.adds;
    executor_.RunFor(1s);
    return adds - std::exchange(adds_, adds);
  }

  FakeClock clock_;
  SeededRandom random_{1};
  SteppedExecutor executor_{clock_, 1};
  InProcessTransport transport_{[](const http::Request& request) {
    return http::Response{.status = request.method == "GET" ? 503 : 200, .body = "{}"};
  }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  Manager manager_{{transport_, clock_, random_, informers_, "test"}};
  std::map<std::string, int> ports_;
  std::map<std::string, int> second_;  // Beside that, of some.
  std::map<std::string, std::string> labels_;
  std::map<std::string, std::pair<Json, std::string>> shown_;  // With versions.
  int version_ = 0;
  uint64_t adds_ = 0;
};

TEST_F(LoadBalancerWakesTest, AChangeTouchesThoseThatItConcerns) {
  EXPECT_GE(Woken(), uint64_t{kServices}) << "at first, all are";
  ShowNode("2026-01-01T00:00:00Z");
  EXPECT_EQ(Woken(), 0u) << "it is only alive";
  ShowNode("2026-01-01T00:00:00Z", "False");
  EXPECT_EQ(Woken(), uint64_t{kServices});
  ShowPodAt(1007);
  EXPECT_EQ(Woken(), 1u) << "that of its port";
  ShowPodAt(1007, "another");
  EXPECT_EQ(Woken(), 0u) << "it has the same port";
  ShowPodAt(1008, "another");
  EXPECT_EQ(Woken(), 2u) << "those of both ports";
}

TEST_F(LoadBalancerWakesTest, AServiceConcernsThoseThatWantItsPorts) {
  (void)Woken();
  labels_["s7"] = "another";
  ShowServices();
  EXPECT_EQ(Woken(), 1u) << "it alone";
  ports_["s7"] = 1008;
  ShowServices();
  EXPECT_EQ(Woken(), 2u) << "it, and the one that has that port";
}

// s7 claims 1007 and 1008: whether it keeps 1008 from s8 hangs on who has 1007, and where s7 has no
// address anyway, its status does not tell.
TEST_F(LoadBalancerWakesTest, WhoeverWantsAnotherPortOfWhoWaitsIsLookedAtToo) {
  second_["s7"] = 1008;
  ShowServices();
  (void)Woken();
  ShowPodAt(1007);
  EXPECT_EQ(Woken(), 2u) << "s7, and s8, which may have its port now";
}

// Each of them is looked at then, and all of them to decide about one: once for all.
TEST_F(LoadBalancerWakesTest, ManyThatWantOnePortAreDecidedOnTogether) {
  // Of all of them, when the node is Ready no more or is again.
  const auto seconds_with = [&](int many, const char* ready) {
    for (int i = 0; i < many; ++i) ports_["many" + std::to_string(i)] = 80;
    ShowServices();
    executor_.RunFor(1s);
    (void)Woken();
    ShowNode("2026-01-01T00:00:00Z", ready);
    uint64_t woken = 0;
    const double seconds = SecondsOf([&] { woken = Woken(); });
    EXPECT_EQ(woken, static_cast<uint64_t>(kServices + many));
    return seconds;
  };
  const double few = seconds_with(500, "False");
  EXPECT_LT(seconds_with(2000, "True"), 8 * few + 0.1) << few;
}

TEST_F(LoadBalancerWakesTest, AClassOfIngressesConcernsThosePortsThatTheseAreServedAt) {
  const Json ingress = {{"metadata", {{"name", "web"}}},
                        {"spec", {{"ingressClassName", "c"}}},
                  {"status",
                   {{"loadBalancer",
                     {{"ingress",
                       Json::array({{{"ip", "192.0.2.1"},
                                     {"ports", Json::array({{{"port", 1007},
                                                             {"protocol", "TCP"}}})}}})}}}}}};
  Show<networking_v1::Ingress>({ingress});
  (void)Woken();
  const Json named = {{"metadata", {{"name", "c"}}}};
  Show<networking_v1::IngressClass>({named});
  EXPECT_EQ(Woken(), 1u) << "that of its port";
}

}  // namespace
}  // namespace skiff
