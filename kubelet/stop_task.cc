#include "kubelet/stop_task.h"

#include <algorithm>

namespace skiff::kubelet {
namespace {

const core_v1::Container* Find(const core_v1::Pod& pod, const std::string& name) {
  for (const auto* list : {&pod.spec.containers, &pod.spec.init_containers}) {
    for (const auto& each : *list) {
      if (each.name == name) return &each;
    }
  }
  return nullptr;
}

}  // namespace

// Returns how much of the grace period it took.
Duration StopTask::RunPreStop() {
  const core_v1::Container* container = Find(pod_, kill_.name);
  if (container == nullptr || !container->lifecycle || !container->lifecycle->pre_stop) return 0ns;
  PodWorkerContext& context = worker_.context_;
  const Duration began = context.clock.Monotonic();
  const auto hooked = context.hooks.Run(*container->lifecycle->pre_stop, pod_, *container, kill_.id,
                                        pod_.status.pod_ip, grace_);
  if (!hooked) {
    context.events.Report(ContainerReference(pod_, kill_.name, false), EventType::kWarning,
                          "FailedPreStopHook", "PreStopHook failed");
  }
  return context.clock.Monotonic() - began;
}

Duration StopTask::Step() {
  if (done_) return kNever;
  PodWorkerContext& context = worker_.context_;
  context.events.Report(ContainerReference(pod_, kill_.name, false), EventType::kNormal, "Killing",
                        kill_.message);
  const Duration left = std::max(grace_ - RunPreStop(), kGraceMin);
  const auto stopped = context.runtime.StopContainer(kill_.id, left);
  if (!stopped) {
    worker_.log_.Info("container not stopped",
                      {{"pod", pod_.metadata.name}, {"error", stopped.error().message}});
  }
  done_ = true;
  worker_.Wake();
  return kNever;
}

}  // namespace skiff::kubelet
