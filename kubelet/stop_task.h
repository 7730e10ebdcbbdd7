// Stops one container: preStop hook, stop signal, and at the end of the grace period the kill. A
// loop of its own, so that the containers of a pod stop side by side and their worker stays awake.
#pragma once

#include <atomic>

#include "kubelet/pod_worker.h"

namespace skiff::kubelet {

class StopTask final : public ControlLoop {
 public:
  static constexpr Duration kGraceMin = 2s;

  StopTask(PodWorker& worker, const core_v1::Pod& pod, ContainerKill kill, Duration grace)
      : worker_(worker), pod_(pod), kill_(std::move(kill)), grace_(grace) {}
  // The container has stopped, or could not be stopped and is to be tried again. Any thread.
  bool done() const { return done_; }
  Duration Step() override;

 private:
  Duration RunPreStop();

  PodWorker& worker_;
  const core_v1::Pod pod_;
  const ContainerKill kill_;
  const Duration grace_;
  std::atomic<bool> done_ = false;
};

}  // namespace skiff::kubelet
