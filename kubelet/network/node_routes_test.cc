// Three machines and a router as network namespaces, with pods in namespaces of their own: node-a
// and node-b on one link, node-c behind the router.
//
//   node-a 192.0.2.1 --+
//   node-b 192.0.2.2 --+-- router (192.0.2.254 | 198.51.100.254) -- node-c 198.51.100.3
#include "kubelet/network/node_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "api/codec/typed.h"
#include "base/id.h"
#include "base/network_test_host.h"
#include "client/transport.h"
#include "kubelet/network/node_route_kernel.h"

namespace skiff {
namespace {

using core_v1::Node;
using testing::HasSubstr;
using testing::Not;

TEST(RoutedNodesTest, WhatANodeSaysOfItselfIsReadBeforeTheKernelIsToldOfIt) {
  auto node = std::make_shared<Node>();
  node->metadata.name = "a";
  for (const char* text : {"words", "010.0.0.5", "::ffff:10.0.0.6", "fd00:0::1", "-"}) {
    auto& address = node->status.addresses.emplace_back();
    address.type = "InternalIP";
    address.address = text;
  }
  node->spec.pod_cidrs = {"010.244.1.0/024", "FD00:1::/64"};
  const auto routed = RoutedNodes({node});
  ASSERT_EQ(routed.size(), 1u);
  EXPECT_EQ(routed[0].addresses, (std::vector<std::string>{"10.0.0.5", "10.0.0.6", "fd00::1"}));
  EXPECT_EQ(routed[0].pod_cidrs, (std::vector<std::string>{"10.244.1.0/24", "fd00:1::/64"}));
}

// A machine with one pod and the loop under test, which sees the Nodes that the test sets.
class Machine {
 public:
  Machine(std::string name, std::string cidr) : name_(std::move(name)), cidr_(std::move(cidr)) {
    host_ = TestHost::Make();
    pod_ = TestHost::Make();
    host_->Set("ipv4/ip_forward", "1");
    host_->Set("ipv6/conf/all/forwarding", "1");
    ConnectPod(*host_, "veth0", *pod_, {Address(1), Address6(1)}, {Address(2), Address6(2)});
    servers_.Add(*pod_, "tcp", 8080, name_);
    servers_.Start();
  }
  void Uplink(const std::string& address, const std::string& router) {
    ip_ = address.substr(0, address.find('/'));
    host_->Do("ip address add " + address + " dev eth0");
    host_->Do("ip route add default via " + router);
  }
  std::string Address(int last) const {
    return cidr_.substr(0, cidr_.rfind('.') + 1) + std::to_string(last);
  }
  // The second family's: fd00:1::/64 beside 10.244.1.0/24.
  std::string Address6(int last) const {
    return Cidr6().substr(0, Cidr6().find("/")) + (last == 0 ? "" : std::to_string(last));
  }
  std::string Cidr6() const { return "fd00:" + cidr_.substr(7, 1) + "::/64"; }
  void StartLoop(bool in_real_time = false) {
    host_->Run([&] {
      loops_.push_back(std::make_unique<NodeRouteLoop>(
          NodeRouteLoop::Dependencies{
              .nodes = informers_.For<Node>(),
              .client = client_,
              .clock = in_real_time ? static_cast<const Clock&>(system_clock_) : clock_,
              .on_pod_mtu =
                  [this](int mtu) {
                    const MutexLock lock(mutex_);
                    mtu_ = mtu;
                  }},
          NodeRouteOptions{.node_name = name_}));
    });
  }
  // Steps until nothing is left to do at once. The kernel's own events are not waited for.
  void See(const std::vector<RawJson>& nodes) {
    informers_.For<Node>().cache().Replace(nodes, "1");
    clock_.Advance(NodeRouteLoop::kRetryPeriod);
    host_->Run([&] { (void)loop().Step(); });
  }
  Node AsNode(int age) const {
    Node node;
    node.metadata.name = name_;
    node.metadata.creation_timestamp = TimePoint(std::chrono::seconds(1000 - age));
    node.metadata.annotations[kTunnelMacAnnotation] = TunnelMac(name_);
    node.spec.pod_cidr = cidr_;
    node.spec.pod_cidrs = {cidr_};
    auto& address = node.status.addresses.emplace_back();
    address.type = "InternalIP";
    address.address = ip_;
    return node;
  }
  // What the pod of `other` says to our pod.
  std::string Reach(const Machine& other) const {
    return Ask(*pod_, "tcp", other.Address(2), 8080);
  }
  std::string Reach6(const Machine& other) const {
    return Ask(*pod_, "tcp", other.Address6(2), 8080);
  }
  // To other machines.
  std::string Routes() const { return host_->Do("ip route show type unicast proto 97"); }
  TestHost& host() { return *host_; }
  TestHost& pod() { return *pod_; }
  NodeRouteLoop& loop() { return *loops_.back(); }
  int mtu() const {
    const MutexLock lock(mutex_);
    return mtu_;
  }
  std::string ip_;
  std::string patch_;  // The last request to the server.

