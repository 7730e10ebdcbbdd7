// What the kubelet's eviction manager sees and does.
#include <fmt/format.h>

#include <limits>

#include "kubelet/containerd_host.h"
#include "kubelet/kubelet.h"

namespace skiff::kubelet {

// Kubelets name themselves as the uid in events about their node.
core_v1::Node Kubelet::Self() const {
  core_v1::Node node;
  node.metadata.name = node.metadata.uid = options_.node_name;
  return node;
}

void Kubelet::WarnOfNode(const std::string& reason, const std::string& message) {
  dependencies_.events.Warning(Self(), reason, message);
}

void Kubelet::TellOfCgroups() {
  if (options_.writes_files && CgroupMount("memory")) {
    WarnOfNode("CgroupV1",
               "cgroup v1 detected. cgroup v1 support is deprecated and will be removed in a "
               "future release. Please migrate to cgroup v2. More information at "
               "https://git.k8s.io/enhancements/keps/sig-node/5573-remove-cgroup-v1");
  }
  const auto enforced = cgroups_.Enforce();
  if (!enforced) {
    WarnOfNode("FailedNodeAllocatableEnforcement",
               fmt::format("Failed to update Node Allocatable Limits [\"{}\"]: {}",
                           options_.cgroup_root.substr(options_.cgroup_root.rfind('/') + 1),
                           enforced.error().message));
  } else if (*enforced) {
    dependencies_.events.Normal(Self(), "NodeAllocatableEnforced",
                                "Updated Node Allocatable limit across pods");
  }
}

std::vector<Ptr<core_v1::Pod>> Kubelet::PodsUntil(PodWorker::State last) const {
  std::vector<Ptr<core_v1::Pod>> pods;
  MutexLock lock(mutex_);
  for (const auto& [uid, worker] : workers_) {
    if (worker->state() <= last) pods.push_back(worker->pod());
  }
  return pods;
}

std::vector<Ptr<core_v1::Pod>> Kubelet::ActivePods() const {
  return PodsUntil(PodWorker::State::kSyncing);
}

bool Kubelet::EvictPod(const core_v1::Pod& pod, const EvictionNotice& notice, int64_t grace_s,
                       bool is_disruption) {
  {
    MutexLock lock(mutex_);
    const auto found = workers_.find(pod.metadata.uid);
    if (found == workers_.end() || found->second->state() != PodWorker::State::kSyncing) {
      return false;
    }
    WaitingReason failure{"Evicted", notice.message};
    failure.is_disruption = is_disruption;
    found->second->Terminate(std::move(failure), grace_s);
  }
  log_.Info("pod evicted", {{"pod", KeyOf(pod)}, {"message", notice.message}});
  dependencies_.events.Report(ReferenceTo(core_v1::Pod::Info(), pod.metadata), EventType::kWarning,
                              "Evicted", notice.message, notice.annotations);
  return true;
}

bool Kubelet::IsPodGone(const std::string& uid) const {
  MutexLock lock(mutex_);
  const auto found = workers_.find(uid);
  return found == workers_.end() || found->second->state() >= PodWorker::State::kFinished;
}

void Kubelet::EndForShutdown(const core_v1::Pod& pod, int64_t grace_s) {
  WaitingReason failure{"Terminated", "Pod was terminated in response to imminent node shutdown."};
  failure.is_disruption = true;
  {
    MutexLock lock(mutex_);
    const auto found = workers_.find(pod.metadata.uid);
    if (found == workers_.end()) return;
    const PodWorker::State state = found->second->state();
    if (state > PodWorker::State::kTerminating) return;
    // One that ends already does so for its own reason, but has no longer than the others.
    const bool ends_already = state == PodWorker::State::kTerminating;
    found->second->Terminate(ends_already ? std::nullopt : std::optional(std::move(failure)),
                             grace_s);
  }
  log_.Info("pod ends with the machine", {{"pod", KeyOf(pod)}, {"grace_s", grace_s}});
}

std::unique_ptr<NodeShutdown> Kubelet::MakeShutdown() {
  const auto measure = [this](const char* name, const char* help,
                              int64_t (NodeShutdown::*seconds)() const) {
    if (dependencies_.metrics == nullptr) return;
    dependencies_.metrics->registry.AddMeasured({name, help}, [this, seconds] {
      const auto value = shutdown_ == nullptr ? 0 : ((*shutdown_).*seconds)();
      return std::vector<Sample>{{{}, static_cast<double>(value)}};
    });
  };
  measure("kubelet_graceful_shutdown_start_time_seconds",
          "[ALPHA] When the machine's last shutdown began.", &NodeShutdown::began_s);
  measure("kubelet_graceful_shutdown_end_time_seconds", "[ALPHA] When its pods had ended.",
          &NodeShutdown::ended_s);
  if (options_.shutdown_groups.empty()) return nullptr;
  return std::make_unique<NodeShutdown>(
      options_.shutdown_groups, MakeLoginManager(dependencies_.clock), dependencies_.clock,
      NodeShutdown::Hooks{
          [this] { return PodsUntil(PodWorker::State::kTerminating); },
          [this](const core_v1::Pod& pod, int64_t grace_s) { EndForShutdown(pod, grace_s); },
          [this](const std::string& uid) { return IsPodGone(uid); },
          [this](bool begins) {
            dependencies_.events.Normal(Self(), "Shutdown",
                                        begins ? "Shutdown manager detected shutdown event"
                                               : "Shutdown manager detected shutdown cancellation");
            node_status_.Changed();
          }});
}

// Where images have a disk of their own, nothing but pods can free the kubelet's.
bool Kubelet::Reclaim(Signal signal) {
  const bool is_node_fs = signal == Signal::kNodeFsAvailable || signal == Signal::kNodeFsInodesFree;
  if (is_node_fs && stats_.has_image_fs()) return false;
  std::set<std::string> ended;
  {
    MutexLock lock(mutex_);
    for (const auto& [uid, worker] : workers_) {
      if (worker->state() >= PodWorker::State::kFinished) ended.insert(uid);
    }
  }
  const auto removed = housekeeping_.RemoveDead(ended);
  if (!removed) WarnOfNode("ContainerGCFailed", removed.error().message);
  const auto freed = image_collector_.Free(std::numeric_limits<int64_t>::max());
  if (!freed) WarnOfNode("ImageGCFailed", freed.error().message);
  return removed.value_or(0) > 0 || freed.value_or(0) > 0;
}

EvictionManager::Hooks Kubelet::EvictionHooks() {
  return {[this] { return stats_.Measure(); },
          [this] { return ActivePods(); },
          [this](const auto& pods, bool with_disk) { return stats_.UsageOf(pods, with_disk); },
          [this](Signal signal) { return Reclaim(signal); },
          [this](const core_v1::Pod& pod, const EvictionNotice& notice, int64_t grace_s,
                 bool is_disruption) { return EvictPod(pod, notice, grace_s, is_disruption); },
          [this](const std::string& uid) { return IsPodGone(uid); },
          [this] { node_status_.Changed(); },
          [this](const std::string& reason, const std::string& text) { WarnOfNode(reason, text); },
          [this](std::string_view signal) {
            if (dependencies_.metrics != nullptr) dependencies_.metrics->evictions.Add({signal});
          }};
}

}  // namespace skiff::kubelet
