#include "proxy/policy/policy_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/pods/pod_phase.h"

namespace skiff::netpol {
namespace {

using networking_v1::NetworkPolicyPeer;
using networking_v1::NetworkPolicyPort;

constexpr int kPortMax = 65535;
// Of a small key the kernel looks through all of a set for each element that it adds.
constexpr size_t kRangesALine = 256;
using Ranges = std::vector<std::pair<int, int>>;

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string ProtocolOf(const std::string& protocol) {
  return protocol.empty() ? "tcp" : Lower(protocol);
}

void Merge(Ranges& ranges) {
  std::sort(ranges.begin(), ranges.end());
  Ranges merged;
  for (const auto& [from, to] : ranges) {
    if (!merged.empty() && from <= merged.back().second + 1) {
      merged.back().second = std::max(merged.back().second, to);
    } else {
      merged.emplace_back(from, to);
    }
  }
  ranges = std::move(merged);
}

void CompilePorts(const std::vector<NetworkPolicyPort>& ports, PolicyRule& rule) {
  rule.all_ports = ports.empty();
  for (const NetworkPolicyPort& port : ports) {
    const std::string protocol = ProtocolOf(port.protocol.value_or(""));
    if (!port.port) {
      rule.ranges[protocol].emplace_back(0, kPortMax);
    } else if (port.port->is_string()) {
      rule.named.push_back({port.port->text(), protocol});
    } else {
      const int from = port.port->value();
      rule.ranges[protocol].emplace_back(from, std::max(from, port.end_port.value_or(from)));
    }
  }
  for (auto& [protocol, ranges] : rule.ranges) Merge(ranges);
  std::sort(rule.named.begin(), rule.named.end());
  rule.named.erase(std::unique(rule.named.begin(), rule.named.end()), rule.named.end());
}

Result<> CompilePeer(const NetworkPolicyPeer& peer, const std::string& namespace_,
                     PolicyRule& rule) {
  if (peer.ip_block) {
    const auto block = ParseCidr(peer.ip_block->cidr);
    if (!block) return Fail(Reason::kInvalid, "invalid CIDR " + peer.ip_block->cidr);
    std::vector<Cidr> except;
    for (const std::string& text : peer.ip_block->except) {
      if (const auto cidr = ParseCidr(text)) except.push_back(*cidr);
    }
    rule.blocks.push_back({*block, Outermost(std::move(except))});
    return {};
  }
  PeerSelector selector;
  selector.namespace_ = namespace_;
  if (peer.namespace_selector) {
    selector.namespaces = TRY(LabelSelector::From(*peer.namespace_selector));
  }
  if (peer.pod_selector) selector.pods = TRY(LabelSelector::From(*peer.pod_selector));
  rule.pods.push_back(std::move(selector));
  return {};
}

Result<PolicyRule> CompileRule(const std::vector<NetworkPolicyPort>& ports,
                               const std::vector<NetworkPolicyPeer>& peers,
                               const std::string& namespace_) {
  PolicyRule rule;
  rule.all_peers = peers.empty();
  for (const NetworkPolicyPeer& peer : peers) TRY(CompilePeer(peer, namespace_, rule));
  CompilePorts(ports, rule);
  return rule;
}

// The whole address and, for an IPv4 that is written as an IPv6, the IPv4.
std::string Canonical(const std::string& ip) {
  const auto parsed = ParseIp(ip);
  return parsed ? parsed->Text() : "";
}

std::string SetOf(const std::vector<Cidr>& cidrs) {
  std::string text;
  for (const Cidr& cidr : cidrs) text += (text.empty() ? "{ " : ", ") + CidrText(cidr);
  return text + " }";
}

std::string AddressWord(bool is_ipv6, Side side) {
  return std::string(is_ipv6 ? "ip6 " : "ip ") + (side == Side::kIn ? "saddr" : "daddr");
}

}  // namespace

std::string CidrText(const Cidr& cidr) {
  return fmt::format("{}/{}", cidr.Network().Text(), cidr.prefix_length);
}

std::vector<Cidr> Outermost(std::vector<Cidr> cidrs) {
  std::sort(cidrs.begin(), cidrs.end(), [](const Cidr& a, const Cidr& b) {
    const auto key = [](const Cidr& cidr) { return std::pair(cidr.Network(), cidr.prefix_length); };
    return key(a) < key(b);
  });
  std::vector<Cidr> kept;
  // Who holds another stands before it, and nothing else stands between but what it holds.
  for (const Cidr& cidr : cidrs) {
    if (kept.empty() || !kept.back().Contains(cidr.Network())) kept.push_back(cidr);
  }
  return kept;
}

Result<CompiledPolicy> CompilePolicy(const networking_v1::NetworkPolicy& policy) {
  CompiledPolicy compiled;
  const auto& spec = policy.spec;
  const std::string& namespace_ = policy.metadata.namespace_;
  compiled.pods = TRY(LabelSelector::From(spec.pod_selector));
  const auto has = [&](const char* type) {
    return std::find(spec.policy_types.begin(), spec.policy_types.end(), type) !=
           spec.policy_types.end();
  };
  // The defaults of a server that set them, for whoever did not.
  const bool unset = spec.policy_types.empty();
  compiled.in.isolates = unset || has("Ingress");
  compiled.out.isolates = unset ? !spec.egress.empty() : has("Egress");
  for (const auto& rule : spec.ingress) {
    if (!compiled.in.isolates) break;
    compiled.in.rules.push_back(TRY(CompileRule(rule.ports, rule.from, namespace_)));
  }
  for (const auto& rule : spec.egress) {
    if (!compiled.out.isolates) break;
    compiled.out.rules.push_back(TRY(CompileRule(rule.ports, rule.to, namespace_)));
  }
  return compiled;
}

PolicyCost CostOf(const CompiledPolicy& policy) {
  PolicyCost cost;
  for (const Side which : {Side::kIn, Side::kOut}) {
    for (const PolicyRule& rule : policy.side(which).rules) {
      cost.sets += 2 * (rule.pods.size() + rule.named.size());  // Of both families.
      cost.elements += 1 + rule.blocks.size();
      for (const auto& [protocol, ranges] : rule.ranges) cost.elements += ranges.size();
      for (const PolicyBlock& block : rule.blocks) cost.elements += block.except.size();
    }
  }
  return cost;
}

std::optional<PolicyPod> ReadPolicyPod(const core_v1::Pod& pod, const std::string& node) {
  if (pod.spec.host_network || HasEnded(pod.status.phase)) return std::nullopt;
  PolicyPod read;
  for (const auto& each : pod.status.pod_ips) {
    if (const std::string ip = Canonical(each.ip); !ip.empty()) read.ips.push_back(ip);
  }
  if (read.ips.empty()) {
    if (const std::string ip = Canonical(pod.status.pod_ip); !ip.empty()) read.ips.push_back(ip);
  }
  if (read.ips.empty()) return std::nullopt;
  read.labels = pod.metadata.labels;
  read.is_local = pod.spec.node_name == node;
  const auto add_ports = [&](const core_v1::Container& container) {
    for (const auto& port : container.ports) {
      if (port.name.empty()) continue;
      read.ports.push_back({{port.name, ProtocolOf(port.protocol)}, port.container_port});
    }
  };
  for (const auto& container : pod.spec.containers) add_ports(container);
  for (const auto& container : pod.spec.init_containers) {
    if (container.restart_policy == "Always") add_ports(container);
  }
  return read;
}

std::vector<std::string> PortLines(const PolicyRule& rule,
                                   const std::vector<std::string>& port_ids) {
  std::vector<std::string> lines;
  for (const auto& [protocol, ranges] : rule.ranges) {
    if (ranges.front() == std::pair(0, kPortMax)) {
      lines.push_back(fmt::format("meta l4proto {} accept", protocol));
      continue;
    }
    for (size_t at = 0; at < ranges.size(); at += kRangesALine) {
      std::string ports;
      for (size_t i = at; i < std::min(ranges.size(), at + kRangesALine); ++i) {
        const auto& [from, to] = ranges[i];
        ports += ports.empty() ? "" : ", ";
        ports += from == to ? std::to_string(from) : fmt::format("{}-{}", from, to);
      }
      lines.push_back(fmt::format("{} dport {{ {} }} accept", protocol, ports));
    }
  }
  for (size_t i = 0; i < port_ids.size(); ++i) {
    for (const int family : {4, 6}) {
      lines.push_back(fmt::format("{} daddr . {} dport @port{}-{} accept",
                                  family == 6 ? "ip6" : "ip", rule.named[i].protocol, family,
                                  port_ids[i]));
    }
  }
  return lines;
}

std::vector<std::string> PeerLines(const PolicyRule& rule, Side side,
                                   const std::vector<std::string>& pod_ids,
                                   const std::string& verdict) {
  if (rule.all_peers) return {verdict};
  std::vector<std::string> lines;
  for (const std::string& id : pod_ids) {
    lines.push_back(fmt::format("{} @pods4-{} {}", AddressWord(false, side), id, verdict));
    lines.push_back(fmt::format("{} @pods6-{} {}", AddressWord(true, side), id, verdict));
  }
  for (const bool is_ipv6 : {false, true}) {
    const std::string word = AddressWord(is_ipv6, side);
    std::vector<Cidr> whole;
    for (const PolicyBlock& each : rule.blocks) {
      if (each.block.address.v6 != is_ipv6) continue;
      if (each.except.empty()) {
        whole.push_back(each.block);
        continue;
      }
      lines.push_back(fmt::format("{0} {1} {0} != {2} {3}", word, CidrText(each.block),
                                  SetOf(each.except), verdict));
    }
    if (whole.empty()) continue;
    lines.push_back(fmt::format("{} {} {}", word, SetOf(Outermost(std::move(whole))), verdict));
  }
  return lines;
}

}  // namespace skiff::netpol
