#include "kubelet/probes/probe_loop.h"

#include <fmt/format.h>

#include <algorithm>

#include "kubelet/image_puller.h"

namespace skiff::kubelet {
namespace {

// When to look again, after other probes of the pod had all the threads that it may hold.
constexpr Duration kRoomRetry = 1s;

// An attempt has its own timeouts; what it may take beyond those only catches one that never
// answers. The time of a command is the runtime's to take: on a node that has much to do it may
// need longer to begin the command, and to end one that was too slow, than the command has, and
// that says nothing of the container. Calls of it take up to two minutes beside the command.
constexpr Duration kAttemptGrace = 1s;
constexpr Duration kCommandGrace = 130s;

const char* Name(ProbeKind kind) {
  switch (kind) {
    case ProbeKind::kStartup:
      return "Startup";
    case ProbeKind::kLiveness:
      return "Liveness";
    case ProbeKind::kReadiness:
      break;
  }
  return "Readiness";
}

ProbeResult Initial(ProbeKind kind, const ProbeTarget& target) {
  switch (kind) {
    case ProbeKind::kStartup:
      return target.has_started ? ProbeResult::kSuccess : ProbeResult::kUnknown;
    case ProbeKind::kLiveness:
      return ProbeResult::kSuccess;
    case ProbeKind::kReadiness:
      break;
  }
  return target.was_ready ? ProbeResult::kSuccess : ProbeResult::kFailure;
}

}  // namespace

ProbeLoop::ProbeLoop(Spec spec, ProbeManager::Dependencies dependencies,
                     std::function<bool()> may_begin, std::function<void()> changed)
    : spec_(std::move(spec)),
      dependencies_(dependencies),
      may_begin_(std::move(may_begin)),
      changed_(std::move(changed)),
      result_(Initial(spec_.kind, spec_.target)),
      on_hold_(spec_.kind == ProbeKind::kStartup && spec_.target.has_started) {
  // A clock that was set back would say that the container will only start.
  const Duration age = std::max(Duration::zero(),
                                Duration(dependencies_.clock.Now() - spec_.target.started_at));
  const Duration delay = std::chrono::seconds(spec_.probe.initial_delay_seconds);
  next_ = dependencies_.clock.Monotonic() + std::max(Duration::zero(), delay - age);
}

ProbeLoop::~ProbeLoop() {
  Abandon();
}

// Its answer may still come, and is not heard.
void ProbeLoop::Abandon() {
  attempt_.reset();
  if (!mailbox_) return;
  MutexLock lock(mailbox_->mutex);
  mailbox_->loop = nullptr;
}

Duration ProbeLoop::Step() {
  if (on_hold_) return kNever;
  const Duration now = dependencies_.clock.Monotonic();
  if (attempt_) {
    std::optional<ProbeOutcome> outcome;
    {
      MutexLock lock(mailbox_->mutex);
      outcome = std::move(mailbox_->outcome);
      mailbox_->outcome.reset();
    }
    if (!outcome && now < deadline_) return deadline_ - now;
    Abandon();
    Take(outcome.value_or(ProbeOutcome{false, "context deadline exceeded", "", false}));
    if (on_hold_) return kNever;
  }
  if (!may_begin_()) return kNever;  // Woken when the container has started.
  if (now < next_) return next_ - now;
  std::shared_ptr<void> place;
  if (dependencies_.room != nullptr && HoldsThread(spec_.probe)) {
    place = dependencies_.room->Enter(spec_.pod.metadata.uid);
    if (!place) return kRoomRetry;
  }
  Begin(now, std::move(place));
  return 0ns;
}

void ProbeLoop::Begin(Duration now, std::shared_ptr<void> place) {
  begun_ = now;
  next_ = now + std::chrono::seconds(std::max(1, spec_.probe.period_seconds));
  deadline_ = now + std::chrono::seconds(std::max(1, spec_.probe.timeout_seconds)) +
              (spec_.probe.exec ? kCommandGrace : kAttemptGrace);
  mailbox_ = std::make_shared<Mailbox>();
  {
    MutexLock lock(mailbox_->mutex);
    mailbox_->loop = this;
  }
  attempt_ =
      StartProbe(spec_.probe, {spec_.target.container_id, spec_.target.pod_ip, spec_.container},
                 {dependencies_.runtime, dependencies_.loops, dependencies_.http,
                  dependencies_.tasks, std::move(place)},
                 [mailbox = mailbox_](ProbeOutcome outcome) {
                   MutexLock lock(mailbox->mutex);
                   mailbox->outcome = std::move(outcome);
                   if (mailbox->loop != nullptr) mailbox->loop->Wake();
                 });
}

void ProbeLoop::Take(const ProbeOutcome& outcome) {
  if (outcome.is_unknown) {
    dependencies_.events.Report(ContainerReference(spec_.pod, spec_.container.name),
                                EventType::kWarning, "Unhealthy",
                                fmt::format("{} probe errored and resulted in unknown state: {}",
                                            Name(spec_.kind), outcome.text));
    return;
  }
  if (dependencies_.metrics != nullptr) {
    const auto& pod = spec_.pod.metadata;
    dependencies_.metrics->Observe(
        {pod.namespace_, pod.name, pod.uid, spec_.container.name, Name(spec_.kind)},
        outcome.success, dependencies_.clock.Monotonic() - begun_);
  }
  if (!outcome.success) {
    dependencies_.events.Report(ContainerReference(spec_.pod, spec_.container.name),
                                EventType::kWarning, "Unhealthy",
                                fmt::format("{} probe failed: {}", Name(spec_.kind), outcome.text));
  }
  if (!outcome.warning.empty()) {
    dependencies_.events.Report(
        ContainerReference(spec_.pod, spec_.container.name), EventType::kWarning, "ProbeWarning",
        fmt::format("{} probe warning: {}", Name(spec_.kind), outcome.warning));
  }
  in_a_row_ = outcome.success == last_success_ ? in_a_row_ + 1 : 1;
  last_success_ = outcome.success;
  const int threshold =
      std::max(1, outcome.success ? spec_.probe.success_threshold : spec_.probe.failure_threshold);
  if (in_a_row_ < threshold) return;
  const ProbeResult fresh = outcome.success ? ProbeResult::kSuccess : ProbeResult::kFailure;
  const bool is_news = fresh != result_;
  result_ = fresh;
  // A container that failed is replaced, and one that started has started.
  on_hold_ = spec_.kind == ProbeKind::kStartup ||
             (spec_.kind == ProbeKind::kLiveness && fresh == ProbeResult::kFailure);
  if (is_news) changed_();
}

}  // namespace skiff::kubelet
