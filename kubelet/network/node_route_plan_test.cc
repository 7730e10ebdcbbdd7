#include "kubelet/network/node_route_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

const RoutedNode kA = {"a", {"192.0.2.1"}, {"10.244.1.0/24"}, TunnelMac("a")};
const RoutedNode kB = {"b", {"192.0.2.2"}, {"10.244.2.0/24"}, TunnelMac("b")};
const RoutedNode kFar = {"far", {"198.51.100.3"}, {"10.244.3.0/24"}, TunnelMac("far")};
const std::vector<LinkAddress> kLinks = {{"lo", 1, 65536, "127.0.0.1", 8},
                                         {"eth0", 2, 1500, "192.0.2.1", 24},
                                         {"veth1", 3, 1450, "10.244.1.1", 32}};
const NodeRouteOptions kOptions = {.node_name = "a", .reserved_cidrs = {"10.96.0.0/16"}};

TEST(NodeRoutePlanTest, ANodeOnOurLinkIsAGateway) {
  const auto plan = PlanNodeRoutes({kA, kB}, kLinks, kOptions);
  EXPECT_THAT(
      plan.wanted.routes,
      ElementsAre(Pair("10.244.2.0/24", PodRoute{"10.244.2.0/24", "192.0.2.2", "eth0", false})));
  EXPECT_THAT(plan.wanted.unreachable, ElementsAre("10.244.1.0/24")) << "but for pods' own routes";
  EXPECT_FALSE(plan.wanted.has_tunnel);
  EXPECT_EQ(plan.pod_mtu, 1500);
  EXPECT_THAT(plan.problems, IsEmpty());
}

TEST(NodeRoutePlanTest, ANodeBehindARouterIsReachedThroughTheTunnel) {
  const auto plan = PlanNodeRoutes({kA, kB, kFar}, kLinks, kOptions);
  EXPECT_EQ(plan.wanted.routes.at("10.244.2.0/24").link, "eth0");
  EXPECT_EQ(plan.wanted.routes.at("10.244.3.0/24"),
            (PodRoute{"10.244.3.0/24", "10.244.3.0", "skiff.vxlan", true}));
  EXPECT_THAT(plan.wanted.neighbours, ElementsAre(Pair("10.244.3.0", TunnelMac("far"))));
  EXPECT_THAT(plan.wanted.forwarding, ElementsAre(Pair(TunnelMac("far"), "198.51.100.3")));
  ASSERT_TRUE(plan.wanted.has_tunnel);
  EXPECT_EQ(plan.wanted.tunnel.local, "192.0.2.1");
  EXPECT_EQ(plan.wanted.tunnel.underlay_index, 2);
  EXPECT_EQ(plan.wanted.tunnel.mtu, 1450);
  EXPECT_THAT(plan.wanted.tunnel.own_prefixes, ElementsAre("10.244.1.0/32"));
  EXPECT_EQ(plan.pod_mtu, 1450);
}

TEST(NodeRoutePlanTest, TheTunnelIsThereBeforeItsOtherEnd) {
  RoutedNode far = kFar;
  far.tunnel_mac = "";
  const auto plan = PlanNodeRoutes({kA, far}, kLinks, kOptions);
  EXPECT_TRUE(plan.wanted.has_tunnel);
  EXPECT_THAT(plan.wanted.routes, IsEmpty());
  EXPECT_THAT(plan.problems, IsEmpty());
}

TEST(NodeRoutePlanTest, ModesForceOneWayOrTheOther) {
  NodeRouteOptions options = kOptions;
  options.mode = OverlayMode::kVxlan;
  EXPECT_EQ(PlanNodeRoutes({kA, kB}, kLinks, options).wanted.routes.at("10.244.2.0/24").gateway,
            "10.244.2.0");
  options.mode = OverlayMode::kHostGateway;
  const auto plan = PlanNodeRoutes({kA, kB, kFar}, kLinks, options);
  EXPECT_THAT(plan.wanted.routes, SizeIs(1));
  EXPECT_THAT(plan.problems, ElementsAre(HasSubstr("node far is on no link")));
}

