#include "controllers/network/trigger_times.h"

#include <utility>

#include "controllers/workloads/pod_control.h"

namespace skiff {
namespace {

void TakeOlder(std::optional<Time>& oldest, const Time& time) {
  if (!oldest || time < *oldest) oldest = time;
}

// Zero for a pod that never said whether it is ready.
Time ReadinessChange(const core_v1::Pod& pod) {
  const core_v1::PodCondition* ready = FindCondition(pod, "Ready");
  return ready ? ready->last_transition_time : Time();
}

}  // namespace

std::optional<Time> TriggerTimes::SinceLast(const core_v1::Service& service,
                                            const std::vector<Ptr<core_v1::Pod>>& pods) {
  const ObjectKey key = KeyOf(service);
  const Time created = service.metadata.creation_timestamp;
  std::optional<State> before;
  {
    const MutexLock lock(mutex_);
    const auto found = states_.find(key);
    if (found != states_.end()) before = std::exchange(found->second, State());
  }
  std::optional<Time> oldest = before ? before->unwritten : std::nullopt;
  State now{created, {}, {}};
  now.pods.reserve(pods.size());
  std::vector<Seen> none;
  std::vector<Seen>& seen = before ? before->pods : none;
  auto last = seen.begin();
  for (const auto& pod : pods) {
    const Time at = ReadinessChange(*pod);
    if (at.IsZero()) continue;
    const std::string& name = pod->metadata.name;
    while (last != seen.end() && last->pod < name) ++last;
    const bool known = last != seen.end() && last->pod == name;
    if (!known || at > last->at) TakeOlder(oldest, at);
    now.pods.push_back({known ? std::move(last->pod) : name, at});
    if (known) ++last;
  }
  if (before && created > before->created) TakeOlder(oldest, created);
  if (!before) oldest = created;
  now.unwritten = oldest;
  const MutexLock lock(mutex_);
  states_[key] = std::move(now);
  return oldest;
}

void TriggerTimes::Written(const ObjectKey& service) {
  const MutexLock lock(mutex_);
  const auto found = states_.find(service);
  if (found != states_.end()) found->second.unwritten.reset();
}

void TriggerTimes::Forget(const ObjectKey& service) {
  const MutexLock lock(mutex_);
  states_.erase(service);
}

void SetTriggerTime(meta_v1::ObjectMeta& metadata, const std::optional<Time>& time) {
  if (time) {
    metadata.annotations[std::string(kTriggerTime)] = time->Rfc3339();
  } else {
    metadata.annotations.erase(std::string(kTriggerTime));
  }
}

}  // namespace skiff
