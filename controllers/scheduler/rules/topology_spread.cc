// PodTopologySpread: pods of one selector spread over the values of a node label. The pods are
// counted as they come and go; where all nodes count, so are their sums.
#include "controllers/scheduler/rules/topology_spread.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "api/select/node_selector.h"
#include "api/select/selector.h"
#include "api/select/tolerations.h"
#include "controllers/scheduler/pod_counts.h"
#include "controllers/scheduler/profile.h"
#include "controllers/scheduler/rules/rules.h"

namespace skiff::scheduler {
namespace {

struct Constraint {
  std::string key;
  int max_skew = 1;
  int min_domains = 1;
  bool honor_affinity = true;
  bool honor_taints = false;
  LabelSelector selector;
  // Of the matching pods, after Count.
  PlacesPtr pods;
  std::optional<SumsAt> count;        // By value of the key, on the nodes that count.
  int64_t lowest = 0;                 // Of all values that those nodes have, where it is wanted.
  size_t domains = 0;
  size_t domains_max = SIZE_MAX;  // That nodes to score have, those without the key as one.
};

bool IsEligible(const Constraint& constraint, const PodInfo& pod, const core_v1::Node& node) {
  if (constraint.honor_affinity && !MatchesNodeSelection(pod.pod->spec, node)) return false;
  if (!constraint.honor_taints) return true;
  return std::all_of(node.spec.taints.begin(), node.spec.taints.end(), [&](const auto& taint) {
    return taint.effect == "PreferNoSchedule" || AnyTolerates(pod.pod->spec.tolerations, taint);
  });
}

bool HasAllKeys(const std::vector<Constraint>& constraints, const NodeInfo& node) {
  return std::all_of(constraints.begin(), constraints.end(),
                     [&](const Constraint& each) { return node.Label(each.key) != nullptr; });
}

PodGroup SpreadGroup(const Constraint& constraint, const std::string& namespace_) {
  PodGroup group;
  group.id = "spread\n" + namespace_ + "\n" + constraint.selector.Text();
  group.holds = [namespace_, selector = constraint.selector](const core_v1::Pod& pod) {
    return !selector.empty() && pod.metadata.namespace_ == namespace_ &&
           !pod.metadata.deletion_timestamp && selector.Matches(pod.metadata.labels);
  };
  return group;
}

bool ChoosesNodes(const core_v1::PodSpec& spec) {
  return !spec.node_selector.empty() ||
         (spec.affinity && spec.affinity->node_affinity &&
          spec.affinity->node_affinity->required_during_scheduling_ignored_during_execution);
}

size_t Total(const Sums& nodes) {
  size_t total = 0;
  for (const auto& [value, count] : nodes) total += static_cast<size_t>(count);
  return total;
}

// Whether every node that has the key of a constraint counts for it.
bool AllCount(const std::vector<Constraint>& constraints, const PodInfo& pod, const Places& nodes,
              size_t node_count, bool all_keys) {
  const bool chooses = ChoosesNodes(pod.pod->spec);
  for (const Constraint& constraint : constraints) {
    if (constraint.honor_taints || (constraint.honor_affinity && chooses)) return false;
    if (!all_keys || constraints.size() == 1) continue;
    if (Total(*nodes.ByValueOf(constraint.key)) != node_count) return false;
  }
  return true;
}

// What was counted anyway. To find the lowest sum is to look at all.
void TakeSums(Constraint& constraint, const Snapshot& snapshot, const Places& nodes, bool all_keys,
              bool wants_lowest, bool hosts_differ) {
  constraint.count.emplace(constraint.key, constraint.pods, hosts_differ,
                           ValuesOf(snapshot, constraint.key));
  const Sums& sums = constraint.count->sums();
  const auto values = nodes.ByValueOf(constraint.key);
  constraint.domains = values->size();
  if (constraint.key != kHostLabel) {
    const bool all_have = Total(*values) == snapshot.nodes.size();
    constraint.domains_max = constraint.domains + (all_keys || all_have ? 0 : 1);
  }
  // Values without such a pod have no sum.
  if (!wants_lowest || sums.empty() || sums.size() < constraint.domains) return;
  constraint.lowest = INT64_MAX;
  for (const auto& [value, count] : sums) constraint.lowest = std::min(constraint.lowest, count);
}

void Count(std::vector<Constraint>& constraints, const PodInfo& pod, const Snapshot& snapshot,
           bool all_keys, bool wants_lowest) {
  for (Constraint& each : constraints) {
    each.pods = CountsOf(snapshot, SpreadGroup(each, pod.pod->metadata.namespace_));
  }
  const auto nodes = NodeCounts(snapshot);
  if (AllCount(constraints, pod, *nodes, snapshot.nodes.size(), all_keys)) {
    const bool hosts_differ = HostsDiffer(snapshot, *nodes);
    for (Constraint& each : constraints) {
      TakeSums(each, snapshot, *nodes, all_keys, wants_lowest, hosts_differ);
    }
    return;
  }
  std::vector<Sums> sums(constraints.size());
  for (const NodeInfo* node : snapshot.nodes) {
    if (all_keys && !HasAllKeys(constraints, *node)) continue;
    for (size_t i = 0; i < constraints.size(); ++i) {
      const std::string* label = node->Label(constraints[i].key);
      if (label == nullptr || !IsEligible(constraints[i], pod, *node->node)) continue;
      sums[i][*label] += constraints[i].pods->On(*node);
    }
  }
  for (size_t i = 0; i < constraints.size(); ++i) {
    Constraint& constraint = constraints[i];
    constraint.domains = sums[i].size();
    constraint.lowest = sums[i].empty() ? 0 : INT64_MAX;
    for (const auto& [value, count] : sums[i]) {
      constraint.lowest = std::min(constraint.lowest, count);
    }
    constraint.count.emplace(constraint.key, std::make_shared<const Sums>(std::move(sums[i])),
                             ValuesOf(snapshot, constraint.key));
  }
}

Constraint ConstraintOf(const core_v1::TopologySpreadConstraint& spread, LabelSelector selector) {
  Constraint constraint;
  constraint.key = spread.topology_key;
  constraint.max_skew = spread.max_skew;
  constraint.min_domains = spread.min_domains.value_or(1);
  constraint.honor_affinity = spread.node_affinity_policy.value_or("Honor") == "Honor";
  constraint.honor_taints = spread.node_taints_policy.value_or("Ignore") == "Honor";
  constraint.selector = std::move(selector);
  return constraint;
}

// With the pod's own values of the labels that it names. Servers merge these into the selector of a
// new pod, but not all servers, nor into pods that are older than they.
Result<LabelSelector> SpreadSelector(const core_v1::TopologySpreadConstraint& spread,
                                     const std::map<std::string, std::string>& labels) {
  // Without a selector no pod counts, but the node has to have the label.
  if (!spread.label_selector) return LabelSelector::Nothing();
  if (spread.match_label_keys.empty()) return LabelSelector::From(*spread.label_selector);
  meta_v1::LabelSelector merged = *spread.label_selector;
  for (const std::string& key : spread.match_label_keys) {
    const auto label = labels.find(key);
    if (label == labels.end()) continue;
    meta_v1::LabelSelectorRequirement wanted;
    wanted.key = key;
    wanted.operator_ = "In";
    wanted.values = {label->second};
    auto& expressions = merged.match_expressions;
    if (std::ranges::find(expressions, wanted) == expressions.end()) {
      expressions.push_back(std::move(wanted));
    }
  }
  return LabelSelector::From(merged);
}

std::vector<Constraint> OwnConstraints(const PodInfo& pod, std::string_view when) {
  std::vector<Constraint> out;
  for (const auto& spread : pod.pod->spec.topology_spread_constraints) {
    if (spread.when_unsatisfiable != when) continue;
    auto selector = SpreadSelector(spread, pod.pod->metadata.labels);
    if (selector) out.push_back(ConstraintOf(spread, *std::move(selector)));
  }
  return out;
}

// What kube-scheduler spreads by when neither a pod nor the profile says otherwise: hosts and
// zones, softly.
const std::vector<core_v1::TopologySpreadConstraint>& SystemConstraints() {
  static const auto kConstraints = [] {
    std::vector<core_v1::TopologySpreadConstraint> list(2);
    list[0].topology_key = kHostLabel;
    list[0].max_skew = 3;
    list[1].topology_key = kZoneLabel;
    list[1].max_skew = 5;
    for (auto& each : list) each.when_unsatisfiable = "ScheduleAnyway";
    return list;
  }();
  return kConstraints;
}

// Of a pod that says nothing itself, among the pods of its services and its controller.
std::vector<Constraint> DefaultConstraints(const PodInfo& pod, const Snapshot& snapshot,
                                           std::string_view when) {
  const auto& given = ProfileOf(snapshot).default_constraints;
  const auto& list = given ? *given : SystemConstraints();
  const auto is_meant = [&](const auto& each) { return each.when_unsatisfiable == when; };
  if (std::none_of(list.begin(), list.end(), is_meant)) return {};
  const auto selector = LabelSelector::From(snapshot.default_spread_selector(*pod.pod));
  if (!selector || selector->empty()) return {};
  std::vector<Constraint> out;
  for (const auto& each : list) {
    if (is_meant(each)) out.push_back(ConstraintOf(each, *selector));
  }
  return out;
}

std::vector<Constraint> ConstraintsOf(const PodInfo& pod, const Snapshot& snapshot,
                                      std::string_view when) {
  return pod.pod->spec.topology_spread_constraints.empty()
             ? DefaultConstraints(pod, snapshot, when)
             : OwnConstraints(pod, when);
}

// Of two zones that take turns one is full: all of its nodes are refused, and none has to be read.
SlotRefusal RefusalBySlot(const std::shared_ptr<const std::vector<Constraint>>& constraints) {
  const bool any = std::any_of(constraints->begin(), constraints->end(),
                               [](const Constraint& each) { return each.count->IsBySlot(); });
  if (!any) return nullptr;
  return [constraints](size_t slot) {
    return std::any_of(constraints->begin(), constraints->end(), [&](const Constraint& each) {
      if (!each.count->IsBySlot()) return false;
      const auto count = each.count->AtSlot(slot);
      return !count || *count - each.lowest > each.max_skew;
    });
  };
}

constexpr size_t kFewValues = 8;

// The weight of a constraint grows with the number of its domains, so that it is heard beside one
// with many.
double DomainWeight(const Constraint& constraint, Feasible scored) {
  const auto weight = [](size_t size) { return std::log(static_cast<double>(size) + 2); };
  if (constraint.key == kHostLabel) return weight(scored.size());
  // Of zones there are few: the first of them are found sooner one by one.
  std::vector<std::string_view> first;
  std::set<std::string_view> others;
  for (const NodeInfo* node : scored) {
    if (first.size() + others.size() == constraint.domains_max) break;
    const std::string* found = constraint.count->Label(*node);
    const std::string_view label = found == nullptr ? std::string_view() : *found;
    if (std::find(first.begin(), first.end(), label) != first.end()) continue;
    if (first.size() < kFewValues) {
      first.push_back(label);
    } else {
      others.insert(label);
    }
  }
  return weight(first.size() + others.size());
}

void NormalizeSpread(Feasible nodes, std::span<int64_t> scores,
                     const std::function<bool(const NodeInfo&)>& is_ignored) {
  int64_t low = INT64_MAX, high = 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (is_ignored(*nodes[i])) continue;
    low = std::min(low, scores[i]);
    high = std::max(high, scores[i]);
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (is_ignored(*nodes[i])) {
      scores[i] = 0;
    } else {
      scores[i] = high == 0 ? 100 : 100 * (high + low - scores[i]) / high;
    }
  }
}

}  // namespace

