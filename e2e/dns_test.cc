// The cluster's names on the real server and controllers: what is written to the API is what the
// DNS answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/network_test_host.h"
#include "dns/answer.h"
#include "dns/publish_loop.h"
#include "dns/server.h"
#include "dns/test_socket.h"
#include "dns/view_loop.h"
#include "e2e/harness.h"
#include "e2e/pod_runner.h"
#include "proxy/rule_sync.h"

namespace skiff {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr char kDnsAddress[] = "10.0.0.10";
constexpr char kNodeAddress[] = "192.0.2.1";
constexpr int kDnsPort = 10053;
const ObjectKey kDnsService{"kube-system", "kube-dns"};
const ObjectKey kDnsSlice{"kube-system", "kube-dns-node1"};

constexpr char kObjects[] = R"(
apiVersion: v1
kind: Node
metadata: {name: node1}
spec: {podCIDR: 10.244.0.0/24, podCIDRs: [10.244.0.0/24]}
---
apiVersion: v1
kind: Node
metadata: {name: node-1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  clusterIP: 10.0.0.20
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: peers}
spec:
  selector: {app: web}
  clusterIP: None
  ports: [{name: http, port: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: one, labels: {app: web}}
spec: {hostname: first, subdomain: peers, containers: [{name: main, image: web}]}
---
apiVersion: v1
kind: Pod
metadata: {name: two, labels: {app: web}}
spec: {containers: [{name: main, image: web}]}
---
apiVersion: v1
kind: Service
metadata: {name: ext}
spec: {type: ExternalName, externalName: web.default.svc.cluster.local}
)";

class ClusterNames : public ::testing::Test {
 protected:
  ClusterNames() : cluster_(OptionsOf()) {}
  ~ClusterNames() override {
    cluster_.executor().Remove(*loop_);
    cluster_.executor().Remove(*publish_);
    cluster_.executor().Remove(*announce_);
  }
  // As the server of node1 would come back: with a DNS where there was none, and without where
  // there was one.
  void Restart() {
    for (auto* each : std::initializer_list<ControlLoop*>{publish_.get(), announce_.get()}) {
      cluster_.executor().Remove(*each);
    }
    std::swap(publish_, other_publish_);
    std::swap(announce_, other_announce_);
    cluster_.executor().Add(*publish_);
    cluster_.executor().Add(*announce_);
    cluster_.RunFor(1s);
  }

  TestCluster::Options OptionsOf() {
    TestCluster::Options options;
    options.add_parts = [this](Manager& manager) {
      AddPodRunner(manager, {});
      loop_ = std::make_unique<dns::ViewLoop>(dns::ViewLoop::Dependencies{
          manager.informer<core_v1::Service>(), manager.informer<discovery_v1::EndpointSlice>(),
          manager.informer<core_v1::Namespace>(), manager.informer<core_v1::Node>(),
          manager.clock(), views_});
      publish_ =
          std::make_unique<dns::PublishLoop>(kDnsAddress, manager.client(), manager.informers());
      announce_ = std::make_unique<dns::AnnounceLoop>("node1", kDnsPort, manager.client(),
                                                      manager.informers());
      other_publish_ =
          std::make_unique<dns::PublishLoop>("", manager.client(), manager.informers());
      other_announce_ =
          std::make_unique<dns::AnnounceLoop>("node1", 0, manager.client(), manager.informers());
    };
    return options;
  }
  void SetUp() override {
    cluster_.executor().Add(*loop_);
    cluster_.executor().Add(*publish_);
    cluster_.executor().Add(*announce_);
    cluster_.RunUntilIdle();
  }
  // As the node's kubelet says it.
  void SetNode(const std::string& name, const std::string& address, bool ready) {
    cluster_.Edit<core_v1::Node>(
        {"", name},
        [&](core_v1::Node& it) {
          it.status.addresses.resize(1);
          it.status.addresses[0].type = "InternalIP";
          it.status.addresses[0].address = address;
          it.status.conditions.resize(1);
          it.status.conditions[0].type = "Ready";
          it.status.conditions[0].status = ready ? "True" : "False";
        },
        /*status=*/true);
    cluster_.RunFor(1s);
  }
  // Where the rules of a node lead a query to the address of the service.
  std::vector<std::string> ServersFor(const std::string& node) {
    const auto map = proxy::BuildServiceMap({cluster_.Get<core_v1::Service>(kDnsService)}, Slices(),
                                            {.name = node});
    std::vector<std::string> servers;
    for (const auto& each : map.at("kube-system/kube-dns:dns/udp").cluster_endpoints) {
      servers.push_back(each.Address());
    }
    return servers;
  }
  std::vector<Ptr<discovery_v1::EndpointSlice>> Slices() {
    std::vector<Ptr<discovery_v1::EndpointSlice>> slices;
    for (auto& each : cluster_.List<discovery_v1::EndpointSlice>("kube-system")) {
      slices.push_back(std::make_shared<discovery_v1::EndpointSlice>(std::move(each)));
    }
    return slices;
  }
  dns::TestReply Ask(const std::string& name, uint16_t type = dns::type::kA) {
    dns::ZoneOptions options;
    options.zone = *dns::Name::FromText("cluster.local");
    std::vector<uint8_t> space(dns::kMessageBytesMax);
    dns::Query query;
    const auto view = views_.Get();
    const auto outcome = dns::Answer(dns::MakeQuery({.name = name, .type = type}), view.get(),
                                     options, true, 1, space, &query);
    EXPECT_EQ(outcome.kind, dns::Outcome::Kind::kReply) << name;
    return dns::ReadReply(outcome.message);
  }
  std::string AddressOf(const std::string& pod) {
    const auto found = cluster_.Get<core_v1::Pod>({"default", pod});
    return found ? found->status.pod_ip : "";
  }

