// PodTopologySpread: pods of one selector spread over the values of a node label.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "api/node_selector.h"
#include "api/selector.h"
#include "api/tolerations.h"
#include "controllers/scheduler/rules/rules.h"

namespace skiff::scheduler {
namespace {

constexpr std::string_view kHostname = "kubernetes.io/hostname";

struct Constraint {
  std::string key;
  int max_skew = 1;
  int min_domains = 1;
  bool honor_affinity = true;
  bool honor_taints = false;
  LabelSelector selector;
  std::map<std::string, int> count;  // Matching pods by value of the key.
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
                     [&](const Constraint& each) { return node.labels().contains(each.key); });
}

int MatchingPods(const Constraint& constraint, const PodInfo& pod, const NodeInfo& node) {
  if (constraint.selector.empty()) return 0;
  return static_cast<int>(std::count_if(node.pods.begin(), node.pods.end(), [&](const auto& entry) {
    const auto& metadata = entry.second->pod->metadata;
    return metadata.namespace_ == pod.pod->metadata.namespace_ && !metadata.deletion_timestamp &&
           constraint.selector.Matches(metadata.labels);
  }));
}

void Count(std::vector<Constraint>& constraints, const PodInfo& pod, const Snapshot& snapshot,
           bool all_keys) {
  for (const NodeInfo* node : snapshot.nodes) {
    if (all_keys && !HasAllKeys(constraints, *node)) continue;
    for (Constraint& constraint : constraints) {
      const auto label = node->labels().find(constraint.key);
      if (label == node->labels().end() || !IsEligible(constraint, pod, *node->node)) continue;
      constraint.count[label->second] += MatchingPods(constraint, pod, *node);
    }
  }
}

std::vector<Constraint> OwnConstraints(const PodInfo& pod, std::string_view when) {
  std::vector<Constraint> out;
  for (const auto& spread : pod.pod->spec.topology_spread_constraints) {
    if (spread.when_unsatisfiable != when || !spread.label_selector) continue;
    auto selector = LabelSelector::From(*spread.label_selector);
    if (!selector) continue;
    Constraint constraint;
    constraint.key = spread.topology_key;
    constraint.max_skew = spread.max_skew;
    constraint.min_domains = spread.min_domains.value_or(1);
    constraint.honor_affinity = spread.node_affinity_policy.value_or("Honor") == "Honor";
    constraint.honor_taints = spread.node_taints_policy.value_or("Ignore") == "Honor";
    constraint.selector = std::move(*selector);
    out.push_back(std::move(constraint));
  }
  return out;
}

// What kube-scheduler spreads by when a pod asks for nothing: hosts and zones, softly.
std::vector<Constraint> DefaultConstraints(const PodInfo& pod, const Snapshot& snapshot) {
  const auto selector = LabelSelector::From(snapshot.default_spread_selector(*pod.pod));
  if (!selector || selector->empty()) return {};
  Constraint host, zone;
  host.key = kHostname;
  host.max_skew = 3;
  zone.key = "topology.kubernetes.io/zone";
  zone.max_skew = 5;
  host.selector = zone.selector = *selector;
  return {host, zone};
}

// The weight of a constraint grows with the number of its domains, so that it is heard beside one
// with many.
double DomainWeight(const Constraint& constraint, Feasible scored) {
  std::set<std::string> values;
  for (const NodeInfo* node : scored) {
    const auto label = node->labels().find(constraint.key);
    if (label != node->labels().end()) values.insert(label->second);
  }
  const size_t size = constraint.key == kHostname ? scored.size() : values.size();
  return std::log(static_cast<double>(size) + 2);
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

Prepared PreparePodTopologySpread(const PodInfo& pod, const Snapshot& snapshot) {
  std::vector<Constraint> constraints = OwnConstraints(pod, "DoNotSchedule");
  if (constraints.empty()) return Prepared::Pass();
  Count(constraints, pod, snapshot, /*all_keys=*/true);
  return Prepared::Each([&pod, constraints = std::move(constraints)](const NodeInfo& node) {
    for (const Constraint& constraint : constraints) {
      const auto label = node.labels().find(constraint.key);
      if (label == node.labels().end()) {
        return Verdict::Unresolvable(
            "node(s) didn't match pod topology spread constraints (missing required label)");
      }
      int lowest = constraint.count.empty() ? 0 : INT32_MAX;
      for (const auto& [value, count] : constraint.count) lowest = std::min(lowest, count);
      if (static_cast<int>(constraint.count.size()) < constraint.min_domains) lowest = 0;
      const auto counted = constraint.count.find(label->second);
      const int here = counted == constraint.count.end() ? 0 : counted->second;
      const int self = constraint.selector.Matches(pod.pod->metadata.labels) ? 1 : 0;
      if (here + self - lowest > constraint.max_skew) {
        return Verdict::Unschedulable("node(s) didn't match pod topology spread constraints");
      }
    }
    return Verdict::Fits();
  });
}

PreparedScore ScorePodTopologySpread(const PodInfo& pod, const Snapshot& snapshot,
                                     Feasible feasible) {
  const bool is_default = pod.pod->spec.topology_spread_constraints.empty();
  std::vector<Constraint> constraints =
      is_default ? DefaultConstraints(pod, snapshot) : OwnConstraints(pod, "ScheduleAnyway");
  if (constraints.empty()) return {};
  Count(constraints, pod, snapshot, /*all_keys=*/!is_default);
  std::vector<double> weights;
  std::vector<const NodeInfo*> scored;
  for (const NodeInfo* node : feasible) {
    if (is_default || HasAllKeys(constraints, *node)) scored.push_back(node);
  }
  for (const Constraint& each : constraints) weights.push_back(DomainWeight(each, scored));
  const auto shared = std::make_shared<const std::vector<Constraint>>(std::move(constraints));
  const auto is_ignored = [shared, is_default](const NodeInfo& node) {
    return !is_default && !HasAllKeys(*shared, node);
  };
  return {[shared, weights, &pod](const NodeInfo& node) {
            double score = 0;
            for (size_t i = 0; i < shared->size(); ++i) {
              const Constraint& constraint = (*shared)[i];
              const auto label = node.labels().find(constraint.key);
              if (label == node.labels().end()) continue;
              const auto counted = constraint.count.find(label->second);
              const int count = constraint.key == kHostname ? MatchingPods(constraint, pod, node)
                                : counted == constraint.count.end() ? 0
                                                                    : counted->second;
              score += count * weights[i] + constraint.max_skew - 1;
            }
            return static_cast<int64_t>(std::llround(score));
          },
          [is_ignored](Feasible nodes, std::span<int64_t> scores) {
            NormalizeSpread(nodes, scores, is_ignored);
          }};
}

}  // namespace skiff::scheduler
