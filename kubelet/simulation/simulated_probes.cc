#include "kubelet/simulation/simulated_probes.h"

#include <algorithm>

namespace skiff::kubelet {

SimulatedProbes::SimulatedProbes(Executor& executor, const Clock& clock,
                                 std::function<void(const std::string& pod_uid)> changed)
    : executor_(executor), clock_(clock), changed_(std::move(changed)) {
  executor_.Add(*this);
}

SimulatedProbes::~SimulatedProbes() {
  executor_.Remove(*this);
}

bool SimulatedProbes::IsReady(const Watched& watched) const {
  const Duration age = clock_.Now() - watched.started_at;
  return age >= watched.span.from && age < watched.span.until;
}

void SimulatedProbes::Observe(const core_v1::Pod& pod, const core_v1::Container& container,
                              const ProbeTarget& target) {
  const ReadySpan span = ReadySpanOf(pod, container.name);
  {
    MutexLock lock(mutex_);
    const auto known = pods_.find(pod.metadata.uid);
    if (span.from == 0ns && span.until == kNever) {
      if (known != pods_.end()) known->second.erase(container.name);
      return;
    }
    Watched& watched = pods_[pod.metadata.uid][container.name];
    watched = {target.container_id, target.started_at, span};
    watched.told = IsReady(watched);  // Whoever observes asks right after.
  }
  Wake();
}

std::map<std::string, bool> SimulatedProbes::Ready(const std::string& pod_uid) const {
  MutexLock lock(mutex_);
  std::map<std::string, bool> ready;
  const auto found = pods_.find(pod_uid);
  if (found == pods_.end()) return ready;
  for (const auto& [name, watched] : found->second) ready[name] = IsReady(watched);
  return ready;
}

void SimulatedProbes::Forget(const std::string& pod_uid) {
  MutexLock lock(mutex_);
  pods_.erase(pod_uid);
}

Duration SimulatedProbes::Step() {
  std::vector<std::string> changed;
  Duration next = kNever;
  {
    MutexLock lock(mutex_);
    for (auto& [uid, containers] : pods_) {
      for (auto& [name, watched] : containers) {
        const bool ready = IsReady(watched);
        if (std::exchange(watched.told, ready) != ready) changed.push_back(uid);
        const Duration age = clock_.Now() - watched.started_at;
        for (const Duration turn : {watched.span.from, watched.span.until}) {
          if (turn != kNever && turn > age) next = std::min(next, turn - age);
        }
      }
    }
  }
  for (const std::string& uid : changed) changed_(uid);
  return next;
}

}  // namespace skiff::kubelet
