// The fourth part of the scheduler: pods in which extenders have a say. They are decided one after
// the other, as extenders may count on it, beside all other pods:
//
//   Ask -> to_ask_about_ -> AskWhere  --(nodes that the rules allow)-->  extenders
//                             ^                                              |
//          not of the node    |  HearWhere <--(nodes that are left)----------+
//          that it waits for -+   | some: those that still fit are scored, one is the pod's
//                                 | none: candidates for preemption --> extenders --> HearWhom
//
// The cluster changes while they think. What they said is of names, and holds for what these are by
// then: nothing is decided by a node or a pod as it was before.
#include <algorithm>

#include "controllers/scheduler/scheduler.h"

namespace skiff::scheduler {
namespace {

std::vector<NodePtr> ObjectsOf(const std::vector<const NodeInfo*>& nodes) {
  std::vector<NodePtr> objects;
  objects.reserve(nodes.size());
  for (const NodeInfo* node : nodes) objects.push_back(node->node);
  return objects;
}

// What the rules said of nodes, by name: the nodes may go.
void Remember(const std::vector<Refusal>& refused, Asking& asking) {
  for (const Refusal& refusal : refused) {
    asking.reasons[refusal.node->name()] = refusal.verdict.Reasons();
    asking.unfit.rejectors.insert(std::string(refusal.rule));
    const bool may_change = refusal.verdict.code == Verdict::Code::kUnschedulable;
    if (may_change) asking.preemptable.insert(refusal.node->name());
  }
}

// Why no node takes the pod, after extenders have refused those that did.
Unfit UnfitOf(Asking& asking, const std::map<std::string, ExtenderRefusal>& refused,
              const Cache& cache) {
  for (const auto& [node, refusal] : refused) {
    if (cache.Find(node) == nullptr) continue;
    asking.reasons[node] = {refusal.reason};
    asking.preemptable.erase(node);
    if (refusal.may_change) asking.preemptable.insert(node);
  }
  Unfit unfit = std::move(asking.unfit);
  unfit.rejectors.insert("Extender");
  for (const auto& [node, reasons] : asking.reasons) {
    for (const std::string& reason : reasons) ++unfit.reasons[reason];
  }
  unfit.preemptable.assign(asking.preemptable.begin(), asking.preemptable.end());
  return unfit;
}

}  // namespace

void Scheduler::Ask(QueuedPod pod) {
  const std::tuple turn(-int64_t{pod.info->priority}, pod.queued_at, pod.info->Key());
  to_ask_about_.insert_or_assign(turn, std::move(pod));
}

PodInfoPtr Scheduler::StillWaiting(const PodInfo& pod) {
  const auto current = pods_.Get(KeyOf(*pod.pod));
  const bool waits = current && current->metadata.uid == pod.uid() &&
                     current->spec.node_name.empty() && !current->metadata.deletion_timestamp &&
                     IsOurs(*current);
  if (!waits) return nullptr;
  return std::make_shared<const PodInfo>(current);
}

Duration Scheduler::GoOnAsking() {
  const Duration now = clock_.Monotonic();
  for (int i = 0; i < kDecisionsPerStep; ++i) {
    if (!asking_) {
      if (to_ask_about_.empty()) return kNever;
      AskNext();
    } else if (asking_->search) {
      const auto findings = asking_->search->Step(now);
      if (!findings) return std::max(asking_->search->due() - now, Duration::zero());
      HearWhere(*findings);
    } else {
      auto candidates = asking_->preemption->Step(
          now, [this](const std::string& node) { return cache_.Find(node); });
      if (!candidates) return std::max(asking_->preemption->due() - now, Duration::zero());
      HearWhom(*std::move(candidates));
    }
  }
  return 0ns;
}

void Scheduler::StopAsking(const std::string& uid) {
  if (!asking_ || asking_->pod.info->uid() != uid) return;
  queue_.Done(asking_->pod.info->Key());
  asking_.reset();
}

void Scheduler::AskNext() {
  QueuedPod pod = std::move(to_ask_about_.begin()->second);
  to_ask_about_.erase(to_ask_about_.begin());
  const PodInfoPtr current = StillWaiting(*pod.info);
  if (!current) {
    queue_.Done(pod.info->Key());
    return;
  }
  pod.info = current;
  AskWhere(std::move(pod), /*tries_nominated=*/true);
}

void Scheduler::AskWhere(QueuedPod pod, bool tries_nominated) {
  asking_.reset();
  queue_.KeepFor(pod.info->Key());
  const PodPtr object = pod.info->pod;
  auto devices = std::make_unique<DeviceCycle>(*object, DevicesFor(*object));
  const Snapshot snapshot = MakeSnapshot(*object, *devices);
  SearchOptions options = OptionsFor(snapshot);
  options.tries_nominated = tries_nominated;
  options.keeps_refusals = true;
  Search found = FindNodes(*pod.info, snapshot, next_node_, options);
  if (!found.error.empty()) {
    Fails(std::move(pod), {.message = found.error});
    return;
  }
  if (found.feasible.empty()) {
    // There is nothing to ask of but who goes for it.
    Tell(found.refused, found.unfit);
    Reject(std::move(pod), found.unfit, *devices);
    return;
  }
  asking_.emplace();
  asking_->pod = std::move(pod);
  asking_->asked = object;
  asking_->devices = std::move(devices);
  asking_->is_nominated = found.is_nominated;
  asking_->unfit = std::move(found.unfit);
  Remember(found.refused, *asking_);
  asking_->search.emplace(*extenders_, object, ObjectsOf(found.feasible), [this] { Wake(); });
}

void Scheduler::HearWhere(const Result<ExtenderFindings>& findings) {
  Asking asking = std::move(*asking_);
  asking_.reset();
  const PodInfoPtr current = StillWaiting(*asking.pod.info);
  if (!current) {
    queue_.Done(asking.pod.info->Key());
    return;
  }
  asking.pod.info = current;
  const bool is_left = findings && !findings->nodes.empty();
  if (!is_left && asking.is_nominated) {
    AskWhere(std::move(asking.pod), /*tries_nominated=*/false);
    return;
  }
  if (!findings) {
    Fails(std::move(asking.pod), findings.error());
    return;
  }
  if (!is_left) {
    const Unfit unfit = UnfitOf(asking, findings->refused, cache_);
    Reject(std::move(asking.pod), unfit, *asking.devices);
    return;
  }
  DeviceCycle devices(*current->pod, DevicesFor(*current->pod));
  const Snapshot snapshot = MakeSnapshot(*current->pod, devices);
  std::vector<const NodeInfo*> left;
  for (const std::string& name : findings->nodes) {
    const NodeInfo* const node = cache_.Find(name);
    if (node != nullptr && node->node) left.push_back(node);
  }
  left = StillFeasible(*current, snapshot, left);
  if (left.empty()) {
    // Others took the room meanwhile: no reason is told, as there are nodes that were not asked of.
    queue_.Failed(std::move(asking.pod), clock_.Monotonic());
    return;
  }
  const std::string node = BestOf(*current, snapshot, left, findings->scores, manager_.random());
  queue_.KeepNoMore();
  Place(std::move(asking.pod), node, devices);
}

void Scheduler::HearWhom(Result<std::vector<Victims>> candidates) {
  Asking asking = std::move(*asking_);
  asking_.reset();
  const PodInfoPtr current = StillWaiting(*asking.pod.info);
  if (!current) {
    queue_.Done(asking.pod.info->Key());
    return;
  }
  asking.pod.info = current;
  PreemptionOutcome outcome = std::move(asking.outcome);
  const bool is_said = candidates.has_value();
  if (is_said) outcome.victims = LeastHarm(*std::move(candidates));
  if (!outcome.victims) {
    outcome.eligible = false;  // What it is nominated to stays as it is.
    if (!outcome.message.empty()) outcome.message += ", ";
    outcome.message += "preemption: ";
    outcome.message += is_said ? "no candidate node for preemption" : candidates.error().message;
  }
  Preempted(std::move(asking.pod), asking.unfit, outcome);
}

}  // namespace skiff::scheduler
