#include "proxy/policy/policy_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace skiff::netpol {
namespace {

constexpr size_t kChainNameMax = 100;  // The kernel takes 128.
constexpr int kNodeTunnelPort = 8472;  // NodeRouteOptions of the kubelet has it.
constexpr Side kSides[] = {Side::kIn, Side::kOut};

size_t IndexOf(Side side) {
  return side == Side::kIn ? 0 : 1;
}

const char* WordOf(Side side) {
  return side == Side::kIn ? "in" : "out";
}

// Readable where it is short enough and holds nothing but what names of policies may hold.
std::string ChainOf(Side side, const ObjectKey& policy) {
  std::string name = fmt::format("{}/{}", WordOf(side), policy.Text());
  const bool is_plain = name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-./") ==
                        std::string::npos;
  if (is_plain && name.size() <= kChainNameMax) return name;
  return fmt::format("{}-policy-{}", WordOf(side), NameOfText(name));
}

// A kernel unpacks what comes to its end of the tunnel between nodes, whoever has sent it, and what
// is in it would be anybody's: no pod sends there, by a Service either, whose address is replaced
// by then. Between pods the port is one as any other.
std::vector<std::string> KeepFromTunnel() {
  std::vector<std::string> rules;
  for (const char* family : {"4", "6"}) {
    const char* word = *family == '6' ? "ip6" : "ip";
    rules.push_back(fmt::format("{0} saddr @ranges{1} {0} daddr != @cluster{1} udp dport {2} drop",
                                word, family, kNodeTunnelPort));
  }
  return rules;
}

// `own`: the word for the address of the pod that is judged.
std::vector<std::string> BaseChain(const char* own, int priority, const char* map) {
  std::vector<std::string> rules = {
      fmt::format("type filter hook forward priority filter + {}; policy accept;", priority),
      "ct direction reply accept", "ct state related accept",
      // A pod that asks its own Service.
      "ip saddr . ip daddr @self4 accept", "ip6 saddr . ip6 daddr @self6 accept"};
  for (const char* family : {"4", "6"}) {
    const std::string word = fmt::format("{} {}", *family == '6' ? "ip6" : "ip", own);
    rules.push_back(fmt::format("ct state new {0} @ranges{1} {0} != @known{1} drop", word, family));
  }
  for (const char* family : {"4", "6"}) {
    rules.push_back(
        fmt::format("{} {} vmap @{}{}", *family == '6' ? "ip6" : "ip", own, map, family));
  }
  return rules;
}

}  // namespace

PolicyPlan::PolicyPlan(std::string node_name)
    : node_name_(std::move(node_name)),
      table_(kPolicyTable, "NetworkPolicies, for the pods of this node; written by skiff") {
  for (const char* family : {"4", "6"}) {
    const std::string type = std::string("type ipv") + family + "_addr";
    table_.AddSet(std::string("known") + family, type);
    table_.AddSet(std::string("ranges") + family, type + "; flags interval");
    table_.AddSet(std::string("cluster") + family, type + "; flags interval");
    table_.AddSet(std::string("self") + family, fmt::format("{} . ipv{}_addr", type, family));
    for (const Side side : kSides) {
      table_.AddSet(std::string(WordOf(side)) + family, type + " : verdict");
    }
  }
  const std::string everyone = peers_.Acquire({LabelSelector(), "", LabelSelector()});
  const std::string ends = "ct state established meta l4proto tcp reject with tcp reset";
  const std::string refuses = "reject with icmpx type admin-prohibited";
  table_.SetChain("deny-out", {ends, refuses});
  table_.SetChain("deny-in",
                  {ends, fmt::format("ip saddr @cluster4 ip saddr != @pods4-{} drop", everyone),
                   fmt::format("ip6 saddr @cluster6 ip6 saddr != @pods6-{} drop", everyone),
                   refuses});
  // To this node, and to others.
  for (const char* hook : {"input", "forward"}) {
    std::vector<std::string> rules = KeepFromTunnel();
    rules.insert(rules.begin(),
                 fmt::format("type filter hook {} priority filter + 9; policy accept;", hook));
    table_.SetChain(fmt::format("tunnel-{}", hook), std::move(rules));
  }
  table_.SetChain("egress", BaseChain("saddr", 10, "out"));
  table_.SetChain("ingress", BaseChain("daddr", 11, "in"));
}

