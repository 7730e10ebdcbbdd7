// How a pod ends: its containers are stopped, its devices and volumes given back, and what is left
// of it in the runtime goes.
#include <algorithm>
#include <filesystem>

#include "api/pods/pod_phase.h"
#include "base/seconds.h"
#include "kubelet/pod_lookup.h"
#include "kubelet/pod_worker.h"
#include "kubelet/post_start_task.h"
#include "kubelet/stop_task.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kDefaultGraceSeconds = 30;

}  // namespace

bool PodWorker::KillContainers(const core_v1::Pod& pod, const PodPlan& plan,
                               const std::function<bool(const std::string& name)>& turn) {
  const auto is_wanted = [&](const std::string& id) {
    return std::any_of(plan.kills.begin(), plan.kills.end(),
                       [&](const ContainerKill& kill) { return kill.id == id; });
  };
  std::erase_if(stops_, [&](const auto& entry) {
    if (!entry.second->done() || entry.second->busy() || is_wanted(entry.first)) return false;
    context_.blocking.Remove(*entry.second);
    return true;
  });
  for (const ContainerKill& kill : plan.kills) {
    const Duration own = Seconds(kill.grace_s.value_or(GraceSeconds(pod)));
    const Duration deadline =
        state_ == State::kSyncing ? context_.clock.Monotonic() + own : StopDeadline(pod);
    const auto found = stops_.find(kill.id);
    if (found == stops_.end()) {
      auto task =
          std::make_unique<StopTask>(*this, StopTask::Spec{pod, kill, deadline, turn(kill.name)});
      context_.blocking.Add(*task);
      stops_.emplace(kill.id, std::move(task));
      continue;
    }
    StopTask& task = *found->second;
    if (state_ != State::kSyncing) task.Shorten(deadline);
    if (turn(kill.name)) task.GiveTurn();
    if (task.done()) task.Again();
  }
  return plan.kills.empty();
}

int64_t PodWorker::GraceSeconds(const core_v1::Pod& pod) const {
  std::optional<int64_t> grace = pod.metadata.deletion_grace_period_seconds;
  {
    MutexLock lock(mutex_);
    if (grace_s_ && (!grace || *grace_s_ < *grace)) grace = grace_s_;
  }
  if (!grace) grace = pod.spec.termination_grace_period_seconds.value_or(kDefaultGraceSeconds);
  return std::max<int64_t>(*grace, 1);
}

// The grace period is the pod's: sidecars, which stop last and in the reverse order of their start,
// have what the others left of it. Hooks run at once, all of them.
bool PodWorker::StopContainers(const core_v1::Pod& pod, const ObservedPod& observed) {
  PodPlan plan;
  std::set<std::string> running;
  for (const auto& [name, attempts] : observed.containers) {
    for (const ObservedContainer& container : attempts) {
      // One that was made but never started goes with the sandbox.
      if (container.IsExited() || container.status.state == cri::ContainerState::kCreated) continue;
      running.insert(name);
      plan.kills.push_back({container.status.id, name, "Stopping container " + name, std::nullopt});
    }
  }
  return KillContainers(
      pod, plan, [&](const std::string& name) { return MayStopNow(pod.spec, name, running); });
}

Duration PodWorker::StopDeadline(const core_v1::Pod& pod) {
  const int64_t grace_s = GraceSeconds(pod);
  if (stop_deadline_ && grace_s >= stop_grace_s_) return *stop_deadline_;
  const Duration now = context_.clock.Monotonic();
  Duration left = Seconds(grace_s);
  if (stop_deadline_) {
    left = std::min(left, *stop_deadline_ - now);
  } else if (const auto remembered = RememberedDeadline(pod)) {
    left = std::min(left, *remembered);
  }
  stop_grace_s_ = grace_s;
  stop_deadline_ = now + left;
  RememberDeadline(pod, left);
  return *stop_deadline_;
}

// Also those that have ended by themselves, as all have with their machine: they have an address
// and a network namespace still.
bool PodWorker::StopSandboxes(const core_v1::Pod& pod, const ObservedPod& observed) {
  for (const cri::SandboxStatus& sandbox : observed.sandboxes) {
    const auto stopped = context_.runtime.StopPodSandbox(sandbox.id);
    if (stopped) continue;
    log_.Info("sandbox not stopped", {{"pod", PodText(pod)}, {"error", stopped.error().message}});
    context_.events.Warning(pod, "FailedKillPod",
                            KillErrorText("KillPodSandbox", pod.metadata.uid, stopped.error()));
    return false;
  }
  return true;
}

Duration PodWorker::StepTerminating(const core_v1::Pod& pod) {
  const auto observed = Observe(pod);
  if (!observed) return kRetry;
  WriteStatus(pod, *observed);
  if (!StopContainers(pod, *observed)) return kNever;
  if (!StopSandboxes(pod, *observed)) return kRetry;
  context_.probes.Forget(pod.metadata.uid);
  if (context_.devices != nullptr) {
    if (const auto done = context_.devices->Unprepare(pod); !done) {
      log_.Info("resources not given back",
                {{"pod", PodText(pod)}, {"error", done.error().message}});
      return kRetry;
    }
  }
  Enter(State::kTerminated);
  return 0ns;
}

Duration PodWorker::StepTerminated(const core_v1::Pod& pod) {
  const auto observed = Observe(pod);
  if (!observed) return kRetry;
  WriteStatus(pod, *observed);
  if (const auto down = context_.volumes.TearDown(pod.metadata.uid); !down) {
    log_.Info("volumes not removed", {{"pod", PodText(pod)}, {"error", down.error().message}});
    return kRetry;
  }
  if (context_.user_namespaces != nullptr) context_.user_namespaces->Release(pod.metadata.uid);
  if (!disposing()) RememberFailure(pod);
  if (pod.metadata.deletion_timestamp || HasEnded(pod.status.phase)) {
    context_.statuses.Finish(this->pod());
  }
  if (const auto removed = context_.cgroups.Remove(pod); !removed) {
    // Housekeeping tries again.
    log_.Info("cgroup of the pod stays",
              {{"pod", PodText(pod)}, {"error", removed.error().message}});
  }
  context_.resizes.Forget(pod.metadata.uid);
  // What the runtime keeps of a finished pod serves its logs until the object goes.
  Enter(State::kFinished);
  return disposing() ? 0ns : kNever;
}

Duration PodWorker::StepDisposing(const core_v1::Pod& pod) {
  // Whoever drops this worker would wait for a hook or a call that goes on although its container
  // is gone.
  for (auto& [id, stop] : stops_) stop->Abandon();
  if (post_start_) post_start_->Abandon();
  if ((post_start_ && post_start_->busy()) ||
      std::any_of(stops_.begin(), stops_.end(),
                  [](const auto& stop) { return stop.second->busy(); })) {
    return kNetworkRetry;
  }
  if (const auto removed = RemoveFromRuntime(context_.runtime, pod.metadata.uid); !removed) {
    log_.Info("pod not removed from the runtime",
              {{"pod", PodText(pod)}, {"error", removed.error().message}});
    return kRetry;
  }
  if (context_.writes_files) {
    std::error_code ignored;  // Housekeeping tries again.
    fs::remove_all(LogDirectory(pod), ignored);
  }
  Enter(State::kGone);
  context_.gone();
  return kNever;
}

}  // namespace skiff::kubelet
