// Stops one container: preStop hook, its turn, stop signal, and at the end of the grace period the
// kill. A loop of its own, so that the containers of a pod stop side by side and their worker stays
// awake.
//
//   preStop (once), notice --> waits for its turn, but not longer than the grace period
//       --> StopContainer; again, later, where that fails
//   A call to the runtime cannot be shortened. A grace period that became shorter while one is
//   under way is kept by another call, made when there is little left of it.
#pragma once

#include <atomic>
#include <memory>

#include "kubelet/pod_worker.h"

namespace skiff::kubelet {

// What a pod's event says when something of it could not be stopped: `action` is "KillContainer" or
// "KillPodSandbox", `target` the container's name or the pod's uid.
std::string KillErrorText(const std::string& action, const std::string& target, const Error& error);

class StopTask final : public ControlLoop {
 public:
  // Every container gets that long after its stop signal.
  static constexpr Duration kGraceMin = 2s;
  // Who leads requests to a pod is told of its end when its node is, and has to write rules: so
  // long they have for it, of the grace period and of what preStop takes. That is milliseconds, but
  // where twenty programs want to run at once it was more than 0.3 s.
  static constexpr Duration kNotice = 1s;
  static constexpr int kNoticeShare = 4;  // At most such a part of the grace period.
  // A stop that may take longer than pods mostly have needs room: a container that finds none is
  // told to stop when another one has.
  static constexpr Duration kShort = 30s;
  static constexpr Duration kRoomRetry = 1s;
  static constexpr Duration kRetryFirst = 1s;
  static constexpr Duration kRetryMax = 10s;

  struct Spec {
    core_v1::Pod pod;
    ContainerKill kill;
    Duration deadline;  // Monotonic: the end of its grace period.
    bool is_its_turn = true;
  };
  StopTask(PodWorker& worker, Spec spec);
  // Not while an executor has it.
  ~StopTask() override;
  // The runtime says that it has stopped. Any thread.
  bool done() const { return done_; }
  // A step is under way, maybe in a hook or a call: whoever removes it from the executor waits for
  // that. Once it is done and not busy, nobody waits any more. Any thread.
  bool busy() const { return steps_ > 0; }
  // Its container is gone: nothing is begun any more. Any thread.
  void Abandon() { done_ = true; }
  // Those that had to stop before it have. Any thread.
  void GiveTurn();
  // The grace period ends then, if that is earlier. Only on the worker's thread.
  void Shorten(Duration deadline);
  // It runs although the runtime said that it had stopped. Only on the worker's thread.
  void Again();
  Duration Step() override;

 private:
  class Hurry;
  class Busy;
  // How long it has to wait before the stop signal.
  Duration RunPreStop();
  Duration Notice() const;
  Duration Left() const;
  Duration RetryDelay();
  bool Stop(Duration grace);

  PodWorker& worker_;
  const core_v1::Pod pod_;
  const ContainerKill kill_;
  std::atomic<Duration> deadline_;
  std::atomic<bool> has_turn_;
  std::atomic<bool> done_ = false;
  std::atomic<int> steps_ = 0;  // Under way: its own, and that of its Hurry.
  std::atomic<bool> is_again_ = false;
  // Only the loop's own step touches what follows.
  bool is_announced_ = false;
  int failures_ = 0;
  Duration sleeps_until_{};  // Monotonic: a preStop hook that only lets time pass, and the notice.
  Duration not_before_{};    // Monotonic: after a failure.

  std::unique_ptr<Hurry> hurry_;  // The worker's thread alone.
};

}  // namespace skiff::kubelet
