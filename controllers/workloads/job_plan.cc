#include "controllers/workloads/job_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/seconds.h"
#include "controllers/workloads/job_policy.h"
#include "controllers/workloads/pod_control.h"

namespace skiff::job {
namespace {

using batch_v1::Job;
using core_v1::Pod;

constexpr Duration kWaitMin = 1s;
constexpr int kBurst = 500;
constexpr size_t kGenerateNameMax = 58;
constexpr std::string_view kIndexVariable = "JOB_COMPLETION_INDEX";

Verdict FailureTarget(std::string reason, std::string message) {
  return {"FailureTarget", std::move(reason), std::move(message)};
}

// What the pod failure policy has the job fail for; "" when nothing.
std::string FatalFailure(const Job& job, const Observation& observation) {
  if (!job.spec.pod_failure_policy) return "";
  for (const auto& pod : observation.pods) {
    if (!HasFailed(job, *pod)) continue;
    if (auto match = MatchFailurePolicy(job, *pod); !match.message.empty()) return match.message;
  }
  return "";
}

int64_t RestartsOf(const Pod& pod) {
  int64_t restarts = 0;
  for (const auto* list : {&pod.status.container_statuses, &pod.status.init_container_statuses}) {
    for (const auto& status : *list) restarts += status.restart_count;
  }
  return restarts;
}

bool IsPastBackOffLimit(const Job& job, const Observation& observation) {
  const int limit = job.spec.backoff_limit.value_or(6);
  if (Failed(job, observation) > limit) return true;
  if (job.spec.template_.spec.restart_policy != "OnFailure") return false;
  int64_t restarts = 0;
  for (const auto& pod : observation.pods) {
    const bool runs = pod->status.phase == "Running" || pod->status.phase == "Pending";
    if (runs) restarts += RestartsOf(*pod);
  }
  return limit == 0 ? restarts > 0 : restarts >= limit;
}

bool IsPastDeadline(const Job& job, TimePoint now) {
  if (!job.spec.active_deadline_seconds || !job.status.start_time || IsSuspended(job)) return false;
  return now >=
         Later(job.status.start_time->point(), Seconds(*job.spec.active_deadline_seconds));
}

Verdict JudgeIndexes(const Job& job, const Observation& observation) {
  const int64_t failed = observation.failed_indexes.Count();
  if (job.spec.max_failed_indexes && failed > *job.spec.max_failed_indexes) {
    return FailureTarget("MaxFailedIndexesExceeded",
                         "Job has exceeded the specified maximal number of failed indexes");
  }
  const int64_t settled = failed + observation.completed.Count();
  if (failed > 0 && settled >= job.spec.completions.value_or(0)) {
    return FailureTarget("FailedIndexes", "Job has failed indexes");
  }
  return {};
}

Pods InOrderOfDeletion(Pods pods, TimePoint now) {
  std::sort(pods.begin(), pods.end(), [&](const auto& a, const auto& b) {
    return DeletedBefore({a, 0}, {b, 0}, now);
  });
  return pods;
}

// Those that go when `surplus` pods are too many. Of pods with the same index only one stays, and
// none whose index the job does not have.
Pods PodsToRemove(const Job& job, const Pods& active, size_t surplus, TimePoint now) {
  const Pods ordered = InOrderOfDeletion(active, now);
  Pods remove;
  Pods left = ordered;
  if (IsIndexed(job)) {
    left.clear();
    std::map<int, Ptr<Pod>> best;
    for (const auto& pod : ordered) best[IndexOf(*pod)] = pod;
    for (const auto& pod : ordered) {
      const int index = IndexOf(*pod);
      const bool valid = index >= 0 && index < job.spec.completions.value_or(0);
      (valid && best[index] == pod ? left : remove).push_back(pod);
    }
  }
  for (size_t i = 0; i < left.size() && remove.size() < surplus; ++i) remove.push_back(left[i]);
  if (remove.size() > kBurst && !IsSuspended(job)) remove.resize(kBurst);
  return remove;
}

// The lowest indexes that are neither settled nor under way.
std::vector<int> FreeIndexes(const Job& job, const Observation& observation, int count) {
  Indexes taken = observation.completed;
  taken.InsertAll(observation.failed_indexes);
  for (const auto& pod : observation.active) taken.Insert(IndexOf(*pod));
  if (ReplacesOnlyFailed(job)) {
    for (const auto& pod : observation.leaving) taken.Insert(IndexOf(*pod));
  }
  return taken.Missing(job.spec.completions.value_or(0), count);
}

// Leaves in the plan those indexes whose own back-off is over.
void WaitForIndexes(const Observation& observation, TimePoint now, Plan& plan) {
  std::erase_if(plan.indexes, [&](int index) {
    const auto awaiting = observation.awaiting.find(index);
    if (awaiting == observation.awaiting.end()) return false;
    const Duration left = BackOffOf(*awaiting->second, observation).Left(now);
    if (left == Duration(0)) return false;
    plan.wait = std::min(plan.wait, std::max<Duration>(left, kWaitMin));
    return true;
  });
}

int WantedPods(const Job& job, const Observation& observation) {
  const int succeeded = Succeeded(job, observation);
  const int parallelism = job.spec.parallelism.value_or(1);
  if (job.spec.completions) return std::clamp(*job.spec.completions - succeeded, 0, parallelism);
  // One success is enough; what runs may run on.
  return succeeded > 0 ? static_cast<int>(observation.active.size()) : parallelism;
}

void AddIndexVariable(core_v1::PodSpec& spec) {
  for (auto* containers : {&spec.containers, &spec.init_containers}) {
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
}

}  // namespace

Verdict Judge(const Job& job, const Observation& observation, TimePoint now) {
  for (const char* type : {"SuccessCriteriaMet", "FailureTarget"}) {
    if (const auto* said = FindCondition(job, type)) return {type, said->reason, said->message};
  }
  if (auto message = FatalFailure(job, observation); !message.empty()) {
    return FailureTarget("PodFailurePolicy", std::move(message));
  }
  if (IsPastBackOffLimit(job, observation)) {
    return FailureTarget("BackoffLimitExceeded", "Job has reached the specified backoff limit");
  }
  if (IsPastDeadline(job, now)) {
    return FailureTarget("DeadlineExceeded", "Job was active longer than specified deadline");
  }
  if (!IsIndexed(job)) return {};
  if (HasLimitPerIndex(job)) {
    if (auto verdict = JudgeIndexes(job, observation); verdict.IsOver()) return verdict;
  }
  if (const auto rule = MetSuccessRule(job, observation.completed)) {
    return {"SuccessCriteriaMet", "SuccessPolicy",
            fmt::format("Matched rules at index {}", *rule)};
  }
  return {};
}

Verdict JudgeCompletions(const Job& job, const Observation& observation, int active) {
  const int succeeded = Succeeded(job, observation);
  const bool enough = job.spec.completions ? succeeded >= *job.spec.completions : succeeded > 0;
  if (!enough || active > 0) return {};
  return {"SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods"};
}

Plan PlanPods(const Job& job, const Observation& observation, const BackOff& back_off,
              TimePoint now) {
  Plan plan;
  const int active = static_cast<int>(observation.active.size());
  const int wanted = IsSuspended(job) ? 0 : WantedPods(job, observation);
  plan.remove = PodsToRemove(job, observation.active, std::max(active - wanted, 0), now);
  if (!plan.remove.empty()) return plan;
  int missing = wanted - active;
  if (ReplacesOnlyFailed(job)) missing -= static_cast<int>(observation.leaving.size());
  missing = std::clamp(missing, 0, kBurst);
  if (missing == 0) return plan;
  const Duration left = HasLimitPerIndex(job) ? Duration(0) : back_off.Left(now);
  if (left > Duration(0)) {
    plan.wait = std::max<Duration>(left, kWaitMin);
    return plan;
  }
  plan.create = missing;
  if (IsIndexed(job)) {
    plan.indexes = FreeIndexes(job, observation, missing);
    if (HasLimitPerIndex(job)) WaitForIndexes(observation, now, plan);
    plan.create = static_cast<int>(plan.indexes.size());
  }
  return plan;
}

core_v1::Pod PodFor(const Job& job, const Observation& observation, int index) {
  Pod pod = PodFromTemplate(job.spec.template_, Job::Info(), job.metadata);
  if (!IsTracked(pod)) pod.metadata.finalizers.emplace_back(kTracking);
  if (index < 0) return pod;
  const std::string number = std::to_string(index);
  const std::string suffix = "-" + number + "-";
  pod.metadata.generate_name =
      job.metadata.name.substr(0, kGenerateNameMax - suffix.size()) + suffix;
  auto& annotations = pod.metadata.annotations;
  annotations[std::string(kCompletionIndex)] = number;
  pod.metadata.labels[std::string(kCompletionIndex)] = number;
  pod.spec.hostname = job.metadata.name + "-" + number;
  AddIndexVariable(pod.spec);
  if (!HasLimitPerIndex(job)) return pod;
  const auto replaced = observation.awaiting.find(index);
  const IndexFailures failures = replaced == observation.awaiting.end()
                                     ? IndexFailures()
                                     : FailuresAfter(job, *replaced->second);
  annotations[std::string(kFailureCount)] = std::to_string(failures.counted);
  if (failures.ignored > 0) {
    annotations[std::string(kIgnoredFailureCount)] = std::to_string(failures.ignored);
  }
  return pod;
}

}  // namespace skiff::job
