// What is to be done about a Job's pods, and whether it is over. Pure.
#pragma once

#include <string>
#include <vector>

#include "controllers/workloads/job_backoff.h"
#include "controllers/workloads/job_observation.h"

namespace skiff::job {

struct Verdict {
  std::string type;  // "FailureTarget", "SuccessCriteriaMet"; "" while it goes on.
  std::string reason;
  std::string message;
  bool IsOver() const { return !type.empty(); }
};
// Why the job is over, though pods of it may still run.
Verdict Judge(const batch_v1::Job& job, const Observation& observation, TimePoint now);
// The same once nothing runs: are there enough successes? `active` pods are left.
Verdict JudgeCompletions(const batch_v1::Job& job, const Observation& observation, int active);

struct Plan {
  Pods remove;
  int create = 0;
  std::vector<int> indexes;  // Of the pods to create, when the job is indexed.
  Duration wait = kNever;    // Until more is to be created, for back-off.
};
Plan PlanPods(const batch_v1::Job& job, const Observation& observation, const BackOff& back_off,
              TimePoint now);

// A pod of the job; `index` -1 when it is not indexed.
core_v1::Pod PodFor(const batch_v1::Job& job, const Observation& observation, int index);

}  // namespace skiff::job
