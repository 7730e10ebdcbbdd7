#include <optional>
#include <set>

#include "api/select/node_selector.h"
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

}  // namespace

Prepared PrepareNodeAffinity(const PodInfo& pod, const Snapshot&) {
  const core_v1::PodSpec& spec = pod.pod->spec;
  const bool has_affinity =
      spec.affinity && spec.affinity->node_affinity &&
      spec.affinity->node_affinity->required_during_scheduling_ignored_during_execution;
  if (spec.node_selector.empty() && !has_affinity) return Prepared::Pass();
  Prepared prepared = Prepared::Each([&spec](const NodeInfo& node) {
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

PreparedScore ScoreNodeAffinity(const PodInfo& pod, const Snapshot&, Feasible) {
  const auto& affinity = pod.pod->spec.affinity;
  if (!affinity || !affinity->node_affinity) return {};
  const auto& preferred =
      affinity->node_affinity->preferred_during_scheduling_ignored_during_execution;
  if (preferred.empty()) return {};
  return {[&preferred](const NodeInfo& node) {
            int64_t sum = 0;
            for (const auto& term : preferred) {
              if (term.weight != 0 && Matches(term.preference, *node.node)) sum += term.weight;
            }
            return sum;
          },
          [](auto, std::span<int64_t> scores) { NormalizeByHighest(scores, false); }};
}

}  // namespace skiff::scheduler
