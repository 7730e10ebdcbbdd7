#include "proxy/conntrack.h"

#include <gtest/gtest.h>

namespace skiff::proxy {
namespace {

constexpr char kListing[] =
    "udp      17 29 src=10.244.0.9 dst=10.96.0.10 sport=4000 dport=53 [UNREPLIED] src=10.244.0.3 "
    "dst=10.244.0.9 sport=5353 dport=4000 mark=0 use=1\n"
    "udp      17 29 src=10.244.0.9 dst=10.96.0.10 sport=4001 dport=53 src=10.244.0.4 "
    "dst=10.244.0.9 sport=5353 dport=4001 [ASSURED] mark=0 use=1\n"
    "udp      17 29 src=192.0.2.7 dst=192.0.2.1 sport=4002 dport=30053 src=10.244.0.3 "
    "dst=10.244.0.1 sport=5353 dport=4002 mark=0 use=1\n"
    "udp      17 29 src=10.244.0.9 dst=10.96.0.10 sport=4003 dport=53 src=10.96.0.10 "
    "dst=10.244.0.9 sport=53 dport=4003 mark=0 use=1\n"
    "tcp      6 29 src=10.244.0.9 dst=10.96.0.10 sport=4003 dport=53 src=10.244.0.3 "
    "dst=10.244.0.9 sport=53 dport=4003 mark=0 use=1\n"
    "udp      17 29 src=10.244.0.9\n";

ServiceMap Dns() {
  ServicePortRules dns;
  dns.name = "kube-system/kube-dns:dns";
  dns.protocol = "udp";
  dns.cluster_ip = "10.96.0.10";
  dns.port = 53;
  dns.node_port = 30053;
  dns.serving = {"10.244.0.4:5353"};
  return {{"dns", dns}};
}

TEST(ConntrackTest, ReadsUdpEntriesOnly) {
  const auto entries = ParseUdpEntries(kListing);
  EXPECT_EQ(entries.size(), 4u);
  EXPECT_TRUE(entries.contains({"10.96.0.10", 53, "10.244.0.4", 5353}));
  EXPECT_TRUE(entries.contains({"192.0.2.1", 30053, "10.244.0.3", 5353}));
}

TEST(ConntrackTest, EntriesThatNobodyServingAnswersAreStale) {
  const auto stale = StaleUdpEntries(ParseUdpEntries(kListing), Dns(), {"dns"});
  // Answered by a pod that is gone, by node port as well, or from before there was a service.
  EXPECT_EQ(std::set<UdpEntry>(stale.begin(), stale.end()),
            (std::set<UdpEntry>{{"10.96.0.10", 53, "10.244.0.3", 5353},
                                {"192.0.2.1", 30053, "10.244.0.3", 5353},
                                {"10.96.0.10", 53, "10.96.0.10", 53}}));
}

TEST(ConntrackTest, AServiceThatNobodyServesIsLeftAlone) {
  ServiceMap services = Dns();
  services["dns"].serving.clear();
  EXPECT_TRUE(StaleUdpEntries(ParseUdpEntries(kListing), services, {"dns"}).empty());
  EXPECT_FALSE(HasServedUdp(services, {"dns", "gone"}));
  EXPECT_TRUE(HasServedUdp(Dns(), {"dns"}));
}

}  // namespace
}  // namespace skiff::proxy
