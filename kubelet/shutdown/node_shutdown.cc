#include "kubelet/shutdown/node_shutdown.h"

#include <algorithm>
#include <utility>

#include "base/seconds.h"

namespace skiff::kubelet {
namespace {

int64_t SecondsNow(const Clock& clock) {
  return std::chrono::floor<std::chrono::seconds>(clock.Now().time_since_epoch()).count();
}

}  // namespace

NodeShutdown::NodeShutdown(std::vector<ShutdownGroup> groups, std::unique_ptr<LoginManager> login,
                           const Clock& clock, Hooks hooks)
    : groups_(std::move(groups)),
      login_(std::move(login)),
      clock_(clock),
      hooks_(std::move(hooks)) {}

Duration NodeShutdown::Step() {
  const Duration next = is_prepared_ ? Listen() : Prepare();
  // Pods that were told to end do so although nobody can be heard any more.
  if (is_under_way_ && holds_lock_) return std::min(next, EndPods());
  return next;
}

Result<bool> NodeShutdown::HasDelay() {
  const Duration wanted = ShutdownTime(groups_);
  const Duration delay = TRY(login_->DelayMax());
  if (delay >= wanted) return true;
  if (delay_looks_ == 0) TRY(login_->SetDelayMax(wanted));
  if (delay_looks_++ < kDelayLooksMax) return false;
  return Fail(Reason::kTimeout, "logind goes on waiting for less than shutdownGracePeriod");
}

Duration NodeShutdown::Prepare() {
  const auto fail = [&](const Error& error) {
    log_.Error("a shutdown of the machine waits for no pod", {{"error", error.message}});
    is_connected_ = false;
    delay_looks_ = 0;
    return was_connected_ ? kReconnect : kNever;
  };
  if (!is_connected_) {
    if (const auto connected = login_->Connect(); !connected) return fail(connected.error());
    is_connected_ = true;
  }
  const auto has_delay = HasDelay();
  if (!has_delay) return fail(has_delay.error());
  if (!*has_delay) return kFirstDelayLook * (1 << std::min(delay_looks_, kDelayLooksMax));
  // Of a shutdown that is under way the lock is held, or was released for good.
  if (!is_under_way_) {
    if (const auto locked = login_->Lock(); !locked) return fail(locked.error());
    holds_lock_ = true;
  }
  was_connected_ = is_prepared_ = true;
  return Duration::zero();
}

Duration NodeShutdown::Listen() {
  for (;;) {
    const auto told = login_->Told();
    if (!told) {
      log_.Error("logind is not heard any more", {{"error", told.error().message}});
      is_prepared_ = is_connected_ = false;
      delay_looks_ = 0;
      return kReconnect;
    }
    if (!*told) return kLook;
    if (**told) {
      Begin();
    } else {
      Cancel();
    }
  }
}

void NodeShutdown::Begin() {
  if (is_under_way_.exchange(true)) return;
  began_s_ = SecondsNow(clock_);
  ended_s_ = 0;
  hooks_.told(true);
  ending_ = Grouped(groups_, hooks_.pods());
  is_ending_ = false;
}

void NodeShutdown::Cancel() {
  if (!is_under_way_.exchange(false)) return;
  hooks_.told(false);
  ending_.clear();
  const auto locked = login_->Lock();
  holds_lock_ = locked.has_value();
  if (!locked) log_.Error("no lock is held", {{"error", locked.error().message}});
}

Duration NodeShutdown::EndPods() {
  const Duration now = clock_.Monotonic();
  while (!ending_.empty()) {
    ShutdownGroup& group = ending_.front();
    if (!std::exchange(is_ending_, true)) {
      group_until_ = now + Seconds(group.grace_s);
      for (const auto& pod : group.pods) hooks_.end(*pod, ShutdownGrace(group, *pod));
    }
    const bool is_done = std::all_of(group.pods.begin(), group.pods.end(), [&](const auto& pod) {
      return hooks_.is_gone(pod->metadata.uid);
    });
    if (!is_done && now < group_until_) return std::min(kLook, group_until_ - now);
    ending_.erase(ending_.begin());
    is_ending_ = false;
  }
  login_->Release();
  holds_lock_ = false;
  ended_s_ = SecondsNow(clock_);
  log_.Info("pods have ended, the machine may shut down");
  return kNever;
}

}  // namespace skiff::kubelet
