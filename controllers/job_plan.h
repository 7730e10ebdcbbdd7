// What a Job's pods amount to, and what is to be done about them. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/gen/batch_v1.h"
#include "base/clock.h"
#include "client/client.h"

namespace skiff::job {

using Pods = std::vector<Ptr<core_v1::Pod>>;

inline constexpr std::string_view kTracking = "batch.kubernetes.io/job-tracking";
inline constexpr std::string_view kCompletionIndex = "batch.kubernetes.io/job-completion-index";

bool IsIndexed(const batch_v1::Job& job);
bool IsSuspended(const batch_v1::Job& job);
// nullptr when the job does not have the condition with status True.
const batch_v1::JobCondition* FindCondition(const batch_v1::Job& job, std::string_view type);
bool IsFinished(const batch_v1::Job& job);
// -1 when the pod has none.
int IndexOf(const core_v1::Pod& pod);
bool IsTracked(const core_v1::Pod& pod);
Time FinishTime(const core_v1::Pod& pod);

// Pods by what they are to the job. `released` are uids of pods whose tracking finalizer was taken
// off already, though the cache may still show it.
struct Observation {
  Pods active;
  int ready = 0;
  int terminating = 0;
  Pods succeeded;  // Tracked, and in no count yet.
  Pods failed;
  // When pods were first seen to have ended, by uid: a node whose clock is ahead says that it was
  // later, and nobody shall wait for that time.
  std::map<std::string, TimePoint> seen_ended;
};
Observation Observe(const batch_v1::Job& job, const Pods& pods,
                    const std::set<std::string>& released);

struct Verdict {
  std::string type;  // "FailureTarget", "SuccessCriteriaMet"; "" while it goes on.
  std::string reason;
  std::string message;
};
// Why the job is over, though pods of it may still run.
Verdict Judge(const batch_v1::Job& job, const Observation& observation, TimePoint now);

// How many pods have succeeded, counted or not.
int Succeeded(const batch_v1::Job& job, const Observation& observation);
int Failed(const batch_v1::Job& job, const Observation& observation);

struct Plan {
  Pods remove;
  int create = 0;
  std::vector<int> indexes;  // Of the pods to create, when the job is indexed.
  Duration wait = kNever;    // Nothing is created before, for back-off.
};
Plan PlanPods(const batch_v1::Job& job, const Observation& observation, const Pods& pods,
              TimePoint now);

// A pod of the job; `index` -1 when it is not indexed.
core_v1::Pod PodFor(const batch_v1::Job& job, int index);

void SetCondition(batch_v1::JobStatus& status, const std::string& type, const std::string& value,
                  const std::string& reason, const std::string& message, TimePoint now);

}  // namespace skiff::job
