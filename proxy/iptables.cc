#include "proxy/iptables.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/hash.h"

namespace skiff::proxy {
namespace {

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

class ServiceCompiler {
 public:
  explicit ServiceCompiler(const IptablesOptions& options) : options_(options) {}
  ServiceChains Compile(const ServicePortRules& service) {
    AddService(service);
    return std::move(chains_);
  }

 private:
  struct Names {
    std::string cluster, local, external, firewall;
  };
  void AddService(const ServicePortRules& service);
  void AddHealthCheck(const ServicePortRules& service);
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
  Chain& Own(const std::string& chain) { return chains_.own[chain]; }
  Chain& Nat(const std::string& chain) { return chains_.shared.nat.chains[chain]; }
  Chain& Filter(const std::string& chain) { return chains_.shared.filter.chains[chain]; }
  // What matches traffic of this node's pods, or all other; "" where that cannot be told.
  std::string LocalMatch(bool is_local) const {
    const std::string sign = is_local ? "" : "! ";
    if (!options_.local_interface.empty()) return sign + "-i " + options_.local_interface;
    return options_.pod_cidr.empty() ? "" : sign + "-s " + options_.pod_cidr;
  }
  // "-m comment --comment ... " for a rule of an endpoint; "" in a large cluster.
  std::string EndpointComment(const std::string& text) const {
    return options_.terse ? "" : RuleComment(text) + " ";
  }