std::vector<HardSpread> HardSpreadsOf(const PodInfo& pod, const Snapshot& snapshot) {
  std::vector<HardSpread> spreads;
  for (Constraint& each : ConstraintsOf(pod, snapshot, "DoNotSchedule")) {
    spreads.push_back({std::move(each.key), std::move(each.selector), each.honor_taints});
  }
  return spreads;
}

Prepared PreparePodTopologySpread(const PodInfo& pod, const Snapshot& snapshot) {
  std::vector<Constraint> constraints = ConstraintsOf(pod, snapshot, "DoNotSchedule");
  if (constraints.empty()) return Prepared::Pass();
  Count(constraints, pod, snapshot, /*all_keys=*/true, /*wants_lowest=*/true);
  for (Constraint& each : constraints) {
    if (each.domains < static_cast<size_t>(std::max(0, each.min_domains))) each.lowest = 0;
    // What the pod itself would add.
    if (each.selector.Matches(pod.pod->metadata.labels)) --each.lowest;
  }
  const auto shared = std::make_shared<const std::vector<Constraint>>(std::move(constraints));
  Prepared prepared = Prepared::Each([shared](const NodeInfo& node) {
    for (const Constraint& constraint : *shared) {
      if (!constraint.count->Has(node)) {
        return Verdict::Unresolvable(
            "node(s) didn't match pod topology spread constraints (missing required label)");
      }
      if (constraint.count->On(node) - constraint.lowest > constraint.max_skew) {
        return Verdict::Unschedulable("node(s) didn't match pod topology spread constraints");
      }
    }
    return Verdict::Fits();
  });
  prepared.refuses = RefusalBySlot(shared);
  return prepared;
}

