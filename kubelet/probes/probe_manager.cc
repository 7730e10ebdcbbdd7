#include "kubelet/probes/probe_manager.h"

#include "kubelet/probes/probe_loop.h"

namespace skiff::kubelet {

ProbeManager::ProbeManager(Dependencies dependencies,
                           std::function<void(const std::string& pod_uid)> changed)
    : dependencies_(WithRoom(std::move(dependencies), room_)), changed_(std::move(changed)) {}

ProbeManager::Dependencies ProbeManager::WithRoom(Dependencies dependencies, ThreadRoom& room) {
  dependencies.room = &room;
  return dependencies;
}

ProbeManager::~ProbeManager() {
  std::map<std::string, PodProbes> pods;
  {
    MutexLock lock(mutex_);
    pods.swap(pods_);
  }
  for (auto& [uid, containers] : pods) {
    for (auto& [name, probes] : containers) End(std::move(probes));
  }
}

void ProbeManager::End(ContainerProbes probes) {
  for (auto* loop : {&probes.readiness, &probes.liveness, &probes.startup}) {
    if (*loop) dependencies_.executor.Remove(**loop);
  }
}

void ProbeManager::Observe(const core_v1::Pod& pod, const core_v1::Container& container,
                           const ProbeTarget& target) {
  if (!container.startup_probe && !container.liveness_probe && !container.readiness_probe) return;
  const std::string uid = pod.metadata.uid;
  ContainerProbes old;
  std::vector<ProbeLoop*> started;
  {
    MutexLock lock(mutex_);
    ContainerProbes& probes = pods_[uid][container.name];
    if (probes.container_id == target.container_id) return;
    old = std::move(probes);
    probes = ContainerProbes();
    probes.container_id = target.container_id;
    const auto make = [&](ProbeKind kind, const Box<core_v1::Probe>& probe,
                          std::function<bool()> may_begin, std::function<void()> changed) {
      if (!probe) return std::unique_ptr<ProbeLoop>();
      auto loop =
          std::make_unique<ProbeLoop>(ProbeLoop::Spec{kind, pod, container, *probe, target},
                                      dependencies_, std::move(may_begin), std::move(changed));
      started.push_back(loop.get());
      return loop;
    };
    const auto changed = [this, uid] { changed_(uid); };
    const auto at_once = [] { return true; };
    probes.startup = make(ProbeKind::kStartup, container.startup_probe, at_once,
                          [this, uid, name = container.name] { Started(uid, name); });
    ProbeLoop* startup = probes.startup.get();
    const auto has_started = [startup] {
      return startup == nullptr || startup->result() == ProbeResult::kSuccess;
    };
    probes.liveness = make(ProbeKind::kLiveness, container.liveness_probe, has_started, changed);
    probes.readiness = make(ProbeKind::kReadiness, container.readiness_probe, has_started, changed);
  }
  End(std::move(old));
  for (ProbeLoop* loop : started) dependencies_.executor.Add(*loop);
}

void ProbeManager::Started(const std::string& pod_uid, const std::string& container) {
  {
    MutexLock lock(mutex_);
    const auto pod = pods_.find(pod_uid);
    if (pod == pods_.end()) return;
    const auto found = pod->second.find(container);
    if (found == pod->second.end()) return;
    if (found->second.liveness) found->second.liveness->Wake();
    if (found->second.readiness) found->second.readiness->Wake();
  }
  changed_(pod_uid);
}

std::map<std::string, ProbeState> ProbeManager::States(const std::string& pod_uid) const {
  std::map<std::string, ProbeState> out;
  MutexLock lock(mutex_);
  const auto pod = pods_.find(pod_uid);
  if (pod == pods_.end()) return out;
  for (const auto& [name, probes] : pod->second) {
    ProbeState& state = out[name];
    if (probes.startup) {
      const ProbeResult result = probes.startup->result();
      state.startup = result == ProbeResult::kSuccess   ? StartupState::kStarted
                      : result == ProbeResult::kFailure ? StartupState::kFailed
                                                        : StartupState::kUnknown;
    }
    state.liveness_failed = probes.liveness && probes.liveness->result() == ProbeResult::kFailure;
  }
  return out;
}

std::map<std::string, bool> ProbeManager::Ready(const std::string& pod_uid) const {
  std::map<std::string, bool> out;
  MutexLock lock(mutex_);
  const auto pod = pods_.find(pod_uid);
  if (pod == pods_.end()) return out;
  for (const auto& [name, probes] : pod->second) {
    if (probes.readiness) out[name] = probes.readiness->result() == ProbeResult::kSuccess;
  }
  return out;
}

void ProbeManager::Terminating(const std::string& pod_uid) {
  std::vector<std::unique_ptr<ProbeLoop>> ended;
  {
    MutexLock lock(mutex_);
    const auto pod = pods_.find(pod_uid);
    if (pod == pods_.end()) return;
    for (auto& [name, probes] : pod->second) {
      // Readiness looks at the startup probe's result: both stay.
      if (probes.liveness) ended.push_back(std::move(probes.liveness));
    }
  }
  for (auto& loop : ended) dependencies_.executor.Remove(*loop);
}

void ProbeManager::Forget(const std::string& pod_uid) {
  PodProbes ended;
  {
    MutexLock lock(mutex_);
    const auto pod = pods_.find(pod_uid);
    if (pod == pods_.end()) return;
    ended = std::move(pod->second);
    pods_.erase(pod);
  }
  for (auto& [name, probes] : ended) End(std::move(probes));
  // Now that none counts any more.
  if (dependencies_.metrics != nullptr) dependencies_.metrics->Forget(pod_uid);
}

}  // namespace skiff::kubelet