TEST(NodeRoutePlanTest, BothFamiliesGoOverOneTunnel) {
  RoutedNode own = kA, far = kFar;
  own.pod_cidrs.push_back("fd00:1::/64");
  far.pod_cidrs.push_back("fd00:3::/64");
  const auto plan = PlanNodeRoutes({own, far}, kLinks, kOptions);
  EXPECT_EQ(plan.wanted.routes.at("fd00:3::/64").gateway, "fd00:3::");
  EXPECT_THAT(plan.wanted.neighbours, ElementsAre(Pair("10.244.3.0", TunnelMac("far")),
                                                  Pair("fd00:3::", TunnelMac("far"))));
  EXPECT_THAT(plan.wanted.tunnel.own_prefixes, ElementsAre("10.244.1.0/32", "fd00:1::/128"));
  // From an IPv6 address the packets around packets are longer.
  own.addresses = {"2001:db8::1"};
  far.addresses = {"2001:db8:9::3"};
  const auto over_ipv6 =
      PlanNodeRoutes({own, far}, {{"eth0", 2, 1500, "2001:db8::1", 64}}, kOptions);
  EXPECT_EQ(over_ipv6.pod_mtu, 1430);
  EXPECT_EQ(over_ipv6.wanted.forwarding.at(TunnelMac("far")), "2001:db8:9::3");
}

TEST(NodeRoutePlanTest, OverlappingPodCidrsAreRefusedAndTheOlderNodeKeepsItsRoute) {
  RoutedNode late = {"late", {"192.0.2.9"}, {"10.244.2.128/25"}, ""};
  auto plan = PlanNodeRoutes({kA, kB, late}, kLinks, kOptions);
  EXPECT_THAT(plan.wanted.routes, SizeIs(1));
  EXPECT_EQ(plan.wanted.routes.at("10.244.2.0/24").gateway, "192.0.2.2");
  EXPECT_THAT(plan.problems, ElementsAre(HasSubstr("pod CIDR 10.244.2.128/25 of node late overlaps "
                                                   "pod CIDR 10.244.2.0/24 of node b")));
  // Whoever was first: a machine's own pods stay its own.
  late.pod_cidrs = {"10.244.0.0/20"};
  plan = PlanNodeRoutes({late, kA}, kLinks, kOptions);
  EXPECT_THAT(plan.wanted.routes, IsEmpty());
  EXPECT_THAT(plan.problems, ElementsAre(HasSubstr("overlaps pod CIDR 10.244.1.0/24 of node a")));
  late.pod_cidrs = {"10.96.4.0/24"};
  EXPECT_THAT(PlanNodeRoutes({kA, late}, kLinks, kOptions).problems,
              ElementsAre(HasSubstr("overlaps services")));
  late.pod_cidrs = {"192.0.0.0/20"};
  EXPECT_THAT(PlanNodeRoutes({kA, late}, kLinks, kOptions).problems,
              ElementsAre(HasSubstr("overlaps the network of link eth0")));
  late.pod_cidrs = {"10.244.9.0/33"};
  EXPECT_THAT(PlanNodeRoutes({kA, late}, kLinks, kOptions).problems,
              ElementsAre(HasSubstr("cannot be read")));
}

TEST(NodeRoutePlanTest, ANodeDrawsNoTrafficButThatOfPodsThatItMayHave) {
  NodeRouteOptions options = kOptions;
  options.cluster_cidrs = {"10.244.0.0/16"};
  RoutedNode evil = {"evil", {"192.0.2.66"}, {"1.1.1.0/24"}, ""};
  for (const char* cidr : {"1.1.1.0/24", "10.244.0.0/15", "0.0.0.0/0", "fd00:1::/64"}) {
    evil.pod_cidrs = {cidr};
    const auto plan = PlanNodeRoutes({evil, kA, kB}, kLinks, options);
    EXPECT_THAT(plan.wanted.routes, ElementsAre(Pair("10.244.2.0/24", testing::_))) << cidr;
    EXPECT_THAT(plan.problems, ElementsAre(HasSubstr("of node evil is not in the cluster CIDR (")));
  }
  // All that is not taken yet, and other nodes will be given.
  evil.pod_cidrs = {"10.244.128.0/17"};
  EXPECT_THAT(PlanNodeRoutes({evil, kA}, kLinks, options).problems,
              ElementsAre(HasSubstr("of node evil is far larger than that of this node")));
  EXPECT_THAT(PlanNodeRoutes({kA, kB}, kLinks, options).problems, IsEmpty());
}

