#include "base/source_root.h"
#include "proxy/iptables.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace skiff::proxy {
namespace {

ServiceEndpoint Endpoint(const std::string& ip, int port, bool is_local = false) {
  ServiceEndpoint endpoint;
  endpoint.ip = ip;
  endpoint.port = port;
  endpoint.is_local = is_local;
  endpoint.ready = endpoint.serving = true;
  return endpoint;
}

ServicePortRules Web() {
  ServicePortRules web;
  web.name = "default/web:http";
  web.protocol = "tcp";
  web.cluster_ip = "10.96.0.10";
  web.port = 80;
  web.cluster_endpoints = {Endpoint("10.244.0.2", 8080, true), Endpoint("10.244.0.3", 8080)};
  web.local_endpoints = {web.cluster_endpoints[0]};
  web.has_endpoints = true;
  return web;
}

RuleSet Compile(const ServicePortRules& service) {
  return CompileIptables({{service.name + "/" + service.protocol, service}},
                         {.pod_cidr = "10.244.0.0/16", .node_ips = {"192.0.2.1"}});
}

// UPDATE_GOLDEN=1 rewrites the file.
void ExpectGolden(const std::string& name, const std::string& text) {
  const std::string path = std::string(kSourceRoot) + "/proxy/testdata/" + name;
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream in(path);
  std::stringstream golden;
  golden << in.rdbuf();
  EXPECT_EQ(golden.str(), text) << name;
}

TEST(IptablesTest, ChainNamesAreThoseOfKubeProxy) {
  EXPECT_EQ(ChainHash("default/kubernetes:httpstcp"), "NPX46M4PTMTKRN6Y");
  EXPECT_EQ(ChainHash("kube-system/kube-dns:dnsudp"), "TCOU7JCQXEZGVUNU");
}

TEST(IptablesTest, ClusterIpSpreadsOverItsEndpoints) {
  ExpectGolden("cluster_ip.iptables", RestoreText(Compile(Web()), {}));
}

TEST(IptablesTest, NodePortLoadBalancerAndExternalIpGoThroughTheExternalChain) {
  ServicePortRules web = Web();
  web.node_port = 30080;
  web.external_ips = {"198.51.100.7"};
  web.load_balancer_ips = {"203.0.113.9"};
  web.source_ranges = {"192.0.2.0/24"};
  ExpectGolden("external.iptables", RestoreText(Compile(web), {}));
}

TEST(IptablesTest, LocalPolicyWithAffinityKeepsToTheNode) {
  ServicePortRules web = Web();
  web.node_port = 30080;
  web.external_local = web.internal_local = true;
  web.health_check_node_port = 31000;
  web.affinity_seconds = 10800;
  ExpectGolden("local_affinity.iptables", RestoreText(Compile(web), {}));
}

TEST(IptablesTest, AServiceWithoutEndpointsIsRefusedAndOneWithoutLocalOnesDropped) {
  ServicePortRules web = Web();
  web.node_port = 30080;
  web.cluster_endpoints.clear();
  web.local_endpoints.clear();
  web.has_endpoints = false;
  const RuleSet none = Compile(web);
  ASSERT_EQ(none.filter.chains.at("KUBE-SERVICES").size(), 1u);
  EXPECT_TRUE(none.filter.chains.at("KUBE-SERVICES")[0].ends_with("--dport 80 -j REJECT"));
  EXPECT_TRUE(
      none.filter.chains.at("KUBE-EXTERNAL-SERVICES")[0].ends_with("--dport 30080 -j REJECT"));
  web.has_endpoints = web.external_local = true;
  web.cluster_endpoints = {Endpoint("10.244.1.2", 8080)};
  const RuleSet elsewhere = Compile(web);
  EXPECT_TRUE(elsewhere.filter.chains.at("KUBE-EXTERNAL-SERVICES")[0].ends_with("-j DROP"));
  EXPECT_TRUE(elsewhere.filter.chains.at("KUBE-SERVICES").empty());
}

TEST(IptablesTest, NodePortsAreServedOnTheAddressesAskedForOnly) {
  const auto last_of = [](const IptablesOptions& options) {
    return CompileFixed(options).last.nat.chains.at("KUBE-SERVICES");
  };
  ASSERT_EQ(last_of({}).size(), 1u);
  EXPECT_TRUE(last_of({})[0].ends_with("-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS"));
  EXPECT_TRUE(last_of({.localhost_node_ports = false})[0].ends_with(
      "--dst-type LOCAL ! -d 127.0.0.0/8 -j KUBE-NODEPORTS"));
  const Chain chosen = last_of({.node_port_cidrs = {"192.0.2.1/32", "198.51.100.0/24"}});
  ASSERT_EQ(chosen.size(), 2u);
  EXPECT_TRUE(chosen[1].ends_with(
      "-m addrtype --dst-type LOCAL -d 198.51.100.0/24 -j KUBE-NODEPORTS"));
}

// By host ports of pods 127.0.0.1 may be routed to, too, whose programs believe all who ask there.
TEST(IptablesTest, NobodyElseReachesTheLoopbackOfTheMachine) {
  for (const bool node_ports : {true, false}) {
    const FixedChains fixed = CompileFixed({.localhost_node_ports = node_ports});
    const Chain& firewall = fixed.first.filter.chains.at("KUBE-FIREWALL");
    ASSERT_EQ(firewall.size(), 1u) << node_ports;
    EXPECT_TRUE(firewall[0].ends_with(
        "-d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j "
        "DROP"));
  }
}

TEST(IptablesTest, NodePortAddressesRestrictHealthChecksTooAndLocalTrafficCanBeAnInterface) {
  ServicePortRules web = Web();
  web.node_port = 30080;
  web.external_local = true;
  web.health_check_node_port = 31000;
  const IptablesOptions options = {.local_interface = "veth+",
                                   .node_port_cidrs = {"192.0.2.0/24", "10.0.0.1/32"},
                                   .masquerade_bit = 3};
  ExpectGolden("node_port_addresses.iptables",
               RestoreText(CompileIptables({{"default/web:http/tcp", web}}, options), {}));
}

TEST(RuleSetTest, OnlyChainsThatChangedAreWritten) {
  const RuleSet before = Compile(Web());
  EXPECT_EQ(RestoreText(before, before), "");
  ServicePortRules web = Web();
  web.cluster_endpoints.pop_back();
  const std::string text = RestoreText(Compile(web), before);
  EXPECT_EQ(text.find("*filter"), std::string::npos) << text;
  EXPECT_EQ(text.find(":KUBE-SERVICES"), std::string::npos) << text;
  EXPECT_NE(text.find("-X KUBE-SEP-"), std::string::npos) << text;
  EXPECT_NE(text.find(":KUBE-SVC-"), std::string::npos) << text;
}

}  // namespace
}  // namespace skiff::proxy
