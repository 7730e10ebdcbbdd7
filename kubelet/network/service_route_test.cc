// The machine's own packets to services, with rules in front of them as the service proxy's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/network_test_host.h"
#include "kubelet/network/links.h"

namespace skiff {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ServiceRouteTest, OwnPacketsReachTheRulesAndAreTranslatedOrRefused) {
  const auto host = TestHost::Make();
  if (!host) GTEST_SKIP() << "making a network namespace needs root";
  if (!FindProgram("iptables-nft")) GTEST_SKIP() << "needs iptables";
  host->Do("ip address add 192.0.2.1/32 dev lo");
  TestServers servers;
  servers.Add(*host, "tcp", 8080, "server", "192.0.2.1");
  servers.Start();
  host->Run([] {
    // Forwarded packets are refused by this one, which must not stand in the way of own ones.
    ASSERT_TRUE(AddUnreachableRoute("10.96.0.0/16"));
    for (int twice = 0; twice < 2; ++twice) {
      const auto added = AddServiceRoute("10.96.0.0/16", "192.0.2.1");
      ASSERT_TRUE(added) << added.error().message;
    }
  });
  host->Do(
      "iptables-nft -t nat -A OUTPUT -d 10.96.0.10 -p tcp --dport 80 -j DNAT "
      "--to-destination 192.0.2.1:8080");
  host->Do("iptables-nft -A OUTPUT -d 10.96.0.0/16 -j REJECT");
  EXPECT_EQ(Ask(*host, "tcp", "10.96.0.10", 80), "server 192.0.2.1");
  EXPECT_EQ(Ask(*host, "tcp", "10.96.0.11", 80), "refused");
  // Nothing is sent that could be refused: the kernel says so at once.
  EXPECT_EQ(Ask(*host, "udp", "10.96.0.11", 80), "Operation not permitted");
  host->Run([] {
    ASSERT_TRUE(AddServiceRoute("10.93.0.0/16", "192.0.2.1"));
    for (int twice = 0; twice < 2; ++twice) {
      const auto removed = RemoveServiceRoute();
      ASSERT_TRUE(removed) << removed.error().message;
    }
  });
  EXPECT_THAT(host->Do("ip rule"), Not(HasSubstr("9797")));
  EXPECT_THAT(host->Do("ip -o link"), Not(HasSubstr("skiff.svc")));
}

TEST(ServiceRouteTest, OwnPacketsOfIpv6DoToo) {
  const auto host = TestHost::Make();
  if (!host) GTEST_SKIP() << "making a network namespace needs root";
  if (!FindProgram("ip6tables-nft")) GTEST_SKIP() << "needs iptables";
  host->Do("ip address add fd00:2::1/128 dev lo nodad");
  TestServers servers;
  servers.Add(*host, "tcp", 8080, "server", "fd00:2::1");
  servers.Start();
  host->Run([] {
    ASSERT_TRUE(AddUnreachableRoute("fd00:10:96::/112"));
    for (const std::string source : {"", "fd00:2::9", "fd00:2::1"}) {
      const auto added = AddServiceRoute("fd00:10:96::/112", source);
      ASSERT_TRUE(added) << added.error().message;
    }
  });
  host->Do(
      "ip6tables-nft -t nat -A OUTPUT -d fd00:10:96::a -p tcp --dport 80 -j DNAT "
      "--to-destination [fd00:2::1]:8080");
  host->Do("ip6tables-nft -A OUTPUT -d fd00:10:96::/112 -j REJECT");
  EXPECT_EQ(Ask(*host, "tcp", "fd00:10:96::a", 80), "server fd00:2::1");
  EXPECT_EQ(Ask(*host, "tcp", "fd00:10:96::b", 80), "refused");
  host->Run([] { ASSERT_TRUE(RemoveServiceRoute()); });
  EXPECT_THAT(host->Do("ip -6 rule"), Not(HasSubstr("9797")));
}

// The rules refuse what they forward too, as kube-proxy's do: "connection refused", at once.
TEST(ServiceRouteTest, ForwardedPacketsReachTheRulesThatRefuse) {
  const auto node = TestHost::Make();
  const auto pod = TestHost::Make();
  if (!node || !pod) GTEST_SKIP() << "making a network namespace needs root";
  if (!FindProgram("iptables-nft")) GTEST_SKIP() << "needs iptables";
  node->Set("ipv4/ip_forward", "1");
  ConnectPod(*node, "veth0", *pod, {"10.244.0.1"}, {"10.244.0.2"});
  // As nodes of an older version have it.
  node->Do("ip route add unreachable 10.96.0.0/16 proto static");
  node->Run([] {
    for (int twice = 0; twice < 2; ++twice) {
      ASSERT_TRUE(AddUnreachableRoute("10.96.0.0/16"));
      const auto added = AddServiceRoute("10.96.0.0/16", "10.244.0.1");
      ASSERT_TRUE(added) << added.error().message;
    }
  });
  node->Do("iptables-nft -A FORWARD -d 10.96.0.0/16 -j REJECT");
  EXPECT_EQ(Ask(*pod, "tcp", "10.96.0.11", 80), "refused");
  EXPECT_EQ(Ask(*pod, "udp", "10.96.0.11", 80), "refused");
  // Without the device they are still refused here, and not sent on.
  node->Do("ip link set skiff.svc down");
  EXPECT_EQ(Ask(*pod, "tcp", "10.96.0.11", 80), "unreachable");
  node->Run([] {
    ASSERT_TRUE(RemoveServiceRoute());
    ASSERT_TRUE(RemoveUnreachableRoute("10.96.0.0/16"));
  });
  EXPECT_THAT(node->Do("ip route"), Not(HasSubstr("10.96.0.0")));
}

}  // namespace
}  // namespace skiff
