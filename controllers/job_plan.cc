#include "controllers/job_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/seconds.h"
#include "controllers/job_indexes.h"
#include "controllers/pod_control.h"

namespace skiff::job {
namespace {

using batch_v1::Job;
using core_v1::Pod;

constexpr Duration kBackOff = 10s;
constexpr Duration kBackOffMax = 10min;
constexpr int kBurst = 500;
constexpr size_t kGenerateNameMax = 58;
constexpr std::string_view kIndexVariable = "JOB_COMPLETION_INDEX";

bool Contains(const std::vector<std::string>& list, const std::string& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool IsUncounted(const Job& job, const std::string& uid) {
  if (!job.status.uncounted_terminated_pods) return false;
  return Contains(job.status.uncounted_terminated_pods->succeeded, uid) ||
         Contains(job.status.uncounted_terminated_pods->failed, uid);
}

bool ReplacesOnlyFailed(const Job& job) {
  return job.spec.pod_replacement_policy == "Failed" || job.spec.pod_failure_policy;
}

int64_t RestartsOf(const Pod& pod) {
  int64_t restarts = 0;
  for (const auto* list : {&pod.status.container_statuses, &pod.status.init_container_statuses}) {
    for (const auto& status : *list) restarts += status.restart_count;
  }
  return restarts;
}

bool PastBackOffLimit(const Job& job, const Observation& observation) {
  const int limit = job.spec.backoff_limit.value_or(6);
  if (Failed(job, observation) > limit) return true;
  if (job.spec.template_.spec.restart_policy != "OnFailure") return false;
  int64_t restarts = 0;
  for (const auto& pod : observation.active) restarts += RestartsOf(*pod);
  return limit == 0 ? restarts > 0 : restarts >= limit;
}

// How long the next pod has to wait, for failures since the last success.
Duration BackOffLeft(const Observation& observation, const Pods& pods, TimePoint now) {
  const auto ended = [&](const Pod& pod) {
    const auto seen = observation.seen_ended.find(pod.metadata.uid);
    const Time said = FinishTime(pod);
    return seen == observation.seen_ended.end() ? said : std::min(said, Time(seen->second));
  };
  Time last_success;
  for (const auto& pod : pods) {
    if (pod->status.phase == "Succeeded") last_success = std::max(last_success, ended(*pod));
  }
  int failures = 0;
  Time last_failure;
  for (const auto& pod : pods) {
    if (pod->status.phase != "Failed" || ended(*pod) < last_success) continue;
    ++failures;
    last_failure = std::max(last_failure, ended(*pod));
  }
  if (failures == 0) return Duration(0);
  Duration delay = kBackOff;
  for (int i = 1; i < failures && delay < kBackOffMax; ++i) delay *= 2;
  return Between(now, Later(last_failure.point(), std::min(delay, kBackOffMax)));
}

Pods FirstToGo(Pods active, int count, TimePoint now) {
  std::sort(active.begin(), active.end(), [&](const auto& a, const auto& b) {
    return DeletedBefore({a, 0}, {b, 0}, now);
  });
  active.resize(std::min<size_t>(count, active.size()));
  return active;
}

// The lowest indexes that are neither done nor under way.
std::vector<int> FreeIndexes(const Job& job, const Observation& observation, const Pods& pods,
                             int count) {
  Indexes taken = Indexes::Parse(job.status.completed_indexes);
  for (const auto* list : {&observation.active, &observation.succeeded}) {
    for (const auto& pod : *list) taken.Insert(IndexOf(*pod));
  }
  if (ReplacesOnlyFailed(job)) {
    for (const auto& pod : pods) {
      if (IsTerminating(*pod)) taken.Insert(IndexOf(*pod));
    }
  }
  return taken.Missing(job.spec.completions.value_or(0), count);
}

}  // namespace

bool IsIndexed(const Job& job) {
  return job.spec.completion_mode == "Indexed";
}
bool IsSuspended(const Job& job) {
  return job.spec.suspend.value_or(false);
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

int IndexOf(const Pod& pod) {
  const auto found = pod.metadata.annotations.find(std::string(kCompletionIndex));
  if (found == pod.metadata.annotations.end()) return -1;
  int index = -1;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), index);
  return index;
}

bool IsTracked(const Pod& pod) {
  return Contains(pod.metadata.finalizers, std::string(kTracking));
}

Time FinishTime(const Pod& pod) {
  Time latest;
  for (const auto& status : pod.status.container_statuses) {
    if (status.state.terminated) {
      latest = std::max(latest, status.state.terminated->finished_at);
    }
  }
  if (!latest.IsZero()) return latest;
  const auto* ready = skiff::FindCondition(pod, "Ready");
  if (ready && ready->status == "False" && !ready->last_transition_time.IsZero()) {
    return ready->last_transition_time;
  }
  return pod.metadata.creation_timestamp;
}

Observation Observe(const Job& job, const Pods& pods, const std::set<std::string>& released) {
  Observation observation;
  Indexes indexes = Indexes::Parse(job.status.completed_indexes);
  for (const auto& pod : pods) {
    if (IsActive(*pod)) {
      observation.active.push_back(pod);
      observation.ready += IsReady(*pod);
    }
    observation.terminating += IsTerminating(*pod);
    const std::string& uid = pod->metadata.uid;
    if (!IsTracked(*pod) || IsUncounted(job, uid) || released.contains(uid)) continue;
    const int index = IndexOf(*pod);
    if (IsIndexed(job) && (index < 0 || index >= job.spec.completions.value_or(0))) continue;
    const bool given_up = IsTerminating(*pod) && !ReplacesOnlyFailed(job);
    if (pod->status.phase == "Succeeded") {
      // An index counts once, however often it was done.
      if (!IsIndexed(job) || indexes.Insert(index)) observation.succeeded.push_back(pod);
    } else if (pod->status.phase == "Failed" || given_up) {
      observation.failed.push_back(pod);
    }
  }
  return observation;
}

int Succeeded(const Job& job, const Observation& observation) {
  const int fresh = static_cast<int>(observation.succeeded.size());
  const auto& uncounted = job.status.uncounted_terminated_pods;
  return job.status.succeeded + fresh +
         (uncounted ? static_cast<int>(uncounted->succeeded.size()) : 0);
}

int Failed(const Job& job, const Observation& observation) {
  const int fresh = static_cast<int>(observation.failed.size());
  const auto& uncounted = job.status.uncounted_terminated_pods;
  return job.status.failed + fresh + (uncounted ? static_cast<int>(uncounted->failed.size()) : 0);
}

Verdict Judge(const Job& job, const Observation& observation, TimePoint now) {
  for (const char* type : {"SuccessCriteriaMet", "FailureTarget"}) {
    if (const auto* said = FindCondition(job, type)) return {type, said->reason, said->message};
  }
  if (PastBackOffLimit(job, observation)) {
    return {"FailureTarget", "BackoffLimitExceeded", "Job has reached the specified backoff limit"};
  }
  if (job.spec.active_deadline_seconds && job.status.start_time && !IsSuspended(job) &&
      now >= Later(job.status.start_time->point(), Seconds(*job.spec.active_deadline_seconds))) {
    return {"FailureTarget", "DeadlineExceeded", "Job was active longer than specified deadline"};
  }
  const int succeeded = Succeeded(job, observation);
  const bool enough = job.spec.completions ? succeeded >= *job.spec.completions : succeeded > 0;
  if (enough && observation.active.empty() && !IsSuspended(job)) {
    return {"SuccessCriteriaMet", "CompletionsReached",
            "Reached expected number of succeeded pods"};
  }
  return {};
}

Plan PlanPods(const Job& job, const Observation& observation, const Pods& pods, TimePoint now) {
  Plan plan;
  const int active = static_cast<int>(observation.active.size());
  if (IsSuspended(job)) {
    plan.remove = observation.active;
    return plan;
  }
  const int succeeded = Succeeded(job, observation);
  int wanted = job.spec.parallelism.value_or(1);
  if (job.spec.completions) {
    wanted = std::clamp(*job.spec.completions - succeeded, 0, wanted);
  } else if (succeeded > 0) {
    wanted = active;
  }
  if (active > wanted) {
    plan.remove = FirstToGo(observation.active, std::min(active - wanted, kBurst), now);
    return plan;
  }
  int missing = wanted - active - (ReplacesOnlyFailed(job) ? observation.terminating : 0);
  missing = std::clamp(missing, 0, kBurst);
  if (missing == 0) return plan;
  const Duration left = BackOffLeft(observation, pods, now);
  if (left > Duration(0)) {
    plan.wait = std::max<Duration>(left, 1s);
    return plan;
  }
  plan.create = missing;
  if (IsIndexed(job)) {
    plan.indexes = FreeIndexes(job, observation, pods, missing);
    plan.create = static_cast<int>(plan.indexes.size());
  }
  return plan;
}

core_v1::Pod PodFor(const Job& job, int index) {
  Pod pod = PodFromTemplate(job.spec.template_, Job::Info(), job.metadata);
  if (!IsTracked(pod)) pod.metadata.finalizers.emplace_back(kTracking);
  if (index < 0) return pod;
  const std::string number = std::to_string(index);
  const std::string suffix = "-" + number + "-";
  pod.metadata.generate_name =
      job.metadata.name.substr(0, kGenerateNameMax - suffix.size()) + suffix;
  pod.metadata.annotations[std::string(kCompletionIndex)] = number;
  pod.metadata.labels[std::string(kCompletionIndex)] = number;
  pod.spec.hostname = job.metadata.name + "-" + number;
  for (auto* containers : {&pod.spec.containers, &pod.spec.init_containers}) {
    for (auto& container : *containers) {
      const bool has = std::any_of(container.env.begin(), container.env.end(),
                                   [](const auto& it) { return it.name == kIndexVariable; });
      if (has) continue;
      auto& variable = container.env.emplace_back();
      variable.name = kIndexVariable;
      variable.value_from.Ensure().field_ref.Ensure().field_path =
          fmt::format("metadata.labels['{}']", kCompletionIndex);
    }
  }
  return pod;
}

void SetCondition(batch_v1::JobStatus& status, const std::string& type, const std::string& value,
                  const std::string& reason, const std::string& message, TimePoint now) {
  auto condition = std::find_if(status.conditions.begin(), status.conditions.end(),
                                [&](const auto& it) { return it.type == type; });
  if (condition == status.conditions.end()) {
    condition = status.conditions.insert(condition, batch_v1::JobCondition{});
    condition->type = type;
  } else if (condition->status == value) {
    return;
  }
  condition->status = value;
  condition->reason = reason;
  condition->message = message;
  condition->last_probe_time = now;
  condition->last_transition_time = now;
}

}  // namespace skiff::job
