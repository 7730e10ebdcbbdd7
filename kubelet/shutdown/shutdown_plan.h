// Which pods end when, as the machine shuts down: one group after the other, from the least
// important pods to the most important, each within its time. Pure.
#pragma once

#include <memory>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/clock.h"

namespace skiff::kubelet {

struct ShutdownGroup {
  int32_t priority = 0;
  int64_t grace_s = 0;
  std::vector<std::shared_ptr<const core_v1::Pod>> pods = {};
  bool operator==(const ShutdownGroup&) const = default;
};

// shutdownGracePeriod and shutdownGracePeriodCriticalPods, which is a part of it, as groups; none
// where nothing is to be waited for.
std::vector<ShutdownGroup> GroupsOf(Duration all, Duration critical);

// Each pod belongs to the group with the highest priority that is not above its own, or to the
// lowest. The groups come back in order, some perhaps without pods.
std::vector<ShutdownGroup> Grouped(std::vector<ShutdownGroup> groups,
                                   const std::vector<std::shared_ptr<const core_v1::Pod>>& pods);

// How long a pod of the group has.
int64_t ShutdownGrace(const ShutdownGroup& group, const core_v1::Pod& pod);

// Of all groups.
Duration ShutdownTime(const std::vector<ShutdownGroup>& groups);

}  // namespace skiff::kubelet