 private:
  const std::string name_, cidr_;
  std::unique_ptr<TestHost> host_, pod_;
  TestServers servers_;
  FakeClock clock_;
  SystemClock system_clock_;
  SeededRandom random_{1};
  InProcessTransport transport_{[this](const http::Request& request) {
    patch_ = request.method + " " + request.path + " " + request.body;
    return http::Response{.status = 500};
  }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  mutable Mutex mutex_;
  int mtu_ GUARDED_BY(mutex_) = 0;
  // Informers call even those that are not used any more.
  std::vector<std::unique_ptr<NodeRouteLoop>> loops_;
};

class NodeRoutesTest : public testing::Test {
 protected:
  void SetUp() override {
    router_ = TestHost::Make();
    if (!router_) GTEST_SKIP() << "making a network namespace needs root";
    a_ = std::make_unique<Machine>("node-a", "10.244.1.0/24");
    b_ = std::make_unique<Machine>("node-b", "10.244.2.0/24");
    c_ = std::make_unique<Machine>("node-c", "10.244.3.0/24");
    router_->Do("ip link add lan type bridge");
    router_->Do("ip link set lan up");
    router_->Do("ip address add 192.0.2.254/24 dev lan");
    router_->Set("ipv4/ip_forward", "1");
    Connect(*router_, "to-a", a_->host(), "eth0");
    Connect(*router_, "to-b", b_->host(), "eth0");
    Connect(*router_, "to-c", c_->host(), "eth0");
    router_->Do("ip link set to-a master lan");
    router_->Do("ip link set to-b master lan");
    router_->Do("ip address add 198.51.100.254/24 dev to-c");
    a_->Uplink("192.0.2.1/24", "192.0.2.254");
    b_->Uplink("192.0.2.2/24", "192.0.2.254");
    c_->Uplink("198.51.100.3/24", "198.51.100.254");
    for (Machine* machine : {a_.get(), b_.get(), c_.get()}) machine->StartLoop();
  }
  void Publish(const std::vector<Node>& nodes) {
    std::vector<RawJson> items;
    for (Node node : nodes) {
      node.metadata.resource_version = std::to_string(++revision_);
      items.push_back(ToJson(node));
    }
    for (Machine* machine : {a_.get(), b_.get(), c_.get()}) machine->See(items);
  }
  void PublishAll() { Publish({a_->AsNode(3), b_->AsNode(2), c_->AsNode(1)}); }

