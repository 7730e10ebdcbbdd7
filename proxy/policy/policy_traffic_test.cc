// Policies loaded by the real nft, beside the real service rules, and connections made through
// them: a node with three pods, a fourth pod on another node, and clients outside, all network
// namespaces of the test's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/network_test_host.h"
#include "proxy/policy/nft.h"
#include "proxy/policy/policy_test_objects.h"
#include "proxy/rule_sync.h"

namespace skiff::netpol {
namespace {

using proxy::IptablesFlavour;

constexpr char kAIp[] = "10.244.0.2", kBIp[] = "10.244.0.3", kCIp[] = "10.244.0.4",
               kDIp[] = "10.244.1.2", kNodeIp[] = "192.0.2.1", kOutsideIp[] = "192.0.2.2",
               kServiceIp[] = "10.96.0.10";
constexpr char kDeny[] = "unreachable";
constexpr char kServer[] = "a";  // What pod a answers.

class PolicyTrafficTest : public testing::TestWithParam<IptablesFlavour> {
 protected:
  void SetUp() override {
    node_ = TestHost::Make();
    if (!node_) GTEST_SKIP() << "making a network namespace needs root";
    a_ = TestHost::Make();
    b_ = TestHost::Make();
    c_ = TestHost::Make();
    world_ = TestHost::Make();
    AddPod(*a_, "a", 2);
    AddPod(*b_, "b", 3);
    AddPod(*c_, "c", 4);
    Connect(*node_, "uplink", *world_, "wire");
    node_->Do("ip address add 192.0.2.1/24 dev uplink");
    node_->Do("ip route add default via 192.0.2.2");
    node_->Set("ipv4/ip_forward", "1");
    node_->Set("ipv6/conf/all/forwarding", "1");
    // The world behind the wire: clients, and the other node with its pod.
    for (const char* address : {"192.0.2.2/24", "192.0.2.3/24"}) {
      world_->Do(std::string("ip address add ") + address + " dev wire");
    }
    world_->Do("ip address add 10.244.1.2/32 dev lo");
    world_->Do("ip route add default via 192.0.2.1");
    for (const auto& [name, host] : Pods()) {
      servers_.Add(*host, "tcp", 8080, name);
      servers_.Add(*host, "udp", 8080, name);
      servers_.Add(*host, "tcp", 9090, name);
    }
    servers_.Add(*world_, "tcp", 8080, "d", kDIp);
    servers_.Add(*world_, "tcp", 8080, "outside", kOutsideIp);
    servers_.Add(*node_, "tcp", 7070, "node");
    servers_.Start();
    if (nft_->LooksUpRoutes()) test_.plan.BindCables();
    Load();
  }
  std::vector<std::pair<std::string, const TestHost*>> Pods() const {
    return {{"a", a_.get()}, {"b", b_.get()}, {"c", c_.get()}};
  }
  void AddPod(const TestHost& pod, const std::string& name, int last) {
    const std::string end = std::to_string(last);
    ConnectPod(*node_, "veth-" + name, pod, {"10.244.0.1", "fd00:244::1"},
               {"10.244.0." + end, "fd00:244::" + end});
  }
  // A Service at kServiceIp:80 that leads to that address.
  void Serve(const std::string& ip, const std::string& protocol = "tcp", int port = 8080) {
    proxy::ServicePortRules service;
    service.name = "default/web";
    service.protocol = protocol;
    service.cluster_ip = kServiceIp;
    service.port = 80;
    service.node_port = 30080;
    service.has_endpoints = true;
    proxy::ServiceEndpoint endpoint;
    endpoint.ip = ip;
    endpoint.port = port;
    endpoint.ready = endpoint.serving = true;
    service.cluster_endpoints = {endpoint};
    node_->Run([&] {
      auto netfilter = proxy::OpenIptables(proxy::IpFamily::kIpv4, GetParam());
      ASSERT_TRUE(netfilter) << netfilter.error().message;
      proxy::RuleSync rules(**netfilter, {.pod_cidr = "10.244.0.0/16", .node_ips = {kNodeIp}},
                            clock_);
      const auto written = rules.Full({{"default/web/" + protocol, service}});
      ASSERT_TRUE(written) << written.error().message;
    });
  }
  void Run(const std::string& text) {
    node_->Run([&] {
      const auto loaded = nft_->Load(text);
      ASSERT_TRUE(loaded) << loaded.error().message << "\n" << text;
    });
  }
  void Load() {
    Run(test_.table().WholeText());
    test_.table().CommitWhole();
  }
  // Writes what has changed.
  void Change() {
    Run(test_.table().ChangeText());
    test_.table().CommitChange();
  }
  void Policy(const std::string& name, const std::string& spec,
              const std::string& namespace_ = "default") {
    test_.SetPolicy(name, spec, namespace_);
    Change();
  }
  std::string Says(const TestHost& from, const std::string& ip, int port = 8080,
                   const std::string& protocol = "tcp", const std::string& source = "") {
    const std::string said = Ask(from, protocol, ip, port, source);
    return said.substr(0, said.find(' '));
  }
  // Of the four pods and a client outside, who reaches that address of pod a; "a b c d o".
  std::string WhoReaches(const std::string& ip, int port = 8080) {
    std::string who;
    for (const auto& [name, host] : Pods()) {
      if (Says(*host, ip, port) == kServer) who += name + " ";
    }
    if (Says(*world_, ip, port, "tcp", kDIp) == kServer) who += "d ";
    if (Says(*world_, ip, port, "tcp", kOutsideIp) == kServer) who += "o ";
    return who;
  }

