// InterPodAffinity: pods that want to be near others, or far from them, by the values of a node
// label. Counts what the pods on all nodes say once for the incoming pod; a node is then looked up.
#include <algorithm>
#include <map>
#include <optional>

#include "api/selector.h"
#include "controllers/scheduler/rules/rules.h"

namespace skiff::scheduler {
namespace {

using TermSpec = core_v1::PodAffinityTerm;
// (topology key, value) -> number or weight.
using Counts = std::map<std::pair<std::string, std::string>, int64_t>;

struct Term {
  std::string key;
  std::string owner_namespace;
  std::vector<std::string> namespaces;
  std::optional<LabelSelector> namespace_selector;
  std::optional<LabelSelector> selector;  // Absent: matches nothing.

  bool Matches(const core_v1::Pod& pod, const Snapshot& snapshot) const {
    const std::string& name = pod.metadata.namespace_;
    bool in_namespace = std::find(namespaces.begin(), namespaces.end(), name) != namespaces.end();
    if (namespaces.empty() && !namespace_selector) in_namespace = name == owner_namespace;
    if (!in_namespace && namespace_selector) {
      in_namespace = namespace_selector->Matches(snapshot.namespace_labels(name));
    }
    return in_namespace && selector && selector->Matches(pod.metadata.labels);
  }
};

Term Compile(const TermSpec& spec, const core_v1::Pod& owner) {
  Term term{spec.topology_key, owner.metadata.namespace_, spec.namespaces, {}, {}};
  if (spec.label_selector) {
    if (auto selector = LabelSelector::From(*spec.label_selector)) term.selector = *selector;
  }
  if (spec.namespace_selector) {
    if (auto selector = LabelSelector::From(*spec.namespace_selector)) {
      term.namespace_selector = *selector;
    }
  }
  return term;
}

std::vector<Term> Required(const std::vector<TermSpec>& specs, const core_v1::Pod& owner) {
  std::vector<Term> terms;
  for (const TermSpec& spec : specs) terms.push_back(Compile(spec, owner));
  return terms;
}

std::vector<Term> RequiredAffinity(const core_v1::Pod& pod) {
  const auto& affinity = pod.spec.affinity;
  if (!affinity || !affinity->pod_affinity) return {};
  return Required(affinity->pod_affinity->required_during_scheduling_ignored_during_execution, pod);
}

std::vector<Term> RequiredAntiAffinity(const core_v1::Pod& pod) {
  const auto& affinity = pod.spec.affinity;
  if (!affinity || !affinity->pod_anti_affinity) return {};
  return Required(affinity->pod_anti_affinity->required_during_scheduling_ignored_during_execution,
                  pod);
}

void Credit(Counts& counts, const std::string& key, const NodeInfo& node, int64_t amount) {
  const auto label = node.labels().find(key);
  if (label != node.labels().end()) counts[{key, label->second}] += amount;
}

int64_t At(const Counts& counts, const std::string& key, const NodeInfo& node) {
  const auto label = node.labels().find(key);
  if (label == node.labels().end()) return 0;
  const auto found = counts.find({key, label->second});
  return found == counts.end() ? 0 : found->second;
}

struct RequiredCounts {
  std::vector<Term> affinity, anti_affinity;
  Counts near, far, refused_by_others;
  bool first_of_its_kind = false;  // Nobody matches yet, but the pod itself does.
};

RequiredCounts CountRequired(const PodInfo& pod, const Snapshot& snapshot) {
  RequiredCounts out{RequiredAffinity(*pod.pod), RequiredAntiAffinity(*pod.pod), {}, {}, {}, false};
  const auto matches_all = [&](const core_v1::Pod& other) {
    return std::all_of(out.affinity.begin(), out.affinity.end(),
                       [&](const Term& term) { return term.Matches(other, snapshot); });
  };
  for (const NodeInfo* node : snapshot.nodes) {
    for (const auto& [uid, other] : node->pods) {
      if (!out.affinity.empty() && matches_all(*other->pod)) {
        for (const Term& term : out.affinity) Credit(out.near, term.key, *node, 1);
      }
      for (const Term& term : out.anti_affinity) {
        if (term.Matches(*other->pod, snapshot)) Credit(out.far, term.key, *node, 1);
      }
      if (!other->HasRequiredAntiAffinity()) continue;
      for (const Term& term : RequiredAntiAffinity(*other->pod)) {
        if (term.Matches(*pod.pod, snapshot)) Credit(out.refused_by_others, term.key, *node, 1);
      }
    }
  }
  out.first_of_its_kind = out.near.empty() && !out.affinity.empty() && matches_all(*pod.pod);
  return out;
}

Verdict CheckRequired(const RequiredCounts& required, const NodeInfo& node) {
  for (const Term& term : required.affinity) {
    const bool has_key = node.labels().contains(term.key);
    const bool near = At(required.near, term.key, node) > 0 || required.first_of_its_kind;
    if (!has_key || !near) {
      return Verdict::Unresolvable("node(s) didn't match pod affinity rules");
    }
  }
  for (const Term& term : required.anti_affinity) {
    if (At(required.far, term.key, node) > 0) {
      return Verdict::Unschedulable("node(s) didn't match pod anti-affinity rules");
    }
  }
  for (const auto& [place, count] : required.refused_by_others) {
    if (At(required.refused_by_others, place.first, node) > 0) {
      return Verdict::Unschedulable("node(s) didn't satisfy existing pods anti-affinity rules");
    }
  }
  return Verdict::Fits();
}

// What `owner`'s preferences say about `other`, credited to where `node` is.
void CreditPreferences(const core_v1::Pod& owner, const core_v1::Pod& other, const NodeInfo& node,
                       const Snapshot& snapshot, Counts& counts) {
  const auto& affinity = owner.spec.affinity;
  if (!affinity) return;
  const auto credit = [&](const auto& preferred, int sign) {
    for (const auto& weighted : preferred) {
      const Term term = Compile(weighted.pod_affinity_term, owner);
      if (term.Matches(other, snapshot)) Credit(counts, term.key, node, sign * weighted.weight);
    }
  };
  if (affinity->pod_affinity) {
    credit(affinity->pod_affinity->preferred_during_scheduling_ignored_during_execution, 1);
  }
  if (affinity->pod_anti_affinity) {
    credit(affinity->pod_anti_affinity->preferred_during_scheduling_ignored_during_execution, -1);
  }
}

void NormalizeRange(std::span<int64_t> scores) {
  const auto [low, high] = std::minmax_element(scores.begin(), scores.end());
  if (scores.empty()) return;
  const int64_t least = *low, range = *high - *low;
  for (int64_t& score : scores) score = range == 0 ? 0 : 100 * (score - least) / range;
}

}  // namespace

Prepared PrepareInterPodAffinity(const PodInfo& pod, const Snapshot& snapshot) {
  const bool has_own = pod.HasAffinity();
  const bool others_object =
      std::any_of(snapshot.nodes.begin(), snapshot.nodes.end(),
                  [](const NodeInfo* node) { return node->pods_with_required_anti_affinity > 0; });
  if (!has_own && !others_object) return Prepared::Pass();
  RequiredCounts required = CountRequired(pod, snapshot);
  if (required.affinity.empty() && required.anti_affinity.empty() &&
      required.refused_by_others.empty()) {
    return Prepared::Pass();
  }
  return Prepared::Each([required = std::move(required)](const NodeInfo& node) {
    return CheckRequired(required, node);
  });
}

PreparedScore ScoreInterPodAffinity(const PodInfo& pod, const Snapshot& snapshot, Feasible) {
  constexpr int64_t kHardAffinityWeight = 1;
  Counts counts;
  const bool has_own = pod.HasAffinity();
  for (const NodeInfo* node : snapshot.nodes) {
    if (!has_own && node->pods_with_affinity == 0) continue;
    for (const auto& [uid, other] : node->pods) {
      if (has_own) CreditPreferences(*pod.pod, *other->pod, *node, snapshot, counts);
      if (!other->HasAffinity()) continue;
      CreditPreferences(*other->pod, *pod.pod, *node, snapshot, counts);
      for (const Term& term : RequiredAffinity(*other->pod)) {
        if (term.Matches(*pod.pod, snapshot)) Credit(counts, term.key, *node, kHardAffinityWeight);
      }
    }
  }
  if (counts.empty()) return {};
  return {[counts = std::move(counts)](const NodeInfo& node) {
            int64_t sum = 0;
            for (const auto& [place, weight] : counts) {
              const auto label = node.labels().find(place.first);
              if (label != node.labels().end() && label->second == place.second) sum += weight;
            }
            return sum;
          },
          [](auto, std::span<int64_t> scores) { NormalizeRange(scores); }};
}

}  // namespace skiff::scheduler
