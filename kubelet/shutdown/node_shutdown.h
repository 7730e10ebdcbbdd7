// Has a shutdown of the machine wait until its pods have ended, by their priorities.
//
//   connect -> delay long enough? -> take the lock -> wait
//     "shutdown begins" -> pods of one group after the other end, each group within its time
//                       -> release the lock: the machine goes on with it
//     "not any more"    -> take the lock again
//
// Where no system bus answers when the kubelet starts, as in a container, a shutdown waits for
// nobody; later a lost connection is made again.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "kubelet/shutdown/login_manager.h"
#include "kubelet/shutdown/shutdown_plan.h"

namespace skiff::kubelet {

class NodeShutdown final : public ControlLoop {
 public:
  static constexpr Duration kLook = 500ms;  // How often it is asked what logind has told.
  static constexpr Duration kReconnect = 1s;
  static constexpr Duration kFirstDelayLook = 100ms;  // Doubled, until logind has read its file.
  static constexpr int kDelayLooksMax = 5;
  using Pods = std::vector<std::shared_ptr<const core_v1::Pod>>;
  struct Hooks {
    std::function<Pods()> pods;  // That run, or end already.
    std::function<void(const core_v1::Pod& pod, int64_t grace_s)> end;
    std::function<bool(const std::string& uid)> is_gone;  // Its volumes, too.
    std::function<void(bool begins)> told;  // The machine shuts down, or not any more.
  };
  // `groups` without pods; not empty.
  NodeShutdown(std::vector<ShutdownGroup> groups, std::unique_ptr<LoginManager> login,
               const Clock& clock, Hooks hooks);
  Duration Step() override;
  // The machine is shutting down: no pod begins any more. Any thread.
  bool is_under_way() const { return is_under_way_; }
  // Of the last one that this kubelet has seen, in seconds since 1970; 0: there was none, or it
  // waits still. Any thread.
  int64_t began_s() const { return began_s_; }
  int64_t ended_s() const { return ended_s_; }

 private:
  // Until the lock is held.
  Duration Prepare();
  Result<bool> HasDelay();
  Duration Listen();
  void Begin();
  void Cancel();
  // Ends the next group's pods, or waits for those of this one.
  Duration EndPods();

  const std::vector<ShutdownGroup> groups_;
  const std::unique_ptr<LoginManager> login_;
  const Clock& clock_;
  const Hooks hooks_;
  const Log log_{"shutdown"};
  std::atomic<bool> is_under_way_ = false;
  std::atomic<int64_t> began_s_ = 0, ended_s_ = 0;
  // The loop's own.
  bool was_connected_ = false, is_connected_ = false, is_prepared_ = false;
  int delay_looks_ = 0;
  std::vector<ShutdownGroup> ending_;  // Those that have not ended; the first one is ending now.
  bool is_ending_ = false;             // The first one's pods have been told.
  bool holds_lock_ = false;
  Duration group_until_{};  // Monotonic.
};

}  // namespace skiff::kubelet
