// How the ends of a Job's pods get into its status, each once, whatever crashes when:
//
//   pod ends ─► its uid in status.uncountedTerminatedPods ─► its finalizer comes off ─► it
//   is counted and its uid leaves the list, in one write. Until then the finalizer keeps the pod.
//
// Successes of an indexed job need no uids: status.completedIndexes says which are counted. Pure.
#pragma once

#include <map>
#include <set>
#include <string>

#include "controllers/workloads/job_plan.h"

namespace skiff::job {

struct Tally {
  batch_v1::JobStatus status;  // To be stored before a finalizer comes off.
  Pods release;                // Those whose finalizer comes off then.
  std::map<std::string, int> by_action;  // Failed pods among these, by what a rule says of them.
  bool is_whole = true;        // Else there is no room for all pods at once; another round follows.
};
Tally TakeTally(const batch_v1::Job& job, const Observation& observation, const Verdict& verdict,
                TimePoint now);

// Counts the uids that no pod with a finalizer has any more.
void CountUntracked(batch_v1::JobStatus& status, const std::set<std::string>& tracked);

// Whether the job has ended for good: nothing left to count, no pod on its way out. Then its last
// condition is set.
bool Finish(batch_v1::JobStatus& status, const Verdict& verdict, TimePoint now);

}  // namespace skiff::job
