#include "kubelet/containerd_keeper.h"

#include <algorithm>

#include "kubelet/containerd_paths.h"

namespace skiff {

ContainerdKeeper::ContainerdKeeper(ContainerdOptions options, http::Loops& loops,
                                   const Clock& clock, std::function<void()> started)
    : options_(std::move(options)),
      loops_(loops),
      clock_(clock),
      started_(std::move(started)),
      started_at_(clock.Monotonic()) {
  options_.stop = stop_.get_token();
}

Duration ContainerdKeeper::Watch(const ProcessId& process) {
  auto opened = http::ProcessWatch::Open(loops_, process, [this] { Wake(); });
  if (opened) {
    watch_ = std::move(*opened);
    return kNever;
  }
  // It ended just now; or there are no descriptors left, and somebody has to look.
  return opened.error().reason == Reason::kNotFound ? Duration::zero() : kDelayMax;
}

Duration ContainerdKeeper::Step() {
  watch_.reset();
  if (stop_.stop_requested()) return kNever;
  if (const auto process = ReadPidFile(ContainerdPaths(options_.directory).PidFile())) {
    return Watch(*process);
  }
  const Duration now = clock_.Monotonic();
  if (now < start_at_) return start_at_ - now;
  delay_ = now - started_at_ > kStable ? kDelayFirst : std::min(delay_ * 2, kDelayMax);
  started_at_ = now;
  start_at_ = now + delay_;
  log_.Info("containerd has ended and is started again", {{"directory", options_.directory}});
  if (const auto running = EnsureContainerd(options_); !running) {
    if (!stop_.stop_requested()) {
      log_.Error("containerd did not start", {{"error", running.error().message}});
    }
    return std::max(Duration::zero(), start_at_ - clock_.Monotonic());
  }
  started_();
  return Duration::zero();
}

}  // namespace skiff