  const IptablesOptions& options_;
  ServiceChains chains_;
};

void ServiceCompiler::AddService(const ServicePortRules& service) {
  const std::string hash = ChainHash(service.name + service.protocol);
  const Names names = {"KUBE-SVC-" + hash, "KUBE-SVL-" + hash, "KUBE-EXT-" + hash,
                       "KUBE-FW-" + hash};
  AddClusterIp(service, names);
  AddExternalAddresses(service, names);
  AddNodePort(service, names);
  AddHealthCheck(service);
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

// The port is listened on at all addresses: where some are chosen, the others are closed here.
void ServiceCompiler::AddHealthCheck(const ServicePortRules& service) {
  if (service.health_check_node_port == 0) return;
  Chain& chain = Filter("KUBE-NODEPORTS");
  const std::string comment = RuleComment(service.name + " health check node port");
  const std::string match =
      fmt::format(" -m tcp -p tcp --dport {}", service.health_check_node_port);
  if (options_.node_port_cidrs.empty()) {
    chain.push_back(comment + match + " -j ACCEPT");
    return;
  }
  for (const std::string& cidr : options_.node_port_cidrs) {
    chain.push_back(comment + match + " -d " + cidr + " -j ACCEPT");
  }
  chain.push_back(comment + match + " -j DROP");
}

void ServiceCompiler::AddClusterIp(const ServicePortRules& service, const Names& names) {
  const std::string match = Match(service, service.cluster_ip);
  if (!service.InternalEndpoints().empty()) {
    Nat("KUBE-SERVICES")
        .push_back(RuleComment(service.name + " cluster IP") + " " + match + " -j " +
                   (service.internal_local ? names.local : names.cluster));
    return;
  }
  const bool elsewhere = service.has_endpoints;
  Filter("KUBE-SERVICES")
      .push_back(RuleComment(service.name +
                             (elsewhere ? " has no local endpoints" : " has no endpoints")) +
                 " " + match + (elsewhere ? " -j DROP" : " -j REJECT"));
}

void ServiceCompiler::RejectExternal(const ServicePortRules& service, const std::string& match) {
  const bool elsewhere = service.has_endpoints;
  Filter("KUBE-EXTERNAL-SERVICES")
      .push_back(RuleComment(service.name +
                             (elsewhere ? " has no local endpoints" : " has no endpoints")) +
                 " " + match + (elsewhere ? " -j DROP" : " -j REJECT"));
}

void ServiceCompiler::AddExternalAddresses(const ServicePortRules& service, const Names& names) {
  const bool usable = !service.ExternalEndpoints().empty();
  for (const std::string& ip : service.external_ips) {
    if (service.has_endpoints) {
      Nat("KUBE-SERVICES")
          .push_back(RuleComment(service.name + " external IP") + " " + Match(service, ip) +
                     " -j " + names.external);
    }
    if (!usable) RejectExternal(service, Match(service, ip));
  }
  for (const std::string& ip : service.load_balancer_ips) {
    const bool guarded = !service.source_ranges.empty();
    if (service.has_endpoints) {
      Nat("KUBE-SERVICES")
          .push_back(RuleComment(service.name + " loadbalancer IP") + " " + Match(service, ip) +
                     " -j " + (guarded ? names.firewall : names.external));
      if (guarded) {
        Filter("KUBE-PROXY-FIREWALL")
            .push_back(RuleComment(service.name + " traffic not accepted by " + names.firewall) +
                       " " + Match(service, ip) + " -j DROP");
      }
    }
    if (!usable) RejectExternal(service, Match(service, ip));
  }
}

void ServiceCompiler::AddNodePort(const ServicePortRules& service, const Names& names) {
  if (service.node_port == 0) return;
  const std::string match =
      fmt::format("-m {0} -p {0} --dport {1}", service.protocol, service.node_port);
  if (service.has_endpoints) {
    Nat("KUBE-NODEPORTS")
        .push_back(RuleComment(service.name) + " " + match + " -j " + names.external);
  }
  if (service.ExternalEndpoints().empty()) {
    RejectExternal(service, "-m addrtype --dst-type LOCAL " + match);
  }
}

void ServiceCompiler::AddExternalChain(const ServicePortRules& service, const Names& names) {
  Chain& chain = Own(names.external);
  const std::string traffic = service.name + " external destinations";
  if (!service.external_local) {
    chain.push_back(RuleComment("masquerade traffic for " + traffic) + " -j KUBE-MARK-MASQ");
  } else if (!service.cluster_endpoints.empty()) {
    if (const std::string local = LocalMatch(true); !local.empty()) {
      chain.push_back(RuleComment("pod traffic for " + traffic) + " " + local + " -j " +
                      names.cluster);
    }
    chain.push_back(RuleComment("masquerade LOCAL traffic for " + traffic) +
                    " -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ");
    chain.push_back(RuleComment("route LOCAL traffic for " + traffic) +
                    " -m addrtype --src-type LOCAL -j " + names.cluster);
  }
  if (!service.ExternalEndpoints().empty()) {
    chain.push_back("-j " + (service.external_local ? names.local : names.cluster));
  }
}

void ServiceCompiler::AddFirewallChain(const ServicePortRules& service, const Names& names) {
  Chain& chain = Own(names.firewall);
  bool allows_node = false;
  for (const std::string& range : service.source_ranges) {
    chain.push_back(RuleComment(service.name + " loadbalancer IP") + " -s " + range + " -j " +
                    names.external);
    for (const std::string& ip : options_.node_ips) allows_node |= Contains(range, ip);
  }
  // The node itself arrives with the load balancer's address as its source.
  for (const std::string& ip : service.load_balancer_ips) {
    if (!allows_node) break;
    chain.push_back(RuleComment(service.name + " loadbalancer IP") + " -s " + ip + " -j " +
                    names.external);
  }
  chain.push_back(
      RuleComment("other traffic to " + service.name + " will be dropped by KUBE-PROXY-FIREWALL"));
}

void ServiceCompiler::AddMasquerade(const ServicePortRules& service, const std::string& chain) {
  std::string source;
  if (!options_.masquerade_all) {
    const std::string elsewhere = LocalMatch(false);
    if (elsewhere.empty()) {
      Own(chain);
      return;
    }
    source = " " + elsewhere;
  }
  Own(chain).push_back(RuleComment(service.name + " cluster IP") + " " +
                       Match(service, service.cluster_ip) + source + " -j KUBE-MARK-MASQ");
}

void ServiceCompiler::AddEndpointSet(const ServicePortRules& service, const std::string& chain,
                                     const std::vector<ServiceEndpoint>& endpoints) {
  if (service.affinity_seconds != 0) {
    for (const ServiceEndpoint& endpoint : endpoints) {
      const std::string target = EndpointChain(service, endpoint);
      Own(chain).push_back(EndpointComment(service.name + " -> " + endpoint.Address()) +
                           fmt::format("-m recent --name {0} --rcheck --seconds {1} --reap -j {0}",
                                       target, service.affinity_seconds));
    }
  }
  for (size_t i = 0; i < endpoints.size(); ++i) {
    const size_t left = endpoints.size() - i;
    const std::string chance =
        left == 1 ? ""
                  : fmt::format("-m statistic --mode random --probability {:.10f} ",
                                1.0 / static_cast<double>(left));
    Own(chain).push_back(EndpointComment(service.name + " -> " + endpoints[i].Address()) + chance +
                         "-j " + EndpointChain(service, endpoints[i]));
    AddEndpoint(service, endpoints[i]);
  }
}

void ServiceCompiler::AddEndpoint(const ServicePortRules& service,
                                  const ServiceEndpoint& endpoint) {
  const std::string name = EndpointChain(service, endpoint);
  const std::string recent =
      service.affinity_seconds == 0 ? "" : "-m recent --name " + name + " --set ";
  // A pod that reaches itself through its own service must see the node as the sender.
  Own(name) = {EndpointComment(service.name) + "-s " + endpoint.ip + " -j KUBE-MARK-MASQ",
               EndpointComment(service.name) + recent +
                   fmt::format("-m {0} -p {0} -j DNAT --to-destination {1}", service.protocol,
                               endpoint.Address())};
}

}  // namespace

ServiceChains CompileService(const ServicePortRules& service, const IptablesOptions& options) {
  return ServiceCompiler(options).Compile(service);
}

RuleSet CompileIptables(const ServiceMap& services, const IptablesOptions& options) {
  const FixedChains fixed = CompileFixed(options);
  RuleSet rules = fixed.first;
  const auto append = [](const TableRules& from, TableRules& to) {
    for (const auto& [chain, added] : from.chains) {
      Chain& all = to.chains[chain];
      all.insert(all.end(), added.begin(), added.end());
    }
  };
  for (const auto& [key, service] : services) {
    ServiceChains chains = CompileService(service, options);
    append(chains.shared.filter, rules.filter);
    append(chains.shared.nat, rules.nat);
    rules.nat.chains.merge(chains.own);
  }
  append(fixed.last.filter, rules.filter);
  append(fixed.last.nat, rules.nat);
  return rules;
}

std::string ChainHash(const std::string& text) {
  return Base32(Sha256(text)).substr(0, 16);
}

}  // namespace skiff::proxy
