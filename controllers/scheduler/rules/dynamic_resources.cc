// DynamicResources: nodes where the claims of a pod can be had, better where their first choices
// can. What it finds out is kept in the cycle, for what comes after.
#include "controllers/scheduler/device_cycle.h"
#include "controllers/scheduler/rules/rules.h"

namespace skiff::scheduler {

Prepared PrepareDynamicResources(const PodInfo&, const Snapshot& snapshot) {
  DeviceCycle* const cycle = snapshot.devices;
  if (cycle == nullptr) return Prepared::Pass();
  const Verdict& verdict = cycle->Prepare();
  if (!verdict.fits()) return Prepared::Reject(verdict);
  if (!cycle->has_claims()) return Prepared::Pass();
  return Prepared::Each([cycle](const NodeInfo& node) { return cycle->Check(*node.node); });
}

PreparedScore ScoreDynamicResources(const PodInfo&, const Snapshot& snapshot, Feasible) {
  const DeviceCycle* const cycle = snapshot.devices;
  if (cycle == nullptr || !cycle->has_claims()) return {};
  return {[cycle](const NodeInfo& node) { return cycle->PreferenceOn(node.name()); },
          [](auto, std::span<int64_t> scores) { NormalizeByHighest(scores, false); }};
}

}  // namespace skiff::scheduler
