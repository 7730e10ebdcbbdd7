// What a NetworkPolicy says, in a form that is near to rules: sides, peers, ports. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/networking_v1.h"
#include "api/rules/core/ip.h"
#include "proxy/policy/peers.h"

namespace skiff::netpol {

enum class Side : uint8_t { kIn, kOut };

struct PolicyBlock {
  Cidr block;
  std::vector<Cidr> except;  // None within another.
};

// One rule: who (any of them) and at which ports (any of them).
struct PolicyRule {
  bool all_peers = false;
  std::vector<PeerSelector> pods;
  std::vector<PolicyBlock> blocks;
  bool all_ports = false;
  // From, to; by protocol. Neither overlap nor touch. 0-65535: all of it.
  std::map<std::string, std::vector<std::pair<int, int>>> ranges;
  std::vector<PortName> named;
};

struct PolicySide {
  bool isolates = false;
  std::vector<PolicyRule> rules;
};

struct CompiledPolicy {
  LabelSelector pods;
  PolicySide in, out;
  const PolicySide& side(Side which) const { return which == Side::kIn ? in : out; }
};

// Fails where a selector is none that a server would have taken.
Result<CompiledPolicy> CompilePolicy(const networking_v1::NetworkPolicy& policy);

// What it takes of the kernel's table: sets that pods are looked up in, and all else.
struct PolicyCost {
  size_t sets = 0;
  size_t elements = 0;
};
PolicyCost CostOf(const CompiledPolicy& policy);

// nullopt: no policy concerns it. Pods in their node's network are part of the node.
std::optional<PolicyPod> ReadPolicyPod(const core_v1::Pod& pod, const std::string& node);

// The network, without host bits.
std::string CidrText(const Cidr& cidr);
// Without those that lie within another.
std::vector<Cidr> Outermost(std::vector<Cidr> cidrs);

// The rules that accept what those ports name, for a chain of their own. `port_ids`: of
// PolicyRule::named, in order.
std::vector<std::string> PortLines(const PolicyRule& rule,
                                   const std::vector<std::string>& port_ids);
// The rules of a policy's chain that lead who is meant to `verdict` ("accept", or a jump to the
// ports). `pod_ids`: of PolicyRule::pods, in order.
std::vector<std::string> PeerLines(const PolicyRule& rule, Side side,
                                   const std::vector<std::string>& pod_ids,
                                   const std::string& verdict);

}  // namespace skiff::netpol
