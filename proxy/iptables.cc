#include "proxy/iptables.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/hash.h"

namespace skiff::proxy {
namespace {

constexpr std::string_view kMark = "0x004000";

std::string Comment(std::string_view text) {
  // A word without spaces needs no quotes, and kube-proxy writes none.
  const bool plain = text.find(' ') == std::string_view::npos;
  return plain ? fmt::format("-m comment --comment {}", text)
               : fmt::format("-m comment --comment \"{}\"", text);
}

bool Contains(const std::string& cidr, const std::string& ip) {
  const auto slash = cidr.find('/');
  if (slash == std::string::npos) return cidr == ip;
  unsigned char network[16], address[16];
  const int family = ip.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (inet_pton(family, cidr.substr(0, slash).c_str(), network) != 1) return false;
  if (inet_pton(family, ip.c_str(), address) != 1) return false;
  const int bits = std::atoi(cidr.c_str() + slash + 1);
  for (int bit = 0; bit < bits; ++bit) {
    const unsigned char mask = static_cast<unsigned char>(0x80 >> (bit % 8));
    if ((network[bit / 8] & mask) != (address[bit / 8] & mask)) return false;
  }
  return true;
}

class Compiler {
 public:
  explicit Compiler(const IptablesOptions& options) : options_(options) {}
  RuleSet Compile(const ServiceMap& services) {
    AddFixedChains();
    for (const auto& [key, service] : services) AddService(service);
    AddLastRules();
    return std::move(rules_);
  }

 private:
  struct Names {
    std::string cluster, local, external, firewall;
  };
  void AddFixedChains();
  void AddLastRules();
  void AddService(const ServicePortRules& service);
  void AddClusterIp(const ServicePortRules& service, const Names& names);
  void AddExternalAddresses(const ServicePortRules& service, const Names& names);
  void AddNodePort(const ServicePortRules& service, const Names& names);
  void AddExternalChain(const ServicePortRules& service, const Names& names);
  void AddFirewallChain(const ServicePortRules& service, const Names& names);
  void AddMasquerade(const ServicePortRules& service, const std::string& chain);
  void AddEndpointSet(const ServicePortRules& service, const std::string& chain,
                      const std::vector<ServiceEndpoint>& endpoints);
  void AddEndpoint(const ServicePortRules& service, const ServiceEndpoint& endpoint);
  void RejectExternal(const ServicePortRules& service, const std::string& match);
  // "-m tcp -p tcp -d IP --dport PORT"
  std::string Match(const ServicePortRules& service, const std::string& ip) const {
    return fmt::format("-m {0} -p {0} -d {1} --dport {2}", service.protocol, ip, service.port);
  }
  static std::string EndpointChain(const ServicePortRules& service,
                                   const ServiceEndpoint& endpoint) {
    return "KUBE-SEP-" + ChainHash(service.name + service.protocol + endpoint.Address());
  }
  Chain& Nat(const std::string& chain) { return rules_.nat.chains[chain]; }
  Chain& Filter(const std::string& chain) { return rules_.filter.chains[chain]; }

