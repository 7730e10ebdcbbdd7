#include "api/select/node_selector.h"
#include "controllers/scheduler/rules/rules.h"

namespace skiff::scheduler {

Prepared PrepareNodeAffinity(const PodInfo& pod, const Snapshot&) {
  const core_v1::PodSpec& spec = pod.pod->spec;
  const bool has_affinity =
      spec.affinity && spec.affinity->node_affinity &&
      spec.affinity->node_affinity->required_during_scheduling_ignored_during_execution;
  if (spec.node_selector.empty() && !has_affinity) return Prepared::Pass();
  return Prepared::Each([&spec](const NodeInfo& node) {
    if (MatchesNodeSelection(spec, *node.node)) return Verdict::Fits();
    return Verdict::Unresolvable("node(s) didn't match Pod's node affinity/selector");
  });
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
