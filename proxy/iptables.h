// Turns a ServiceMap into iptables rules in kube-proxy's shape: the same chain names, comments and
// order, so that tools and people who read them find what they know.
//
//   PREROUTING, OUTPUT -> KUBE-SERVICES -> KUBE-SVC-x (cluster set) | KUBE-SVL-x (local set)
//                                       -> KUBE-EXT-x (from outside) -> KUBE-SVC-x | KUBE-SVL-x
//   KUBE-SVC-x -> KUBE-SEP-y (one endpoint): DNAT
//   POSTROUTING -> KUBE-POSTROUTING: masquerades what was marked on the way
//
// Pure: nothing here touches the kernel.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/rule_set.h"
#include "proxy/service_map.h"

namespace skiff::proxy {

struct IptablesOptions {
  IpFamily family = IpFamily::kIpv4;
  std::string pod_cidr;  // Traffic from here is local; "" when unknown.
  // What is still addressed to a service behind all translation is refused; "": it is not.
  std::string service_cidr;
  bool masquerade_all = false;
  bool localhost_node_ports = true;
  bool random_fully = true;
  // Rules of endpoints without their comments: kube-proxy leaves them out in large clusters.
  bool terse = false;
  // Traffic that comes in here is local, in place of pod_cidr; "veth+": all that begin so.
  std::string local_interface;
  // Node ports, and those of health checks, are served on the node's addresses in these ranges
  // (--nodeport-addresses); empty: on all.
  std::vector<std::string> node_port_cidrs;
  int masquerade_bit = 14;  // Of the packet's mark.
  std::vector<std::string> node_ips;  // For source ranges that hold the node itself.
};

// What one port of a service adds to the chains that all services share, and its own chains, which
// are all in the table nat.
struct ServiceChains {
  RuleSet shared;
  std::map<std::string, Chain> own;
};
ServiceChains CompileService(const ServicePortRules& service, const IptablesOptions& options);

// The chains that are there without any service. A chain's rules are those of `first`, then what
// services add to it, then those of `last`; every shared chain is in `first`.
struct FixedChains {
  RuleSet first;
  RuleSet last;
};
FixedChains CompileFixed(const IptablesOptions& options);

// Everything at once.
RuleSet CompileIptables(const ServiceMap& services, const IptablesOptions& options);

// Whether a chain of this name is one that this compiler can make: others' chains may begin with
// KUBE- as well.
bool IsServiceChain(std::string_view chain);

// Jumps from the built-in chains, which are not ours to rewrite: ensured one by one.
struct Jump {
  std::string table;              // "nat"
  std::string chain;              // "PREROUTING"
  std::vector<std::string> rule;  // Arguments after the chain, ending in -j TARGET.
};
const std::vector<Jump>& IptablesJumps();

// First 16 characters of base32(sha256(text)), as kube-proxy names its chains.
std::string ChainHash(const std::string& text);

}  // namespace skiff::proxy