// Before connections are tracked and addresses of Services replaced. Cables have the names that CNI
// gives them. The address of one who asks whether an IPv6 is free is none.
void PolicyPlan::BindCables() {
  table_.SetChain("cables",
                  {"type filter hook prerouting priority raw; policy accept;",
                   "iifname \"veth*\" meta nfproto ipv4 fib saddr . iif oif missing drop",
                   "iifname \"veth*\" ip6 saddr != :: fib saddr . iif oif missing drop"});
}

std::vector<std::string> PolicyPlan::OwnRanges() const {
  const auto found = shown_ranges_.find("ranges");
  if (found == shown_ranges_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

Result<> PolicyPlan::SetPolicy(const ObjectKey& key, const networking_v1::NetworkPolicy* policy) {
  if (policy == nullptr) {
    DropPolicy(key);
    return {};
  }
  auto compiled = CompilePolicy(*policy);
  if (!compiled) {
    DropPolicy(key);
    return Fail(compiled.error());
  }
  const auto [found, added] = policies_.try_emplace(key);
  Policy& mine = found->second;
  auto& buckets = by_selector_[key.namespace_];
  if (!added) buckets.Remove(key, mine.compiled.pods);
  mine.compiled = std::move(*compiled);
  mine.cost = CostOf(mine.compiled);
  // Until the budget of all is drawn up.
  mine.is_closed = mine.cost.sets > kSetsMax || mine.cost.elements > kElementsMax;
  buckets.Add(key, mine.compiled.pods);
  std::vector<ObjectKey> touched;
  for (auto pod = local_.lower_bound({key.namespace_, ""});
       pod != local_.end() && pod->first.namespace_ == key.namespace_; ++pod) {
    ++looks_;
    const bool was_meant = mine.pods.contains(pod->first);
    if (mine.compiled.pods.Matches(pod->second.labels)) {
      pod->second.policies.insert(key);
      mine.pods.insert(pod->first);
    } else if (was_meant) {
      pod->second.policies.erase(key);
      mine.pods.erase(pod->first);
    } else {
      continue;
    }
    touched.push_back(pod->first);
  }
  Write(key, mine);
  for (const ObjectKey& pod : touched) Regroup(local_.at(pod));
  Budget(key.namespace_);
  if (!mine.is_closed) return {};
  return Fail(Reason::kTooManyRequests,
              fmt::format("the policies of namespace {} have more than {} peers and named ports, or "
                          "{} ports and blocks: what this one allows is not let through",
                          key.namespace_, kSetsMax / 2, kElementsMax));
}

void PolicyPlan::Budget(const std::string& namespace_) {
  PolicyCost all;
  for (auto policy = policies_.lower_bound({namespace_, ""});
       policy != policies_.end() && policy->first.namespace_ == namespace_; ++policy) {
    Policy& mine = policy->second;
    const bool fits = all.sets + mine.cost.sets <= kSetsMax &&
                      all.elements + mine.cost.elements <= kElementsMax;
    if (fits) {
      all.sets += mine.cost.sets;
      all.elements += mine.cost.elements;
    }
    if (std::exchange(mine.is_closed, !fits) == !fits) continue;
    Write(policy->first, mine);
  }
}

void PolicyPlan::DropPolicy(const ObjectKey& key) {
  const auto found = policies_.find(key);
  if (found == policies_.end()) return;
  Policy policy = std::move(found->second);
  policies_.erase(found);
  auto& buckets = by_selector_.at(key.namespace_);
  buckets.Remove(key, policy.compiled.pods);
  if (buckets.empty()) by_selector_.erase(key.namespace_);
  const std::set<ObjectKey> pods = std::move(policy.pods);
  policy.pods.clear();
  Write(key, policy);
  for (const ObjectKey& pod : pods) {
    LocalPod& local = local_.at(pod);
    local.policies.erase(key);
    Regroup(local);
  }
  Budget(key.namespace_);
}

// Its chains and what these refer to; nothing where it selects no pod of this node.
void PolicyPlan::Write(const ObjectKey& key, Policy& policy) {
  const Held before = std::exchange(policy.held, {});
  for (const Side side : kSides) {
    if (policy.pods.empty() || !policy.compiled.side(side).isolates) continue;
    const std::string chain = ChainOf(side, key);
    const PolicySide nothing;
    const PolicySide& wanted = policy.is_closed ? nothing : policy.compiled.side(side);
    table_.SetChain(chain, WriteSide(wanted, side, policy.held));
    policy.held.chains.push_back(chain);
  }
  // After what is held now, so that what both hold stays where it is.
  for (const std::string& chain : before.chains) {
    const auto& now = policy.held.chains;
    if (std::find(now.begin(), now.end(), chain) == now.end()) table_.RemoveChain(chain);
  }
  for (const std::string& id : before.peers) peers_.Release(id);
  for (const std::string& chain : before.shared) ReleaseShared(chain);
}

std::vector<std::string> PolicyPlan::WriteSide(const PolicySide& side, Side which, Held& held) {
  std::vector<std::string> lines;
  for (const PolicyRule& rule : side.rules) {
    std::string verdict = "accept";
    if (!rule.all_ports) {
      const std::string ports = AcquirePorts(rule);
      held.shared.push_back(ports);
      verdict = "jump " + ports;
    }
    std::vector<std::string> ids;
    for (const PeerSelector& selector : rule.pods) ids.push_back(peers_.Acquire(selector));
    const auto added = PeerLines(rule, which, ids, verdict);
    lines.insert(lines.end(), added.begin(), added.end());
    held.peers.insert(held.peers.end(), ids.begin(), ids.end());
  }
  return lines;
}

std::string PolicyPlan::AcquirePorts(const PolicyRule& rule) {
  std::vector<std::string> ids;
  for (const PortName& port : rule.named) ids.push_back(peers_.AcquirePort(port));
  std::vector<std::string> lines = PortLines(rule, ids);
  std::string chain = "ports-" + NameOfText(fmt::format("{}", fmt::join(lines, "\n")));
  Shared& shared = shared_[chain];
  if (++shared.users > 1) {
    for (const std::string& id : ids) peers_.ReleasePort(id);
    return chain;
  }
  shared.ports = std::move(ids);
  table_.SetChain(chain, std::move(lines));
  return chain;
}

void PolicyPlan::ReleaseShared(const std::string& chain) {
  const auto found = shared_.find(chain);
  if (--found->second.users > 0) return;
  for (const std::string& id : found->second.ports) peers_.ReleasePort(id);
  table_.RemoveChain(chain);
  shared_.erase(found);
}

void PolicyPlan::SetNamespace(const std::string& name, const Labels* labels) {
  peers_.SetNamespace(name, labels);
}

void PolicyPlan::SetPod(const ObjectKey& key, const core_v1::Pod* pod) {
  std::optional<PolicyPod> read;
  if (pod != nullptr) read = ReadPolicyPod(*pod, node_name_);
  const PolicyPod* now = read ? &*read : nullptr;
  peers_.SetPod(key, now);
  if (now != nullptr && now->is_local) {
    SetLocal(key, *now);
  } else {
    DropLocal(key);
  }
}

std::set<ObjectKey> PolicyPlan::Selecting(const ObjectKey& pod, const Labels& labels) {
  std::set<ObjectKey> selecting;
  const auto buckets = by_selector_.find(pod.namespace_);
  if (buckets == by_selector_.end()) return selecting;
  buckets->second.ForEachCandidate(labels, [&](const ObjectKey& policy) {
    ++looks_;
    if (policies_.at(policy).compiled.pods.Matches(labels)) selecting.insert(policy);
  });
  return selecting;
}

void PolicyPlan::SetLocal(const ObjectKey& key, const PolicyPod& pod) {
  LocalPod& local = local_[key];
  const std::vector<std::string> had = std::exchange(local.ips, pod.ips);
  local.labels = pod.labels;
  const std::set<ObjectKey> selected = std::exchange(local.policies, Selecting(key, pod.labels));
  for (const ObjectKey& each : local.policies) {
    Policy& policy = policies_.at(each);
    if (policy.pods.insert(key).second && policy.pods.size() == 1) Write(each, policy);
  }
  if (had != pod.ips) Disown(key, had);
  for (const std::string& ip : pod.ips) {
    auto& owners = owners_[ip];
    if (std::find(owners.begin(), owners.end(), key) == owners.end()) owners.push_back(key);
  }
  Regroup(local);
  for (const ObjectKey& each : selected) {
    if (!local.policies.contains(each)) Deselect(key, each);
  }
}

void PolicyPlan::DropLocal(const ObjectKey& key) {
  const auto found = local_.find(key);
  if (found == local_.end()) return;
  LocalPod local = std::move(found->second);
  local_.erase(found);
  const std::set<ObjectKey> selected = std::exchange(local.policies, {});
  Disown(key, local.ips);
  local.ips.clear();
  Regroup(local);
  for (const ObjectKey& each : selected) Deselect(key, each);
}

void PolicyPlan::Deselect(const ObjectKey& pod, const ObjectKey& key) {
  Policy& policy = policies_.at(key);
  policy.pods.erase(pod);
  if (policy.pods.empty()) Write(key, policy);
}

void PolicyPlan::Disown(const ObjectKey& pod, const std::vector<std::string>& ips) {
  for (const std::string& ip : ips) {
    const auto found = owners_.find(ip);
    std::erase(found->second, pod);
    if (found->second.empty()) owners_.erase(found);
    ShowAddress(ip);
  }
}

void PolicyPlan::Regroup(LocalPod& local) {
  for (const Side side : kSides) {
    std::vector<std::string> chains;
    for (const ObjectKey& policy : local.policies) {
      if (!policies_.at(policy).compiled.side(side).isolates) continue;
      chains.push_back(ChainOf(side, policy));
    }
    const std::string group = chains.empty() ? "" : AcquireGroup(chains, side);
    const std::string before = std::exchange(local.groups[IndexOf(side)], group);
    if (!before.empty()) ReleaseShared(before);
  }
  for (const std::string& ip : local.ips) ShowAddress(ip);
}

std::string PolicyPlan::AcquireGroup(const std::vector<std::string>& chains, Side side) {
  std::string group = fmt::format("{}-{}", WordOf(side),
                                  NameOfText(fmt::format("{}", fmt::join(chains, "\n"))));
  if (++shared_[group].users > 1) return group;
  std::vector<std::string> rules;
  for (const std::string& chain : chains) rules.push_back("jump " + chain);
  rules.push_back(fmt::format("goto deny-{}", WordOf(side)));
  table_.SetChain(group, std::move(rules));
  return group;
}

void PolicyPlan::ShowAddress(const std::string& ip) {
  const std::string family = IsIpv6(ip) ? "6" : "4";
  const auto owners = owners_.find(ip);
  const LocalPod* owner = owners == owners_.end() ? nullptr : &local_.at(owners->second.back());
  bool is_isolated = false;
  for (const Side side : kSides) {
    const std::string map = WordOf(side) + family;
    const std::string group = owner == nullptr ? "" : owner->groups[IndexOf(side)];
    is_isolated |= !group.empty();
    if (group.empty()) {
      table_.Erase(map, ip);
    } else {
      table_.Put(map, ip, "goto " + group);
    }
  }
  const auto show = [&](const std::string& set, const std::string& element, bool is_in) {
    if (is_in) {
      table_.Put(set, element);
    } else {
      table_.Erase(set, element);
    }
  };
  show("known" + family, ip, owner != nullptr);
  show("self" + family, ip + " . " + ip, is_isolated);
}

void PolicyPlan::SetNode(const std::string& name, const std::vector<std::string>& pod_cidrs) {
  std::vector<Cidr> cidrs;
  for (const std::string& text : pod_cidrs) {
    if (const auto cidr = ParseCidr(text)) cidrs.push_back(*cidr);
  }
  if (name == node_name_) ShowRanges("ranges", cidrs);
  if (cidrs.empty()) {
    pod_cidrs_.erase(name);
  } else {
    pod_cidrs_[name] = std::move(cidrs);
  }
  std::vector<Cidr> all;
  for (const auto& [node, each] : pod_cidrs_) all.insert(all.end(), each.begin(), each.end());
  ShowRanges("cluster", all);
}

void PolicyPlan::ShowRanges(const std::string& set, const std::vector<Cidr>& ranges) {
  std::set<std::string> wanted;
  // The kernel takes no range twice.
  for (const Cidr& cidr : Outermost(ranges)) wanted.insert(CidrText(cidr));
  const std::set<std::string> had = std::exchange(shown_ranges_[set], wanted);
  for (const std::string& range : had) {
    if (!wanted.contains(range)) table_.Erase(set + (IsIpv6(range) ? "6" : "4"), range);
  }
  for (const std::string& range : wanted) table_.Put(set + (IsIpv6(range) ? "6" : "4"), range);
}

}  // namespace skiff::netpol
