// The third part of the scheduler: what becomes of a pod that no node takes. Less important ones
// may have to go for it; it is told why it waits.
#include "controllers/scheduler/cycle_times.h"
#include "controllers/scheduler/scheduler.h"

namespace skiff::scheduler {
namespace {

constexpr Duration kVictimSearchMax = 5s;

}  // namespace

PreemptionOutcome Scheduler::Candidates(const PodInfo& pod, const Unfit& unfit,
                                        DeviceCycle& devices) {
  const Profile& profile = *ProfileFor(*pod.pod);
  DevicesFreed freed;
  if (unfit.nodes > 0 && profile.frees_devices) freed = FreeDevices(devices);
  PreemptionOutcome outcome;
  if (freed.ends) outcome.eligible = false;
  if (unfit.nodes > 0 && profile.preempts && !freed.ends) {
    if (metrics_) metrics_->Preempts();
    const auto budgets = budgets_.List();
    const Snapshot snapshot = MakeSnapshot(*pod.pod, devices);
    const Duration begin = clock_.Monotonic();
    const auto selector_of = [this](const BudgetPtr& budget) {
      return budget_selectors_->Get(budget);
    };
    const auto give_up = [&] { return clock_.Monotonic() - begin > kVictimSearchMax; };
    outcome = FindCandidates({pod, snapshot, unfit, budgets, leaving_, selector_of, give_up},
                             manager_.random());
    const auto code =
        outcome.candidates.empty() ? Verdict::Code::kUnschedulable : Verdict::Code::kFits;
    if (metrics_) {
      metrics_->AtPoint({"PostFilter", StatusTextOf(code), profile.name},
                        clock_.Monotonic() - begin);
    }
  }
  if (freed.told.empty() || outcome.failed) return outcome;
  outcome.message = outcome.message.empty() ? freed.told : freed.told + ", " + outcome.message;
  return outcome;
}

void Scheduler::Reject(QueuedPod pod, const Unfit& unfit, DeviceCycle& devices) {
  PreemptionOutcome outcome = Candidates(*pod.info, unfit, devices);
  // Of such pods there is one at a time (Ask), and this is it.
  const bool is_judged = extenders_ && extenders_->JudgePreemption(*pod.info->pod);
  if (is_judged && !outcome.candidates.empty()) {
    asking_.emplace();
    asking_->preemption.emplace(*extenders_, pod.info, std::move(outcome.candidates),
                                [this] { Wake(); });
    asking_->pod = std::move(pod);
    asking_->unfit = unfit;
    asking_->outcome = std::move(outcome);
    return;
  }
  outcome.victims = LeastHarm(std::move(outcome.candidates));
  Preempted(std::move(pod), unfit, outcome);
}

void Scheduler::Preempted(QueuedPod pod, const Unfit& unfit, const PreemptionOutcome& outcome) {
  const PodInfoPtr info = pod.info;
  Unplaced unplaced{"Unschedulable", unfit.Message(), ""};
  Result<> room;
  if (!outcome.eligible) unplaced.nominated_node.reset();
  if (outcome.victims) {
    room = MakeRoom(info, *outcome.victims);
    // Where not all could be told, some may be leaving already: their room is not for others.
    unplaced.nominated_node = outcome.victims->node;
  } else if (!outcome.message.empty()) {
    unplaced.message += " " + outcome.message;
  }
  if (metrics_) {
    metrics_->Unschedulable(info->pod->spec.scheduler_name, clock_.Monotonic() - pod.tried_at);
  }
  if (room) {
    queue_.Unschedulable(std::move(pod), unfit.rejectors, clock_.Monotonic());
  } else {
    log_.Info("preemption failed", {{"pod", info->Key()}, {"error", room.error().message}});
    queue_.Failed(std::move(pod), clock_.Monotonic());
  }
  unplaced.message = Shortened(unplaced.message, kConditionBytesMax);
  EventsFor(*info->pod).Warning(*info->pod, "FailedScheduling", EventText(unplaced.message));
  WriteUnplaced(info, std::move(unplaced));
}

void Scheduler::Fails(QueuedPod pod, const Error& error) {
  const PodInfoPtr info = pod.info;
  log_.Info("pod not decided", {{"pod", info->Key()}, {"error", error.message}});
  if (metrics_) {
    metrics_->Failed(info->pod->spec.scheduler_name, clock_.Monotonic() - pod.tried_at);
  }
  queue_.Failed(std::move(pod), clock_.Monotonic());
  EventsFor(*info->pod).Warning(*info->pod, "FailedScheduling", EventText(error.message));
  WriteUnplaced(info, {"SchedulerError", Shortened(error.message, kConditionBytesMax), ""});
}

Result<> Scheduler::MakeRoom(const PodInfoPtr& pod, const Victims& victims) {
  TRY(writer_.Evict(*pod, victims, EventsFor(*pod->pod)));
  if (metrics_) metrics_->Preempted(victims.pods.size());
  for (const PodInfoPtr& victim : victims.pods) leaving_.insert(victim->uid());
  // Less important pods that waited for the node lose it to this one, and look elsewhere.
  for (const PodInfoPtr& displaced : Displaced(*pod, victims.node, nominations_)) {
    Nominate(displaced, "");
    writer_.Write(*displaced->pod, {"", "", ""});
  }
  return {};
}

void Scheduler::WriteUnplaced(const PodInfoPtr& pod, Unplaced unplaced, bool was_told) {
  if (unplaced.nominated_node) {
    const std::string before = nominations_.NodeOf(pod->uid());
    const std::string& now = *unplaced.nominated_node;
    Nominate(pod, now);
    // Neither the API nor we ever said otherwise.
    if (!was_told && before == now && pod->pod->status.nominated_node_name == now) {
      unplaced.nominated_node.reset();
    }
  }
  const auto current = pods_.Get(KeyOf(*pod->pod));
  const bool is_same = current && current->metadata.uid == pod->uid();
  writer_.Write(is_same ? *current : *pod->pod, unplaced);
}

}  // namespace skiff::scheduler
