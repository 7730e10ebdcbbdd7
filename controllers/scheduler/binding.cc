// The second half of the scheduler: what becomes of a decision once the pod counts on its node.
// Binders work here: claims are bound first, then the pod; what fails goes back to the queue.
#include "controllers/scheduler/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controllers/storage/volume_match.h"

namespace skiff::scheduler {
namespace {

// What went wrong where a rule, of a certain name in kube-scheduler, wrote something.
Result<> InPlugin(std::string_view point, std::string_view name, Error error) {
  error.message = fmt::format("running {} plugin \"{}\": {}", point, name, error.message);
  return Fail(std::move(error));
}

}  // namespace

Duration Binder::Step() {
  return scheduler_.BindNext(*this);
}

Duration Scheduler::BindNext(Binder& binder) {
  answers_.Deliver();
  Duration delay = extender_bindings_.Deliver(clock_.Monotonic());
  // Who has to wait for each answer leaves the next binding to whoever is free sooner.
  const int turns = manager_.client().SendsLater() ? kBindingsPerStep : 1;
  for (int i = 0; i < turns; ++i) {
    auto binding = NextBinding(binder, delay);
    if (!binding) return delay;
    Bind(std::move(*binding));
    answers_.Deliver();  // From another machine it is there already.
  }
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
  if (binding.began == Duration(0)) binding.began = clock_.Monotonic();
  if (!binding.devices.empty()) TellNode(binding);
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
  auto ready = *claims;
  if (!ready) ready = InPlugin("PreBind", "VolumeBinding", ready.error());
  if (ready) ready = BindDevices(binding);
  const Duration begin = std::exchange(binding.began, clock_.Monotonic());
  TimeOf(*binding.pod.info->pod, "PreBind", ready.has_value(), begin);
  if (!ready) {
    BindFailed(std::move(binding), ready.error());
    return;
  }
  ExtenderClient* const extender =
      extenders_ ? extenders_->BinderOf(*binding.pod.info->pod) : nullptr;
  if (extender != nullptr) {
    BindByExtender(*extender, std::move(binding));
  } else {
    BindByApi(std::move(binding));
  }
}

void Scheduler::BindByApi(Binding binding) {
  const Ptr<core_v1::Pod> pod = binding.pod.info->pod;
  const std::string node = binding.node;
  manager_.client().BindLater(
      answers_, *pod, node, [this, binding = std::move(binding)](const Result<>& bound) mutable {
        BindDone(std::move(binding),
                 bound ? bound : InPlugin("Bind", "DefaultBinder", bound.error()));
      });
}

void Scheduler::BindByExtender(ExtenderClient& extender, Binding binding) {
  const PodPtr pod = binding.pod.info->pod;
  const std::string node = binding.node;
  const auto done = [this, &extender,
                     held = std::make_shared<Binding>(std::move(binding))](const Result<>& bound) {
    if (bound || !extender.options().ignorable) return BindDone(std::move(*held), bound);
    log_.Info("extender passed over",
              {{"extender", extender.options().url_prefix}, {"error", bound.error().message}});
    BindByApi(std::move(*held));
  };
  extender_bindings_.Begin(
      extender, pod, node, clock_.Monotonic(), [this] { binders_.front()->Wake(); }, done);
}

void Scheduler::BindDone(Binding binding, const Result<>& bound) {
  TimeOf(*binding.pod.info->pod, "Bind", bound.has_value(), binding.began);
  if (!bound && !IsBound(binding)) {
    BindFailed(std::move(binding), bound.error());
    return;
  }
  const core_v1::Pod& pod = *binding.pod.info->pod;
  if (binding.holds_volumes) holds_.Release(pod.metadata.uid);
  if (metrics_) {
    metrics_->Scheduled(pod.spec.scheduler_name, binding.pod, clock_.Monotonic());
  }
  EventsFor(pod).Normal(pod, "Scheduled",
                        "Successfully assigned " + binding.pod.info->Key() + " to " + binding.node);
  Post([key = binding.pod.info->Key()](Scheduler& self) { self.queue_.Done(key); });
}

// A volume that is there becomes the claim's, and its binder does the rest; for one that has to be
// made, the provisioner is told where.
Result<> Scheduler::AskForVolumes(Binding& binding, std::vector<ClaimPtr> claims) {
  const auto node = nodes_.Get({"", binding.node});
  if (!node) return Fail(Reason::kNotFound, "node \"" + binding.node + "\" not found");
  const auto none_left = [] { return Fail(Reason::kConflict, "volumes are no longer available"); };
  const StorageView storage = Storage();
  auto volumes = VolumesFor(claims, storage);
  const auto plan = PlanClaims(std::move(claims), std::move(volumes), *node, storage);
  if (!plan) return none_left();
  const std::string annotation(kSelectedNodeAnnotation);
  for (const ClaimPlan& each : *plan) {
    AskedVolume& asked = binding.asked[each.claim->metadata.name];
    if (each.volume) {
      // As the API has it: the plan shows it as it will be.
      const auto volume = volumes_.Get({"", each.volume->metadata.name});
      const bool is_free =
          volume && (!volume->spec.claim_ref || skiff::Names(*volume, *each.claim));
      if (!is_free) return none_left();
      const auto bound = TRY(manager_.client().Patch(
          *volume, [&](core_v1::PersistentVolume& it) { BindTo(it, *each.claim); },
          {.if_unchanged = true}));
      asked = {bound->metadata.name, WrittenRevision(bound->metadata)};
    } else {
      const auto told = TRY(manager_.client().Patch(
          *each.claim, [&](auto& it) { it.metadata.annotations[annotation] = binding.node; }));
      asked.written = WrittenRevision(told->metadata);
    }
  }
  return {};
}

void Scheduler::TellNode(Binding& binding) {
  if (std::exchange(binding.is_told, true)) return;
  const core_v1::Pod& pod = *binding.pod.info->pod;
  if (pod.status.nominated_node_name != binding.node) writer_.Write(pod, {"", "", binding.node});
}

void Scheduler::StopWaitingForClaims(const std::string& uid) {
  std::optional<Binding> stopped;
  {
    MutexLock lock(mutex_);
    ++claim_changes_;  // Or a binder that looks at it just now would let it wait.
    const auto of = std::ranges::find_if(waiting_for_claims_, [&](const Binding& binding) {
      return binding.pod.info->uid() == uid;
    });
    if (of == waiting_for_claims_.end()) return;
    stopped = std::move(*of);
    waiting_for_claims_.erase(of);
  }
  Enqueue(*std::move(stopped));
}

bool Scheduler::IsGone(const core_v1::Pod& pod) const {
  const auto current = pods_.Get(KeyOf(pod));
  return !current || current->metadata.uid != pod.metadata.uid;
}

Result<bool> Scheduler::AreMet(const Binding& binding, const std::vector<ClaimPtr>& asked) const {
  const auto fail = [](const std::string& why) {
    return Fail(Reason::kNotFound, "binding volumes: " + why);
  };
  const auto node = nodes_.Get({"", binding.node});
  if (!node) {
    return fail(
        fmt::format("failed to get node \"{0}\": node \"{0}\" not found", binding.node));
  }
  if (IsGone(*binding.pod.info->pod)) return fail("pod does not exist any more");
  bool all = true;
  for (const ClaimPtr& claim : asked) {
    const auto met = IsMet(*claim, binding.asked.at(claim->metadata.name), *node);
    if (!met) return fail(met.error());
    all = all && *met;
  }
  return all;
}

tl::expected<bool, std::string> Scheduler::IsMet(const core_v1::PersistentVolumeClaim& claim,
                                                 const AskedVolume& asked,
                                                 const core_v1::Node& node) const {
  if (asked.volume.empty()) {
    if (WrittenRevision(claim.metadata) < asked.written) return false;
    // A provisioner that cannot make it there takes the node back.
    const auto& annotations = claim.metadata.annotations;
    const auto selected = annotations.find(std::string(kSelectedNodeAnnotation));
    if (selected == annotations.end() || selected->second != node.metadata.name) {
      return tl::unexpected(fmt::format(
          "{} PVC \"{}\"",
          annotations.empty() ? "selectedNode annotation reset for" : "provisioning failed for",
          claim.metadata.name));
    }
  }
  const std::string& name = asked.volume.empty() ? claim.spec.volume_name : asked.volume;
  if (name.empty()) return false;
  const auto volume = volumes_.Get({"", name});
  if (!volume && asked.volume.empty()) return false;  // It was made a moment ago.
  if (!volume) {
    return tl::unexpected(
        fmt::format("failed to check binding: persistentvolumes \"{}\" not found", name));
  }
  if (!asked.volume.empty() && WrittenRevision(volume->metadata) < asked.written) return false;
  // The node may have other labels by now, and a provisioner may have made it elsewhere.
  const auto csi_node = csi_nodes_.Get({"", node.metadata.name});
  const auto is_reachable = IsReachableBy(*volume, node, csi_node.get());
  if (!is_reachable) {
    return tl::unexpected("failed to translate pv to csi: " + is_reachable.error().message);
  }
  if (!*is_reachable) {
    return tl::unexpected(
        fmt::format("pv \"{}\" node affinity doesn't match node \"{}\": no matching "
                    "NodeSelectorTerms",
                    name, node.metadata.name));
  }
  // Nobody will bind the claim to a volume that is no more meant for it; kube-scheduler sees that
  // where it is meant for nobody, and waits else.
  const auto& reference = volume->spec.claim_ref;
  if (!asked.volume.empty() && (!reference || reference->uid != claim.metadata.uid)) {
    return tl::unexpected(fmt::format("ClaimRef got reset for pv \"{}\"", name));
  }
  return IsFullyBound(claim);
}

std::optional<Result<>> Scheduler::BindClaims(Binding& binding) {
  const core_v1::Pod& pod = *binding.pod.info->pod;
  if (!ProfileFor(pod)->binds_claims) return Result<>();
  std::vector<ClaimPtr> unasked, asked;
  for (const std::string& name : ClaimNames(pod)) {
    const auto claim = claims_.Get({pod.metadata.namespace_, name});
    if (!claim) {
      return Fail(Reason::kNotFound, "persistentvolumeclaim \"" + name + "\" not found");
    }
    if (binding.asked.contains(name)) {
      asked.push_back(claim);
    } else if (!IsFullyBound(*claim)) {
      unasked.push_back(claim);
    }
  }
  if (asked.empty() && unasked.empty()) return Result<>();
  const bool all_met = TRY(AreMet(binding, asked));
  if (all_met && unasked.empty()) return Result<>();
  TellNode(binding);
  if (!unasked.empty()) TRY(AskForVolumes(binding, std::move(unasked)));
  if (clock_.Monotonic() >= binding.deadline) {
    return Fail(Reason::kTimeout, "binding volumes: context deadline exceeded");
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
  UnbindDevices(binding);
  if (metrics_) {
    metrics_->Failed(binding.pod.info->pod->spec.scheduler_name,
                     clock_.Monotonic() - binding.pod.tried_at);
  }
  Post([binding = std::move(binding), error](Scheduler& self) {
    const Duration now = self.clock_.Monotonic();
    const core_v1::Pod& pod = *binding.pod.info->pod;
    if (binding.holds_volumes && self.holds_.Release(pod.metadata.uid)) {
      self.queue_.Happened(ClusterEvent::kVolume, now);
    }
    // An event that says where the pod is knows better than an answer that was lost.
    if (self.cache_.IsAssumed(pod.metadata.uid)) {
      self.cache_.RemovePod(pod.metadata.uid);
      self.HearOfRoom(binding.pod.info->pod);
    }
    const auto current = self.pods_.Get({pod.metadata.namespace_, pod.metadata.name});
    const bool is_over =
        !current || current->metadata.uid != pod.metadata.uid || !current->spec.node_name.empty();
    if (is_over) {
      self.queue_.Done(binding.pod.info->Key());
      return;
    }
    self.EventsFor(pod).Warning(pod, "FailedScheduling", EventText(error.message));
    // What was heard of it while it counted on the node nobody took in.
    const auto info = std::make_shared<const PodInfo>(current);
    self.queue_.Add(info, now);  // In flight, it is taken over by what follows.
    self.queue_.Failed(binding.pod, now);
    self.WriteUnplaced(info, {"SchedulerError", Shortened(error.message, kConditionBytesMax), ""},
                       binding.is_told);
  });
}

}  // namespace skiff::scheduler
