#include "controllers/workloads/job_observation.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "controllers/workloads/job_backoff.h"
#include "controllers/workloads/job_policy.h"
#include "controllers/workloads/pod_control.h"

namespace skiff::job {
namespace {

using batch_v1::Job;
using core_v1::Pod;

int NumberIn(const Pod& pod, std::string_view annotation, int otherwise) {
  const auto found = pod.metadata.annotations.find(std::string(annotation));
  if (found == pod.metadata.annotations.end()) return otherwise;
  int number = 0;
  const char* end = found->second.data() + found->second.size();
  const auto parsed = std::from_chars(found->second.data(), end, number);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == end && number >= 0;
  return whole ? number : otherwise;
}

int CompletionsOf(const Job& job) {
  return job.spec.completions.value_or(0);
}

std::set<std::string_view> Uncounted(const Job& job) {
  std::set<std::string_view> uids;
  if (!job.status.uncounted_terminated_pods) return uids;
  for (const auto* list : {&job.status.uncounted_terminated_pods->succeeded,
                           &job.status.uncounted_terminated_pods->failed}) {
    uids.insert(list->begin(), list->end());
  }
  return uids;
}

bool EndsIndex(const Job& job, const Pod& pod) {
  if (!HasFailed(job, pod)) return false;
  const FailureMatch match = MatchFailurePolicy(job, pod);
  if (match.action == "FailIndex") return true;
  return match.IsCounted() && FailuresBefore(pod).counted >= *job.spec.backoff_limit_per_index;
}

// Which indexes have failed, and whose last pod is to be replaced. `tracked` are pods with a valid
// index and the finalizer.
void ObserveIndexes(const Job& job, const Pods& tracked, Observation& observation) {
  if (!HasLimitPerIndex(job)) return;
  auto& failed = observation.failed_indexes;
  failed = Indexes::Parse(job.status.failed_indexes.value_or(""), CompletionsOf(job));
  for (const auto& pod : tracked) {
    // What was done is done, whatever another pod of the index came to.
    const int index = IndexOf(*pod);
    if (!observation.completed.Contains(index) && EndsIndex(job, *pod)) failed.Insert(index);
  }
  Indexes settled = observation.completed;
  settled.InsertAll(failed);
  for (const auto& pod : observation.active) settled.Insert(IndexOf(*pod));
  for (const auto& pod : tracked) {
    const int index = IndexOf(*pod);
    if (settled.Contains(index) || !HasFailed(job, *pod)) continue;
    Ptr<Pod>& last = observation.awaiting[index];
    if (last == nullptr || (FailuresBefore(*last).all() <= FailuresBefore(*pod).all() &&
                            FinishTime(*last) <= FinishTime(*pod))) {
      last = pod;
    }
  }
}

}  // namespace

bool IsIndexed(const Job& job) {
  return job.spec.completion_mode == "Indexed";
}
bool IsSuspended(const Job& job) {
  return job.spec.suspend.value_or(false);
}
bool HasLimitPerIndex(const Job& job) {
  return IsIndexed(job) && job.spec.backoff_limit_per_index.has_value();
}
bool ReplacesOnlyFailed(const Job& job) {
  return job.spec.pod_replacement_policy == "Failed" || job.spec.pod_failure_policy;
}

const batch_v1::JobCondition* FindCondition(const Job& job, std::string_view type) {
  for (const auto& condition : job.status.conditions) {
    if (condition.type == type && condition.status == "True") return &condition;
  }
  return nullptr;
}

bool IsFinished(const Job& job) {
  return FindCondition(job, "Complete") || FindCondition(job, "Failed");
}

bool SetCondition(batch_v1::JobStatus& status, const batch_v1::JobCondition& wanted,
                  TimePoint now) {
  auto condition = std::find_if(status.conditions.begin(), status.conditions.end(),
                                [&](const auto& it) { return it.type == wanted.type; });
  if (condition == status.conditions.end()) {
    if (wanted.status == "False") return false;
    condition = status.conditions.insert(condition, batch_v1::JobCondition{});
  } else if (condition->status == wanted.status && condition->reason == wanted.reason &&
             condition->message == wanted.message) {
    return false;
  }
  *condition = wanted;
  condition->last_probe_time = now;
  condition->last_transition_time = now;
  return true;
}

int IndexOf(const Pod& pod) {
  return NumberIn(pod, kCompletionIndex, -1);
}

bool IsTracked(const Pod& pod) {
  const auto& finalizers = pod.metadata.finalizers;
  return std::find(finalizers.begin(), finalizers.end(), kTracking) != finalizers.end();
}

bool HasFailed(const Job& job, const Pod& pod) {
  if (pod.status.phase == "Failed") return true;
  return IsTerminating(pod) && !ReplacesOnlyFailed(job);
}

IndexFailures FailuresBefore(const Pod& pod) {
  return {NumberIn(pod, kFailureCount, 0), NumberIn(pod, kIgnoredFailureCount, 0)};
}

IndexFailures FailuresAfter(const Job& job, const Pod& failed) {
  IndexFailures failures = FailuresBefore(failed);
  if (MatchFailurePolicy(job, failed).IsCounted()) {
    ++failures.counted;
  } else {
    ++failures.ignored;
  }
  return failures;
}

Observation Observe(const Job& job, Pods pods, const DoneTo& done) {
  Observation observation;
  const bool indexed = IsIndexed(job);
  if (indexed) {
    std::stable_sort(pods.begin(), pods.end(),
                     [](const auto& a, const auto& b) { return IndexOf(*a) < IndexOf(*b); });
    observation.completed = Indexes::Parse(job.status.completed_indexes, CompletionsOf(job));
  }
  const Indexes given_up =
      Indexes::Parse(job.status.failed_indexes.value_or(""), CompletionsOf(job));
  const auto uncounted = Uncounted(job);
  Pods tracked;
  for (const auto& pod : pods) {
    const std::string& uid = pod->metadata.uid;
    if (IsActive(*pod) && !done.deleted.contains(uid)) {
      observation.active.push_back(pod);
      observation.ready += IsReady(*pod);
    } else if (!IsTerminal(*pod)) {
      observation.leaving.push_back(pod);
    }
    if (!IsTracked(*pod) || done.released.contains(uid)) continue;
    observation.tracked.insert(uid);
    const int index = IndexOf(*pod);
    if (indexed && (index < 0 || index >= CompletionsOf(job))) continue;
    tracked.push_back(pod);
    if (uncounted.contains(uid)) continue;
    if (pod->status.phase == "Succeeded") {
      // An index counts once, however often it was done, and not when it was given up.
      if (indexed && (given_up.Contains(index) || !observation.completed.Insert(index))) continue;
      observation.succeeded.push_back(pod);
    } else if (HasFailed(job, *pod)) {
      observation.failed.push_back(pod);
    }
  }
  ObserveIndexes(job, tracked, observation);
  observation.pods = std::move(pods);
  return observation;
}

int Succeeded(const Job& job, const Observation& observation) {
  if (IsIndexed(job)) return static_cast<int>(observation.completed.Count());
  const int fresh = static_cast<int>(observation.succeeded.size());
  const auto& uncounted = job.status.uncounted_terminated_pods;
  return job.status.succeeded + fresh +
         (uncounted ? static_cast<int>(uncounted->succeeded.size()) : 0);
}

int Failed(const Job& job, const Observation& observation) {
  const auto fresh =
      std::count_if(observation.failed.begin(), observation.failed.end(), [&](const auto& pod) {
        return MatchFailurePolicy(job, *pod).IsCounted();
      });
  const auto& uncounted = job.status.uncounted_terminated_pods;
  return job.status.failed + static_cast<int>(fresh) +
         (uncounted ? static_cast<int>(uncounted->failed.size()) : 0);
}

}  // namespace skiff::job
