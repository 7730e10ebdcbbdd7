// Rules loaded by the real iptables, in both flavours, and packets sent through them: a node with
// two pods, a third pod on another node, and clients outside, all network namespaces of
// the test's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "base/network_test_host.h"
#include "proxy/rule_sync.h"

namespace skiff::proxy {
namespace {

using testing::AnyOf;
using testing::StartsWith;

constexpr char kClusterIp[] = "10.96.0.10";
constexpr char kTrafficNode[] = "192.0.2.1";
constexpr char kExternalIp[] = "198.51.100.7";
constexpr char kLoadBalancer[] = "203.0.113.9";
constexpr int kNodePort = 30080;

struct Pod {
  std::string ip;
  std::string node;
  bool ready = true;
  bool draining = false;
  std::string zone_hint;
  std::string node_hint;
};
const Pod kPodA = {"10.244.0.2", "node-a"};
const Pod kPodB = {"10.244.0.3", "node-a"};
const Pod kPodC = {"10.244.1.2", "node-b"};

std::shared_ptr<core_v1::Service> Service(const std::string& protocol = "TCP",
                                          const std::string& ip = kClusterIp) {
  auto service = std::make_shared<core_v1::Service>();
  service->metadata.namespace_ = "default";
  service->metadata.name = "web";
  service->spec.cluster_ip = ip;
  service->spec.cluster_ips = {ip};
  core_v1::ServicePort port;
  port.protocol = protocol;
  port.port = 80;
  service->spec.ports = {port};
  return service;
}

SlicePtr SliceOf(const std::vector<Pod>& pods, const std::string& protocol = "TCP",
                 const std::string& service = "web") {
  auto slice = std::make_shared<discovery_v1::EndpointSlice>();
  slice->metadata.namespace_ = "default";
  slice->metadata.labels["kubernetes.io/service-name"] = service;
  const bool ipv6 = !pods.empty() && pods[0].ip.find(':') != std::string::npos;
  slice->address_type = ipv6 ? "IPv6" : "IPv4";
  discovery_v1::EndpointPort port;
  port.protocol = protocol;
  port.port = 8080;
  slice->ports = {port};
  for (const Pod& pod : pods) {
    discovery_v1::Endpoint endpoint;
    endpoint.addresses = {pod.ip};
    endpoint.node_name = pod.node;
    endpoint.conditions.ready = pod.ready;
    endpoint.conditions.serving = pod.ready || pod.draining;
    endpoint.conditions.terminating = pod.draining;
    if (!pod.zone_hint.empty()) {
      endpoint.hints.Ensure().for_zones.emplace_back().name = pod.zone_hint;
    }
    if (!pod.node_hint.empty()) {
      endpoint.hints.Ensure().for_nodes.emplace_back().name = pod.node_hint;
    }
    slice->endpoints.push_back(endpoint);
  }
  return slice;
}

class TrafficTest : public testing::TestWithParam<IptablesFlavour> {
 protected:
  void SetUp() override {
    node_ = TestHost::Make();
    if (!node_) GTEST_SKIP() << "making a network namespace needs root";
    pod_a_ = TestHost::Make();
    pod_b_ = TestHost::Make();
    outside_ = TestHost::Make();
    AddPod(*pod_a_, "a", 2);
    AddPod(*pod_b_, "b", 3);
    Connect(*node_, "uplink", *outside_, "wire");
    node_->Do("ip address add 192.0.2.1/24 dev uplink");
    node_->Do("ip address add fd00:ffff::1/64 dev uplink");
    node_->Do("ip route add default via 192.0.2.2");
    node_->Do("ip route add default via fd00:ffff::2");
    node_->Set("ipv4/ip_forward", "1");
    node_->Set("ipv6/conf/all/forwarding", "1");
    node_->Set("ipv4/conf/all/route_localnet", "1");
    // The world behind the wire: clients, and the other node with its pod.
    outside_->Do("ip address add 192.0.2.2/24 dev wire");
    outside_->Do("ip address add 192.0.2.3/24 dev wire");
    outside_->Do("ip address add 10.244.1.2/32 dev lo");
    outside_->Do("ip route add default via 192.0.2.1");
    for (const char* protocol : {"tcp", "udp"}) {
      servers_.Add(*pod_a_, protocol, 8080, "pod-a");
      servers_.Add(*pod_b_, protocol, 8080, "pod-b");
      servers_.Add(*outside_, protocol, 8080, "pod-c", "10.244.1.2");
    }
    servers_.Start();
    Open(IpFamily::kIpv4);
  }

