#include "kubelet/pod_dns.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace skiff::kubelet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class PodDnsTest : public ::testing::Test {
 protected:
  PodDnsTest() {
    pod_.metadata.namespace_ = "shop";
    pod_.metadata.name = "web";
    pod_.metadata.uid = "u-1";
    pod_.spec.dns_policy = "ClusterFirst";
    settings_.cluster_servers = {"10.96.0.10"};
    settings_.node = {{"192.0.2.1", "192.0.2.2"}, {"corp.example"}, {"timeout:1"}};
  }
  cri::DnsConfig Dns() { return PodDns(pod_, settings_, &warnings_); }
  core_v1::PodDNSConfig& Config() {
    if (!pod_.spec.dns_config) pod_.spec.dns_config.emplace();
    return *pod_.spec.dns_config;
  }

  core_v1::Pod pod_;
  DnsSettings settings_;
  std::vector<DnsWarning> warnings_;
};

TEST_F(PodDnsTest, ClusterFirstAsksTheClusterAndSearchesItFirst) {
  const auto dns = Dns();
  EXPECT_THAT(dns.servers, ElementsAre("10.96.0.10"));
  EXPECT_THAT(dns.searches, ElementsAre("shop.svc.cluster.local", "svc.cluster.local",
                                        "cluster.local", "corp.example"));
  EXPECT_THAT(dns.options, ElementsAre("ndots:5"));
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(PodDnsTest, OnTheHostsNetworkClusterFirstMeansDefault) {
  pod_.spec.host_network = true;
  EXPECT_THAT(Dns().servers, ElementsAre("192.0.2.1", "192.0.2.2"));
  EXPECT_THAT(Dns().searches, ElementsAre("corp.example"));
  EXPECT_THAT(Dns().options, ElementsAre("timeout:1"));
  pod_.spec.dns_policy = "ClusterFirstWithHostNet";
  EXPECT_THAT(Dns().servers, ElementsAre("10.96.0.10"));
}

TEST_F(PodDnsTest, DefaultIsTheNodesAndNoneThePodsOwn) {
  pod_.spec.dns_policy = "Default";
  EXPECT_THAT(Dns().servers, ElementsAre("192.0.2.1", "192.0.2.2"));
  pod_.spec.dns_policy = "None";
  Config().nameservers = {"198.51.100.1"};
  Config().searches = {"own.example"};
  EXPECT_THAT(Dns().servers, ElementsAre("198.51.100.1"));
  EXPECT_THAT(Dns().searches, ElementsAre("own.example"));
  EXPECT_THAT(Dns().options, IsEmpty());
}

TEST_F(PodDnsTest, AServerOnTheNodesLoopbackIsNotThePods) {
  pod_.spec.dns_policy = "Default";
  settings_.node.servers = {"127.0.0.53", "192.0.2.1", "::1"};
  EXPECT_THAT(Dns().servers, ElementsAre("192.0.2.1"));
  settings_.node.servers = {"127.0.0.11"};
  EXPECT_THAT(Dns().servers, ElementsAre("10.96.0.10"));
  EXPECT_THAT(Dns().searches, ElementsAre("corp.example"));
  pod_.spec.host_network = true;
  EXPECT_THAT(Dns().servers, ElementsAre("127.0.0.11"));
  pod_.spec.host_network = false;
  settings_.cluster_servers.clear();
  EXPECT_THAT(Dns().servers, ElementsAre("127.0.0.11"));
}

TEST_F(PodDnsTest, ThePodsConfigurationIsAddedWithoutRepeating) {
  Config().nameservers = {"10.96.0.10", "198.51.100.1"};
  Config().searches = {"svc.cluster.local", "own.example"};
  Config().options.resize(2);
  Config().options[0].name = "ndots";
  Config().options[0].value = "2";
  Config().options[1].name = "edns0";
  const auto dns = Dns();
  EXPECT_THAT(dns.servers, ElementsAre("10.96.0.10", "198.51.100.1"));
  EXPECT_THAT(dns.searches, ElementsAre("shop.svc.cluster.local", "svc.cluster.local",
                                        "cluster.local", "corp.example", "own.example"));
  EXPECT_THAT(dns.options, ElementsAre("ndots:2", "edns0"));
}

TEST_F(PodDnsTest, WithoutClusterDnsThePodHearsThatItGetsTheNodes) {
  settings_.cluster_servers.clear();
  EXPECT_THAT(Dns().servers, ElementsAre("192.0.2.1", "192.0.2.2"));
  EXPECT_THAT(warnings_,
              ElementsAre(DnsWarning{
                  "MissingClusterDNS",
                  "pod: \"web_shop(u-1)\". kubelet does not have ClusterDNS IP configured and "
                  "cannot create "
                  "Pod using \"ClusterFirst\" policy. Falling back to \"Default\" policy."}));
}

TEST_F(PodDnsTest, MoreThanResolversTakeIsLeftOutWithAWarning) {
  Config().nameservers = {"198.51.100.1", "198.51.100.2", "198.51.100.3"};
  EXPECT_THAT(Dns().servers, ElementsAre("10.96.0.10", "198.51.100.1", "198.51.100.2"));
  ASSERT_THAT(warnings_, SizeIs(1));
  EXPECT_EQ(warnings_[0].message,
            "Nameserver limits were exceeded, some nameservers have been omitted, the applied "
            "nameserver line is: 10.96.0.10 198.51.100.1 198.51.100.2");
  Config().nameservers.clear();
  for (int i = 0; i < 40; ++i) Config().searches.push_back("s" + std::to_string(i) + ".example");
  EXPECT_THAT(Dns().searches, SizeIs(32));
  ASSERT_THAT(warnings_, SizeIs(1));
  EXPECT_EQ(warnings_[0].reason, "DNSConfigForming");
  Config().searches = {std::string(254, 'a')};
  EXPECT_THAT(Dns().searches, SizeIs(4));
  EXPECT_THAT(warnings_, SizeIs(1));
  Config().searches.clear();
  for (int i = 0; i < 20; ++i)
    Config().searches.push_back(std::to_string(i) + std::string(150, 'b'));
  size_t bytes = 0;
  for (const std::string& search : Dns().searches) bytes += search.size() + 1;
  EXPECT_LE(bytes - 1, 2048u);
  EXPECT_GT(bytes, 1850u);
}

TEST(ResolvConfTest, ItsPartsAreRead) {
  const auto dns = ParseResolvConf(
      "# made by hand\nnameserver 192.0.2.1\nnameserver fd00::1\nsearch old.example\n"
      "search corp.example. . a.example\noptions ndots:2 timeout:1\noptions timeout:3\n");
  EXPECT_THAT(dns.servers, ElementsAre("192.0.2.1", "fd00::1"));
  EXPECT_THAT(dns.searches, ElementsAre("corp.example", "a.example"));
  EXPECT_THAT(dns.options, ElementsAre("ndots:2", "timeout:3"));
}

TEST(ResolvConfTest, TheNodesIsReadAsItIsNow) {
  const std::string path = ::testing::TempDir() + "resolv.conf." + std::to_string(getpid());
  const DnsSettings settings{.cluster_servers = {"10.96.0.10"}, .node_resolv_conf = path};
  EXPECT_THAT(ReadNodeDns(settings).node.servers, IsEmpty());
  for (const char* server : {"192.0.2.1", "192.0.2.2"}) {
    std::ofstream(path) << "nameserver " << server << "\n";
    EXPECT_THAT(ReadNodeDns(settings).node.servers, ElementsAre(server));
  }
  std::remove(path.c_str());
  EXPECT_THAT(ReadNodeDns(settings).cluster_servers, ElementsAre("10.96.0.10"));
}

TEST(ResolvConfTest, WhatExceedsItsLimitsIsSaid) {
  const std::string path = ::testing::TempDir() + "resolv.conf-" + std::to_string(getpid());
  DnsSettings settings{.node_resolv_conf = path};
  EXPECT_EQ(ResolvConfProblem(settings), "open " + path + ": no such file or directory");
  const auto problem = [&](const std::string& searches) {
    std::ofstream(path) << "search " << searches << "\n";
    return ResolvConfProblem(settings);
  };
  const auto domains = [](int count, size_t bytes) {
    std::string line;
    for (int i = 0; i < count; ++i) line += std::string(bytes, 'a') + " ";
    return line;
  };
  EXPECT_EQ(problem(domains(29, 5)), "");
  EXPECT_EQ(
      problem(domains(30, 5)),
      "Resolv.conf file '" + path + "' contains search line consisting of more than 29 domains!");
  EXPECT_EQ(problem(domains(1, 254)),
            "Resolv.conf file \"" + path +
                "\" contains a search path which length is more than allowed 253 chars!");
  EXPECT_EQ(problem(domains(28, 80)),
            "Resolv.conf file '" + path +
                "' contains search line which length is more than allowed 2048 chars!");
  EXPECT_EQ(problem(domains(30, 5) + "\n nameserver \n#nameserver"), "nameserver list is empty ");
  EXPECT_EQ(problem("a\nnameserver 10.0.0.1\n#nameserver"), "");
  settings.cluster_domain = "";
  EXPECT_EQ(problem(domains(30, 5)), "");
  settings.node_resolv_conf = "";
  EXPECT_EQ(ResolvConfProblem(settings), "") << "pods ask no node";
  std::remove(path.c_str());
}

}  // namespace
}  // namespace skiff::kubelet
