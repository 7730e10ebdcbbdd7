// InterPodAffinity: pods that want to be near others, or far from them, by the values of a node
// label. What the pods there amount to is counted as they come and go; a node is looked up.
#include <algorithm>

#include "controllers/scheduler/pod_counts.h"
#include "controllers/scheduler/profile.h"
#include "controllers/scheduler/rules/rules.h"

namespace skiff::scheduler {
namespace {

struct Wish {
  SumsAt sums;
  int64_t weight = 1;
};

// Those of one of the terms, which stay as long as all.
PlacesPtr PlacesIn(const TermCountsPtr& counts, const TermPlaces& term) {
  return {counts, &term.places};
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
  std::vector<SumsAt> near, far, refused_by_others;
  bool first_of_its_kind = false;  // Nobody matches yet, but the pod itself does.
};

RequiredCounts CountRequired(const PodInfo& pod, const Snapshot& snapshot) {
  RequiredCounts out;
  const AffinityTerms& own = pod.affinity;
  const auto refusals = RefusalsIn(snapshot, [&](const AffinityTerm& term) {
    return term.Matches(*pod.pod, snapshot.namespace_labels);
  });
  if (own.required.empty() && own.required_anti.empty() && refusals.empty()) return out;
  const bool hosts_differ = HostsDiffer(snapshot, *NodeCounts(snapshot));
  if (!own.required.empty()) {
    const PodGroup wanted = TermGroup(own.required, snapshot.namespace_labels);
    const auto places = CountsOf(snapshot, wanted);
    for (const auto& term : own.required) {
      out.near.emplace_back(term.key, places, hosts_differ, ValuesOf(snapshot, term.key));
    }
    const bool nobody = std::all_of(out.near.begin(), out.near.end(),
                                    [](const SumsAt& each) { return each.sums().empty(); });
    out.first_of_its_kind = nobody && wanted.holds(*pod.pod);
  }
  for (const AffinityTerm& term : own.required_anti) {
    const auto places = CountsOf(snapshot, TermGroup({term}, snapshot.namespace_labels));
    out.far.emplace_back(term.key, places, hosts_differ, ValuesOf(snapshot, term.key));
  }
  for (const Refusals& refusal : refusals) {
    out.refused_by_others.emplace_back(refusal.term->key, refusal.places, hosts_differ,
                                       ValuesOf(snapshot, refusal.term->key));
  }
  return out;
}

Verdict CheckRequired(const RequiredCounts& required, const NodeInfo& node) {
  for (const SumsAt& near : required.near) {
    if (!near.Has(node) || (near.On(node) <= 0 && !required.first_of_its_kind)) {
      return Verdict::Unresolvable("node(s) didn't match pod affinity rules");
    }
  }
  const auto is_near = [&](const SumsAt& each) { return each.On(node) > 0; };
  if (std::any_of(required.far.begin(), required.far.end(), is_near)) {
    return Verdict::Unschedulable("node(s) didn't match pod anti-affinity rules");
  }
  if (std::any_of(required.refused_by_others.begin(), required.refused_by_others.end(), is_near)) {
    return Verdict::Unschedulable("node(s) didn't satisfy existing pods anti-affinity rules");
  }
  return Verdict::Fits();
}

// By parts of the range as kube-scheduler has them, in floating point: 29 of 100 are 28 points.
// Whole numbers would say 29, and now and then choose another node.
void NormalizeRange(std::span<int64_t> scores) {
  const auto [low, high] = std::minmax_element(scores.begin(), scores.end());
  if (scores.empty()) return;
  const int64_t least = *low, range = *high - *low;
  for (int64_t& score : scores) {
    const double part =
        range == 0 ? 0 : static_cast<double>(score - least) / static_cast<double>(range);
    score = static_cast<int64_t>(100.0 * part);
  }
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
  const Profile& profile = ProfileOf(snapshot);
  const auto others = WishesIn(snapshot);
  const bool wants_nothing = pod.affinity.preferred.empty();
  if (wants_nothing && (others->empty() || profile.ignores_preferences_of_others)) return {};
  const bool hosts_differ = HostsDiffer(snapshot, *NodeCounts(snapshot));
  std::vector<Wish> wishes;
  const auto add = [&](const AffinityTerm& term, PlacesPtr places, int64_t weight) {
    SumsAt sums(term.key, std::move(places), hosts_differ, ValuesOf(snapshot, term.key));
    if (!sums.sums().empty()) wishes.push_back({std::move(sums), weight});
  };
  for (const WeightedTerm& own : pod.affinity.preferred) {
    const PodGroup group = TermGroup({own.term}, snapshot.namespace_labels);
    add(own.term, CountsOf(snapshot, group), own.weight);
  }
  for (const auto& [id, wish] : *others) {
    if (!wish.term.Matches(*pod.pod, snapshot.namespace_labels)) continue;
    const int64_t weight = wish.is_required ? profile.hard_pod_affinity_weight : 1;
    if (weight != 0) add(wish.term, PlacesIn(others, wish), weight);
  }
  if (wishes.empty()) return {};
  return {[wishes = std::move(wishes)](const NodeInfo& node) {
            int64_t sum = 0;
            for (const Wish& wish : wishes) sum += wish.weight * wish.sums.On(node);
            return sum;
          },
          [](auto, std::span<int64_t> scores) { NormalizeRange(scores); }};
}

}  // namespace skiff::scheduler
