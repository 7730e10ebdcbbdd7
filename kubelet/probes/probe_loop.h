// One probe of one container: tries its handler each period and keeps a result that changes only
// after as many equal outcomes in a row as its thresholds ask for.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/control_loop.h"
#include "base/mutex.h"
#include "kubelet/probes/probe_attempt.h"
#include "kubelet/probes/probe_manager.h"

namespace skiff::kubelet {

enum class ProbeKind : uint8_t { kStartup, kLiveness, kReadiness };
enum class ProbeResult : uint8_t { kUnknown, kSuccess, kFailure };

class ProbeLoop final : public ControlLoop {
 public:
  struct Spec {
    ProbeKind kind;
    core_v1::Pod pod;
    core_v1::Container container;
    core_v1::Probe probe;
    ProbeTarget target;
  };
  // `may_begin` holds liveness and readiness back until the container has started; `changed` is
  // called when the result changes.
  ProbeLoop(Spec spec, ProbeManager::Dependencies dependencies, std::function<bool()> may_begin,
            std::function<void()> changed);
  ~ProbeLoop() override;
  Duration Step() override;
  // Any thread.
  ProbeResult result() const { return result_; }

 private:
  void Begin(Duration now, std::shared_ptr<void> place);
  void Take(const ProbeOutcome& outcome);
  void Abandon();

  const Spec spec_;
  const ProbeManager::Dependencies dependencies_;
  const std::function<bool()> may_begin_;
  const std::function<void()> changed_;
  std::atomic<ProbeResult> result_;
  int in_a_row_ = 0;
  bool last_success_ = false;
  bool on_hold_ = false;  // Nothing more to learn about this container.
  Duration next_;         // Monotonic.
  Duration begun_{};      // When the attempt under way did.
  Duration deadline_{};   // Of the attempt under way.

  // The attempt's callback may come on any thread.
  struct Mailbox {
    Mutex mutex;
    std::optional<ProbeOutcome> outcome GUARDED_BY(mutex);
    ProbeLoop* loop GUARDED_BY(mutex) = nullptr;
  };
  std::shared_ptr<Mailbox> mailbox_;
  std::unique_ptr<ProbeAttempt> attempt_;
};

}  // namespace skiff::kubelet