  const SystemClock clock_;
  std::unique_ptr<TestHost> node_, a_, b_, c_, world_;
  TestServers servers_;
  TestPlan test_;
  const std::unique_ptr<Nft> nft_ = OpenNft();
};

TEST_P(PolicyTrafficTest, WithoutAPolicyOfItsOwnAPodIsOpen) {
  EXPECT_EQ(WhoReaches(kAIp), "a b c d o ");
  Policy("else", "{podSelector: {matchLabels: {app: b}}}");
  EXPECT_EQ(WhoReaches(kAIp), "a b c d o ");
  Policy("there", "{podSelector: {}}", "other");
  EXPECT_EQ(WhoReaches(kAIp), "a b c d o ") << "of another namespace";
}

TEST_P(PolicyTrafficTest, TheTruthOfWhoMayComeIn) {
  const struct {
    const char* ingress;
    const char* who;
  } truth[] = {
      {"[]", "a "},
      {"[{}]", "a b c d o "},
      {"[{from: []}]", "a b c d o "},
      {"[{from: [{podSelector: {}}]}]", "a b "},
      {"[{from: [{podSelector: {matchLabels: {app: b}}}]}]", "a b "},
      {"[{from: [{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [b]}]}}]}]",
       "a "},
      {"[{from: [{namespaceSelector: {}}]}]", "a b c d "},
      {"[{from: [{namespaceSelector: {matchLabels: {team: x}}}]}]", "a c d "},
      {"[{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: default}}}]}]",
       "a b "},
      // Both at once, and either.
      {"[{from: [{namespaceSelector: {matchLabels: {team: x}}, podSelector: {matchLabels: {app: "
       "d}}}]}]",
       "a d "},
      {"[{from: [{namespaceSelector: {matchLabels: {team: x}}}, {podSelector: {matchLabels: {app: "
       "b}}}]}]",
       "a b c d "},
      {"[{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]", "a o "},
      {"[{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]", "a b c d o "},
      {"[{from: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.244.0.0/16, 10.244.0.3/32]}}]}]", "a o "},
      {"[{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.244.0.0/24]}}]}]", "a d "},
      {"[{from: [{ipBlock: {cidr: 10.244.0.3/32}}, {ipBlock: {cidr: 10.244.0.0/30}}]}]", "a b "},
      // Ports.
      {"[{ports: [{port: 8080}]}]", "a b c d o "},
      {"[{ports: [{port: 8081}]}]", "a "},
      {"[{ports: [{port: 8000, endPort: 8080}]}]", "a b c d o "},
      {"[{ports: [{port: 8000, endPort: 8079}]}]", "a "},
      {"[{ports: [{protocol: TCP}]}]", "a b c d o "},
      {"[{ports: [{protocol: UDP}, {port: 8080, protocol: SCTP}]}]", "a "},
      {"[{ports: [{port: web}]}]", "a b c d o "},
      {"[{ports: [{port: other}]}]", "a "},
      {"[{from: [{podSelector: {}}], ports: [{port: 8081}]}, {from: [{ipBlock: {cidr: "
       "192.0.2.2/32}}], ports: [{port: web}]}]",
       "a o "},
  };
  for (const auto& [ingress, who] : truth) {
    Policy("web", std::string("{podSelector: {matchLabels: {app: a}}, ingress: ") + ingress + "}");
    EXPECT_EQ(WhoReaches(kAIp), who) << ingress;
  }
  EXPECT_EQ(Says(*a_, kBIp), "b") << "replies come back, and nobody but a is isolated";
  EXPECT_EQ(Says(*a_, kOutsideIp), "outside");
  Policy("web", "");
  EXPECT_EQ(WhoReaches(kAIp), "a b c d o ");
}

TEST_P(PolicyTrafficTest, TheTruthOfWhereOneMayGo) {
  const auto reached = [&] {
    std::string text;
    for (const char* ip : {kAIp, kBIp, kCIp, kDIp, kOutsideIp}) {
      const std::string said = Says(*a_, ip);
      if (said != kDeny) text += said + " ";
    }
    return text;
  };
  const struct {
    const char* spec;
    const char* where;
  } truth[] = {
      {"policyTypes: [Egress]", "a "},
      {"policyTypes: [Ingress]", "a b c d outside "},
      {"egress: []", "a b c d outside "},
      {"egress: [{to: [{podSelector: {}}]}]", "a b "},
      {"policyTypes: [Egress], egress: [{}]", "a b c d outside "},
      {"policyTypes: [Ingress], egress: [{to: [{podSelector: {}}]}]", "a b c d outside "},
      {"egress: [{to: [{namespaceSelector: {matchLabels: {team: x}}}]}]", "a c d "},
      {"egress: [{to: [{namespaceSelector: {}, podSelector: {matchLabels: {app: d}}}]}]", "a d "},
      {"egress: [{to: [{ipBlock: {cidr: 192.0.2.0/24}}]}]", "a outside "},
      {"egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [192.0.2.2/32]}}]}]", "a b c d "},
      // Whoever calls a port so, whatever the policy's own pod does.
      {"egress: [{ports: [{port: web}]}]", "a b c d "},
      {"egress: [{to: [{podSelector: {}}], ports: [{port: 9090}]}]", "a "},
  };
  for (const auto& [spec, where] : truth) {
    Policy("web", std::string("{podSelector: {matchLabels: {app: a}}, ") + spec + "}");
    EXPECT_EQ(reached(), where) << spec;
  }
  EXPECT_EQ(Says(*a_, kBIp, 9090), "b");
}

TEST_P(PolicyTrafficTest, BothSidesHaveToAllowAConnection) {
  Policy("out", "{podSelector: {matchLabels: {app: a}}, policyTypes: [Egress], egress: [{to: "
                "[{podSelector: {matchLabels: {app: b}}}]}]}");
  EXPECT_EQ(Says(*a_, kBIp), "b");
  Policy("in", "{podSelector: {matchLabels: {app: b}}}");
  EXPECT_EQ(Says(*a_, kBIp), kDeny);
  Policy("in", "{podSelector: {matchLabels: {app: b}}, ingress: [{from: [{podSelector: {}}]}]}");
  EXPECT_EQ(Says(*a_, kBIp), "b");
  EXPECT_EQ(Says(*c_, kBIp), kDeny);
  EXPECT_EQ(Says(*a_, kCIp), kDeny);
  // Policies add up.
  Policy("also", "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}");
  EXPECT_EQ(Says(*c_, kBIp), "b");
  Policy("also", "");
  EXPECT_EQ(Says(*c_, kBIp), kDeny);
}

TEST_P(PolicyTrafficTest, ThePodsNodeIsAlwaysAllowedBothWays) {
  Policy("closed", "{podSelector: {}, policyTypes: [Ingress, Egress]}");
  EXPECT_EQ(Says(*node_, kAIp), "a");
  EXPECT_EQ(Says(*a_, kNodeIp, 7070), "node");
  EXPECT_EQ(Says(*a_, kBIp), kDeny);
  EXPECT_EQ(Says(*b_, kOutsideIp), kDeny);
}

TEST_P(PolicyTrafficTest, ServicesAreJudgedByThePodBehindThem) {
  Serve(kBIp);
  ASSERT_EQ(Says(*a_, kServiceIp, 80), "b");
  Policy("out", "{podSelector: {matchLabels: {app: a}}, policyTypes: [Egress], egress: [{to: "
                "[{podSelector: {matchLabels: {app: b}}}], ports: [{port: 8080}]}]}");
  EXPECT_EQ(Says(*a_, kServiceIp, 80), "b");
  Serve(kCIp);
  EXPECT_EQ(Says(*a_, kServiceIp, 80), kDeny);
  // A pod is never kept from itself.
  Policy("out", "{podSelector: {}, policyTypes: [Ingress, Egress]}");
  Serve(kAIp);
  EXPECT_EQ(Says(*a_, kServiceIp, 80), "a");
  EXPECT_EQ(Says(*b_, kServiceIp, 80), kDeny);
  // From outside by a port of the node: who asks is seen as who it is.
  EXPECT_EQ(Says(*world_, kNodeIp, 30080, "tcp", kOutsideIp), kDeny);
  Policy("out", "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.2/32}}]}]}");
  EXPECT_EQ(Says(*world_, kNodeIp, 30080, "tcp", kOutsideIp), "a");
  EXPECT_EQ(Says(*world_, kNodeIp, 30080, "tcp", "192.0.2.3"), kDeny);
}

TEST_P(PolicyTrafficTest, UdpIsJudgedAsItsPortsSay) {
  Policy("web", "{podSelector: {matchLabels: {app: a}}, ingress: [{ports: [{port: 8080, protocol: "
                "UDP}]}]}");
  EXPECT_EQ(Says(*b_, kAIp, 8080, "udp"), "a");
  EXPECT_EQ(Says(*b_, kAIp), kDeny);
}

TEST_P(PolicyTrafficTest, IPv6IsJudgedLikeIPv4) {
  EXPECT_EQ(Says(*b_, "fd00:244::2"), "a");
  Policy("web", "{podSelector: {matchLabels: {app: a}}, ingress: [{from: [{podSelector: "
                "{matchLabels: {app: b}}}, {ipBlock: {cidr: \"fd00:244::4/128\"}}], ports: [{port: "
                "web}]}]}");
  EXPECT_EQ(Says(*b_, "fd00:244::2"), "a");
  EXPECT_EQ(Says(*c_, "fd00:244::2"), "a");
  EXPECT_THAT(Says(*b_, "fd00:244::2", 9090), testing::Ne("a"));
  Policy("web", "{podSelector: {matchLabels: {app: a}}, ingress: [{from: [{ipBlock: {cidr: "
                "\"::/0\", except: [\"fd00:244::4/127\"]}}]}]}");
  EXPECT_EQ(Says(*b_, "fd00:244::2"), "a");
  EXPECT_THAT(Says(*c_, "fd00:244::2"), testing::Ne("a"));
}

TEST_P(PolicyTrafficTest, AConnectionThatIsAllowedNoMoreEnds) {
  TestClient inside(*b_, "udp", kAIp, 8080);
  EXPECT_EQ(inside.Ask(), "a 10.244.0.3");
  Policy("web", "{podSelector: {matchLabels: {app: a}}}");
  EXPECT_EQ(inside.Ask(), kDeny) << "the same conversation";
  Policy("web", "");
  EXPECT_EQ(inside.Ask(), "a 10.244.0.3");
  // One that a began goes on, though nobody may begin one with a.
  TestClient own(*a_, "udp", kBIp, 8080);
  EXPECT_EQ(own.Ask(), "b 10.244.0.2");
  Policy("web", "{podSelector: {matchLabels: {app: a}}}");
  EXPECT_EQ(own.Ask(), "b 10.244.0.2");
}

TEST_P(PolicyTrafficTest, APodHasTheNetworkWhenItsPoliciesAreKnown) {
  test_.RemovePod(kB);
  Change();
  EXPECT_EQ(Says(*b_, kOutsideIp), "dropped") << "who it is nobody knows yet";
  EXPECT_EQ(Says(*a_, kBIp), "dropped");
  EXPECT_EQ(Says(*node_, kBIp), "b");
  test_.SetPod(kB);
  Change();
  EXPECT_EQ(Says(*b_, kOutsideIp), "outside");
  EXPECT_EQ(Says(*a_, kBIp), "b");
}

// Questions that a pod sends under an address of somebody else, as far as they come to pod a: the
// answers would go to that one.
TEST_P(PolicyTrafficTest, APodSendsUnderItsOwnAddressAlone) {
  if (!nft_->LooksUpRoutes()) GTEST_SKIP() << "this kernel's nftables have no fib";
  Policy("web", "{podSelector: {matchLabels: {app: a}}, ingress: [{from: [{podSelector: "
                "{matchLabels: {app: d}}, namespaceSelector: {}}, {podSelector: {matchLabels: {app: "
                "a}}, namespaceSelector: {}}]}]}");
  a_->Do("nft add table inet seen");
  a_->Do("nft add chain inet seen in { type filter hook input priority 0 ; }");
  const auto comes = [&](const std::string& family, const std::string& source,
                         const std::string& to) {
    a_->Do("nft flush chain inet seen in");
    a_->Do("nft add rule inet seen in " + family + " saddr " + source + " udp dport 8080 counter");
    const bool is_v6 = family == "ip6";
    b_->Do("ip address add " + source + (is_v6 ? "/128 dev lo nodad" : "/32 dev lo"));
    (void)Says(*b_, to, 8080, "udp", source);
    b_->Do("ip address del " + source + (is_v6 ? "/128" : "/32") + " dev lo");
    return a_->Do("nft list chain inet seen in").find("packets 0 ") == std::string::npos;
  };
  EXPECT_FALSE(comes("ip", kCIp, kAIp)) << "of another pod of this node";
  EXPECT_FALSE(comes("ip", kDIp, kAIp)) << "of a pod of another node";
  EXPECT_FALSE(comes("ip6", "fd00:244::4", "fd00:244::2"));
  node_->Run([&] { EXPECT_TRUE(nft_->Intact()); });
  node_->Do("nft flush chain inet skiff-policy cables");
  node_->Run([&] { EXPECT_FALSE(nft_->Intact()); });
  EXPECT_TRUE(comes("ip", kCIp, kAIp)) << "nothing else is in its way";
  Load();
  EXPECT_FALSE(comes("ip", kCIp, kAIp));
  Policy("web", "{podSelector: {matchLabels: {app: a}}, ingress: [{from: [{podSelector: {}}]}]}");
  EXPECT_EQ(Says(*b_, kAIp, 8080, "udp"), "a") << "its own";
  EXPECT_EQ(Says(*b_, "fd00:244::2", 8080, "udp"), "a");
}

// The node would unpack it, and lead what is in it to a pod under whatever address it says.
TEST_P(PolicyTrafficTest, NoPodSendsIntoTheTunnelBetweenNodes) {
  const auto comes = [&](const TestHost& from, const TestHost& to, const std::string& ip,
                         int port = 8472) {
    to.Do("nft add table inet seen");
    // Behind the policies' chains.
    to.Do("nft add chain inet seen in { type filter hook input priority 100 ; }");
    to.Do("nft add rule inet seen in udp dport 8472 counter");
    (void)Says(from, ip, port, "udp");
    const std::string seen = to.Do("nft list chain inet seen in");
    to.Do("nft delete table inet seen");
    return seen.find("packets 0 ") == std::string::npos;
  };
  EXPECT_FALSE(comes(*b_, *node_, kNodeIp));
  EXPECT_FALSE(comes(*b_, *world_, "192.0.2.2")) << "another node";
  EXPECT_TRUE(comes(*world_, *node_, kNodeIp)) << "from another node";
  for (const std::string& ip : {std::string(kNodeIp), std::string("192.0.2.2")}) {
    Serve(ip, "udp", 8472);
    EXPECT_FALSE(comes(*b_, ip == kNodeIp ? *node_ : *world_, kServiceIp, 80)) << "by a Service";
  }
  EXPECT_TRUE(comes(*b_, *a_, kAIp)) << "pods have tunnels of their own";
}

TEST_P(PolicyTrafficTest, AfterABootPodsAreClosedUntilPoliciesAreRead) {
  node_->Run([&] {
    ASSERT_TRUE(CleanupPolicies());
    const auto closed = CloseUntilRead({"10.244.0.0/24", "fd00:244::/64"});
    ASSERT_TRUE(closed) << closed.error().message;
  });
  EXPECT_EQ(Says(*b_, kAIp), "dropped");
  EXPECT_EQ(Says(*b_, "fd00:244::2"), "dropped");
  EXPECT_EQ(Says(*b_, kOutsideIp), "dropped");
  EXPECT_EQ(Says(*world_, kAIp, 8080, "tcp", kOutsideIp), "dropped");
  EXPECT_EQ(Says(*node_, kAIp), "a") << "its own node: probes go on";
  Load();
  EXPECT_EQ(WhoReaches(kAIp), "a b c d o ");
  // Who starts again has what was there.
  node_->Run([&] { ASSERT_TRUE(CloseUntilRead({"10.244.0.0/24"})); });
  EXPECT_EQ(Says(*b_, kAIp), "a");
}

TEST_P(PolicyTrafficTest, APodOfAnotherNodeThatIsNotKnownYetMayAskAgain) {
  Policy("web", "{podSelector: {matchLabels: {app: a}}, ingress: [{from: [{podSelector: "
                "{matchLabels: {app: young}}}]}]}");
  test_.RemovePod(kD);
  Change();
  EXPECT_EQ(Says(*world_, kAIp, 8080, "tcp", kDIp), "dropped");
  EXPECT_EQ(Says(*world_, kAIp, 8080, "tcp", kOutsideIp), kDeny) << "told at once";
  TestPod young = kD;
  young.namespace_ = "default";
  young.app = "young";
  test_.SetPod(young);
  Change();
  EXPECT_EQ(Says(*world_, kAIp, 8080, "tcp", kDIp), "a");
}

TEST_P(PolicyTrafficTest, EveryChangeIsTakenAndTheTableGoesWithoutATrace) {
  Serve(kAIp);
  const auto everything = [&] {
    for (const char* spec : {"{podSelector: {}}",
                             "{podSelector: {}, egress: [{ports: [{port: web}]}]}",
                             "{podSelector: {matchLabels: {app: b}}, ingress: [{from: "
                             "[{podSelector: {}}], ports: [{port: 1, endPort: 2}]}]}",
                             ""}) {
      Policy("one", spec);
      Policy("two", spec, "other");
      Policy("two", "", "other");
      test_.RemovePod(kB);
      Change();
      test_.SetPod(kB);
      Change();
    }
  };
  everything();
  everything();
  while (test_.table().has_leftovers()) Change();
  const std::string listed = node_->Do("nft list table inet skiff-policy");
  EXPECT_THAT(listed, testing::Not(testing::HasSubstr("default/one")));
  EXPECT_THAT(listed, testing::Not(testing::HasSubstr("port4-")));
  EXPECT_THAT(listed, testing::Not(testing::HasSubstr("ports-")));
  node_->Run([&] {
    EXPECT_TRUE(nft_->Intact());
    EXPECT_TRUE(RunChecked({.argv = {"nft", "flush", "chain", "inet", "skiff-policy", "ingress"}}));
    EXPECT_FALSE(nft_->Intact());
    EXPECT_TRUE(CleanupPolicies());
    EXPECT_TRUE(CleanupPolicies()) << "nothing is there";
    EXPECT_FALSE(nft_->Intact());
    EXPECT_EQ(NftTrouble(), "");
  });
  EXPECT_THAT(node_->Do("nft list tables"), testing::Not(testing::HasSubstr("skiff")));
  EXPECT_EQ(Says(*b_, kServiceIp, 80), "a") << "others' rules stay";
}

INSTANTIATE_TEST_SUITE_P(Flavours, PolicyTrafficTest,
                         testing::Values(IptablesFlavour::kNft, IptablesFlavour::kLegacy),
                         [](const auto& info) { return FlavourText(info.param); });

}  // namespace
}  // namespace skiff::netpol
