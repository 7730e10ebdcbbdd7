// How long a Job waits for its next pod after pods have failed. Pure.
#pragma once

#include "controllers/workloads/job_observation.h"

namespace skiff::job {

// When the pod ended, as far as it says so: by its containers, its conditions, its deletion.
Time FinishTime(const core_v1::Pod& pod);

// Failures since the last success.
struct BackOff {
  int failures = 0;
  TimePoint last_failure;
  // 10 s after the first failure, and twice as long after each that follows; at most 10 min.
  Duration Left(TimePoint now) const;
};
// With what is new in the observation. Without `known`, by all pods that are still there: whoever
// has just started finds there what was counted before.
BackOff BackOffAfter(const std::optional<BackOff>& known, const Observation& observation);
// Of an index whose last pod is this one.
BackOff BackOffOf(const core_v1::Pod& failed, const Observation& observation);

}  // namespace skiff::job