  void AddPod(const TestHost& pod, const std::string& name, int last) {
    const std::string end = std::to_string(last);
    ConnectPod(*node_, "veth-" + name, pod, {"10.244.0.1", "fd00:244::1"},
               {"10.244.0." + end, "fd00:244::" + end});
  }

  void Open(IpFamily family) {
    node_->Run([&] {
      auto opened = OpenIptables(family, GetParam());
      ASSERT_TRUE(opened) << opened.error().message;
      netfilter_ = std::move(*opened);
    });
    const bool ipv6 = family == IpFamily::kIpv6;
    facts_.family = options_.family = family;
    options_.pod_cidr = ipv6 ? "fd00:244::/48" : "10.244.0.0/16";
    options_.node_ips = {kTrafficNode};
    rules_ = std::make_unique<RuleSync>(*netfilter_, options_, clock_);
  }

  ServiceMap Map(const std::vector<ServicePtr>& services, const std::vector<SlicePtr>& slices) {
    return BuildServiceMap(services, slices, facts_);
  }
  void Load(const ServicePtr& service, const SlicePtr& slice) {
    node_->Run([&] {
      const auto loaded = rules_->Full(Map({service}, {slice}));
      ASSERT_TRUE(loaded) << loaded.error().message;
    });
  }
  // Who answers, with how many of `count` questions.
  std::map<std::string, int> Tally(const TestHost& from, const std::string& ip, int port,
                                   int count = 40) {
    std::map<std::string, int> tally;
    for (int i = 0; i < count; ++i) {
      const std::string said = skiff::Ask(from, "tcp", ip, port);
      ++tally[said.substr(0, said.find(' '))];
    }
    return tally;
  }
  std::string Saved() {
    std::string saved;
    node_->Run([&] { saved = RunChecked({.argv = {netfilter_->name() + "-save"}}).value_or(""); });
    return saved;
  }

