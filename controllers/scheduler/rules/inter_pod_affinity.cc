// InterPodAffinity: pods that want to be near others, or far from them, by the values of a node
// label. What the pods there amount to is counted as they come and go; a node is looked up.
#include <algorithm>

#include "controllers/scheduler/pod_counts.h"
#include "controllers/scheduler/rules/rules.h"

namespace skiff::scheduler {
namespace {

// The sums of one key, kept alive.
struct AtKey {
  std::string key;
  std::shared_ptr<const Sums> sums;
  int64_t weight = 1;

  int64_t On(const NodeInfo& node) const {
    const auto label = node.labels().find(key);
    if (label == node.labels().end()) return 0;
    const auto found = sums->find(label->second);
    return found == sums->end() ? 0 : weight * found->second;
  }
};

AtKey SumsAt(const std::string& key, const Places& places, int64_t weight = 1) {
  return {key, places.ByValueOf(key), weight};
}

// Pods that all of the terms match.
PodGroup TermGroup(std::vector<AffinityTerm> terms, const NamespaceLabels& labels) {
  PodGroup group{"affinity", {}, true};
  for (const AffinityTerm& term : terms) {
    group.id += "\n" + term.id;
    group.is_lasting &= term.IsLasting();
  }
  group.holds = [terms = std::move(terms), labels](const core_v1::Pod& pod) {
    return std::all_of(terms.begin(), terms.end(),
                       [&](const AffinityTerm& term) { return term.Matches(pod, labels); });
  };
  return group;
}

struct RequiredCounts {
  std::vector<AtKey> near, far, refused_by_others;
  bool first_of_its_kind = false;  // Nobody matches yet, but the pod itself does.
};

RequiredCounts CountRequired(const PodInfo& pod, const Snapshot& snapshot) {
  RequiredCounts out;
  const AffinityTerms& own = pod.affinity;
  if (!own.required.empty()) {
    const PodGroup wanted = TermGroup(own.required, snapshot.namespace_labels);
    const auto places = CountsOf(snapshot, wanted);
    for (const auto& term : own.required) out.near.push_back(SumsAt(term.key, *places));
    const bool nobody = std::all_of(out.near.begin(), out.near.end(),
                                    [](const AtKey& each) { return each.sums->empty(); });
    out.first_of_its_kind = nobody && wanted.holds(*pod.pod);
  }
  for (const AffinityTerm& term : own.required_anti) {
    const auto places = CountsOf(snapshot, TermGroup({term}, snapshot.namespace_labels));
    out.far.push_back(SumsAt(term.key, *places));
  }
  const auto refusals = RefusalsIn(snapshot);
  for (const auto& [id, refusal] : *refusals) {
    if (!refusal.term.Matches(*pod.pod, snapshot.namespace_labels)) continue;
    out.refused_by_others.push_back(SumsAt(refusal.term.key, refusal.places));
  }
  return out;
}

Verdict CheckRequired(const RequiredCounts& required, const NodeInfo& node) {
  for (const AtKey& near : required.near) {
    const bool has_key = node.labels().contains(near.key);
    if (!has_key || (near.On(node) <= 0 && !required.first_of_its_kind)) {
      return Verdict::Unresolvable("node(s) didn't match pod affinity rules");
    }
  }
  const auto is_near = [&](const AtKey& each) { return each.On(node) > 0; };
  if (std::any_of(required.far.begin(), required.far.end(), is_near)) {
    return Verdict::Unschedulable("node(s) didn't match pod anti-affinity rules");
  }
  if (std::any_of(required.refused_by_others.begin(), required.refused_by_others.end(), is_near)) {
    return Verdict::Unschedulable("node(s) didn't satisfy existing pods anti-affinity rules");
  }
  return Verdict::Fits();
}

void NormalizeRange(std::span<int64_t> scores) {
  const auto [low, high] = std::minmax_element(scores.begin(), scores.end());
  if (scores.empty()) return;
  const int64_t least = *low, range = *high - *low;
  for (int64_t& score : scores) score = range == 0 ? 0 : 100 * (score - least) / range;
}

}  // namespace

Prepared PrepareInterPodAffinity(const PodInfo& pod, const Snapshot& snapshot) {
  RequiredCounts required = CountRequired(pod, snapshot);
  if (required.near.empty() && required.far.empty() && required.refused_by_others.empty()) {
    return Prepared::Pass();
  }
  return Prepared::Each([required = std::move(required)](const NodeInfo& node) {
    return CheckRequired(required, node);
  });
}

PreparedScore ScoreInterPodAffinity(const PodInfo& pod, const Snapshot& snapshot, Feasible) {
  std::vector<AtKey> wishes;
  const auto add = [&](AtKey each) {
    if (!each.sums->empty()) wishes.push_back(std::move(each));
  };
  for (const WeightedTerm& own : pod.affinity.preferred) {
    const auto places = CountsOf(snapshot, TermGroup({own.term}, snapshot.namespace_labels));
    add(SumsAt(own.term.key, *places, own.weight));
  }
  const auto others = WishesIn(snapshot);
  for (const auto& [id, wish] : *others) {
    if (!wish.term.Matches(*pod.pod, snapshot.namespace_labels)) continue;
    add(SumsAt(wish.term.key, wish.places));
  }
  if (wishes.empty()) return {};
  return {[wishes = std::move(wishes)](const NodeInfo& node) {
            int64_t sum = 0;
            for (const AtKey& each : wishes) sum += each.On(node);
            return sum;
          },
          [](auto, std::span<int64_t> scores) { NormalizeRange(scores); }};
}

}  // namespace skiff::scheduler