  dns::ViewSource views_;
  std::unique_ptr<dns::ViewLoop> loop_;
  std::unique_ptr<dns::PublishLoop> publish_;
  std::unique_ptr<dns::AnnounceLoop> announce_;
  std::unique_ptr<dns::PublishLoop> other_publish_;
  std::unique_ptr<dns::AnnounceLoop> other_announce_;
  TestCluster cluster_;
};

TEST_F(ClusterNames, FollowServicesPodsAndNamespaces) {
  EXPECT_EQ(Ask("web.default.svc.cluster.local").rcode, 3);
  EXPECT_EQ(Ask("default.svc.cluster.local").rcode, 0);
  EXPECT_EQ(Ask("shop.svc.cluster.local").rcode, 3);
  cluster_.Apply(kObjects).RunFor(5s);
  EXPECT_THAT(Ask("web.default.svc.cluster.local").answer,
              ElementsAre("web.default.svc.cluster.local. 5 IN A 10.0.0.20"));
  const std::string one = AddressOf("one");
  const std::string two = AddressOf("two");
  ASSERT_FALSE(one.empty() || two.empty());
  EXPECT_THAT(Ask("peers.default.svc.cluster.local").answer,
              UnorderedElementsAre("peers.default.svc.cluster.local. 5 IN A " + one,
                                   "peers.default.svc.cluster.local. 5 IN A " + two));
  EXPECT_THAT(Ask("first.peers.default.svc.cluster.local").answer,
              ElementsAre("first.peers.default.svc.cluster.local. 5 IN A " + one));
  EXPECT_THAT(Ask("_http._tcp.peers.default.svc.cluster.local", dns::type::kSrv).answer, SizeIs(2));
  EXPECT_THAT(Ask("ext.default.svc.cluster.local").answer, SizeIs(2));
  EXPECT_THAT(Ask("20.0.0.10.in-addr.arpa", dns::type::kPtr).answer,
              ElementsAre("20.0.0.10.in-addr.arpa. 5 IN PTR web.default.svc.cluster.local."));
  EXPECT_THAT(Ask("kubernetes.default.svc.cluster.local").answer, SizeIs(1));

  cluster_.Delete<core_v1::Pod>({"default", "one"}, {.grace_period_s = 0}).RunFor(5s);
  EXPECT_EQ(Ask("first.peers.default.svc.cluster.local").rcode, 3);
  EXPECT_THAT(Ask("peers.default.svc.cluster.local").answer, SizeIs(1));
  cluster_.Delete<core_v1::Service>({"default", "web"}).RunFor(5s);
  EXPECT_EQ(Ask("web.default.svc.cluster.local").rcode, 3);
}

TEST_F(ClusterNames, TheDnsIsAServiceAndStaysOne) {
  const auto service = cluster_.Get<core_v1::Service>(kDnsService);
  ASSERT_TRUE(service);
  EXPECT_EQ(service->spec.cluster_ip, kDnsAddress);
  EXPECT_EQ(service->spec.traffic_distribution, "PreferSameNode");
  EXPECT_THAT(service->spec.ports, SizeIs(2));
  EXPECT_THAT(Ask("ns.dns.cluster.local").answer,
              ElementsAre("ns.dns.cluster.local. 5 IN A 10.0.0.10"));
  cluster_.Apply(kObjects);
  SetNode("node1", kNodeAddress, true);
  auto slice = cluster_.Get<discovery_v1::EndpointSlice>(kDnsSlice);
  ASSERT_TRUE(slice);
  EXPECT_THAT(slice->endpoints.at(0).addresses, ElementsAre(kNodeAddress));
  EXPECT_EQ(slice->ports.at(0).port, kDnsPort);
  // Whoever deletes or changes it finds it made again.
  cluster_.Delete<core_v1::Service>(kDnsService).RunFor(10s);
  EXPECT_TRUE(cluster_.Get<core_v1::Service>(kDnsService));
  cluster_.Delete<discovery_v1::EndpointSlice>(kDnsSlice).RunFor(10s);
  EXPECT_TRUE(cluster_.Get<discovery_v1::EndpointSlice>(kDnsSlice));
  cluster_.Edit<discovery_v1::EndpointSlice>(kDnsSlice, [](auto& it) { it.endpoints.clear(); })
      .RunFor(10s);
  EXPECT_THAT(cluster_.Get<discovery_v1::EndpointSlice>(kDnsSlice)->endpoints, SizeIs(1));
}

TEST_F(ClusterNames, WhereNoDnsIsWantedNothingLeadsToOneThatIsGone) {
  cluster_.Apply(kObjects);
  SetNode("node1", kNodeAddress, true);
  ASSERT_TRUE(cluster_.Get<discovery_v1::EndpointSlice>(kDnsSlice));
  Restart();
  EXPECT_FALSE(cluster_.Get<discovery_v1::EndpointSlice>(kDnsSlice));
  EXPECT_FALSE(cluster_.Get<core_v1::Node>({"", "node1"})
                   ->metadata.annotations.contains(dns::kDnsPortAnnotation));
  SetNode("node-1", "192.0.2.2", true);
  cluster_
      .Edit<core_v1::Node>(
          {"", "node-1"},
          [](auto& it) { it.metadata.annotations[dns::kDnsPortAnnotation] = "10054"; })
      .RunFor(1s);
  EXPECT_THAT(Slices(), SizeIs(0)) << "nothing is made";
  Restart();
  EXPECT_THAT(ServersFor("node1"), ElementsAre("192.0.2.1:10053"));
  EXPECT_THAT(ServersFor("node-1"), ElementsAre("192.0.2.2:10054"));
  Restart();
  EXPECT_THAT(ServersFor("node1"), ElementsAre("192.0.2.2:10054")) << "which nobody has told";
}

TEST_F(ClusterNames, AnotherDnsIsLeftAlone) {
  cluster_.Apply(kObjects);
  SetNode("node1", kNodeAddress, true);
  cluster_.Edit<core_v1::Service>(kDnsService, [](auto& it) {
    it.spec.selector = {{"k8s-app", "kube-dns"}};
  });
  cluster_.RunFor(10s).Delete<discovery_v1::EndpointSlice>(kDnsSlice).RunFor(10s);
  EXPECT_FALSE(cluster_.Get<discovery_v1::EndpointSlice>(kDnsSlice));
}

TEST_F(ClusterNames, PodsAskTheirOwnNodeAsLongAsItIsReady) {
  cluster_.Apply(kObjects);
  SetNode("node1", kNodeAddress, true);
  // The other node's server says so in another process.
  SetNode("node-1", "192.0.2.2", true);
  EXPECT_THAT(ServersFor("node-1"), ElementsAre("192.0.2.1:10053"));
  cluster_
      .Edit<core_v1::Node>(
          {"", "node-1"},
          [](auto& it) { it.metadata.annotations[dns::kDnsPortAnnotation] = "10054"; })
      .RunFor(1s);
  EXPECT_THAT(ServersFor("node1"), ElementsAre("192.0.2.1:10053"));
  EXPECT_THAT(ServersFor("node-1"), ElementsAre("192.0.2.2:10054"));
  EXPECT_THAT(ServersFor("elsewhere"), ElementsAre("192.0.2.1:10053", "192.0.2.2:10054"));

  SetNode("node1", kNodeAddress, false);
  EXPECT_THAT(ServersFor("node1"), ElementsAre("192.0.2.2:10054"));
  EXPECT_THAT(ServersFor("node-1"), ElementsAre("192.0.2.2:10054"));
  // It comes back with another address.
  SetNode("node1", "192.0.2.9", true);
  EXPECT_THAT(ServersFor("node1"), ElementsAre("192.0.2.9:10053"));
  cluster_.Delete<core_v1::Node>({"", "node1"}).RunFor(1s);
  EXPECT_THAT(ServersFor("elsewhere"), ElementsAre("192.0.2.2:10054"));
  EXPECT_THAT(Slices(), SizeIs(1));
}

TEST_F(ClusterNames, ANodeThatReachesNoOtherIsAskedByItsBridge) {
  cluster_.Apply(kObjects);
  SetNode("node1", "127.0.0.1", true);
  EXPECT_THAT(ServersFor("node1"), ElementsAre("10.244.0.1:10053"));
}

// A pod's packets to the address of the Service, translated by the real rules, reach the server on
// the node, and its answers find back.
TEST_F(ClusterNames, APodReachesTheDnsByTheAddressOfItsService) {
  const auto node = TestHost::Make();
  const auto pod = TestHost::Make();
  if (!node || !pod) GTEST_SKIP() << "making a network namespace needs root";
  Connect(*node, "veth", *pod, "eth0");
  node->Do("ip address add 10.244.0.1/24 dev veth");
  node->Do("ip address add 192.0.2.1/32 dev lo");
  // Addresses of services are translated on the way out: there must be one.
  node->Do("ip route add default via 10.244.0.2");
  node->Set("ipv4/ip_forward", "1");
  pod->Do("ip address add 10.244.0.2/24 dev eth0");
  pod->Do("ip route add default via 10.244.0.1");
  cluster_.Apply(kObjects);
  SetNode("node1", kNodeAddress, true);
  cluster_.RunFor(5s);

  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<proxy::Netfilter> netfilter;
  std::unique_ptr<dns::Server> server;
  node->Run([&] {
    auto opened = proxy::OpenIptables(proxy::IpFamily::kIpv4);
    ASSERT_TRUE(opened) << opened.error().message;
    netfilter = std::move(*opened);
    proxy::IptablesOptions rules;
    rules.pod_cidr = "10.244.0.0/16";
    rules.node_ips = {kNodeAddress};
    proxy::RuleSync sync(*netfilter, rules, clock);
    const auto loaded = sync.Full(proxy::BuildServiceMap(
        {cluster_.Get<core_v1::Service>(kDnsService)},
        {cluster_.Get<discovery_v1::EndpointSlice>(kDnsSlice)}, {.name = "node1"}));
    ASSERT_TRUE(loaded) << loaded.error().message;
    dns::ServerOptions options;
    options.bind_address = kNodeAddress;
    options.port = kDnsPort;
    options.threads = 2;
    options.zone.zone = *dns::Name::FromText("cluster.local");
    auto started = dns::Server::Start(options, views_, random);
    ASSERT_TRUE(started) << started.error().message;
    server = std::move(*started);
  });
  const auto expected = ElementsAre("web.default.svc.cluster.local. 5 IN A 10.0.0.20");
  for (const auto& host : {pod.get(), node.get()}) {
    host->Run([&] {
      const dns::TestQuery query{.name = "web.default.svc.cluster.local"};
      EXPECT_THAT(dns::AskUdp(53, query, kDnsAddress).answer, expected);
      EXPECT_THAT(dns::AskTcp(53, query, kDnsAddress).answer, expected);
    });
  }
}

}  // namespace
}  // namespace skiff