  const SystemClock clock_;
  std::unique_ptr<TestHost> node_, pod_a_, pod_b_, outside_;
  TestServers servers_;
  NodeFacts facts_ = {.name = "node-a", .zone = "z1"};
  IptablesOptions options_;
  std::unique_ptr<Netfilter> netfilter_;
  std::unique_ptr<RuleSync> rules_;
};

TEST_P(TrafficTest, AClusterIpSpreadsOverItsEndpointsFromPodAndNode) {
  Load(Service(), SliceOf({kPodA, kPodB, kPodC}));
  for (const TestHost* from : {pod_a_.get(), node_.get()}) {
    const auto tally = Tally(*from, kClusterIp, 80, 60);
    EXPECT_EQ(tally.size(), 3u) << testing::PrintToString(tally);
    for (const char* pod : {"pod-a", "pod-b", "pod-c"}) EXPECT_TRUE(tally.contains(pod)) << pod;
  }
  Load(Service(), SliceOf({kPodB}));
  // Pods are seen under their own address, everybody else under the node's.
  EXPECT_EQ(skiff::Ask(*pod_a_, "tcp", kClusterIp, 80), "pod-b 10.244.0.2");
  EXPECT_EQ(skiff::Ask(*node_, "tcp", kClusterIp, 80), "pod-b 10.244.0.1");
  // Another port is nobody's.
  EXPECT_NE(skiff::Ask(*pod_a_, "tcp", kClusterIp, 81).substr(0, 3), "pod");
}

TEST_P(TrafficTest, APodReachesItselfThroughItsService) {
  Load(Service(), SliceOf({kPodA}));
  EXPECT_EQ(skiff::Ask(*pod_a_, "tcp", kClusterIp, 80), "pod-a 10.244.0.1");
  Load(Service("UDP"), SliceOf({kPodA}, "UDP"));
  EXPECT_EQ(skiff::Ask(*pod_a_, "udp", kClusterIp, 80), "pod-a 10.244.0.1");
}

TEST_P(TrafficTest, ANodePortIsReachedFromOutsideFromPodsAndOnLoopback) {
  auto service = Service();
  service->spec.type = "NodePort";
  service->spec.ports[0].node_port = kNodePort;
  Load(service, SliceOf({kPodB}));
  EXPECT_EQ(skiff::Ask(*outside_, "tcp", kTrafficNode, kNodePort), "pod-b 10.244.0.1");
  EXPECT_EQ(skiff::Ask(*pod_a_, "tcp", kTrafficNode, kNodePort), "pod-b 10.244.0.1");
  EXPECT_EQ(skiff::Ask(*node_, "tcp", "127.0.0.1", kNodePort), "pod-b 10.244.0.1");
  // A pod elsewhere: the packet leaves the node again, with the node as its sender.
  Load(service, SliceOf({kPodC}));
  EXPECT_EQ(skiff::Ask(*outside_, "tcp", kTrafficNode, kNodePort), "pod-c 192.0.2.1");
}

TEST_P(TrafficTest, ExternalAndLoadBalancerAddressesAreServed) {
  auto service = Service();
  service->spec.type = "LoadBalancer";
  service->spec.external_ips = {kExternalIp};
  service->status.load_balancer.ingress.emplace_back().ip = kLoadBalancer;
  Load(service, SliceOf({kPodA}));
  for (const char* ip : {kExternalIp, kLoadBalancer}) {
    EXPECT_EQ(skiff::Ask(*outside_, "tcp", ip, 80), "pod-a 10.244.0.1") << ip;
    EXPECT_EQ(skiff::Ask(*pod_b_, "tcp", ip, 80), "pod-a 10.244.0.1") << ip;
    EXPECT_EQ(skiff::Ask(*node_, "tcp", ip, 80), "pod-a 10.244.0.1") << ip;
  }
}

TEST_P(TrafficTest, ANodesOwnAddressServesALoadBalancerOnItsPortOnly) {
  auto service = Service();
  service->spec.type = "LoadBalancer";
  service->status.load_balancer.ingress.emplace_back().ip = kTrafficNode;
  Load(service, SliceOf({kPodA}));
  TestServers own;
  own.Add(*node_, "tcp", 2222, "node");
  own.Start();
  for (const TestHost* from : {outside_.get(), pod_b_.get(), node_.get()}) {
    EXPECT_EQ(skiff::Ask(*from, "tcp", kTrafficNode, 80), "pod-a 10.244.0.1");
    EXPECT_THAT(skiff::Ask(*from, "tcp", kTrafficNode, 2222), StartsWith("node "));
  }
}

TEST_P(TrafficTest, SourceRangesGuardTheLoadBalancerOnly) {
  auto service = Service();
  service->spec.type = "LoadBalancer";
  service->spec.load_balancer_source_ranges = {"192.0.2.2/32"};
  service->spec.external_ips = {kExternalIp};
  service->status.load_balancer.ingress.emplace_back().ip = kLoadBalancer;
  Load(service, SliceOf({kPodA}));
  EXPECT_EQ(skiff::Ask(*outside_, "tcp", kLoadBalancer, 80, "192.0.2.2"), "pod-a 10.244.0.1");
  EXPECT_EQ(skiff::Ask(*outside_, "tcp", kLoadBalancer, 80, "192.0.2.3"), "dropped");
  EXPECT_EQ(skiff::Ask(*outside_, "tcp", kExternalIp, 80, "192.0.2.3"), "pod-a 10.244.0.1");
  EXPECT_EQ(skiff::Ask(*pod_b_, "tcp", kClusterIp, 80), "pod-a 10.244.0.3");
}

TEST_P(TrafficTest, ClientIpAffinityKeepsAClientWithItsPod) {
  auto service = Service();
  service->spec.session_affinity = "ClientIP";
  Load(service, SliceOf({kPodA, kPodB, kPodC}));
  const auto tally = Tally(*pod_b_, kClusterIp, 80, 30);
  ASSERT_EQ(tally.size(), 1u) << testing::PrintToString(tally);
  EXPECT_THAT(tally.begin()->first, StartsWith("pod-"));
  // Its pod goes: it is sent to another one.
  std::vector<Pod> left;
  for (const auto& [name, pod] :
       std::map<std::string, Pod>{{"pod-a", kPodA}, {"pod-b", kPodB}, {"pod-c", kPodC}}) {
    if (name != tally.begin()->first) left.push_back(pod);
  }
  Load(service, SliceOf(left));
  const auto after = Tally(*pod_b_, kClusterIp, 80, 20);
  ASSERT_EQ(after.size(), 1u) << testing::PrintToString(after);
  EXPECT_NE(after.begin()->first, tally.begin()->first);
}

TEST_P(TrafficTest, TheExternalPolicyLocalKeepsTheClientsAddressAndDropsWithoutLocalPods) {
  auto service = Service();
  service->spec.type = "NodePort";
  service->spec.ports[0].node_port = kNodePort;
  service->spec.external_traffic_policy = "Local";
  Load(service, SliceOf({kPodA, kPodC}));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(skiff::Ask(*outside_, "tcp", kTrafficNode, kNodePort), "pod-a 192.0.2.2");
  }
  Load(service, SliceOf({kPodC}));
  EXPECT_EQ(skiff::Ask(*outside_, "tcp", kTrafficNode, kNodePort), "dropped");
  // The node and its pods reach the whole service by the same port.
  EXPECT_EQ(skiff::Ask(*pod_a_, "tcp", kTrafficNode, kNodePort), "pod-c 10.244.0.2");
  EXPECT_EQ(skiff::Ask(*node_, "tcp", kTrafficNode, kNodePort), "pod-c 192.0.2.1");
}

TEST_P(TrafficTest, TheInternalPolicyLocalStaysOnTheNode) {
  auto service = Service();
  service->spec.internal_traffic_policy = "Local";
  Load(service, SliceOf({kPodB, kPodC}));
  EXPECT_EQ(Tally(*pod_a_, kClusterIp, 80, 20), (std::map<std::string, int>{{"pod-b", 20}}));
  Load(service, SliceOf({kPodC}));
  EXPECT_EQ(skiff::Ask(*pod_a_, "tcp", kClusterIp, 80), "dropped");
}

TEST_P(TrafficTest, AServiceWithoutEndpointsIsRefused) {
  auto service = Service();
  service->spec.type = "LoadBalancer";
  service->spec.ports[0].node_port = kNodePort;
  service->spec.external_ips = {kExternalIp};
  service->status.load_balancer.ingress.emplace_back().ip = kLoadBalancer;
  Load(service, SliceOf({}));
  EXPECT_EQ(skiff::Ask(*pod_a_, "tcp", kClusterIp, 80), "refused");
  EXPECT_EQ(skiff::Ask(*node_, "tcp", kClusterIp, 80), "refused");
  EXPECT_EQ(skiff::Ask(*pod_a_, "udp", kClusterIp, 80), "dropped") << "no such UDP port";
  for (const char* ip : {kExternalIp, kLoadBalancer}) {
    EXPECT_EQ(skiff::Ask(*outside_, "tcp", ip, 80), "refused") << ip;
  }
  EXPECT_EQ(skiff::Ask(*outside_, "tcp", kTrafficNode, kNodePort), "refused");
  Load(service, SliceOf({kPodA}));
  EXPECT_EQ(skiff::Ask(*outside_, "tcp", kTrafficNode, kNodePort), "pod-a 10.244.0.1");
}

TEST_P(TrafficTest, WhatServesNobodyInTheServiceRangeIsRefusedHere) {
  options_.service_cidr = "10.96.0.0/16";
  Open(IpFamily::kIpv4);
  Load(Service(), SliceOf({kPodA}));
  EXPECT_EQ(skiff::Ask(*pod_b_, "tcp", "10.96.7.7", 80), "refused");
  EXPECT_EQ(skiff::Ask(*pod_b_, "tcp", kClusterIp, 80), "pod-a 10.244.0.3");
}

TEST_P(TrafficTest, TerminatingEndpointsServeUntilAReadyOneIsThere) {
  Pod draining = kPodA, failed = kPodC;
  draining.ready = failed.ready = false;
  draining.draining = true;
  Load(Service(), SliceOf({draining, failed}));
  EXPECT_EQ(Tally(*pod_b_, kClusterIp, 80, 10), (std::map<std::string, int>{{"pod-a", 10}}));
  Load(Service(), SliceOf({draining, kPodC}));
  EXPECT_EQ(Tally(*pod_b_, kClusterIp, 80, 10), (std::map<std::string, int>{{"pod-c", 10}}));
  auto local = Service();
  local->spec.type = "NodePort";
  local->spec.ports[0].node_port = kNodePort;
  local->spec.external_traffic_policy = "Local";
  Load(local, SliceOf({draining, kPodC}));
  EXPECT_EQ(skiff::Ask(*outside_, "tcp", kTrafficNode, kNodePort), "pod-a 192.0.2.2");
}

TEST_P(TrafficTest, HintsKeepTrafficInTheZoneOrOnTheNode) {
  Pod here = kPodC, there = kPodB;
  here.zone_hint = "z1";
  there.zone_hint = "z2";
  Load(Service(), SliceOf({here, there}));
  EXPECT_EQ(Tally(*pod_a_, kClusterIp, 80, 15), (std::map<std::string, int>{{"pod-c", 15}}));
  // With trafficDistribution PreferSameNode there are hints for nodes as well, and those come
  // first.
  here.node_hint = "node-b";
  there.node_hint = "node-a";
  Load(Service(), SliceOf({here, there}));
  EXPECT_EQ(Tally(*pod_a_, kClusterIp, 80, 15), (std::map<std::string, int>{{"pod-b", 15}}));
  // One endpoint without a hint, and all are used.
  there.zone_hint = there.node_hint = "";
  Load(Service(), SliceOf({here, there}));
  EXPECT_EQ(Tally(*pod_a_, kClusterIp, 80, 40).size(), 2u);
}

TEST_P(TrafficTest, AUdpClientIsSentOnWhenItsEndpointGoes) {
  if (!FindProgram("conntrack")) GTEST_SKIP() << "needs the package conntrack";
  auto service = Service("UDP");
  service->spec.type = "NodePort";
  service->spec.ports[0].node_port = kNodePort;
  Load(service, SliceOf({kPodA}, "UDP"));
  TestClient inside(*pod_b_, "udp", kClusterIp, 80);
  TestClient outside(*outside_, "udp", kTrafficNode, kNodePort);
  EXPECT_EQ(inside.Ask(), "pod-a 10.244.0.3");
  EXPECT_EQ(outside.Ask(), "pod-a 10.244.0.1");
  node_->Run([&] {
    const auto done =
        rules_->Partial(Map({service}, {SliceOf({kPodC}, "UDP")}), {"default/web/udp"});
    ASSERT_TRUE(done) << done.error().message;
  });
  EXPECT_EQ(inside.Ask(), "pod-c 10.244.0.3");
  EXPECT_EQ(outside.Ask(), "pod-c 192.0.2.1");
}

TEST_P(TrafficTest, IPv6IsServedBesideIPv4) {
  if (!FindProgram("ip6tables-save")) GTEST_SKIP() << "no ip6tables";
  Load(Service(), SliceOf({kPodB}));
  Open(IpFamily::kIpv6);
  const Pod a = {"fd00:244::2", "node-a"}, b = {"fd00:244::3", "node-a"};
  auto service = Service("TCP", "fd00:96::10");
  service->spec.type = "NodePort";
  service->spec.ports[0].node_port = kNodePort;
  Load(service, SliceOf({a}));
  EXPECT_EQ(skiff::Ask(*pod_b_, "tcp", "fd00:96::10", 80), "pod-a fd00:244::3");
  EXPECT_EQ(skiff::Ask(*pod_a_, "tcp", "fd00:96::10", 80), "pod-a fd00:244::1") << "hairpin";
  EXPECT_EQ(skiff::Ask(*pod_b_, "tcp", "fd00:244::1", kNodePort), "pod-a fd00:244::1");
  EXPECT_EQ(skiff::Ask(*pod_a_, "tcp", kClusterIp, 80), "pod-b 10.244.0.2") << "IPv4 still";
  Load(service, SliceOf({}));
  EXPECT_EQ(skiff::Ask(*pod_b_, "tcp", "fd00:96::10", 80), "refused");
}

TEST_P(TrafficTest, AChangeWritesOnlyTheChainsOfItsService) {
  auto other = Service("TCP", "10.96.0.11");
  other->metadata.name = "other";
  const auto other_slice = SliceOf({kPodB}, "TCP", "other");
  node_->Run([&] {
    ASSERT_TRUE(rules_->Full(Map({Service(), other}, {SliceOf({kPodA}), other_slice})));
  });
  EXPECT_EQ(skiff::Ask(*pod_a_, "tcp", "10.96.0.11", 80), "pod-b 10.244.0.2");
  // A chain that is written anew begins to count anew.
  const auto packets = [&] {
    return node_->Do(netfilter_->name() + " -t nat -w 5 -L KUBE-SVC-" +
                     ChainHash("default/othertcp") + " -v -x -n");
  };
  const std::string before = packets();
  EXPECT_THAT(before, testing::ContainsRegex("\n +1 +60 KUBE-SEP-")) << before;
  node_->Run([&] {
    const auto report = rules_->Partial(
        Map({Service(), other}, {SliceOf({kPodA, kPodC}), other_slice}), {"default/web/tcp"});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_FALSE(report->full);
    EXPECT_EQ(report->chains, 3u);  // KUBE-SVC and two KUBE-SEP.
  });
  EXPECT_EQ(packets(), before);
  EXPECT_EQ(Tally(*pod_b_, kClusterIp, 80, 40).size(), 2u);
  node_->Run(
      [&] { ASSERT_TRUE(rules_->Partial(Map({other}, {other_slice}), {"default/web/tcp"})); });
  EXPECT_THAT(Saved(), testing::Not(testing::HasSubstr("default/web")));
  EXPECT_EQ(packets(), before);
}

TEST_P(TrafficTest, RulesSurviveOtherPeoplesAndGoWithoutATrace) {
  node_->Do(netfilter_->name() + " -w 5 -t nat -N KUBE-ROUTER-X");
  node_->Do(netfilter_->name() + " -w 5 -t nat -A PREROUTING -p tcp --dport 9 -j KUBE-ROUTER-X");
  const std::string program = netfilter_->name();
  auto service = Service();
  service->spec.external_ips = {kExternalIp};
  Load(service, SliceOf({kPodA, kPodB}));
  EXPECT_THAT(Saved(), testing::HasSubstr("KUBE-SVC-"));
  node_->Run([&] {
    EXPECT_TRUE(rules_->Intact(true));
    const auto cleaned = CleanupIptables();
    ASSERT_TRUE(cleaned) << cleaned.error().message;
    EXPECT_FALSE(rules_->Intact(false));
  });
  std::string rest = Saved();
  for (size_t at; (at = rest.find("KUBE-ROUTER-X")) != std::string::npos;) rest.erase(at, 13);
  EXPECT_THAT(rest, testing::Not(testing::HasSubstr("KUBE-")));
  EXPECT_THAT(Saved(), testing::HasSubstr("-A PREROUTING -p tcp -m tcp --dport 9"));
  // What is left of an earlier run, chains without a service any more, goes with the next one.
  Load(service, SliceOf({kPodA, kPodB}));
  rules_ = std::make_unique<RuleSync>(*netfilter_, options_, clock_);
  Load(Service("UDP"), SliceOf({kPodA}, "UDP"));
  EXPECT_THAT(Saved(), testing::Not(testing::HasSubstr("KUBE-EXT-")));
}

TEST_P(TrafficTest, NodePortsOf127AreAllowedUntilTheRulesGo) {
  const auto cleaned_after = [&](const char* before) {
    node_->Set("ipv4/conf/all/route_localnet", before);
    std::string allowed, left;
    node_->Run([&] {
      const auto read = [] {
        std::string value;
        std::ifstream("/proc/sys/net/ipv4/conf/all/route_localnet") >> value;
        return value;
      };
      ASSERT_TRUE(netfilter_->AllowLocalNodePorts());
      ASSERT_TRUE(netfilter_->AllowLocalNodePorts()) << "as after a restart";
      allowed = read();
      ASSERT_TRUE(CleanupIptables());
      left = read();
    });
    EXPECT_EQ(allowed, "1");
    EXPECT_THAT(Saved(), testing::Not(testing::HasSubstr("KUBE-")));
    return left;
  };
  EXPECT_EQ(cleaned_after("0"), "0");
  EXPECT_EQ(cleaned_after("1"), "1") << "somebody else's";
}

INSTANTIATE_TEST_SUITE_P(Flavours, TrafficTest,
                         testing::Values(IptablesFlavour::kNft, IptablesFlavour::kLegacy),
                         [](const auto& info) { return FlavourText(info.param); });

}  // namespace
}  // namespace skiff::proxy
