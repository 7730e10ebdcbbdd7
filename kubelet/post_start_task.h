// Runs the postStart hook of a container that has just started. A loop of its own: who wrote the
// hook says how long it takes, and meanwhile the pod's worker must hear of the pod's end, which
// ends the container, and the hook with it.
#pragma once

#include <atomic>
#include <string>

#include "kubelet/pod_worker.h"

namespace skiff::kubelet {

class PostStartTask final : public ControlLoop {
 public:
  struct Spec {
    core_v1::Pod pod;
    core_v1::Container container;
    std::string container_id;
    std::string pod_ip;
  };
  PostStartTask(PodWorker& worker, Spec spec) : worker_(worker), spec_(std::move(spec)) {}
  // A step is under way, in a call that ends with the container. Any thread.
  bool busy() const { return is_busy_; }
  // Any thread.
  bool done() const { return is_done_; }
  const std::string& container() const { return spec_.container.name; }
  const std::string& container_id() const { return spec_.container_id; }
  const std::string& pod_ip() const { return spec_.pod_ip; }
  // Once it is done.
  const Result<>& outcome() const { return outcome_; }
  // Its container is stopped by others, or gone: nothing is begun any more, nor told. Any thread.
  void Abandon() { is_abandoned_ = true; }
  Duration Step() override;

 private:
  Result<> Run();

  PodWorker& worker_;
  const Spec spec_;
  std::atomic<bool> is_busy_ = false;
  std::atomic<bool> is_done_ = false;
  std::atomic<bool> is_abandoned_ = false;
  Result<> outcome_;                      // The loop's own until it is done.
  std::optional<Duration> sleeps_until_;  // Monotonic, of a hook that lets time pass.
};

}  // namespace skiff::kubelet
