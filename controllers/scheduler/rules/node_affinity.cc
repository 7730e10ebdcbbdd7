#include <optional>
#include <set>

#include "api/select/node_selector.h"
#include "controllers/scheduler/profile.h"
#include "controllers/scheduler/rules/rules.h"

namespace skiff::scheduler {
namespace {

using Names = std::set<std::string>;

// The nodes that a term names; nullopt: it names none, and any may match.
std::optional<Names> NamedBy(const core_v1::NodeSelectorTerm& term) {
  std::optional<Names> names;
  for (const auto& field : term.match_fields) {
    if (field.key != "metadata.name" || field.operator_ != "In") continue;
    Names listed(field.values.begin(), field.values.end());
    if (names) std::erase_if(listed, [&](const auto& name) { return !names->contains(name); });
    names = std::move(listed);
  }
  return names;
}

// Those of all terms, of which one has to match.
std::optional<Names> NamedBy(const core_v1::NodeSelector& selector) {
  std::optional<Names> names;
  for (const auto& term : selector.node_selector_terms) {
    std::optional<Names> of_term = NamedBy(term);
    if (!of_term) return std::nullopt;
    if (!names) names.emplace();
    names->merge(*of_term);
  }
  return names;
}

int64_t SumOf(const std::vector<core_v1::PreferredSchedulingTerm>& terms,
              const core_v1::Node& node) {
  int64_t sum = 0;
  for (const auto& term : terms) {
    if (term.weight != 0 && Matches(term.preference, node)) sum += term.weight;
  }
  return sum;
}

}  // namespace

Prepared PrepareNodeAffinity(const PodInfo& pod, const Snapshot& snapshot) {
  const core_v1::PodSpec& spec = pod.pod->spec;
  const bool has_affinity =
      spec.affinity && spec.affinity->node_affinity &&
      spec.affinity->node_affinity->required_during_scheduling_ignored_during_execution;
  const auto& added = ProfileOf(snapshot).added_affinity;
  const core_v1::NodeSelector* const enforced =
      added && added->required_during_scheduling_ignored_during_execution
          ? &*added->required_during_scheduling_ignored_during_execution
          : nullptr;
  if (spec.node_selector.empty() && !has_affinity && enforced == nullptr) return Prepared::Pass();
  Prepared prepared = Prepared::Each([&spec, enforced](const NodeInfo& node) {
    if (enforced != nullptr && !Matches(*enforced, *node.node)) {
      return Verdict::Unresolvable("node(s) didn't match scheduler-enforced node affinity");
    }
    if (MatchesNodeSelection(spec, *node.node)) return Verdict::Fits();
    return Verdict::Unresolvable("node(s) didn't match Pod's node affinity/selector");
  });
  if (!has_affinity) return prepared;
  auto named =
      NamedBy(*spec.affinity->node_affinity->required_during_scheduling_ignored_during_execution);
  if (!named) return prepared;
  if (named->empty()) return Prepared::Reject(Verdict::Unresolvable("pod affinity terms conflict"));
  // The pods of a DaemonSet: nearly all nodes are refused by a look at their name.
  prepared.among = [named = std::move(*named)](const NodeInfo& node) {
    if (named.contains(node.name())) return Verdict::Fits();
    return Verdict::Unresolvable("node(s) didn't satisfy plugin(s) [NodeAffinity]");
  };
  return prepared;
}

PreparedScore ScoreNodeAffinity(const PodInfo& pod, const Snapshot& snapshot, Feasible) {
  static const std::vector<core_v1::PreferredSchedulingTerm> kNone;
  const auto preferred = [](const auto& affinity) -> const auto& {
    return affinity ? affinity->preferred_during_scheduling_ignored_during_execution : kNone;
  };
  const auto& affinity = pod.pod->spec.affinity;
  const auto& own = affinity ? preferred(affinity->node_affinity) : kNone;
  const auto& added = preferred(ProfileOf(snapshot).added_affinity);
  if (own.empty() && added.empty()) return {};
  return {[&own, &added](const NodeInfo& node) {
            return SumOf(own, *node.node) + SumOf(added, *node.node);
          },
          [](auto, std::span<int64_t> scores) { NormalizeByHighest(scores, false); }};
}

}  // namespace skiff::scheduler
