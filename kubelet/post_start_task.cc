#include "kubelet/post_start_task.h"

#include "base/seconds.h"
#include "kubelet/pod_lookup.h"

namespace skiff::kubelet {

Duration PostStartTask::Step() {
  // Said before it is looked whether anything is left to do: who has abandoned it and does not find
  // it busy knows that no later step begins a call.
  is_busy_ = true;
  Duration wait = kNever;
  if (!is_done_ && !is_abandoned_) {
    const auto& pause = spec_.container.lifecycle->post_start->sleep;
    const Duration now = worker_.context_.clock.Monotonic();
    // A pause needs no thread to be slept on.
    if (pause && !sleeps_until_) sleeps_until_ = now + Seconds(pause->seconds);
    if (sleeps_until_ && now < *sleeps_until_) {
      wait = *sleeps_until_ - now;
    } else {
      outcome_ = Run();
      is_done_ = true;
      worker_.Wake();
    }
  }
  is_busy_ = false;
  return wait;
}

Result<> PostStartTask::Run() {
  if (sleeps_until_) return {};
  PodWorkerContext& context = worker_.context_;
  const auto hooked = context.hooks.Run(*spec_.container.lifecycle->post_start, spec_.pod,
                                        spec_.container, spec_.container_id, spec_.pod_ip, 0ns);
  // Who has abandoned it stops the container, or has: with its preStop hook, and for another
  // reason.
  if (hooked || is_abandoned_) return {};
  const auto reference = ContainerReference(spec_.pod, spec_.container.name);
  // What the hook has said may be a secret: it is in the status, and in no event.
  context.events.Report(reference, EventType::kWarning, "FailedPostStartHook",
                        "PostStartHook failed");
  return hooked;
}

}  // namespace skiff::kubelet