  uint64_t revision_ = 1;
  std::unique_ptr<TestHost> router_;
  std::unique_ptr<Machine> a_, b_, c_;
};

TEST_F(NodeRoutesTest, PodsReachEachOtherOnALinkAndThroughTheTunnel) {
  EXPECT_NE(a_->Reach(*b_), "node-b 10.244.1.2");
  PublishAll();
  for (Machine* machine : {a_.get(), b_.get(), c_.get()}) {
    EXPECT_TRUE(machine->loop().settled());
    EXPECT_EQ(machine->mtu(), 1450);
  }
  // Pods see each other under their own addresses: nothing is translated on the way.
  EXPECT_EQ(a_->Reach(*b_), "node-b 10.244.1.2");
  EXPECT_EQ(b_->Reach(*a_), "node-a 10.244.2.2");
  EXPECT_EQ(a_->Reach(*c_), "node-c 10.244.1.2");
  EXPECT_EQ(c_->Reach(*a_), "node-a 10.244.3.2");
  EXPECT_EQ(c_->Reach(*b_), "node-b 10.244.3.2");
  EXPECT_THAT(a_->Routes(), HasSubstr("10.244.2.0/24 via 192.0.2.2 dev eth0"));
  EXPECT_THAT(a_->Routes(), HasSubstr("10.244.3.0/24 via 10.244.3.0 dev skiff.vxlan onlink"));
  EXPECT_THAT(a_->host().Do("ip route show type unreachable"), HasSubstr("10.244.1.0/24"))
      << "a pod that is not there is nowhere else either";
  // A machine itself reaches pods elsewhere, by its end of the tunnel.
  EXPECT_EQ(Ask(a_->host(), "tcp", "10.244.3.2", 8080), "node-c 10.244.1.0");
  EXPECT_EQ(Ask(a_->host(), "tcp", "10.244.2.2", 8080), "node-b 192.0.2.1");
}

TEST_F(NodeRoutesTest, ASecondFamilyGoesThroughTheSameTunnel) {
  std::vector<Node> nodes = {a_->AsNode(3), b_->AsNode(2), c_->AsNode(1)};
  nodes[0].spec.pod_cidrs.push_back(a_->Cidr6());
  nodes[1].spec.pod_cidrs.push_back(b_->Cidr6());
  nodes[2].spec.pod_cidrs.push_back(c_->Cidr6());
  Publish(nodes);
  EXPECT_TRUE(a_->loop().settled());
  EXPECT_EQ(a_->Reach6(*c_), "node-c fd00:1::2");
  EXPECT_EQ(c_->Reach6(*a_), "node-a fd00:3::2");
  // On one link, but without addresses of that family there.
  EXPECT_EQ(a_->Reach6(*b_), "node-b fd00:1::2");
  EXPECT_EQ(a_->Reach(*b_), "node-b 10.244.1.2");
  EXPECT_THAT(a_->Routes(), HasSubstr("10.244.2.0/24 via 192.0.2.2 dev eth0"));
}

TEST_F(NodeRoutesTest, ANodeSaysWhereItsEndOfTheTunnelIs) {
  Node own = a_->AsNode(3);
  own.metadata.annotations.clear();
  Publish({own, c_->AsNode(1)});
  EXPECT_THAT(a_->patch_, HasSubstr("PATCH /api/v1/nodes/node-a {"));
  EXPECT_THAT(a_->patch_, HasSubstr("\"skiff.io/tunnel-mac\":\"" + TunnelMac("node-a") + "\""));
  // That was refused here: it will be tried again. The others wait for it, with the rest in place.
  EXPECT_FALSE(a_->loop().settled());
  EXPECT_TRUE(c_->loop().settled());
  EXPECT_EQ(c_->Routes(), "");
  EXPECT_THAT(c_->host().Do("ip -o link"), HasSubstr("skiff.vxlan"));
}

TEST_F(NodeRoutesTest, PacketsFitThroughTheTunnel) {
  PublishAll();
  // The largest packet that goes in whole is 1450 bytes; one byte more is refused with the size.
  const std::string sizes = a_->host().Do("ip route get 10.244.3.2");
  EXPECT_THAT(sizes, HasSubstr("dev skiff.vxlan"));
  EXPECT_THAT(a_->host().Do("ip link show skiff.vxlan"), HasSubstr("mtu 1450"));
  const auto send = [&](size_t bytes) {
    int result = 0;
    a_->host().Run([&] {
      const int file = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      const int dont_fragment = IP_PMTUDISC_DO;
      setsockopt(file, IPPROTO_IP, IP_MTU_DISCOVER, &dont_fragment, sizeof dont_fragment);
      auto to = TestAddress::Of("10.244.3.2", 9);
      const std::string payload(bytes - 28, 'x');  // IP 20, UDP 8.
      result = sendto(file, payload.data(), payload.size(), 0, to.get(), to.length) < 0 ? errno : 0;
      close(file);
    });
    return result;
  };
  EXPECT_EQ(send(1450), 0);
  EXPECT_EQ(send(1451), EMSGSIZE);
}

TEST_F(NodeRoutesTest, ANodeThatComesBackWithAnotherAddressIsReachedThere) {
  PublishAll();
  b_->host().Do("ip address del 192.0.2.2/24 dev eth0");
  b_->Uplink("192.0.2.22/24", "192.0.2.254");
  c_->host().Do("ip address del 198.51.100.3/24 dev eth0");
  c_->Uplink("198.51.100.33/24", "198.51.100.254");
  EXPECT_THAT(a_->Reach(*b_), Not(testing::StartsWith("node")));
  PublishAll();
  EXPECT_EQ(a_->Reach(*b_), "node-b 10.244.1.2");
  EXPECT_EQ(a_->Reach(*c_), "node-c 10.244.1.2");
  EXPECT_EQ(c_->Reach(*b_), "node-b 10.244.3.2");
  EXPECT_THAT(a_->Routes(), Not(HasSubstr("192.0.2.2 ")));
  EXPECT_THAT(a_->host().Do("bridge fdb show dev skiff.vxlan"),
              testing::AllOf(HasSubstr("dst 198.51.100.33"), Not(HasSubstr("198.51.100.3 "))));
}

TEST_F(NodeRoutesTest, WhatLeavesIsForgottenAndTheTunnelGoesWithItsLastUser) {
  PublishAll();
  Publish({a_->AsNode(3), b_->AsNode(2)});
  EXPECT_EQ(a_->Reach(*b_), "node-b 10.244.1.2");
  EXPECT_THAT(a_->Routes(), Not(HasSubstr("10.244.3.0")));
  EXPECT_THAT(a_->host().Do("ip -o link"), Not(HasSubstr("skiff.vxlan")));
  EXPECT_EQ(a_->mtu(), 1500);
  Publish({a_->AsNode(3)});
  EXPECT_EQ(a_->Routes(), "");
  PublishAll();
  EXPECT_EQ(a_->Reach(*c_), "node-c 10.244.1.2");
  a_->host().Run([] {
    ASSERT_TRUE(RemoveNodeRoutes("skiff.vxlan"));
    ASSERT_TRUE(RemoveNodeRoutes("skiff.vxlan")) << "a second time";
  });
  EXPECT_EQ(a_->Routes(), "");
  EXPECT_THAT(a_->host().Do("ip -o link"), Not(HasSubstr("skiff.vxlan")));
}

TEST_F(NodeRoutesTest, OthersRoutesAreLeftAloneAndReported) {
  a_->host().Do("ip route add 10.244.2.0/24 via 192.0.2.254");
  PublishAll();
  EXPECT_FALSE(a_->loop().settled());
  EXPECT_THAT(a_->host().Do("ip route show 10.244.2.0/24"), HasSubstr("via 192.0.2.254"));
  // The rest is there all the same.
  EXPECT_EQ(a_->Reach(*c_), "node-c 10.244.1.2");
  a_->host().Do("ip route del 10.244.2.0/24");
  PublishAll();
  EXPECT_TRUE(a_->loop().settled());
  EXPECT_EQ(a_->Reach(*b_), "node-b 10.244.1.2");
}

TEST_F(NodeRoutesTest, WhatSomebodyTookAwayIsNoticedAndPutBack) {
  PublishAll();
  // On a thread: the kernel's event wakes it, with nothing else to do.
  a_->StartLoop(/*in_real_time=*/true);
  std::unique_ptr<ThreadExecutor> executor;
  a_->host().Run([&] {
    executor = std::make_unique<ThreadExecutor>("routes", 1);
    executor->Add(a_->loop());
  });
  const auto watch_routes = [&](auto body) {
    std::unique_ptr<NetlinkWatch> watch;
    Mutex mutex;
    CondVar changed;
    int seen = 0;
    a_->host().Run([&] {
      watch = NetlinkWatch::Start(
                  {.protocol = NETLINK_ROUTE,
                   .groups = {RTNLGRP_IPV4_ROUTE},
                   .matters =
                       [](const nlmsghdr& message) { return message.nlmsg_type == RTM_NEWROUTE; },
                   .changed =
                       [&] {
                         const MutexLock lock(mutex);
                         ++seen;
                         changed.notify_all();
                       }})
                  .value();
    });
    body();
    MutexLock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, 20s, [&] { return seen > 0; }));
  };
  watch_routes([&] { a_->host().Do("ip route del 10.244.2.0/24"); });
  EXPECT_EQ(a_->Reach(*b_), "node-b 10.244.1.2");
  executor->Remove(a_->loop());
}

}  // namespace
}  // namespace skiff
