// The chains that do not depend on any service, and the jumps that lead to them.
#include <fmt/format.h>

#include <set>

#include "proxy/iptables.h"

namespace skiff::proxy {
namespace {

std::string MarkOf(const IptablesOptions& options) {
  return fmt::format("{:#08x}", 1U << options.masquerade_bit);
}

}  // namespace

FixedChains CompileFixed(const IptablesOptions& options) {
  FixedChains fixed;
  const std::string mark = MarkOf(options);
  auto& filter = fixed.first.filter.chains;
  auto& nat = fixed.first.nat.chains;
  for (const char* chain : {"KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS",
                            "KUBE-PROXY-FIREWALL", "KUBE-FIREWALL"}) {
    filter[chain];
  }
  const bool is_ipv4 = options.family == IpFamily::kIpv4;
  const bool localhost = is_ipv4 && options.localhost_node_ports;
  // Whoever it is that has the machine route 127.0.0.0/8: for host ports CNI's portmap does.
  if (is_ipv4) {
    filter["KUBE-FIREWALL"].push_back(RuleComment("block incoming localnet connections") +
                                      " -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate "
                                      "RELATED,ESTABLISHED,DNAT -j DROP");
  }
  filter["KUBE-FORWARD"] = {"-m conntrack --ctstate INVALID -j DROP",
                            RuleComment("kubernetes forwarding rules") +
                                fmt::format(" -m mark --mark {0}/{0} -j ACCEPT", mark),
                            RuleComment("kubernetes forwarding conntrack rule") +
                                " -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"};
  nat["KUBE-SERVICES"];
  nat["KUBE-NODEPORTS"];
  nat["KUBE-MARK-MASQ"] = {fmt::format("-j MARK --or-mark {}", mark)};
  nat["KUBE-POSTROUTING"] = {fmt::format("-m mark ! --mark {0}/{0} -j RETURN", mark),
                             fmt::format("-j MARK --xor-mark {}", mark),
                             RuleComment("kubernetes service traffic requiring SNAT") +
                                 " -j MASQUERADE" +
                                 (options.random_fully ? " --random-fully" : "")};
  if (!options.service_cidr.empty()) {
    fixed.last.filter.chains["KUBE-SERVICES"] = {
        RuleComment("traffic to no service; must be the last rule in this chain") + " -d " +
        options.service_cidr + " -j REJECT"};
  }
  const std::string comment =
      RuleComment("kubernetes service nodeports; NOTE: this must be the last rule in this chain");
  Chain& last = fixed.last.nat.chains["KUBE-SERVICES"];
  for (const std::string& cidr : options.node_port_cidrs) {
    last.push_back(comment + " -m addrtype --dst-type LOCAL -d " + cidr + " -j KUBE-NODEPORTS");
  }
  if (!last.empty()) return fixed;
  const std::string not_loopback = options.family == IpFamily::kIpv6 ? " ! -d ::1/128"
                                   : localhost                       ? ""
                                                                     : " ! -d 127.0.0.0/8";
  last.push_back(comment + " -m addrtype --dst-type LOCAL" + not_loopback + " -j KUBE-NODEPORTS");
  return fixed;
}

bool IsServiceChain(std::string_view chain) {
  static const std::set<std::string_view> kFixed = {
      "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL",
      "KUBE-FIREWALL", "KUBE-FORWARD",           "KUBE-MARK-MASQ", "KUBE-POSTROUTING"};
  if (kFixed.contains(chain)) return true;
  constexpr size_t kHashSize = 16;
  for (const std::string_view prefix :
       {"KUBE-SVC-", "KUBE-SVL-", "KUBE-EXT-", "KUBE-FW-", "KUBE-SEP-"}) {
    if (chain.starts_with(prefix) && chain.size() == prefix.size() + kHashSize) return true;
  }
  return false;
}

const std::vector<Jump>& IptablesJumps() {
  static const std::vector<std::string> kNew = {"-m", "conntrack", "--ctstate", "NEW"};
  const auto make = [](std::string table, std::string chain, bool only_new, std::string comment,
                       std::string target) {
    Jump jump{std::move(table), std::move(chain), {}};
    if (only_new) jump.rule = kNew;
    jump.rule.insert(jump.rule.end(),
                     {"-m", "comment", "--comment", std::move(comment), "-j", std::move(target)});
    return jump;
  };
  static const std::string kPortals = "kubernetes service portals";
  static const std::string kVisible = "kubernetes externally-visible service portals";
  static const std::string kFirewall = "kubernetes load balancer firewall";
  static const std::vector<Jump> kJumps = {
      make("filter", "INPUT", true, kVisible, "KUBE-EXTERNAL-SERVICES"),
      make("filter", "FORWARD", true, kVisible, "KUBE-EXTERNAL-SERVICES"),
      make("filter", "INPUT", false, "kubernetes health check service ports", "KUBE-NODEPORTS"),
      make("filter", "FORWARD", true, kPortals, "KUBE-SERVICES"),
      make("filter", "OUTPUT", true, kPortals, "KUBE-SERVICES"),
      make("filter", "FORWARD", false, "kubernetes forwarding rules", "KUBE-FORWARD"),
      make("filter", "INPUT", true, kFirewall, "KUBE-PROXY-FIREWALL"),
      make("filter", "OUTPUT", true, kFirewall, "KUBE-PROXY-FIREWALL"),
      make("filter", "FORWARD", true, kFirewall, "KUBE-PROXY-FIREWALL"),
      make("filter", "INPUT", false, "kubernetes localnet firewall", "KUBE-FIREWALL"),
      make("filter", "OUTPUT", false, "kubernetes localnet firewall", "KUBE-FIREWALL"),
      make("nat", "OUTPUT", false, kPortals, "KUBE-SERVICES"),
      make("nat", "PREROUTING", false, kPortals, "KUBE-SERVICES"),
      make("nat", "POSTROUTING", false, "kubernetes postrouting rules", "KUBE-POSTROUTING"),
  };
  return kJumps;
}

}  // namespace skiff::proxy
