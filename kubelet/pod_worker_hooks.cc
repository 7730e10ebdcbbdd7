// What a worker makes of hooks that run once their container has started, and that may fail: it
// waits for them without standing still, stops what they failed for, and shows for a while that
// they did.
#include <algorithm>
#include <utility>

#include "base/seconds.h"
#include "kubelet/pod_worker.h"
#include "kubelet/post_start_task.h"
#include "kubelet/stop_task.h"

namespace skiff::kubelet {

bool PodWorker::IsInPostStart() const {
  if (post_start_ == nullptr) return false;
  if (!post_start_->done()) return true;
  const auto stop = stops_.find(post_start_->container_id());
  if (stop != stops_.end()) return !stop->second->done();
  // It may have failed since StopHooked looked, and its container must stop first.
  return !post_start_->outcome();
}

void PodWorker::StopHooked(const core_v1::Pod& pod) {
  if (post_start_ == nullptr || !post_start_->done() || post_start_->outcome()) return;
  const std::string& id = post_start_->container_id();
  if (stops_.contains(id)) return;
  core_v1::Pod current = pod;
  if (!post_start_->pod_ip().empty()) current.status.pod_ip = post_start_->pod_ip();
  auto task = std::make_unique<StopTask>(
      *this, StopTask::Spec{std::move(current),
                            {id, post_start_->container(), "FailedPostStartHook", std::nullopt},
                            context_.clock.Monotonic() + Seconds(GraceSeconds(pod))});
  context_.blocking.Add(*task);
  stops_.emplace(id, std::move(task));
}

void PodWorker::TakeFailedPostStart(const core_v1::Pod& pod) {
  if (post_start_ == nullptr || IsInPostStart()) return;
  context_.blocking.Remove(*post_start_);
  const auto task = std::exchange(post_start_, nullptr);
  if (task->outcome()) return;
  constexpr char kReason[] = "PostStartHookError";
  waiting_[task->container()] = {kReason, task->outcome().error().message};
  hook_error_until_[task->container()] = context_.clock.Monotonic() + kHookErrorShown;
  if (context_.metrics != nullptr) {
    const bool is_regular =
        std::any_of(pod.spec.containers.begin(), pod.spec.containers.end(),
                    [&](const auto& each) { return each.name == task->container(); });
    context_.metrics->started_container_errors.Add(
        {kReason, is_regular ? "container" : "init_container"});
  }
}

Duration PodWorker::KeepHookErrors(const core_v1::Pod& pod, PodPlan& plan) {
  const Duration now = context_.clock.Monotonic();
  Duration left = kNever;
  for (const auto& [name, until] : hook_error_until_) {
    if (until > now) left = std::min(left, until - now);
  }
  std::erase_if(hook_error_until_, [&](const auto& entry) { return entry.second <= now; });
  const auto leave_out = [&](std::vector<size_t>& indexes, const auto& containers) {
    std::erase_if(indexes,
                  [&](size_t index) { return hook_error_until_.contains(containers[index].name); });
  };
  leave_out(plan.start_init, pod.spec.init_containers);
  leave_out(plan.start_regular, pod.spec.containers);
  if (left != kNever) plan.kill_pod = false;
  return left;
}

void PodWorker::ForgetWaiting() {
  std::erase_if(waiting_,
                [&](const auto& entry) { return !hook_error_until_.contains(entry.first); });
}

}  // namespace skiff::kubelet
