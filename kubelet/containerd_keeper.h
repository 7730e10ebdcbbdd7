// Starts our containerd again when it ends. Its pods run on meanwhile, and it finds them again.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "base/control_loop.h"
#include "base/log.h"
#include "http/process_watch.h"
#include "kubelet/containerd.h"

namespace skiff {

// Asleep while containerd runs. A step that starts it takes as long as that takes.
class ContainerdKeeper final : public ControlLoop {
 public:
  // One that ended is started at once, unless it was just started: then after a delay, which grows
  // up to kDelayMax as long as it does not run for kStable.
  static constexpr Duration kDelayFirst = std::chrono::seconds(1);
  static constexpr Duration kDelayMax = std::chrono::seconds(10);
  static constexpr Duration kStable = std::chrono::seconds(60);

  // `options` as EnsureContainerd was given them; what it returned is ours. `started` is called on
  // the loop's step. All outlive it.
  ContainerdKeeper(ContainerdOptions options, http::Loops& loops, const Clock& clock,
                   std::function<void()> started);
  Duration Step() override;
  // A start under way is given up soon. Any thread; before it is removed from its executor.
  void Stop() { stop_.request_stop(); }

 private:
  Duration Watch(const ProcessId& process);

  ContainerdOptions options_;
  http::Loops& loops_;
  const Clock& clock_;
  const std::function<void()> started_;
  const Log log_{"containerd"};
  std::stop_source stop_;
  std::unique_ptr<http::ProcessWatch> watch_;
  Duration delay_ = kDelayFirst;
  Duration started_at_;  // Monotonic.
  Duration start_at_{};  // Not before.
};

}  // namespace skiff
