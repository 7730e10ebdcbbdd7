#include "controllers/scheduler/scheduler.h"

#include <algorithm>

#include "api/pods/pod_phase.h"
#include "controllers/storage/volume_match.h"

namespace skiff::scheduler {
namespace {

constexpr char kAttachmentsByNode[] = "scheduler.node";
constexpr char kCapacitiesByClass[] = "scheduler.class";

// kube-scheduler never looks at a pod that finished: it is as if it had been deleted.
Ptr<core_v1::Pod> Unfinished(const Ptr<core_v1::Pod>& pod) {
  return pod && HasEnded(pod->status.phase) ? nullptr : pod;
}

}  // namespace

Scheduler::Scheduler(Manager& manager, SchedulerOptions options)
    : manager_(manager),
      options_(std::move(options)),
      clock_(manager.clock()),
      writer_(manager),
      pods_(manager.informer<core_v1::Pod>()),
      nodes_(manager.informer<core_v1::Node>()),
      claims_(manager.informer<core_v1::PersistentVolumeClaim>()),
      volumes_(manager.informer<core_v1::PersistentVolume>()),
      classes_(manager.informer<storage_v1::StorageClass>()),
      csi_nodes_(manager.informer<storage_v1::CSINode>()),
      attachments_(manager.informer<storage_v1::VolumeAttachment>()),
      csi_drivers_(manager.informer<storage_v1::CSIDriver>()),
      capacities_(manager.informer<storage_v1::CSIStorageCapacity>()),
      namespaces_(manager.informer<core_v1::Namespace>()),
      services_(manager.informer<core_v1::Service>()),
      replication_controllers_(manager.informer<core_v1::ReplicationController>()),
      replica_sets_(manager.informer<apps_v1::ReplicaSet>()),
      stateful_sets_(manager.informer<apps_v1::StatefulSet>()),
      budgets_(manager.informer<policy_v1::PodDisruptionBudget>()),
      answers_([this] { binders_.front()->Wake(); }) {
  for (const Profile& profile : options_.profiles) {
    events_[profile.name] = &manager.Recorder(profile.name);
  }
  Watch();
}

Scheduler::~Scheduler() = default;

void Scheduler::Watch() {
  attachments_.AddIndex(kAttachmentsByNode, [](const storage_v1::VolumeAttachment& attachment) {
    return std::vector<std::string>{attachment.spec.node_name};
  });
  capacities_.AddIndex(kCapacitiesByClass, [](const storage_v1::CSIStorageCapacity& capacity) {
    return std::vector<std::string>{capacity.storage_class_name};
  });
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
  csi_nodes_.OnChange([=](const auto& before, const auto& now) {
    if (now && RaisesVolumeLimit(before.get(), *now)) happened(ClusterEvent::kVolumeLimit);
  });
  attachments_.OnChange([=](const auto&, const auto& now) {
    if (!now) happened(ClusterEvent::kAttachmentDeleted);
  });
  csi_drivers_.OnChange([=](const auto& before, const auto& now) {
    const bool stops = before && now && before->spec.storage_capacity.value_or(false) &&
                       !now->spec.storage_capacity.value_or(false);
    if (stops) happened(ClusterEvent::kStorageCapacity);
  });
  capacities_.OnChange([=](const auto& before, const auto& now) {
    if (now && RaisesCapacity(before.get(), *now)) happened(ClusterEvent::kStorageCapacity);
  });
  namespaces_.OnChange([=](const auto&, const auto&) { happened(ClusterEvent::kNamespace); });
  services_.OnChange([=](const auto&, const auto&) { happened(ClusterEvent::kService); });
  for (InformerCache* cache : DecidesBy()) cache->OnSynced([this] { Wake(); });
}

std::vector<InformerCache*> Scheduler::DecidesBy() const {
  return {&pods_.cache(),         &nodes_.cache(),
          &claims_.cache(),       &volumes_.cache(),
          &classes_.cache(),      &csi_nodes_.cache(),
          &attachments_.cache(),  &csi_drivers_.cache(),
          &capacities_.cache(),   &namespaces_.cache(),
          &services_.cache(),     &replication_controllers_.cache(),
          &replica_sets_.cache(), &stateful_sets_.cache(),
          &budgets_.cache()};
}

void Scheduler::Post(Change change) {
  {
    MutexLock lock(mutex_);
    inbox_.push_back(std::move(change));
  }
  Wake();
}

const Profile* Scheduler::ProfileFor(const core_v1::Pod& pod) const {
  const auto found = std::ranges::find(options_.profiles, pod.spec.scheduler_name, &Profile::name);
  return found == options_.profiles.end() ? nullptr : &*found;
}

bool Scheduler::IsOurs(const core_v1::Pod& pod) const {
  const Profile* const profile = ProfileFor(pod);
  if (profile == nullptr) return false;
  return pod.spec.scheduling_gates.empty() || !profile->holds_gated_pods;
}

EventRecorder& Scheduler::EventsFor(const core_v1::Pod& pod) {
  return *events_.at(pod.spec.scheduler_name);
}

void Scheduler::PodChanged(const Ptr<core_v1::Pod>& before, const Ptr<core_v1::Pod>& now) {
  const Duration time = clock_.Monotonic();
  const core_v1::Pod* const any = now ? now.get() : before.get();
  if (any == nullptr) return;
  const std::string key = any->metadata.namespace_ + "/" + any->metadata.name;
  const bool replaced = before && now && before->metadata.uid != now->metadata.uid;
  if (before && (!now || replaced)) {
    queue_.Remove(key);
    leaving_.erase(before->metadata.uid);
    const bool had_place = cache_.RemovePod(before->metadata.uid);
    const bool waited = nominations_.Remove(before->metadata.uid);
    if (had_place || waited) queue_.Happened(ClusterEvent::kPodDeleted, time);
  }
  if (!now) return;
  if (!now->spec.node_name.empty()) {
    const bool is_news = !before || before->spec.node_name.empty() ||
                         before->metadata.labels != now->metadata.labels;
    cache_.SetPod(now);
    nominations_.Remove(now->metadata.uid);
    queue_.Remove(key);
    if (is_news) queue_.Happened(ClusterEvent::kPodAdded, time);
  } else if (IsOurs(*now) && !cache_.IsAssumed(now->metadata.uid)) {
    const auto info = std::make_shared<const PodInfo>(now);
    FollowNomination(replaced ? nullptr : before, info);
    queue_.Add(info, time);
  }
}

void Scheduler::FollowNomination(const Ptr<core_v1::Pod>& before, const PodInfoPtr& now) {
  const std::string& node = now->pod->status.nominated_node_name;
  if (!node.empty()) {
    nominations_.Set(now, node);
  } else if (!before || before->status.nominated_node_name.empty()) {
    nominations_.Refresh(now);  // Our own write may not have come back yet.
  } else if (nominations_.Remove(now->uid())) {
    queue_.Happened(ClusterEvent::kPodDeleted, clock_.Monotonic());
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
  for (const InformerCache* cache : DecidesBy()) {
    if (!cache->synced()) return kNever;
  }
  for (int i = 0; i < kDecisionsPerStep; ++i) {
    auto pod = queue_.Pop(clock_.Monotonic());
    if (!pod) break;
    Decide(std::move(*pod));
  }
  return queue_.NextDue(clock_.Monotonic());
}

StorageView Scheduler::Storage() {
  return {
      [this](const std::string& namespace_, const std::string& name) {
        return claims_.Get({namespace_, name});
      },
      [this](const std::string& name) {
        return volumes_.Get({"", name});
      },
      [this] { return volumes_.List(); },
      [this](const std::string& name) {
        return classes_.Get({"", name});
      },
      [this](const std::string& name) {
        return csi_nodes_.Get({"", name});
      },
      [this](const std::string& node) { return attachments_.ByIndex(kAttachmentsByNode, node); },
      [this](const std::string& name) {
        return csi_drivers_.Get({"", name});
      },
      [this](const std::string& name) { return capacities_.ByIndex(kCapacitiesByClass, name); }};
}

Snapshot Scheduler::MakeSnapshot(const core_v1::Pod& pod) {
  Snapshot snapshot;
  snapshot.profile = ProfileFor(pod);
  snapshot.nodes = cache_.Nodes();
  snapshot.nominations = &nominations_;
  snapshot.counts = &cache_.counts();
  snapshot.images = &cache_.images();
  snapshot.storage = Storage();
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
    EventsFor(object).Warning(object, "FailedScheduling", "skip schedule deleting pod: " + pod.info->Key());
    queue_.Done(pod.info->Key());
    return;
  }
  const Snapshot snapshot = MakeSnapshot(object);
  const Profile& profile = ProfileOf(snapshot);
  const Decision decision = Schedule(*pod.info, snapshot, next_node_, manager_.random(),
                                     profile.percentage_of_nodes_to_score);
  if (decision.node.empty()) {
    Reject(std::move(pod), decision.unfit);
    return;
  }
  cache_.Assume(pod.info, decision.node);
  nominations_.Remove(object.metadata.uid);
  Enqueue({std::move(pod), decision.node, clock_.Monotonic() + profile.bind_timeout, {}});
}

void Scheduler::Reject(QueuedPod pod, const Unfit& unfit) {
  const PodInfoPtr info = pod.info;
  Unplaced unplaced{"Unschedulable", unfit.Message(), ""};
  Result<> room;
  if (unfit.nodes > 0 && ProfileFor(*info->pod)->preempts) {
    const auto budgets = budgets_.List();
    const Snapshot snapshot = MakeSnapshot(*info->pod);
    const auto outcome =
        Preempt({*info, snapshot, unfit, budgets, leaving_}, manager_.random());
    if (!outcome.eligible) unplaced.nominated_node.reset();
    if (!outcome.message.empty()) unplaced.message += " " + outcome.message;
    if (outcome.victims) {
      room = MakeRoom(info, *outcome.victims);
      if (room) unplaced.nominated_node = outcome.victims->node;
    }
  }
  if (room) {
    queue_.Unschedulable(std::move(pod), unfit.rejectors, clock_.Monotonic());
  } else {
    log_.Info("preemption failed", {{"pod", info->Key()}, {"error", room.error().message}});
    queue_.Failed(std::move(pod), clock_.Monotonic());
  }
  EventsFor(*info->pod).Warning(*info->pod, "FailedScheduling", unplaced.message);
  WriteUnplaced(info, std::move(unplaced));
}

Result<> Scheduler::MakeRoom(const PodInfoPtr& pod, const Victims& victims) {
  TRY(writer_.Evict(*pod, victims, EventsFor(*pod->pod)));
  for (const PodInfoPtr& victim : victims.pods) leaving_.insert(victim->uid());
  // Less important pods that waited for the node lose it to this one, and look elsewhere.
  for (const PodInfoPtr& displaced : Displaced(*pod, victims.node, nominations_)) {
    nominations_.Remove(displaced->uid());
    writer_.Write(*displaced->pod, {"", "", ""});
    queue_.Happened(ClusterEvent::kPodDeleted, clock_.Monotonic());
  }
  return {};
}

void Scheduler::WriteUnplaced(const PodInfoPtr& pod, Unplaced unplaced) {
  if (unplaced.nominated_node) {
    const std::string before = nominations_.NodeOf(pod->uid());
    const std::string& now = *unplaced.nominated_node;
    nominations_.Remove(pod->uid());
    if (!now.empty()) nominations_.Set(pod, now);
    // Neither the API nor we ever said otherwise.
    if (before == now && pod->pod->status.nominated_node_name == now) {
      unplaced.nominated_node.reset();
    }
  }
  const auto current = pods_.Get(KeyOf(*pod->pod));
  const bool is_same = current && current->metadata.uid == pod->uid();
  writer_.Write(is_same ? *current : *pod->pod, unplaced);
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
  return scheduler_.BindNext(*this);
}

Duration Scheduler::BindNext(Binder& binder) {
  answers_.Deliver();
  Duration delay = kNever;
  auto binding = NextBinding(binder, delay);
  if (!binding) return delay;
  Bind(std::move(*binding));
  answers_.Deliver();  // From another machine it is there already.
  return 0ns;
}

void Scheduler::Enqueue(Binding binding) {
  Binder* woken = nullptr;
  {
    MutexLock lock(mutex_);
    to_bind_.push_back(std::move(binding));
    // Those that are at work look again by themselves.
    if (!idle_.empty()) {
      woken = idle_.back();
      idle_.pop_back();
    }
  }
  if (woken != nullptr) woken->Wake();
}

std::optional<Binding> Scheduler::NextBinding(Binder& binder, Duration& delay) {
  const Duration now = clock_.Monotonic();
  // Without room the answer that makes some wakes one.
  const bool has_room = answers_.HasRoom();
  MutexLock lock(mutex_);
  std::erase(idle_, &binder);
  for (size_t i = 0; i < waiting_for_claims_.size();) {
    if (waiting_for_claims_[i].deadline > now) {
      delay = std::min(delay, waiting_for_claims_[i].deadline - now);
      ++i;
      continue;
    }
    to_bind_.push_back(std::move(waiting_for_claims_[i]));
    waiting_for_claims_.erase(waiting_for_claims_.begin() + static_cast<ptrdiff_t>(i));
  }
  if (to_bind_.empty() || !has_room) {
    idle_.push_back(&binder);
    return std::nullopt;
  }
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
  const Ptr<core_v1::Pod> pod = binding.pod.info->pod;
  const std::string node = binding.node;
  manager_.client().BindLater(answers_, *pod, node,
                              [this, binding = std::move(binding)](const Result<>& bound) mutable {
                                BindDone(std::move(binding), bound);
                              });
}

void Scheduler::BindDone(Binding binding, const Result<>& bound) {
  if (!bound && !IsBound(binding)) {
    BindFailed(std::move(binding), bound.error());
    return;
  }
  const core_v1::Pod& pod = *binding.pod.info->pod;
  EventsFor(pod).Normal(pod, "Scheduled",
                        "Successfully assigned " + binding.pod.info->Key() + " to " + binding.node);
  Post([key = binding.pod.info->Key()](Scheduler& self) { self.queue_.Done(key); });
}

// A volume that is there becomes the claim's, and its binder does the rest; for one that has to be
// made, the provisioner is told where.
Result<> Scheduler::AskForVolumes(Binding& binding, std::vector<ClaimPtr> claims) {
  const auto node = nodes_.Get({"", binding.node});
  if (!node) return Fail(Reason::kNotFound, "node \"" + binding.node + "\" not found");
  const auto plan = PlanClaims(std::move(claims), *node, Storage());
  if (!plan) {
    return Fail(Reason::kConflict,
                "running PreBind plugin \"VolumeBinding\": volumes are no longer available");
  }
  const std::string annotation(kSelectedNodeAnnotation);
  for (const ClaimPlan& each : *plan) {
    if (each.volume) {
      TRY(manager_.client().Patch(
          *each.volume, [&](core_v1::PersistentVolume& it) { BindTo(it, *each.claim); },
          {.if_unchanged = true}));
    } else {
      TRY(manager_.client().Patch(
          *each.claim, [&](auto& it) { it.metadata.annotations[annotation] = binding.node; }));
    }
    binding.asked.insert(each.claim->metadata.name);
  }
  return {};
}

std::optional<Result<>> Scheduler::BindClaims(Binding& binding) {
  const core_v1::Pod& pod = *binding.pod.info->pod;
  if (!ProfileFor(pod)->binds_claims) return Result<>();
  bool all_bound = true;
  std::vector<ClaimPtr> unasked;
  for (const std::string& name : ClaimNames(pod)) {
    const auto claim = claims_.Get({pod.metadata.namespace_, name});
    if (!claim) {
      return Fail(Reason::kNotFound, "persistentvolumeclaim \"" + name + "\" not found");
    }
    if (IsFullyBound(*claim)) continue;
    all_bound = false;
    if (!binding.asked.contains(name)) unasked.push_back(claim);
  }
  if (all_bound) return Result<>();
  if (!unasked.empty()) {
    auto asked = AskForVolumes(binding, std::move(unasked));
    if (!asked) return asked;
  }
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

bool Scheduler::IsBound(const Binding& binding) {
  const core_v1::Pod& pod = *binding.pod.info->pod;
  const auto live = manager_.client().Get<core_v1::Pod>(KeyOf(pod));
  return live && (*live)->metadata.uid == pod.metadata.uid &&
         (*live)->spec.node_name == binding.node;
}

void Scheduler::BindFailed(Binding binding, const Error& error) {
  Post([binding = std::move(binding), error](Scheduler& self) {
    const Duration now = self.clock_.Monotonic();
    const core_v1::Pod& pod = *binding.pod.info->pod;
    // An event that says where the pod is knows better than an answer that was lost.
    if (self.cache_.IsAssumed(pod.metadata.uid)) {
      self.cache_.RemovePod(pod.metadata.uid);
      self.queue_.Happened(ClusterEvent::kPodDeleted, now);
    }
    const auto current = self.pods_.Get({pod.metadata.namespace_, pod.metadata.name});
    const bool is_over =
        !current || current->metadata.uid != pod.metadata.uid || !current->spec.node_name.empty();
    if (is_over) {
      self.queue_.Done(binding.pod.info->Key());
      return;
    }
    self.EventsFor(pod).Warning(pod, "FailedScheduling", error.message);
    self.queue_.Failed(binding.pod, now);
    self.WriteUnplaced(std::make_shared<const PodInfo>(current),
                       {"SchedulerError", error.message, ""});
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
