// What a profile of kube-scheduler's configuration says: which rules are asked, how much their
// scores weigh, and what they are told.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/clock.h"
#include "controllers/scheduler/framework.h"

namespace skiff::scheduler {

inline constexpr std::string_view kSchedulerName = "default-scheduler";

struct ResourceWeight {
  std::string name;
  int64_t weight = 1;
};

// Of NodeResourcesFit's score.
struct ScoringStrategy {
  enum class Type : uint8_t { kLeastAllocated, kMostAllocated, kRequestedToCapacityRatio };
  // A score (0 to 100) at a use in percent, in order of use; between two of them a straight line,
  // beyond the ends as at the ends.
  struct Point {
    int64_t utilization = 0;
    int64_t score = 0;
  };
  Type type = Type::kLeastAllocated;
  std::vector<ResourceWeight> resources = {{"cpu", 1}, {"memory", 1}};
  std::vector<Point> shape;  // Of kRequestedToCapacityRatio alone; never empty then.
};

struct Profile {
  Profile();

  std::string name{kSchedulerName};  // Pods that name it as theirs are scheduled by it.
  int percentage_of_nodes_to_score = 0;  // 0: a share that shrinks as clusters grow.
  // In the order in which they are asked.
  std::vector<FilterRule> filters;
  std::vector<ScoreRule> scores;
  bool holds_gated_pods = true;  // SchedulingGates
  bool preempts = true;          // DefaultPreemption
  bool binds_claims = true;      // VolumeBinding
  // DynamicResources: pods whose ResourceClaims are not there wait for them untried; of those that
  // find no node a claim may lose its devices.
  bool holds_pods_without_claims = true;
  bool frees_devices = true;
  Duration device_search_timeout = 10s;  // On one node; 0: none.

  ScoringStrategy scoring;
  std::vector<ResourceWeight> balanced_resources = {{"cpu", 1}, {"memory", 1}};
  // Extended resources that NodeResourcesFit does not count; of groups that, before the "/".
  std::set<std::string, std::less<>> ignored_resources, ignored_resource_groups;
  std::optional<core_v1::NodeAffinity> added_affinity;  // Of all pods, beside their own.
  // In scores: of the affinity that placed pods require, and whether what they prefer is passed
  // over for a pod that prefers nothing itself.
  int64_t hard_pod_affinity_weight = 1;
  bool ignores_preferences_of_others = false;
  // What a pod is spread by that says nothing itself; nullopt: softly, over hosts and zones.
  std::optional<std::vector<core_v1::TopologySpreadConstraint>> default_constraints;
  int candidates_percentage_min = 10;  // Of nodes on which removing pods may help.
  int candidates_absolute_min = 100;
  Duration bind_timeout = 600s;  // For claims to be bound.
};

// The one that a snapshot is for; kube-scheduler's own where it does not say.
const Profile& ProfileOf(const Snapshot& snapshot);

}  // namespace skiff::scheduler
