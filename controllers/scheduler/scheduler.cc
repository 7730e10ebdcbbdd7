#include "controllers/scheduler/scheduler.h"

#include <algorithm>

#include "controllers/scheduler/volume_claims.h"

namespace skiff::scheduler {
namespace {

bool IsFinished(const core_v1::Pod& pod) {
  return pod.status.phase == "Succeeded" || pod.status.phase == "Failed";
}

// kube-scheduler never looks at a pod that finished: it is as if it had been deleted.
Ptr<core_v1::Pod> Unfinished(const Ptr<core_v1::Pod>& pod) {
  return pod && IsFinished(*pod) ? nullptr : pod;
}

}  // namespace

Scheduler::Scheduler(Manager& manager, SchedulerOptions options)
    : manager_(manager),
      options_(std::move(options)),
      clock_(manager.clock()),
      events_(manager.Recorder(std::string(kSchedulerName))),
      pods_(manager.informer<core_v1::Pod>()),
      nodes_(manager.informer<core_v1::Node>()),
      claims_(manager.informer<core_v1::PersistentVolumeClaim>()),
      volumes_(manager.informer<core_v1::PersistentVolume>()),
      classes_(manager.informer<storage_v1::StorageClass>()),
      namespaces_(manager.informer<core_v1::Namespace>()),
      services_(manager.informer<core_v1::Service>()),
      replication_controllers_(manager.informer<core_v1::ReplicationController>()),
      replica_sets_(manager.informer<apps_v1::ReplicaSet>()),
      stateful_sets_(manager.informer<apps_v1::StatefulSet>()),
      budgets_(manager.informer<policy_v1::PodDisruptionBudget>()) {
  Watch();
}

Scheduler::~Scheduler() = default;

void Scheduler::Watch() {
  pods_.OnChange([this](const Ptr<core_v1::Pod>& before, const Ptr<core_v1::Pod>& now) {
    Post([=](Scheduler& self) { self.PodChanged(Unfinished(before), Unfinished(now)); });
  });
  nodes_.OnChange([this](const Ptr<core_v1::Node>& before, const Ptr<core_v1::Node>& now) {
    Post([=](Scheduler& self) { self.NodeChanged(before, now); });
  });
  const auto happened = [this](ClusterEvent event) {
    Post([event](Scheduler& self) { self.queue_.Happened(event, self.clock_.Monotonic()); });
  };
  claims_.OnChange([=, this](const auto&, const auto&) {
    happened(ClusterEvent::kClaim);
    ClaimsChanged();
  });
  volumes_.OnChange([=](const auto&, const auto&) { happened(ClusterEvent::kVolume); });
  classes_.OnChange([=](const auto&, const auto&) { happened(ClusterEvent::kStorageClass); });
  namespaces_.OnChange([=](const auto&, const auto&) { happened(ClusterEvent::kNamespace); });
  services_.OnChange([=](const auto&, const auto&) { happened(ClusterEvent::kService); });
  for (InformerCache* cache : {&pods_.cache(), &nodes_.cache(), &claims_.cache(), &volumes_.cache(),
                               &classes_.cache(), &namespaces_.cache()}) {
    cache->OnSynced([this] { Wake(); });
  }
}

void Scheduler::Post(Change change) {
  {
    MutexLock lock(mutex_);
    inbox_.push_back(std::move(change));
  }
  Wake();
}

bool Scheduler::IsOurs(const core_v1::Pod& pod) const {
  const auto& names = options_.names;
  return pod.spec.scheduling_gates.empty() &&
         std::find(names.begin(), names.end(), pod.spec.scheduler_name) != names.end();
}

void Scheduler::PodChanged(const Ptr<core_v1::Pod>& before, const Ptr<core_v1::Pod>& now) {
  const Duration time = clock_.Monotonic();
  const auto& any = now ? *now : before ? *before : core_v1::Pod();
  const std::string key = any.metadata.namespace_ + "/" + any.metadata.name;
  const bool replaced = before && now && before->metadata.uid != now->metadata.uid;
  if (before && (!now || replaced)) {
    queue_.Remove(key);
    if (cache_.RemovePod(before->metadata.uid)) {
      queue_.Happened(ClusterEvent::kPodDeleted, time);
    }
  }
  if (!now) return;
  if (!now->spec.node_name.empty()) {
    const bool is_news = !before || before->spec.node_name.empty() ||
                         before->metadata.labels != now->metadata.labels;
    cache_.SetPod(now);
    queue_.Remove(key);
    if (is_news) queue_.Happened(ClusterEvent::kPodAdded, time);
  } else if (IsOurs(*now) && !cache_.IsAssumed(now->metadata.uid)) {
    queue_.Add(std::make_shared<const PodInfo>(now), time);
  }
}

void Scheduler::NodeChanged(const Ptr<core_v1::Node>& before, const Ptr<core_v1::Node>& now) {
  const Duration time = clock_.Monotonic();
  if (!now) {
    if (before) cache_.RemoveNode(before->metadata.name);
    return;
  }
  cache_.SetNode(now);
  if (!before) {
    queue_.Happened(ClusterEvent::kNodeAdded, time);
    return;
  }
  if (before->status.allocatable != now->status.allocatable) {
    queue_.Happened(ClusterEvent::kNodeAllocatable, time);
  }
  if (before->metadata.labels != now->metadata.labels) {
    queue_.Happened(ClusterEvent::kNodeLabels, time);
  }
  if (before->spec.taints != now->spec.taints ||
      before->spec.unschedulable != now->spec.unschedulable) {
    queue_.Happened(ClusterEvent::kNodeTaints, time);
  }
}

Duration Scheduler::Step() {
  std::vector<Change> changes;
  {
    MutexLock lock(mutex_);
    changes.swap(inbox_);
  }
  for (const Change& change : changes) change(*this);
  for (const InformerCache* cache : {&pods_.cache(), &nodes_.cache(), &claims_.cache(),
                                     &volumes_.cache(), &classes_.cache(), &namespaces_.cache()}) {
    if (!cache->synced()) return kNever;
  }
  for (int i = 0; i < kDecisionsPerStep; ++i) {
    auto pod = queue_.Pop(clock_.Monotonic());
    if (!pod) break;
    Decide(std::move(*pod));
  }
  return queue_.NextDue(clock_.Monotonic());
}

Snapshot Scheduler::MakeSnapshot() {
  Snapshot snapshot;
  snapshot.nodes = cache_.Nodes();
  snapshot.storage = {[this](const std::string& namespace_, const std::string& name) {
                        return claims_.Get({namespace_, name});
                      },
                      [this](const std::string& name) {
                        return volumes_.Get({"", name});
                      },
                      [this] { return volumes_.List(); },
                      [this](const std::string& name) {
                        return classes_.Get({"", name});
                      }};
  snapshot.namespace_labels = [this](const std::string& name) {
    const auto found = namespaces_.Get({"", name});
    return found ? found->metadata.labels : std::map<std::string, std::string>();
  };
  snapshot.default_spread_selector = [this](const core_v1::Pod& pod) {
    return DefaultSpreadSelector(pod);
  };
  return snapshot;
}

void Scheduler::Decide(QueuedPod pod) {
  const core_v1::Pod& object = *pod.info->pod;
  if (object.metadata.deletion_timestamp) {
    events_.Warning(object, "FailedScheduling", "skip schedule deleting pod: " + pod.info->Key());
    queue_.Done(pod.info->Key());
    return;
  }
  const Decision decision = Schedule(*pod.info, MakeSnapshot(), next_node_, manager_.random(),
                                     options_.percentage_of_nodes_to_score);
  if (decision.node.empty()) {
    Reject(std::move(pod), decision.unfit);
    return;
  }
  cache_.Assume(pod.info, decision.node);
  Enqueue({std::move(pod), decision.node, clock_.Monotonic() + kClaimTimeout});
}

void Scheduler::Reject(QueuedPod pod, const Unfit& unfit) {
  const PodInfoPtr info = pod.info;
  std::string message = unfit.Message();
  if (unfit.nodes > 0) {
    const auto outcome = Preempt(*info, MakeSnapshot(), unfit, budgets_.List());
    if (outcome.victims) {
      Evict(*info, *outcome.victims);
    } else if (!outcome.message.empty()) {
      message += " " + outcome.message;
    }
  }
  queue_.Unschedulable(std::move(pod), unfit.rejectors, clock_.Monotonic());
  events_.Warning(*info->pod, "FailedScheduling", message);
  WriteUnschedulable(*info->pod, message);
}

void Scheduler::Evict(const PodInfo& preemptor, const Victims& victims) {
  for (const PodInfoPtr& victim : victims.pods) {
    if (victim->pod->metadata.deletion_timestamp) continue;
    const auto deleted = manager_.client().Delete(*victim->pod);
    if (!deleted && deleted.error().reason != Reason::kNotFound) {
      log_.Info("preemption failed", {{"pod", victim->Key()}, {"error", deleted.error().message}});
      continue;
    }
    events_.Normal(*victim->pod, "Preempted",
                   "Preempted by pod " + preemptor.uid() + " on node " + victims.node);
  }
}

void Scheduler::WriteUnschedulable(const core_v1::Pod& pod, const std::string& message) {
  const auto written = manager_.client().PatchStatus(pod, [&](core_v1::Pod& it) {
    auto& conditions = it.status.conditions;
    auto condition = std::find_if(conditions.begin(), conditions.end(),
                                  [](const auto& each) { return each.type == "PodScheduled"; });
    if (condition == conditions.end()) {
      condition = conditions.emplace(conditions.end());
      condition->type = "PodScheduled";
    }
    if (condition->status != "False") condition->last_transition_time = clock_.Now();
    condition->status = "False";
    condition->reason = "Unschedulable";
    condition->message = message;
  });
  if (!written && written.error().reason != Reason::kNotFound &&
      written.error().reason != Reason::kConflict) {
    log_.Info("pod condition not written", {{"error", written.error().message}});
  }
}

meta_v1::LabelSelector Scheduler::DefaultSpreadSelector(const core_v1::Pod& pod) const {
  meta_v1::LabelSelector merged;
  const auto add = [&](const std::map<std::string, std::string>& labels) {
    merged.match_labels.insert(labels.begin(), labels.end());
  };
  for (const auto& service : services_.ListIn(pod.metadata.namespace_)) {
    const auto& selector = service->spec.selector;
    const bool selects =
        !selector.empty() && std::all_of(selector.begin(), selector.end(), [&](const auto& pair) {
          const auto label = pod.metadata.labels.find(pair.first);
          return label != pod.metadata.labels.end() && label->second == pair.second;
        });
    if (selects) add(selector);
  }
  const auto add_selector = [&](const meta_v1::LabelSelector& selector) {
    add(selector.match_labels);
    merged.match_expressions.insert(merged.match_expressions.end(),
                                    selector.match_expressions.begin(),
                                    selector.match_expressions.end());
  };
  for (const auto& owner : pod.metadata.owner_references) {
    if (!owner.controller.value_or(false)) continue;
    const ObjectKey key{pod.metadata.namespace_, owner.name};
    if (owner.kind == "ReplicationController") {
      if (const auto found = replication_controllers_.Get(key)) add(found->spec.selector);
    } else if (owner.kind == "ReplicaSet") {
      const auto found = replica_sets_.Get(key);
      if (found && found->spec.selector) add_selector(*found->spec.selector);
    } else if (owner.kind == "StatefulSet") {
      const auto found = stateful_sets_.Get(key);
      if (found && found->spec.selector) add_selector(*found->spec.selector);
    }
  }
  return merged;
}

Duration Binder::Step() {
  Duration delay = kNever;
  auto binding = scheduler_.NextBinding(delay);
  if (!binding) return delay;
  scheduler_.Bind(std::move(*binding));
  return 0ns;
}

void Scheduler::Enqueue(Binding binding) {
  {
    MutexLock lock(mutex_);
    to_bind_.push_back(std::move(binding));
  }
  for (Binder* binder : binders_) binder->Wake();
}

std::optional<Binding> Scheduler::NextBinding(Duration& delay) {
  const Duration now = clock_.Monotonic();
  MutexLock lock(mutex_);
  for (size_t i = 0; i < waiting_for_claims_.size();) {
    if (waiting_for_claims_[i].deadline > now) {
      delay = std::min(delay, waiting_for_claims_[i].deadline - now);
      ++i;
      continue;
    }
    to_bind_.push_back(std::move(waiting_for_claims_[i]));
    waiting_for_claims_.erase(waiting_for_claims_.begin() + static_cast<ptrdiff_t>(i));
  }
  if (to_bind_.empty()) return std::nullopt;
  Binding next = std::move(to_bind_.front());
  to_bind_.pop_front();
  return next;
}

void Scheduler::Bind(Binding binding) {
  uint64_t changes_seen = 0;
  {
    MutexLock lock(mutex_);
    changes_seen = claim_changes_;
  }
  const auto claims = BindClaims(binding);
  if (!claims) {
    MutexLock lock(mutex_);
    // A claim that changed while we looked would wake nobody any more.
    if (claim_changes_ == changes_seen) {
      waiting_for_claims_.push_back(std::move(binding));
    } else {
      to_bind_.push_back(std::move(binding));
    }
    return;
  }
  if (!*claims) {
    BindFailed(std::move(binding), claims->error());
    return;
  }
  const core_v1::Pod& pod = *binding.pod.info->pod;
  const auto bound = manager_.client().Bind(pod, binding.node);
  if (!bound) {
    BindFailed(std::move(binding), bound.error());
    return;
  }
  events_.Normal(pod, "Scheduled",
                 "Successfully assigned " + binding.pod.info->Key() + " to " + binding.node);
  Post([key = binding.pod.info->Key()](Scheduler& self) { self.queue_.Done(key); });
}

std::optional<Result<>> Scheduler::BindClaims(const Binding& binding) {
  const core_v1::Pod& pod = *binding.pod.info->pod;
  bool all_bound = true;
  for (const std::string& name : ClaimNames(pod)) {
    const auto claim = claims_.Get({pod.metadata.namespace_, name});
    if (!claim) {
      return Fail(Reason::kNotFound, "persistentvolumeclaim \"" + name + "\" not found");
    }
    if (IsFullyBound(*claim)) continue;
    all_bound = false;
    const std::string annotation(kSelectedNodeAnnotation);
    const auto selected = claim->metadata.annotations.find(annotation);
    if (selected != claim->metadata.annotations.end() && selected->second == binding.node) continue;
    const auto written = manager_.client().Patch(
        *claim, [&](auto& it) { it.metadata.annotations[annotation] = binding.node; });
    if (!written) return tl::unexpected(written.error());
  }
  if (all_bound) return Result<>();
  if (clock_.Monotonic() >= binding.deadline) {
    return Fail(
        Reason::kTimeout,
        "running PreBind plugin \"VolumeBinding\": binding volumes: context deadline exceeded");
  }
  return std::nullopt;
}

void Scheduler::ClaimsChanged() {
  {
    MutexLock lock(mutex_);
    ++claim_changes_;
    if (waiting_for_claims_.empty()) return;
    for (Binding& binding : waiting_for_claims_) to_bind_.push_back(std::move(binding));
    waiting_for_claims_.clear();
  }
  for (Binder* binder : binders_) binder->Wake();
}

void Scheduler::BindFailed(Binding binding, const Error& error) {
  Post([binding = std::move(binding), error](Scheduler& self) {
    const Duration now = self.clock_.Monotonic();
    const core_v1::Pod& pod = *binding.pod.info->pod;
    self.cache_.RemovePod(pod.metadata.uid);
    self.queue_.Happened(ClusterEvent::kPodDeleted, now);
    const auto current = self.pods_.Get({pod.metadata.namespace_, pod.metadata.name});
    const bool is_over =
        !current || current->metadata.uid != pod.metadata.uid || !current->spec.node_name.empty();
    if (is_over) {
      self.queue_.Done(binding.pod.info->Key());
      return;
    }
    self.events_.Warning(pod, "FailedScheduling", error.message);
    self.queue_.Failed(binding.pod, now);
  });
}

void AddScheduler(Manager& manager, SchedulerOptions options) {
  auto scheduler = std::make_unique<Scheduler>(manager, std::move(options));
  std::vector<std::unique_ptr<Binder>> binders;
  for (int i = 0; i < Scheduler::kBinders; ++i) {
    binders.push_back(std::make_unique<Binder>(*scheduler));
    scheduler->AddBinder(*binders.back());
  }
  manager.AddLoop(std::move(scheduler));
  for (auto& binder : binders) manager.AddLoop(std::move(binder));
}

}  // namespace skiff::scheduler
