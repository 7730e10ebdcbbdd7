#include "controllers/workloads/job_backoff.h"

#include <algorithm>

#include "api/select/by_name.h"
#include "base/seconds.h"
#include "controllers/workloads/pod_control.h"

namespace skiff::job {
namespace {

using core_v1::Pod;

constexpr Duration kBackOff = 10s;
constexpr Duration kBackOffMax = 10min;

// Sidecars end after the others. While one of them runs, or does not say when it ended, the pod has
// no such time.
std::optional<Time> EndOfContainers(const Pod& pod) {
  std::optional<Time> latest;
  const auto takes = [&](const core_v1::ContainerStatus& status) {
    if (!status.state.terminated || status.state.terminated->finished_at.IsZero()) return false;
    latest = std::max(latest.value_or(Time()), status.state.terminated->finished_at);
    return true;
  };
  for (const auto& status : pod.status.container_statuses) {
    if (!takes(status)) return std::nullopt;
  }
  if (pod.status.init_container_statuses.empty()) return latest;
  const ByName init(pod.spec.init_containers, &core_v1::Container::name);
  for (const auto& status : pod.status.init_container_statuses) {
    const core_v1::Container* container = init.Find(status.name);
    if (container == nullptr || container->restart_policy != "Always") continue;
    if (!takes(status)) return std::nullopt;
  }
  return latest;
}

TimePoint EndOf(const Pod& pod, const Observation& observation) {
  const TimePoint said = FinishTime(pod).point();
  const auto seen = observation.seen_ended.find(pod.metadata.uid);
  return seen == observation.seen_ended.end() ? said : std::min(said, seen->second);
}

void AddFailure(BackOff& back_off, TimePoint end) {
  ++back_off.failures;
  back_off.last_failure = std::max(back_off.last_failure, end);
}

}  // namespace

Time FinishTime(const Pod& pod) {
  if (const auto ended = EndOfContainers(pod)) return *ended;
  const auto* ready = skiff::FindCondition(pod, "Ready");
  if (ready && ready->status == "False" && !ready->last_transition_time.IsZero()) {
    return ready->last_transition_time;
  }
  if (pod.metadata.deletion_timestamp) {
    const int64_t grace = pod.metadata.deletion_grace_period_seconds.value_or(0);
    return pod.metadata.deletion_timestamp->PlusSeconds(-grace);
  }
  return pod.metadata.creation_timestamp;
}

Duration BackOff::Left(TimePoint now) const {
  if (failures == 0) return Duration(0);
  Duration delay = kBackOff;
  for (int i = 1; i < failures && delay < kBackOffMax; ++i) delay *= 2;
  return std::max(Between(now, Later(last_failure, std::min(delay, kBackOffMax))), Duration(0));
}

BackOff BackOffAfter(const std::optional<BackOff>& known, const Observation& observation) {
  BackOff back_off = known.value_or(BackOff());
  Pods succeeded = observation.succeeded;
  Pods failed = observation.failed;
  if (!known) {
    succeeded.clear();
    std::set<std::string> fresh;
    for (const auto& pod : failed) fresh.insert(pod->metadata.uid);
    for (const auto& pod : observation.pods) {
      if (pod->status.phase == "Succeeded") succeeded.push_back(pod);
      const bool counted = pod->status.phase == "Failed" && !fresh.contains(pod->metadata.uid);
      if (counted) failed.push_back(pod);
    }
  }
  std::optional<TimePoint> last_success;
  for (const auto& pod : succeeded) {
    last_success = std::max(last_success.value_or(TimePoint::min()), EndOf(*pod, observation));
  }
  if (last_success) back_off = {};
  for (const auto& pod : failed) {
    const TimePoint end = EndOf(*pod, observation);
    if (!last_success || end > *last_success) AddFailure(back_off, end);
  }
  return back_off;
}

BackOff BackOffOf(const Pod& failed, const Observation& observation) {
  BackOff back_off;
  back_off.failures = static_cast<int>(std::min<int64_t>(FailuresBefore(failed).all() + 1, 100));
  back_off.last_failure = EndOf(failed, observation);
  return back_off;
}

}  // namespace skiff::job
