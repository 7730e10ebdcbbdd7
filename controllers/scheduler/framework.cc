#include "controllers/scheduler/framework.h"

#include <algorithm>

#include "controllers/scheduler/rules/rules.h"

namespace skiff::scheduler {

std::vector<std::string> Verdict::Reasons() const {
  std::vector<std::string> reasons;
  if (!constant.empty()) reasons.emplace_back(constant);
  reasons.insert(reasons.end(), more.begin(), more.end());
  return reasons;
}

std::span<const FilterRule> DefaultFilters() {
  static constexpr FilterRule kFilters[] = {
      {.name = "NodeUnschedulable", .prepare = PrepareNodeUnschedulable, .may_go_first = true},
      {.name = "NodeName", .prepare = PrepareNodeName, .may_go_first = true},
      {.name = "TaintToleration", .prepare = PrepareTaintToleration, .may_go_first = true},
      {.name = "NodeAffinity", .prepare = PrepareNodeAffinity, .may_go_first = true},
      {.name = "NodePorts", .prepare = PrepareNodePorts, .may_go_first = true},
      {.name = "NodeResourcesFit", .prepare = PrepareNodeResourcesFit, .may_go_first = true},
      {.name = "VolumeRestrictions", .prepare = PrepareVolumeRestrictions},
      {.name = "NodeVolumeLimits", .prepare = PrepareNodeVolumeLimits},
      {.name = "VolumeBinding", .prepare = PrepareVolumeBinding},
      {.name = "VolumeZone", .prepare = PrepareVolumeZone},
      {.name = "PodTopologySpread", .prepare = PreparePodTopologySpread, .may_go_first = true},
      {.name = "InterPodAffinity", .prepare = PrepareInterPodAffinity, .may_go_first = true},
      {.name = "DynamicResources", .prepare = PrepareDynamicResources},
  };
  return kFilters;
}

std::span<const ScoreRule> DefaultScores() {
  static constexpr ScoreRule kScores[] = {
      {"TaintToleration", 3, ScoreTaintToleration},
      {"NodeAffinity", 2, ScoreNodeAffinity},
      {"NodeResourcesFit", 1, ScoreResourcesFit},
      {"PodTopologySpread", 2, ScorePodTopologySpread},
      {"InterPodAffinity", 2, ScoreInterPodAffinity},
      {"DynamicResources", 2, ScoreDynamicResources},
      {"NodeResourcesBalancedAllocation", 1, ScoreBalancedAllocation},
      {"ImageLocality", 1, ScoreImageLocality},
  };
  return kScores;
}

void NormalizeByHighest(std::span<int64_t> scores, bool reverse) {
  const int64_t highest = scores.empty() ? 0 : *std::max_element(scores.begin(), scores.end());
  for (int64_t& score : scores) {
    score = highest == 0 ? 0 : 100 * score / highest;
    if (reverse) score = 100 - score;
  }
}

}  // namespace skiff::scheduler
