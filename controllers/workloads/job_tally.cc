#include "controllers/workloads/job_tally.h"

#include <algorithm>

#include "controllers/workloads/job_policy.h"

namespace skiff::job {
namespace {

using batch_v1::Job;
using core_v1::Pod;

// One round of a huge job shall not hold up the small ones, nor its status grow without end.
constexpr size_t kUncountedMax = 500;
constexpr size_t kReleasedMax = 2 * kUncountedMax;

batch_v1::JobCondition True(const std::string& type, const Verdict& verdict) {
  batch_v1::JobCondition condition;
  condition.type = type;
  condition.status = "True";
  condition.reason = verdict.reason;
  condition.message = verdict.message;
  return condition;
}

bool HasValidIndex(const Job& job, const Pod& pod) {
  const int index = IndexOf(pod);
  return !IsIndexed(job) || (index >= 0 && index < job.spec.completions.value_or(0));
}

// Whether nothing about the pod is needed any more once it is noted.
bool MayBeReleased(const Job& job, const Observation& observation, const Verdict& verdict,
                   const Pod& pod) {
  if (job.metadata.deletion_timestamp || verdict.IsOver()) return true;
  if (pod.status.phase == "Succeeded") return true;
  if (!HasFailed(job, pod)) return false;
  const auto awaiting = observation.awaiting.find(IndexOf(pod));
  return awaiting == observation.awaiting.end() ||
         awaiting->second->metadata.uid != pod.metadata.uid;
}

// A job that has failed takes all that it deletes as failures.
bool CountsAsFailed(const Job& job, const Verdict& verdict, const Pod& pod) {
  if (pod.status.phase == "Succeeded" || !HasValidIndex(job, pod)) return false;
  if (!HasFailed(job, pod) && verdict.type != "FailureTarget") return false;
  return MatchFailurePolicy(job, pod).IsCounted();
}

void Recount(std::vector<std::string>& uids, const std::set<std::string>& tracked,
             int32_t& counter) {
  counter += static_cast<int32_t>(
      std::erase_if(uids, [&](const std::string& uid) { return !tracked.contains(uid); }));
}

}  // namespace

Tally TakeTally(const Job& job, const Observation& observation, const Verdict& verdict,
                TimePoint now) {
  Tally tally;
  auto& status = tally.status = job.status;
  auto& uncounted = status.uncounted_terminated_pods.Ensure();
  CountUntracked(status, observation.tracked);
  const std::set<std::string> noted_failed(uncounted.failed.begin(), uncounted.failed.end());
  const std::set<std::string> noted_succeeded(uncounted.succeeded.begin(),
                                              uncounted.succeeded.end());
  std::set<std::string> succeeded;
  for (const auto& pod : observation.succeeded) succeeded.insert(pod->metadata.uid);
  Indexes completed =
      Indexes::Parse(job.status.completed_indexes, job.spec.completions.value_or(0));
  size_t fresh_indexes = 0;
  for (const auto& pod : observation.pods) {
    const std::string& uid = pod->metadata.uid;
    if (!observation.tracked.contains(uid)) continue;
    if (!MayBeReleased(job, observation, verdict, *pod)) continue;
    const bool noted = noted_failed.contains(uid) || noted_succeeded.contains(uid);
    const bool success = !noted && succeeded.contains(uid);
    const bool failure = !noted && !success && CountsAsFailed(job, verdict, *pod);
    const size_t taken = fresh_indexes + uncounted.succeeded.size() + uncounted.failed.size();
    if (tally.release.size() >= kReleasedMax ||
        ((success || failure) && taken >= kUncountedMax)) {
      tally.is_whole = false;
      continue;
    }
    tally.release.push_back(pod);
    if (failure) uncounted.failed.push_back(uid);
    if (!noted && !success && HasFailed(job, *pod)) {
      const auto match = MatchFailurePolicy(job, *pod);
      if (!match.action.empty()) ++tally.by_action[match.action];
    }
    if (success && IsIndexed(job)) {
      fresh_indexes += completed.Insert(IndexOf(*pod));
    } else if (success) {
      uncounted.succeeded.push_back(uid);
    }
  }
  if (IsIndexed(job)) {
    status.completed_indexes = completed.Text();
    status.succeeded = static_cast<int32_t>(completed.Count());
    status.failed_indexes.reset();
    if (HasLimitPerIndex(job)) status.failed_indexes = observation.failed_indexes.Text();
  }
  if (verdict.IsOver()) SetCondition(status, True(verdict.type, verdict), now);
  return tally;
}

void CountUntracked(batch_v1::JobStatus& status, const std::set<std::string>& tracked) {
  auto& uncounted = status.uncounted_terminated_pods.Ensure();
  Recount(uncounted.succeeded, tracked, status.succeeded);
  Recount(uncounted.failed, tracked, status.failed);
}

bool Finish(batch_v1::JobStatus& status, const Verdict& verdict, TimePoint now) {
  const auto& uncounted = status.uncounted_terminated_pods;
  if (!verdict.IsOver() || status.terminating.value_or(0) > 0) return false;
  if (uncounted && !(uncounted->succeeded.empty() && uncounted->failed.empty())) return false;
  const bool complete = verdict.type == "SuccessCriteriaMet";
  SetCondition(status, True(complete ? "Complete" : "Failed", verdict), now);
  // A clock that was set back meanwhile would have it end before it began, which is refused.
  if (complete) status.completion_time = std::max(Time(now), status.start_time.value_or(Time()));
  return true;
}

}  // namespace skiff::job
