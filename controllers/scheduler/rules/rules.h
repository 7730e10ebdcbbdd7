// The scheduling rules, one file each. framework.h says what a rule is; framework.cc lists them.
#pragma once

#include "controllers/scheduler/framework.h"

namespace skiff::scheduler {

// Filters.
Prepared PrepareNodeUnschedulable(const PodInfo& pod, const Snapshot& snapshot);
Prepared PrepareNodeName(const PodInfo& pod, const Snapshot& snapshot);
Prepared PrepareTaintToleration(const PodInfo& pod, const Snapshot& snapshot);
Prepared PrepareNodeAffinity(const PodInfo& pod, const Snapshot& snapshot);
Prepared PrepareNodePorts(const PodInfo& pod, const Snapshot& snapshot);
Prepared PrepareNodeResourcesFit(const PodInfo& pod, const Snapshot& snapshot);
Prepared PrepareVolumeRestrictions(const PodInfo& pod, const Snapshot& snapshot);
Prepared PrepareNodeVolumeLimits(const PodInfo& pod, const Snapshot& snapshot);
Prepared PrepareVolumeBinding(const PodInfo& pod, const Snapshot& snapshot);
Prepared PrepareVolumeZone(const PodInfo& pod, const Snapshot& snapshot);
Prepared PreparePodTopologySpread(const PodInfo& pod, const Snapshot& snapshot);
Prepared PrepareInterPodAffinity(const PodInfo& pod, const Snapshot& snapshot);
Prepared PrepareDynamicResources(const PodInfo& pod, const Snapshot& snapshot);

// Scores.
using Feasible = std::span<const NodeInfo* const>;
PreparedScore ScoreTaintToleration(const PodInfo& pod, const Snapshot& snapshot, Feasible feasible);
PreparedScore ScoreNodeAffinity(const PodInfo& pod, const Snapshot& snapshot, Feasible feasible);
PreparedScore ScoreResourcesFit(const PodInfo& pod, const Snapshot& snapshot, Feasible feasible);
PreparedScore ScorePodTopologySpread(const PodInfo& pod, const Snapshot& snapshot,
                                     Feasible feasible);
PreparedScore ScoreInterPodAffinity(const PodInfo& pod, const Snapshot& snapshot,
                                    Feasible feasible);
PreparedScore ScoreDynamicResources(const PodInfo& pod, const Snapshot& snapshot,
                                    Feasible feasible);
PreparedScore ScoreBalancedAllocation(const PodInfo& pod, const Snapshot& snapshot,
                                      Feasible feasible);
PreparedScore ScoreImageLocality(const PodInfo& pod, const Snapshot& snapshot, Feasible feasible);

}  // namespace skiff::scheduler