PreparedScore ScorePodTopologySpread(const PodInfo& pod, const Snapshot& snapshot,
                                     Feasible feasible) {
  // Nodes without a zone are not left out of the system's own.
  const bool is_default = pod.pod->spec.topology_spread_constraints.empty() &&
                          !ProfileOf(snapshot).default_constraints;
  std::vector<Constraint> constraints = ConstraintsOf(pod, snapshot, "ScheduleAnyway");
  if (constraints.empty()) return {};
  Count(constraints, pod, snapshot, /*all_keys=*/!is_default, /*wants_lowest=*/false);
  std::vector<double> weights;
  std::vector<const NodeInfo*> scored;
  scored.reserve(feasible.size());
  for (const NodeInfo* node : feasible) {
    if (is_default || HasAllKeys(constraints, *node)) scored.push_back(node);
  }
  for (const Constraint& each : constraints) weights.push_back(DomainWeight(each, scored));
  const auto shared = std::make_shared<const std::vector<Constraint>>(std::move(constraints));
  const auto is_ignored = [shared, is_default](const NodeInfo& node) {
    return !is_default && !HasAllKeys(*shared, node);
  };
  return {[shared, weights](const NodeInfo& node) {
            double score = 0;
            for (size_t i = 0; i < shared->size(); ++i) {
              const Constraint& constraint = (*shared)[i];
              if (!constraint.count->Has(node)) continue;
              const int64_t count = constraint.count->is_of_hosts() ? constraint.pods->On(node)
                                                                    : constraint.count->On(node);
              score += static_cast<double>(count) * weights[i] + constraint.max_skew - 1;
            }
            return static_cast<int64_t>(std::llround(score));
          },
          [is_ignored](Feasible nodes, std::span<int64_t> scores) {
            NormalizeSpread(nodes, scores, is_ignored);
          }};
}

}  // namespace skiff::scheduler
