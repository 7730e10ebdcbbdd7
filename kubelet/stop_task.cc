#include "kubelet/stop_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/text/go_text.h"
#include "base/seconds.h"

namespace skiff::kubelet {
namespace {

const core_v1::Container* Find(const core_v1::Pod& pod, const std::string& name) {
  for (const auto* list : {&pod.spec.containers, &pod.spec.init_containers}) {
    for (const auto& each : *list) {
      if (each.name == name) return &each;
    }
  }
  return nullptr;
}

}  // namespace

std::string KillErrorText(const std::string& action, const std::string& target,
                          const Error& error) {
  return fmt::format("error killing pod: failed to \"{0}\" for {1} with {0}Error: {2}", action,
                     GoQuote(target), GoQuote(cri::RpcErrorText(error)));
}

// Counted before the step looks whether anything is left to do: who sees a task that is done and
// not busy knows that no later step begins a call.
class StopTask::Busy {
 public:
  explicit Busy(StopTask& task) : task_(task) { ++task_.steps_; }
  ~Busy() { --task_.steps_; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  StopTask& task_;
};

// Keeps a deadline that became earlier while the stop is held up in a hook or a call.
class StopTask::Hurry final : public ControlLoop {
 public:
  explicit Hurry(StopTask& task) : task_(task) {}
  Duration Step() override {
    const Busy busy(task_);
    if (task_.done_) return kNever;
    const Duration left = task_.Left() - kGraceMin;
    if (left > 0ns) return left;
    return task_.Stop(kGraceMin) ? kNever : kRetryFirst;
  }

 private:
  StopTask& task_;
};

StopTask::StopTask(PodWorker& worker, Spec spec)
    : worker_(worker),
      pod_(std::move(spec.pod)),
      kill_(std::move(spec.kill)),
      deadline_(spec.deadline),
      has_turn_(spec.is_its_turn) {}

StopTask::~StopTask() {
  if (hurry_) worker_.context_.blocking.Remove(*hurry_);
}

Duration StopTask::Left() const {
  return deadline_.load() - worker_.context_.clock.Monotonic();
}

void StopTask::GiveTurn() {
  if (!has_turn_.exchange(true)) Wake();
}

void StopTask::Shorten(Duration deadline) {
  if (deadline >= deadline_.load()) return;
  deadline_ = deadline;
  if (hurry_) {
    hurry_->Wake();
  } else {
    hurry_ = std::make_unique<Hurry>(*this);
    worker_.context_.blocking.Add(*hurry_);
  }
  Wake();
}

void StopTask::Again() {
  is_again_ = true;
  done_ = false;
  Wake();
}

// The hook's time is part of the grace period.
Duration StopTask::RunPreStop() {
  const core_v1::Container* container = Find(pod_, kill_.name);
  if (container == nullptr || !container->lifecycle || !container->lifecycle->pre_stop) return 0ns;
  // A pause needs no thread to be slept on.
  if (const auto& pause = container->lifecycle->pre_stop->sleep) {
    return Seconds(pause->seconds);
  }
  PodWorkerContext& context = worker_.context_;
  const auto hooked =
      context.hooks.Run(*container->lifecycle->pre_stop, pod_, *container, kill_.id,
                        pod_.status.pod_ip, std::max(Left(), Duration(1s)));
  if (!hooked) {
    context.events.Report(ContainerReference(pod_, kill_.name), EventType::kWarning,
                          "FailedPreStopHook", "PreStopHook failed");
  }
  return 0ns;
}

// A connection that is kept to a pod is closed by it when it ends, maybe just when a request goes
// by it that nobody may send twice. So nothing comes any more by then.
Duration StopTask::Notice() const {
  const auto& is_led_to = worker_.context_.is_led_to;
  if (!pod_.metadata.deletion_timestamp || !is_led_to || !is_led_to(pod_)) return 0ns;
  return std::min(kNotice, std::max(Left(), Duration{}) / kNoticeShare);
}

bool StopTask::Stop(Duration grace) {
  const auto stopped = worker_.context_.runtime.StopContainer(kill_.id, grace);
  if (!stopped && stopped.error().reason != Reason::kNotFound) {
    worker_.log_.Info("container not stopped",
                      {{"pod", pod_.metadata.name}, {"error", stopped.error().message}});
    if (worker_.state() != PodWorker::State::kSyncing) {
      worker_.context_.events.Warning(pod_, "FailedKillPod",
                                      KillErrorText("KillContainer", kill_.name, stopped.error()));
    }
    return false;
  }
  done_ = true;
  worker_.Wake();
  return true;
}

Duration StopTask::RetryDelay() {
  const Duration delay = std::min(kRetryMax, kRetryFirst * (1 << std::min(failures_, 4)));
  ++failures_;
  return delay;
}

Duration StopTask::Step() {
  const Busy busy(*this);
  if (done_) return kNever;
  PodWorkerContext& context = worker_.context_;
  std::shared_ptr<void> place;
  if (context.long_stops != nullptr && Left() > kShort) {
    place = context.long_stops->Enter(pod_.metadata.uid);
    if (!place) return kRoomRetry;
  }
  if (!std::exchange(is_announced_, true)) {
    context.events.Report(ContainerReference(pod_, kill_.name), EventType::kNormal, "Killing",
                          kill_.message);
    const Duration told = context.clock.Monotonic() + Notice();
    const Duration pause = RunPreStop();
    sleeps_until_ = std::max(told, context.clock.Monotonic() + pause);
  }
  if (done_) return kNever;
  const Duration now = context.clock.Monotonic();
  if (is_again_.exchange(false)) not_before_ = now + RetryDelay();
  const Duration left = Left();
  if (left > 0ns && now < sleeps_until_) return std::min(left, sleeps_until_ - now);
  if (now < not_before_) return not_before_ - now;
  if (!has_turn_ && left > 0ns) return left;
  if (Stop(std::max(left, kGraceMin))) return kNever;
  not_before_ = context.clock.Monotonic() + RetryDelay();
  return not_before_ - context.clock.Monotonic();
}

}  // namespace skiff::kubelet