  const IptablesOptions& options_;
  RuleSet rules_;
};

void Compiler::AddFixedChains() {
  for (const char* chain : {"KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS",
                            "KUBE-PROXY-FIREWALL", "KUBE-FORWARD"}) {
    Filter(chain);
  }
  Filter("KUBE-FIREWALL");
  if (options_.family == IpFamily::kIpv4 && options_.localhost_node_ports) {
    Filter("KUBE-FIREWALL")
        .push_back(Comment("block incoming localnet connections") +
                   " -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate "
                   "RELATED,ESTABLISHED,DNAT -j DROP");
  }
  Nat("KUBE-SERVICES");
  Nat("KUBE-NODEPORTS");
  Nat("KUBE-MARK-MASQ") = {fmt::format("-j MARK --or-mark {}", kMark)};
  Nat("KUBE-POSTROUTING") = {fmt::format("-m mark ! --mark {0}/{0} -j RETURN", kMark),
                             fmt::format("-j MARK --xor-mark {}", kMark),
                             Comment("kubernetes service traffic requiring SNAT") +
                                 " -j MASQUERADE" +
                                 (options_.random_fully ? " --random-fully" : "")};
  Filter("KUBE-FORWARD") = {"-m conntrack --ctstate INVALID -j DROP",
                            Comment("kubernetes forwarding rules") +
                                fmt::format(" -m mark --mark {0}/{0} -j ACCEPT", kMark),
                            Comment("kubernetes forwarding conntrack rule") +
                                " -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"};
}

void Compiler::AddLastRules() {
  if (!options_.service_cidr.empty()) {
    Filter("KUBE-SERVICES")
        .push_back(Comment("traffic to no service; must be the last rule in this chain") + " -d " +
                   options_.service_cidr + " -j REJECT");
  }
  std::string not_loopback;
  if (options_.family == IpFamily::kIpv6) {
    not_loopback = " ! -d ::1/128";
  } else if (!options_.localhost_node_ports) {
    not_loopback = " ! -d 127.0.0.0/8";
  }
  Nat("KUBE-SERVICES")
      .push_back(Comment("kubernetes service nodeports; NOTE: this must be the last rule in this "
                         "chain") +
                 " -m addrtype --dst-type LOCAL" + not_loopback + " -j KUBE-NODEPORTS");
}

void Compiler::AddService(const ServicePortRules& service) {
  const std::string hash = ChainHash(service.name + service.protocol);
  const Names names = {"KUBE-SVC-" + hash, "KUBE-SVL-" + hash, "KUBE-EXT-" + hash,
                       "KUBE-FW-" + hash};
  AddClusterIp(service, names);
  AddExternalAddresses(service, names);
  AddNodePort(service, names);
  if (service.health_check_node_port != 0) {
    Filter("KUBE-NODEPORTS")
        .push_back(
            Comment(service.name + " health check node port") +
            fmt::format(" -m tcp -p tcp --dport {} -j ACCEPT", service.health_check_node_port));
  }
  if (service.IsExternal() && service.has_endpoints) {
    AddExternalChain(service, names);
    if (!service.load_balancer_ips.empty() && !service.source_ranges.empty()) {
      AddFirewallChain(service, names);
    }
  }
  // Pods reach a service with the policy Local through the cluster set as well.
  const bool uses_cluster = !service.internal_local || (service.IsExternal());
  const bool uses_local =
      service.internal_local || (service.IsExternal() && service.external_local);
  if (uses_cluster && !service.cluster_endpoints.empty()) {
    AddMasquerade(service, names.cluster);
    AddEndpointSet(service, names.cluster, service.cluster_endpoints);
  }
  if (uses_local && !service.local_endpoints.empty()) {
    AddMasquerade(service, names.local);
    AddEndpointSet(service, names.local, service.local_endpoints);
  }
}

void Compiler::AddClusterIp(const ServicePortRules& service, const Names& names) {
  const std::string match = Match(service, service.cluster_ip);
  if (!service.InternalEndpoints().empty()) {
    Nat("KUBE-SERVICES")
        .push_back(Comment(service.name + " cluster IP") + " " + match + " -j " +
                   (service.internal_local ? names.local : names.cluster));
    return;
  }
  const bool elsewhere = service.has_endpoints;
  Filter("KUBE-SERVICES")
      .push_back(
          Comment(service.name + (elsewhere ? " has no local endpoints" : " has no endpoints")) +
          " " + match + (elsewhere ? " -j DROP" : " -j REJECT"));
}

void Compiler::RejectExternal(const ServicePortRules& service, const std::string& match) {
  const bool elsewhere = service.has_endpoints;
  Filter("KUBE-EXTERNAL-SERVICES")
      .push_back(
          Comment(service.name + (elsewhere ? " has no local endpoints" : " has no endpoints")) +
          " " + match + (elsewhere ? " -j DROP" : " -j REJECT"));
}

void Compiler::AddExternalAddresses(const ServicePortRules& service, const Names& names) {
  const bool usable = !service.ExternalEndpoints().empty();
  for (const std::string& ip : service.external_ips) {
    if (service.has_endpoints) {
      Nat("KUBE-SERVICES")
          .push_back(Comment(service.name + " external IP") + " " + Match(service, ip) + " -j " +
                     names.external);
    }
    if (!usable) RejectExternal(service, Match(service, ip));
  }
  for (const std::string& ip : service.load_balancer_ips) {
    const bool guarded = !service.source_ranges.empty();
    if (service.has_endpoints) {
      Nat("KUBE-SERVICES")
          .push_back(Comment(service.name + " loadbalancer IP") + " " + Match(service, ip) +
                     " -j " + (guarded ? names.firewall : names.external));
      if (guarded) {
        Filter("KUBE-PROXY-FIREWALL")
            .push_back(Comment(service.name + " traffic not accepted by " + names.firewall) + " " +
                       Match(service, ip) + " -j DROP");
      }
    }
    if (!usable) RejectExternal(service, Match(service, ip));
  }
}

void Compiler::AddNodePort(const ServicePortRules& service, const Names& names) {
  if (service.node_port == 0) return;
  const std::string match =
      fmt::format("-m {0} -p {0} --dport {1}", service.protocol, service.node_port);
  if (service.has_endpoints) {
    Nat("KUBE-NODEPORTS").push_back(Comment(service.name) + " " + match + " -j " + names.external);
  }
  if (service.ExternalEndpoints().empty()) {
    RejectExternal(service, "-m addrtype --dst-type LOCAL " + match);
  }
}

void Compiler::AddExternalChain(const ServicePortRules& service, const Names& names) {
  Chain& chain = Nat(names.external);
  const std::string traffic = service.name + " external destinations";
  if (!service.external_local) {
    chain.push_back(Comment("masquerade traffic for " + traffic) + " -j KUBE-MARK-MASQ");
  } else if (!service.cluster_endpoints.empty()) {
    if (!options_.pod_cidr.empty()) {
      chain.push_back(Comment("pod traffic for " + traffic) + " -s " + options_.pod_cidr + " -j " +
                      names.cluster);
    }
    chain.push_back(Comment("masquerade LOCAL traffic for " + traffic) +
                    " -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ");
    chain.push_back(Comment("route LOCAL traffic for " + traffic) +
                    " -m addrtype --src-type LOCAL -j " + names.cluster);
  }
  if (!service.ExternalEndpoints().empty()) {
    chain.push_back("-j " + (service.external_local ? names.local : names.cluster));
  }
}

void Compiler::AddFirewallChain(const ServicePortRules& service, const Names& names) {
  Chain& chain = Nat(names.firewall);
  bool allows_node = false;
  for (const std::string& range : service.source_ranges) {
    chain.push_back(Comment(service.name + " loadbalancer IP") + " -s " + range + " -j " +
                    names.external);
    for (const std::string& ip : options_.node_ips) allows_node |= Contains(range, ip);
  }
  // The node itself arrives with the load balancer's address as its source.
  for (const std::string& ip : service.load_balancer_ips) {
    if (!allows_node) break;
    chain.push_back(Comment(service.name + " loadbalancer IP") + " -s " + ip + " -j " +
                    names.external);
  }
  chain.push_back(
      Comment("other traffic to " + service.name + " will be dropped by KUBE-PROXY-FIREWALL"));
}

void Compiler::AddMasquerade(const ServicePortRules& service, const std::string& chain) {
  std::string source;
  if (!options_.masquerade_all) {
    if (options_.pod_cidr.empty()) {
      Nat(chain);
      return;
    }
    source = " ! -s " + options_.pod_cidr;
  }
  Nat(chain).push_back(Comment(service.name + " cluster IP") + " " +
                       Match(service, service.cluster_ip) + source + " -j KUBE-MARK-MASQ");
}

void Compiler::AddEndpointSet(const ServicePortRules& service, const std::string& chain,
                              const std::vector<ServiceEndpoint>& endpoints) {
  if (service.affinity_seconds != 0) {
    for (const ServiceEndpoint& endpoint : endpoints) {
      const std::string target = EndpointChain(service, endpoint);
      Nat(chain).push_back(Comment(service.name + " -> " + endpoint.Address()) +
                           fmt::format(" -m recent --name {0} --rcheck --seconds {1} --reap -j {0}",
                                       target, service.affinity_seconds));
    }
  }
  for (size_t i = 0; i < endpoints.size(); ++i) {
    const size_t left = endpoints.size() - i;
    const std::string chance =
        left == 1 ? ""
                  : fmt::format(" -m statistic --mode random --probability {:.10f}",
                                1.0 / static_cast<double>(left));
    Nat(chain).push_back(Comment(service.name + " -> " + endpoints[i].Address()) + chance + " -j " +
                         EndpointChain(service, endpoints[i]));
    AddEndpoint(service, endpoints[i]);
  }
}

void Compiler::AddEndpoint(const ServicePortRules& service, const ServiceEndpoint& endpoint) {
  const std::string name = EndpointChain(service, endpoint);
  const std::string recent =
      service.affinity_seconds == 0 ? "" : " -m recent --name " + name + " --set";
  // A pod that reaches itself through its own service must see the node as the sender.
  Nat(name) = {Comment(service.name) + " -s " + endpoint.ip + " -j KUBE-MARK-MASQ",
               Comment(service.name) + recent +
                   fmt::format(" -m {0} -p {0} -j DNAT --to-destination {1}", service.protocol,
                               endpoint.Address())};
}

}  // namespace

RuleSet CompileIptables(const ServiceMap& services, const IptablesOptions& options) {
  return Compiler(options).Compile(services);
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

std::string ChainHash(const std::string& text) {
  return Base32(Sha256(text)).substr(0, 16);
}

}  // namespace skiff::proxy
