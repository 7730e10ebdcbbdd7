// Asks the container runtime now and then whether it is well, so that nobody else has to wait for
// one that hangs.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "base/mutex.h"
#include "kubelet/cri.h"

namespace skiff::kubelet {

class RuntimeHealth final : public ControlLoop {
 public:
  static constexpr Duration kPeriod = 5s;
  static constexpr Duration kFirstRetry = 100ms;  // Doubled up to kPeriod until it is well.
  // A runtime that is restarted is not down yet.
  static constexpr Duration kPatience = 30s;

  // `changed` is called on the loop's step when Problem() has another answer than before.
  RuntimeHealth(ContainerRuntime& runtime, const Clock& clock, std::function<void()> changed)
      : runtime_(runtime), clock_(clock), changed_(std::move(changed)) {}
  Duration Step() override;
  // It is about to change: looks now, and soon again. Any thread.
  void ExpectChange();
  // Why the node is not ready, in the kubelet's words; "": it is. Any thread.
  std::string Problem() const;
  // Why pods cannot have a network yet; "": they can, or nobody knows. Any thread.
  std::string NetworkProblem() const;
  // "containerd://1.6.20"; "" before it has answered. Any thread.
  std::string VersionText() const;
  // Its last answer. Any thread.
  cri::RuntimeStatus Status() const;
  // It has answered or failed to. Any thread.
  bool asked() const;

 private:
  std::string ProblemNow() const REQUIRES(mutex_);

  ContainerRuntime& runtime_;
  const Clock& clock_;
  const std::function<void()> changed_;
  const Log log_{"runtime"};
  Duration retry_ = kFirstRetry;
  std::atomic<bool> change_expected_ = false;
  std::optional<std::string> told_;  // The answer that `changed_` was last called for.
  mutable Mutex mutex_;
  bool asked_ GUARDED_BY(mutex_) = false;
  std::optional<Duration> answered_at_ GUARDED_BY(mutex_);  // Monotonic.
  cri::RuntimeStatus status_ GUARDED_BY(mutex_);            // Its last answer.
  std::string version_ GUARDED_BY(mutex_);
};

}  // namespace skiff::kubelet
