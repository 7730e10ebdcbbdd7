// What a Job's pods amount to. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/gen/batch_v1.h"
#include "base/clock.h"
#include "client/client.h"
#include "controllers/workloads/job_indexes.h"

namespace skiff::job {

using Pods = std::vector<Ptr<core_v1::Pod>>;

inline constexpr std::string_view kTracking = "batch.kubernetes.io/job-tracking";
inline constexpr std::string_view kCompletionIndex = "batch.kubernetes.io/job-completion-index";
// How often pods of the same index failed before this one: what counted, and what was ignored.
inline constexpr std::string_view kFailureCount = "batch.kubernetes.io/job-index-failure-count";
inline constexpr std::string_view kIgnoredFailureCount =
    "batch.kubernetes.io/job-index-ignored-failure-count";

bool IsIndexed(const batch_v1::Job& job);
bool IsSuspended(const batch_v1::Job& job);
// Each index has a limit of failures of its own.
bool HasLimitPerIndex(const batch_v1::Job& job);
// Pods that are on their way out are not replaced before they have failed.
bool ReplacesOnlyFailed(const batch_v1::Job& job);
// nullptr when the job does not have the condition with status True.
const batch_v1::JobCondition* FindCondition(const batch_v1::Job& job, std::string_view type);
bool IsFinished(const batch_v1::Job& job);
// False when the condition says so already; one that is not there is not made to say "False".
bool SetCondition(batch_v1::JobStatus& status, const batch_v1::JobCondition& wanted,
                  TimePoint now);

// -1 when the pod has none.
int IndexOf(const core_v1::Pod& pod);
bool IsTracked(const core_v1::Pod& pod);
// Also one that goes without an end, unless the job waits for that.
bool HasFailed(const batch_v1::Job& job, const core_v1::Pod& pod);

struct IndexFailures {
  int64_t counted = 0;
  int64_t ignored = 0;
  int64_t all() const { return counted + ignored; }
};
// Before this pod.
IndexFailures FailuresBefore(const core_v1::Pod& pod);
// With the failure of this pod.
IndexFailures FailuresAfter(const batch_v1::Job& job, const core_v1::Pod& failed);

// Uids of pods for what was done to them already, though the cache may not show it.
struct DoneTo {
  std::set<std::string> released;  // Their tracking finalizer was taken off.
  std::set<std::string> deleted;
};

// Pods by what they are to the job.
struct Observation {
  Pods pods;  // All; by index, where the job is indexed.
  Pods active;
  int ready = 0;
  Pods leaving;                   // Being deleted, and not at their end.
  std::set<std::string> tracked;  // Uids of those whose finalizer is still on.
  Pods succeeded;                 // Tracked, and in no count yet.
  Pods failed;
  // Of an indexed job: those of its status, and of `succeeded`.
  Indexes completed;
  // Of a job with a limit per index: those of its status, and those whose limit is reached.
  Indexes failed_indexes;
  // The pod that failed last of each index that waits for another pod. It keeps its finalizer until
  // then, since it alone knows how often its index has failed.
  std::map<int, Ptr<core_v1::Pod>> awaiting;
  // When pods were first seen to have ended, by uid: a node whose clock is ahead says that it was
  // later, and nobody shall wait for that time.
  std::map<std::string, TimePoint> seen_ended;
};
Observation Observe(const batch_v1::Job& job, Pods pods, const DoneTo& done);

// How many pods have succeeded (of an indexed job: indexes) or failed, counted or not.
int Succeeded(const batch_v1::Job& job, const Observation& observation);
int Failed(const batch_v1::Job& job, const Observation& observation);

}  // namespace skiff::job