TEST(NodeRoutePlanTest, ANodeDoesNotTakeTheTunnelOfAnother) {
  const RoutedNode evil = {"evil", {"198.51.100.66"}, {"10.244.66.0/24"}, kFar.tunnel_mac};
  const auto plan = PlanNodeRoutes({kA, kFar, evil}, kLinks, kOptions);
  EXPECT_THAT(plan.wanted.forwarding, ElementsAre(Pair(kFar.tunnel_mac, "198.51.100.3")));
  EXPECT_FALSE(plan.wanted.routes.contains("10.244.66.0/24"));
  EXPECT_THAT(plan.problems,
              ElementsAre(HasSubstr("node evil says that its end of the tunnel is")));
}

TEST(NodeRoutePlanTest, NothingIsWantedBeforeTheOwnNodeHasItsPlace) {
  RoutedNode own = kA;
  own.pod_cidrs.clear();
  EXPECT_EQ(PlanNodeRoutes({own, kB}, kLinks, kOptions).pod_mtu, 0);
  EXPECT_EQ(PlanNodeRoutes({kB}, kLinks, kOptions).pod_mtu, 0);
  own = kA;
  own.addresses = {"203.0.113.1"};
  const auto plan = PlanNodeRoutes({own, kB}, kLinks, kOptions);
  EXPECT_THAT(plan.wanted.routes, IsEmpty());
  EXPECT_THAT(plan.problems, ElementsAre(HasSubstr("no link of this machine has")));
}

TEST(NodeRoutePlanTest, TheDifferenceIsWhatChanges) {
  const auto plan = PlanNodeRoutes({kA, kB, kFar}, kLinks, kOptions);
  EXPECT_TRUE(DiffNodeRoutes(plan.wanted, plan.wanted).empty());
  const auto all = DiffNodeRoutes(plan.wanted, {});
  EXPECT_TRUE(all.create_tunnel);
  EXPECT_THAT(all.set_routes, SizeIs(2));
  EXPECT_THAT(all.add_unreachable, ElementsAre("10.244.1.0/24"));
  EXPECT_THAT(DiffNodeRoutes({}, plan.wanted).remove_unreachable, ElementsAre("10.244.1.0/24"));
  RoutedNode b = kB, far = kFar;
  b.addresses = {"192.0.2.7"};
  far.name = "farther";
  far.tunnel_mac = TunnelMac("farther");
  far.addresses = {"198.51.100.9"};
  const auto moved =
      DiffNodeRoutes(PlanNodeRoutes({kA, b, far}, kLinks, kOptions).wanted, plan.wanted);
  EXPECT_FALSE(moved.create_tunnel || moved.delete_tunnel);
  EXPECT_THAT(moved.set_routes, ElementsAre(PodRoute{"10.244.2.0/24", "192.0.2.7", "eth0", false}));
  EXPECT_THAT(moved.set_neighbours, ElementsAre(Pair("10.244.3.0", TunnelMac("farther"))));
  EXPECT_THAT(moved.set_forwarding, ElementsAre(Pair(TunnelMac("farther"), "198.51.100.9")));
  EXPECT_THAT(moved.remove_forwarding, ElementsAre(Pair(TunnelMac("far"), "198.51.100.3")));
  EXPECT_THAT(moved.remove_neighbours, IsEmpty());
  // With the last node behind a router the tunnel goes, and what was on it by itself.
  const auto left = DiffNodeRoutes(PlanNodeRoutes({kA, kB}, kLinks, kOptions).wanted, plan.wanted);
  EXPECT_TRUE(left.delete_tunnel);
  EXPECT_THAT(left.remove_routes, IsEmpty());
  EXPECT_THAT(left.remove_neighbours, IsEmpty());
}

TEST(NodeRoutePlanTest, TheTunnelsMacIsTheNodesOwnAndStaysTheSame) {
  EXPECT_EQ(TunnelMac("a"), TunnelMac("a"));
  EXPECT_NE(TunnelMac("a"), TunnelMac("b"));
  EXPECT_EQ(TunnelMac("a").size(), 17u);
  EXPECT_TRUE(TunnelMac("a").starts_with("0e:"));
}

}  // namespace
}  // namespace skiff
