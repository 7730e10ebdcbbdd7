#include "controllers/scheduler/scheduler.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/pods/pod_phase.h"
#include "controllers/scheduler/cycle_times.h"

namespace skiff::scheduler {
namespace {

constexpr char kAttachmentsByNode[] = "scheduler.node";
constexpr char kCapacitiesByClass[] = "scheduler.class";

// kube-scheduler never looks at a pod that finished: it is as if it had been deleted.
Ptr<core_v1::Pod> Unfinished(const Ptr<core_v1::Pod>& pod) {
  return pod && HasEnded(pod->status.phase) ? nullptr : pod;
}

// Whether claims that are waited for may have this volume now, or may never: it is new or gone, is
// meant for another, or can be used elsewhere.
bool Matters(const Ptr<core_v1::PersistentVolume>& before,
             const Ptr<core_v1::PersistentVolume>& now) {
  if (!before || !now || !(before->spec.node_affinity == now->spec.node_affinity)) return true;
  const auto claim_of = [](const Ptr<core_v1::PersistentVolume>& volume) {
    return volume && volume->spec.claim_ref ? volume->spec.claim_ref->uid : std::string();
  };
  const std::string meant_for = claim_of(now);
  return meant_for.empty() || meant_for != claim_of(before);
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
      claim_selectors_(KeptSelectors<core_v1::PersistentVolumeClaim>::Of(claims_)),
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
      budget_selectors_(KeptSelectors<policy_v1::PodDisruptionBudget>::Of(budgets_)),
      device_claims_(manager.informer<resource_v1::ResourceClaim>()),
      device_slices_(manager.informer<resource_v1::ResourceSlice>()),
      device_classes_(manager.informer<resource_v1::DeviceClass>()),
      extenders_(options_.extenders),
      queue_(
          [this](const core_v1::Pod& pod) {
            const auto view = views_.find(pod.spec.scheduler_name);
            return view == views_.end() ? nullptr : &view->second;
          },
          options_.delays),
      answers_([this] { binders_.front()->Wake(); }) {
  for (const Profile& profile : options_.profiles) {
    events_[profile.name] = &manager.Recorder(profile.name);
  }
  if (options_.metrics != nullptr) {
    metrics_ =
        std::make_unique<SchedulerMetrics>(*options_.metrics, [this] { return CountGated(); });
    queue_.TellIncoming(
        [this](std::string_view queue, std::string_view event) { metrics_->Comes(queue, event); });
    queue_.TellRefusals(
        [this](const QueuedPod& pod, bool waits) { metrics_->Refused(pod, waits); });
    queue_.TellHints(clock_, [this](std::string_view rule, std::string_view event, bool helps,
                                    Duration took) { metrics_->Hinted(rule, event, helps, took); });
    queue_.TellHandled(
        clock_, [this](std::string_view event, Duration took) { metrics_->Handled(event, took); });
  }
  MakeViews();
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
  claims_.OnChange([this](const auto& before, const auto& now) {
    Post([=](Scheduler& self) {
      self.HearOfChange(ClusterEvent::kClaim, {.claim = {before, now}});
    });
    ClaimsChanged();
  });
  volumes_.OnChange([this](const auto& before, const auto& now) {
    Post([=](Scheduler& self) {
      self.HearOfChange(ClusterEvent::kVolume, {.volume = {before, now}});
    });
    if (Matters(before, now)) ClaimsChanged();
  });
  classes_.OnChange([this](const auto& before, const auto& now) {
    Post([=](Scheduler& self) {
      self.HearOfChange(ClusterEvent::kStorageClass, {.storage_class = {before, now}});
    });
  });
  csi_nodes_.OnChange([=](const auto& before, const auto& now) {
    if (now && RaisesVolumeLimit(before.get(), *now)) happened(ClusterEvent::kVolumeLimit);
    if (now && MigratesOthers(before.get(), *now)) happened(ClusterEvent::kNodeMigrates);
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
  WatchDevices();
  for (InformerCache* cache : DecidesBy()) cache->OnSynced([this] { Wake(); });
}

std::vector<InformerCache*> Scheduler::DecidesBy() const {
  return {&pods_.cache(),          &nodes_.cache(),         &claims_.cache(),
          &volumes_.cache(),       &classes_.cache(),       &csi_nodes_.cache(),
          &attachments_.cache(),   &csi_drivers_.cache(),   &capacities_.cache(),
          &namespaces_.cache(),    &services_.cache(),      &replication_controllers_.cache(),
          &replica_sets_.cache(),  &stateful_sets_.cache(), &budgets_.cache(),
          &device_claims_.cache(), &device_slices_.cache(), &device_classes_.cache()};
}

bool Scheduler::IsSynced() const {
  return std::ranges::all_of(DecidesBy(), &InformerCache::synced);
}

void Scheduler::Lead() {
  leads_ = true;
  Wake();
}

void Scheduler::Post(Posted change) {
  bool is_first = false;
  {
    MutexLock lock(mutex_);
    is_first = inbox_.empty();
    inbox_.push_back(std::move(change));
  }
  // Those behind it are taken in by the same step.
  if (is_first) Wake();
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

std::map<std::string, size_t> Scheduler::CountGated() const {
  std::map<std::string, size_t> gated;
  for (const auto& pod : pods_.List()) {
    const bool waits = pod->spec.node_name.empty() && !HasEnded(pod->status.phase);
    if (waits && ProfileFor(*pod) != nullptr && !IsOurs(*pod)) ++gated[pod->spec.scheduler_name];
  }
  return gated;
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
    StopAsking(before->metadata.uid);
    // One that was going before has left the cache already, and its binding goes on all the same.
    if (before->spec.node_name.empty()) StopWaitingForClaims(before->metadata.uid);
    const bool had_place = cache_.RemovePod(before->metadata.uid);
    const bool waited = nominations_.Remove(before->metadata.uid);
    if (had_place || waited) HearOfRoom(before);
  }
  if (!now) return;
  if (!now->spec.node_name.empty()) {
    cache_.SetPod(now);
    EndNomination(now, now->spec.node_name);
    StopAsking(now->metadata.uid);
    queue_.Remove(key);
    HearOfPlaced(replaced ? nullptr : before, now);
  } else if (cache_.IsAssumed(now->metadata.uid)) {
    // Its binding goes on, but nobody waits for the room of a pod that is going.
    const bool is_going = now->metadata.deletion_timestamp.has_value();
    if (is_going && cache_.RemovePod(now->metadata.uid)) HearOfRoom(now);
  } else if (IsOurs(*now)) {
    const auto info = std::make_shared<const PodInfo>(now);
    FollowNomination(replaced ? nullptr : before, info);
    queue_.Add(info, time);
  }
}

void Scheduler::FollowNomination(const Ptr<core_v1::Pod>& before, const PodInfoPtr& now) {
  const std::string& node = now->pod->status.nominated_node_name;
  const bool was_told = before && !before->status.nominated_node_name.empty();
  if (node.empty() && !was_told) {
    nominations_.Refresh(now);  // Our own write may not have come back yet.
  } else {
    Nominate(now, node);
  }
}

void Scheduler::Nominate(const PodInfoPtr& pod, const std::string& node) {
  EndNomination(pod->pod, node);
  if (!node.empty()) nominations_.Set(pod, node);
}

void Scheduler::EndNomination(const Ptr<core_v1::Pod>& pod, const std::string& node) {
  const std::string waited_for = nominations_.NodeOf(pod->metadata.uid);
  if (nominations_.Remove(pod->metadata.uid) && waited_for != node) HearOfRoom(pod);
}

Duration Scheduler::Step() {
  std::vector<Posted> changes;
  {
    MutexLock lock(mutex_);
    changes.swap(inbox_);
  }
  for (const Posted& change : changes) change(*this);
  if (!IsSynced()) return kNever;
  const Duration next = leads_ ? DecideSome() : kNever;
  if (metrics_) {
    metrics_->Waiting(queue_.sizes());
    metrics_->Cached(cache_.sizes());
  }
  return next;
}

Duration Scheduler::DecideSome() {
  for (int i = 0; i < kDecisionsPerStep; ++i) {
    auto pod = queue_.Pop(clock_.Monotonic());
    if (!pod) break;
    Decide(std::move(*pod));
  }
  const Duration asking = GoOnAsking();
  return std::min(asking, queue_.NextDue(clock_.Monotonic()));
}

StorageView Scheduler::Storage() {
  return {
      [this](const std::string& namespace_, const std::string& name) {
        return holds_.Shown(claims_.Get({namespace_, name}));
      },
      [this](const std::string& name) {
        return volumes_.Get({"", name});
      },
      [this] { return holds_.Shown(volumes_.List()); },
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
      [this, kept = std::make_shared<std::map<std::string, ClassCapacitiesPtr>>()](
          const std::string& name) {
        ClassCapacitiesPtr& of_class = (*kept)[name];
        if (!of_class) {
          of_class = std::make_shared<const ClassCapacities>(
              capacities_.ByIndex(kCapacitiesByClass, name));
        }
        return of_class;
      },
      [this](const auto& claim) { return claim_selectors_->Get(claim); }};
}

Snapshot Scheduler::MakeSnapshot(const core_v1::Pod& pod, DeviceCycle& devices) {
  Snapshot snapshot = views_.at(pod.spec.scheduler_name);
  snapshot.devices = &devices;
  snapshot.nodes = cache_.Nodes();
  snapshot.nominations = &nominations_;
  snapshot.counts = &cache_.counts();
  snapshot.images = &cache_.images();
  snapshot.repellents = &cache_.repellents();
  snapshot.storage = Storage();
  return snapshot;
}

void Scheduler::Decide(QueuedPod pod) {
  const core_v1::Pod& object = *pod.info->pod;
  if (object.metadata.deletion_timestamp) {
    EventsFor(object).Warning(object, "FailedScheduling",
                              "skip schedule deleting pod: " + pod.info->Key());
    queue_.Done(pod.info->Key());
    return;
  }
  if (IsHeld(object)) {
    queue_.Hold(std::move(pod), "DynamicResources", clock_.Monotonic());
    return;
  }
  if (extenders_ && extenders_->Judge(object)) {
    Ask(std::move(pod));
    return;
  }
  DeviceCycle devices(object, DevicesFor(object));
  Snapshot snapshot = MakeSnapshot(object, devices);
  std::optional<CycleTimes> times;
  if (metrics_) {
    const bool has_rules = manager_.random().Below(100) < CycleTimes::kSampledPercent;
    times.emplace(*metrics_, clock_, object.spec.scheduler_name, has_rules);
    snapshot.times = &*times;
  }
  const Decision decision =
      Schedule(*pod.info, snapshot, next_node_, manager_.random(), OptionsFor(snapshot));
  if (metrics_) metrics_->Searched(clock_.Monotonic() - pod.tried_at);
  if (!decision.error.empty()) {
    Fails(std::move(pod), {.message = decision.error});
  } else if (decision.node.empty()) {
    Reject(std::move(pod), decision.unfit, devices);
  } else {
    Place(std::move(pod), decision.node, devices);
  }
}

SearchOptions Scheduler::OptionsFor(const Snapshot& snapshot) const {
  const Profile& profile = ProfileOf(snapshot);
  const bool compared = !profile.scores.empty() || (extenders_ && extenders_->CompareNodes());
  return {.percentage = profile.percentage_of_nodes_to_score, .first_will_do = !compared};
}

void Scheduler::Place(QueuedPod pod, const std::string& node, const DeviceCycle& devices) {
  const Duration begin = clock_.Monotonic();
  cache_.Assume(pod.info, node);
  EndNomination(pod.info->pod, node);
  const Duration bind_timeout = ProfileFor(*pod.info->pod)->bind_timeout;
  Binding binding{
      std::move(pod), node, clock_.Monotonic() + bind_timeout, {}, devices.Plan(node)};
  for (const DeviceBinding& each : binding.devices) {
    if (each.allocation) ledger_.Begin(*each.claim, *each.allocation);
  }
  binding.holds_volumes = HoldVolumes(*binding.pod.info->pod, node);
  TimeOf(*binding.pod.info->pod, "Reserve", true, begin);
  Enqueue(std::move(binding));
}

void Scheduler::TimeOf(const core_v1::Pod& pod, std::string_view point, bool succeeded,
                       Duration begin) {
  if (!metrics_) return;
  const Verdict::Code code = succeeded ? Verdict::Code::kFits : Verdict::Code::kFailed;
  metrics_->AtPoint({point, StatusTextOf(code), pod.spec.scheduler_name},
                    clock_.Monotonic() - begin);
}

bool Scheduler::HoldVolumes(const core_v1::Pod& pod, const std::string& node) {
  if (!ProfileFor(pod)->binds_claims || ClaimNames(pod).empty()) return false;
  const StorageView storage = Storage();
  auto claims = ClassifyClaims(pod, storage);
  const NodeInfo* const there = cache_.Find(node);
  if (!claims || claims->delayed.empty() || there == nullptr) return false;
  // Caches may have moved on since the rules looked: then the binder says so.
  const auto plan =
      PlanClaims(std::move(claims->delayed), std::move(claims->volumes), *there->node, storage);
  if (!plan) return false;
  holds_.Hold(*plan, node, pod.metadata.uid);
  return true;
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

Scheduler& AddScheduler(Manager& manager, SchedulerOptions options) {
  auto scheduler = std::make_unique<Scheduler>(manager, std::move(options));
  std::vector<std::unique_ptr<Binder>> binders;
  for (int i = 0; i < Scheduler::kBinders; ++i) {
    binders.push_back(std::make_unique<Binder>(*scheduler));
    scheduler->AddBinder(*binders.back());
  }
  Scheduler& added = *scheduler;
  manager.AddLoop(std::move(scheduler));
  for (auto& binder : binders) manager.AddLoop(std::move(binder));
  return added;
}

}  // namespace skiff::scheduler
