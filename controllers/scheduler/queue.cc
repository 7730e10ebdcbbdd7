#include "controllers/scheduler/queue.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace skiff::scheduler {
namespace {

constexpr std::string_view kDynamicResources = "DynamicResources";

uint32_t Bit(ClusterEvent event) {
  return static_cast<uint32_t>(event);
}

size_t PlaceOf(ClusterEvent event) {
  return static_cast<size_t>(std::countr_zero(Bit(event)));
}

// Of what happens within the queue.
constexpr std::string_view kAttemptFailure = "ScheduleAttemptFailure";

// As Kubernetes' scheduler calls them. Where one of our sorts stands for several of its events:
// what happens most.
std::string_view LabelOf(ClusterEvent event) {
  switch (event) {
    case ClusterEvent::kNodeAdded:
      return "NodeAdd";
    case ClusterEvent::kNodeAllocatable:
      return "NodeUpdateNodeAllocatable";
    case ClusterEvent::kNodeLabels:
      return "NodeUpdateNodeLabel";
    case ClusterEvent::kNodeTaints:
      return "NodeUpdateNodeTaint";
    case ClusterEvent::kNodeDeleted:
      return "NodeDelete";
    case ClusterEvent::kPodAdded:
      return "AssignedPodAdd";
    case ClusterEvent::kPodDeleted:
      return "AssignedPodDelete";
    case ClusterEvent::kPodShrunk:
      return "AssignedPodUpdatePodScaleDown";
    case ClusterEvent::kClaim:
      return "PersistentVolumeClaimUpdate";
    case ClusterEvent::kVolume:
      return "PersistentVolumeUpdate";
    case ClusterEvent::kStorageClass:
      return "storage.k8s.io/StorageClassAdd";
    case ClusterEvent::kVolumeLimit:
    case ClusterEvent::kNodeMigrates:
      return "storage.k8s.io/CSINodeUpdate";
    case ClusterEvent::kAttachmentDeleted:
      return "storage.k8s.io/VolumeAttachmentDelete";
    case ClusterEvent::kStorageCapacity:
      return "storage.k8s.io/CSIStorageCapacityUpdate";
    case ClusterEvent::kDeviceClaim:
      return "resource.k8s.io/ResourceClaimUpdate";
    case ClusterEvent::kDeviceClass:
      return "resource.k8s.io/DeviceClassUpdate";
    case ClusterEvent::kDeviceSlice:
      return "resource.k8s.io/ResourceSliceUpdate";
    case ClusterEvent::kNamespace:
      return "NamespaceUpdate";
    case ClusterEvent::kService:
      return "ServiceUpdate";
  }
  return "";
}

uint32_t HelpfulEvents(std::string_view rule) {
  using enum ClusterEvent;
  static const std::map<std::string_view, uint32_t> kHelpful = {
      {"NodeUnschedulable", Bit(kNodeTaints)},
      {"NodeName", 0},
      {"TaintToleration", Bit(kNodeTaints)},
      {"NodeAffinity", Bit(kNodeLabels)},
      {"NodePorts", Bit(kPodDeleted)},
      {"NodeResourcesFit", Bit(kPodDeleted) | Bit(kPodShrunk) | Bit(kNodeAllocatable)},
      {"VolumeRestrictions", Bit(kPodDeleted) | Bit(kClaim)},
      {"NodeVolumeLimits",
       Bit(kVolumeLimit) | Bit(kAttachmentDeleted) | Bit(kPodDeleted) | Bit(kClaim)},
      {"VolumeBinding", Bit(kClaim) | Bit(kVolume) | Bit(kStorageClass) | Bit(kNodeLabels) |
                            Bit(kStorageCapacity) | Bit(kNodeMigrates)},
      {"VolumeZone", Bit(kClaim) | Bit(kVolume) | Bit(kStorageClass) | Bit(kNodeLabels)},
      {"PodTopologySpread",
       Bit(kPodAdded) | Bit(kPodDeleted) | Bit(kNodeLabels) | Bit(kNodeTaints) | Bit(kNodeDeleted)},
      {"InterPodAffinity", Bit(kPodAdded) | Bit(kPodDeleted) | Bit(kNodeLabels) | Bit(kNamespace)},
      {kDynamicResources, Bit(kNodeLabels) | Bit(kNodeAllocatable) | Bit(kDeviceClaim) |
                              Bit(kDeviceClass) | Bit(kDeviceSlice)},
  };
  const auto found = kHelpful.find(rule);
  // A new node may help against any rule, and so may a change of taints that hid it before: by the
  // sort of the event alone. What it happened to says more (MayHelp).
  return Bit(kNodeAdded) | Bit(kNodeTaints) | (found == kHelpful.end() ? ~0U : found->second);
}

// Of whom no rule refused anything may help.
uint32_t HelpfulTo(const std::set<std::string>& rejectors) {
  if (rejectors.empty()) return ~0U;
  uint32_t events = 0;
  for (const std::string& rule : rejectors) events |= HelpfulEvents(rule);
  return events;
}

// Status updates, our own among them, are no reason to try again, unless they name claims that the
// pod waits for.
bool MayFitNow(const QueuedPod& waiting, const core_v1::Pod& now) {
  const core_v1::Pod& before = *waiting.info->pod;
  if (before.metadata.uid != now.metadata.uid || !(before.spec == now.spec) ||
      before.metadata.labels != now.metadata.labels) {
    return true;
  }
  return waiting.rejectors.contains(std::string(kDynamicResources)) &&
         before.status.resource_claim_statuses != now.status.resource_claim_statuses;
}

}  // namespace

void SchedulingQueue::Add(PodInfoPtr pod, Duration now) {
  const std::string key = pod->Key();
  if (const auto flying = in_flight_.find(key); flying != in_flight_.end()) {
    flying->second.updated = std::move(pod);
    flying->second.updated_at = now;
    flying->second.removed = false;
    return;
  }
  if (const auto found = active_keys_.find(key); found != active_keys_.end()) {
    Renew(active_.at(found->second), std::move(pod));
    return;
  }
  if (const auto found = backoff_.find(key); found != backoff_.end()) {
    Renew(found->second.second, std::move(pod));
    return;
  }
  QueuedPod queued;
  if (const auto found = unschedulable_.find(key); found != unschedulable_.end()) {
    const bool may_fit = MayFitNow(found->second, *pod->pod) && HelpsItself(found->second, *pod);
    Renew(found->second, pod);
    if (may_fit) BackOffOrActivate(*TakeUnschedulable(key), now, "UnschedulablePodUpdate");
    return;
  }
  queued.info = std::move(pod);
  queued.queued_at = now;
  Activate(std::move(queued), now, "UnschedulablePodAdd");
}

void SchedulingQueue::Renew(QueuedPod& waiting, PodInfoPtr now) const {
  TellOfRefusal(waiting, /*waits=*/false);
  waiting.info = std::move(now);
  TellOfRefusal(waiting, /*waits=*/true);
}

void SchedulingQueue::Remove(const std::string& key) {
  if (const auto found = active_keys_.find(key); found != active_keys_.end()) {
    TellOfRefusal(active_.at(found->second), /*waits=*/false);
    active_.erase(found->second);
    active_keys_.erase(found);
  }
  if (const auto found = backoff_.find(key); found != backoff_.end()) {
    TellOfRefusal(found->second.second, /*waits=*/false);
    EraseBackOff(found);
  }
  if (const auto gone = TakeUnschedulable(key)) TellOfRefusal(*gone, /*waits=*/false);
  if (const auto flying = in_flight_.find(key); flying != in_flight_.end()) {
    flying->second.removed = true;
  }
}

std::optional<QueuedPod> SchedulingQueue::Pop(Duration now) {
  FlushDue(now);
  std::optional<QueuedPod> pod;
  if (active_.empty()) {
    pod = TakeEarly();
  } else {
    pod = std::move(active_.begin()->second);
    active_keys_.erase(active_.begin()->first.key);
    active_.erase(active_.begin());
  }
  if (!pod) return pod;
  TellOfRefusal(*pod, /*waits=*/false);
  pod->rejectors.clear();
  pod->is_held = false;
  in_flight_[pod->info->Key()] = {.since = happened_, .uid = pod->info->uid()};
  pod->tried_at = now;
  ++pod->tries;
  return pod;
}

std::optional<QueuedPod> SchedulingQueue::TakeEarly() {
  if (early_.empty()) return std::nullopt;
  const auto place = backoff_.find(early_.begin()->then.key);
  QueuedPod pod = place->second.second;
  EraseBackOff(place);
  TellOf("active", "PopFromBackoffQ");
  return pod;
}

std::optional<SchedulingQueue::EarlyOrder> SchedulingQueue::EarlyOrderOf(
    Duration due, const QueuedPod& pod) const {
  if (pod.errors > 0) return std::nullopt;  // Who met an error has to wait.
  return EarlyOrder{std::chrono::floor<std::chrono::seconds>(due),
                    {pod.info->priority, pod.queued_at, pod.info->Key()}};
}

void SchedulingQueue::EraseBackOff(
    std::map<std::string, std::pair<Duration, QueuedPod>>::iterator place) {
  const auto& [due, pod] = place->second;
  due_.erase({due, place->first});
  if (const auto order = EarlyOrderOf(due, pod)) early_.erase(*order);
  backoff_.erase(place);
}

void SchedulingQueue::KeepFor(const std::string& key) {
  const auto flying = in_flight_.find(key);
  if (flying == in_flight_.end()) return;
  flying->second.since = happened_;
  kept_ = Kept{.key = key};
}

SchedulingQueue::InFlight SchedulingQueue::Land(const std::string& key) {
  InFlight flight = std::move(in_flight_[key]);
  in_flight_.erase(key);
  if (kept_ && kept_->key == key) flight.kept = std::exchange(kept_, std::nullopt);
  return flight;
}

void SchedulingQueue::Done(const std::string& key) {
  if (!in_flight_.contains(key)) return;
  const InFlight flight = Land(key);
  const bool is_another = flight.updated && flight.updated->uid() != flight.uid;
  if (is_another && !flight.removed) Add(flight.updated, flight.updated_at);
}

void SchedulingQueue::Unschedulable(QueuedPod pod, std::set<std::string> rejectors, Duration now) {
  const std::string key = pod.info->Key();
  const InFlight flight = Land(key);
  if (flight.removed) return;
  ++pod.attempts;
  pod.errors = 0;
  pod.rejectors = std::move(rejectors);
  Wait(std::move(pod), flight, now);
}

void SchedulingQueue::Hold(QueuedPod pod, const std::string& rule, Duration now) {
  const std::string key = pod.info->Key();
  const InFlight flight = Land(key);
  if (flight.removed) return;
  pod.rejectors = {rule};
  pod.is_held = true;
  if (--pod.tries == 0) pod.first_active_at.reset();
  Wait(std::move(pod), flight, now);
}

void SchedulingQueue::Wait(QueuedPod pod, const InFlight& flight, Duration now) {
  const std::string key = pod.info->Key();
  pod.queued_at = now;
  pod.helpful = HelpfulTo(pod.rejectors);
  const bool may_fit = (flight.updated && MayFitNow(pod, *flight.updated->pod) &&
                        HelpsItself(pod, *flight.updated)) ||
                       WasHelped(pod, flight);
  if (flight.updated) pod.info = flight.updated;
  TellOfRefusal(pod, /*waits=*/true);
  if (may_fit) {
    BackOffOrActivate(std::move(pod), now, kAttemptFailure);
  } else {
    TellOf("unschedulable", kAttemptFailure);
    due_.emplace(pod.queued_at + delays_.unschedulable, key);
    CountListener(pod, /*comes=*/true);
    unschedulable_[key] = std::move(pod);
  }
}

void SchedulingQueue::Failed(QueuedPod pod, Duration now) {
  const std::string key = pod.info->Key();
  const InFlight flight = Land(key);
  if (flight.removed) return;
  if (flight.updated) pod.info = flight.updated;
  ++pod.errors;
  pod.queued_at = now;
  BackOffOrActivate(std::move(pod), now, kAttemptFailure);
}

bool SchedulingQueue::Helps(const QueuedPod& waiting, ClusterEvent event,
                            const Change* change) const {
  if ((waiting.helpful & Bit(event)) == 0) return false;
  const Snapshot* const view = change != nullptr && view_ ? view_(*waiting.info->pod) : nullptr;
  if (view == nullptr || waiting.rejectors.empty()) return true;
  return std::ranges::any_of(waiting.rejectors, [&](const std::string& rule) {
    return (HelpfulEvents(rule) & Bit(event)) != 0 && AskHint(rule, waiting, event, *change, *view);
  });
}

bool SchedulingQueue::AskHint(const std::string& rule, const QueuedPod& waiting, ClusterEvent event,
                              const Change& change, const Snapshot& view) const {
  const bool is_told = hinted_ && hints_asked_++ % kHintsPerTold == 0;
  if (!is_told) return MayHelp(rule, *waiting.info, event, change, view);
  const Duration begin = clock_->Monotonic();
  const bool helps = MayHelp(rule, *waiting.info, event, change, view);
  hinted_(rule, LabelOf(event), helps, clock_->Monotonic() - begin);
  return helps;
}

bool SchedulingQueue::HelpsItself(const QueuedPod& waiting, const PodInfo& now) const {
  const Snapshot* const view = view_ ? view_(*now.pod) : nullptr;
  if (view == nullptr || waiting.rejectors.empty() || waiting.info->uid() != now.uid()) return true;
  return std::ranges::any_of(waiting.rejectors, [&](const std::string& rule) {
    return MayHelpItself(rule, *waiting.info, now, *view);
  });
}

void SchedulingQueue::Happened(ClusterEvent event, Duration now, const Change* change) {
  if (!handled_) return Handle(event, now, change);
  const Duration begun = clock_->Monotonic();
  Handle(event, now, change);
  handled_(LabelOf(event), clock_->Monotonic() - begun);
}

void SchedulingQueue::Handle(ClusterEvent event, Duration now, const Change* change) {
  happened_at_[Bit(event)] = ++happened_;
  if (kept_ && kept_->happenings.size() < kKeptMax) {
    auto& happening = kept_->happenings.emplace_back(Happening{event, std::nullopt});
    if (change != nullptr) happening.change = *change;
  } else if (kept_) {
    kept_->are_all = false;
  }
  if (listeners_[PlaceOf(event)] == 0) return;
  std::vector<std::string> helped;
  for (const auto& [key, waiting] : unschedulable_) {
    if (Helps(waiting, event, change)) helped.push_back(key);
  }
  for (const std::string& key : helped) {
    BackOffOrActivate(*TakeUnschedulable(key), now, LabelOf(event));
  }
}

uint32_t SchedulingQueue::EventsSince(const InFlight& flight) const {
  uint32_t events = 0;
  for (const auto& [bit, at] : happened_at_) events |= at > flight.since ? bit : 0;
  return events;
}

bool SchedulingQueue::WasHelped(const QueuedPod& rejected, const InFlight& flight) const {
  if ((rejected.helpful & EventsSince(flight)) == 0) return false;
  if (!flight.kept || !flight.kept->are_all) return true;
  return std::ranges::any_of(flight.kept->happenings, [&](const Happening& each) {
    return Helps(rejected, each.event, each.change ? &*each.change : nullptr);
  });
}

void SchedulingQueue::CountListener(const QueuedPod& waiting, bool comes) {
  if (waiting.is_held) held_ = comes ? held_ + 1 : held_ - 1;
  for (uint32_t events = waiting.helpful; events != 0; events &= events - 1) {
    size_t& listeners = listeners_[static_cast<size_t>(std::countr_zero(events))];
    if (comes) {
      ++listeners;
    } else {
      --listeners;
    }
  }
}

std::optional<QueuedPod> SchedulingQueue::TakeUnschedulable(const std::string& key) {
  const auto found = unschedulable_.find(key);
  if (found == unschedulable_.end()) return std::nullopt;
  QueuedPod pod = std::move(found->second);
  due_.erase({pod.queued_at + delays_.unschedulable, key});
  CountListener(pod, /*comes=*/false);
  unschedulable_.erase(found);
  return pod;
}

Duration SchedulingQueue::NextDue(Duration now) const {
  if (!active_.empty() || !early_.empty()) return 0ns;
  return due_.empty() ? kNever : std::max(due_.begin()->first - now, Duration::zero());
}

Duration SchedulingQueue::BackOff(int attempts) const {
  Duration delay = delays_.first;
  for (int i = 1; i < attempts && delay < delays_.most; ++i) delay *= 2;
  return std::min(delay, delays_.most);
}

void SchedulingQueue::Activate(QueuedPod pod, Duration now, std::string_view event) {
  TellOf("active", event);
  if (!pod.first_active_at) pod.first_active_at = now;
  const ActiveOrder order{pod.info->priority, pod.queued_at, pod.info->Key()};
  active_keys_.emplace(order.key, order);
  active_.emplace(order, std::move(pod));
}

void SchedulingQueue::BackOffOrActivate(QueuedPod pod, Duration now, std::string_view event) {
  const int failures = pod.errors > 0 ? pod.errors : pod.attempts;
  const Duration due = pod.queued_at + BackOff(failures);
  if (failures == 0 || due <= now) {
    Activate(std::move(pod), now, event);
    return;
  }
  TellOf("backoff", event);
  const std::string key = pod.info->Key();
  due_.emplace(due, key);
  if (auto order = EarlyOrderOf(due, pod)) early_.insert(*std::move(order));
  backoff_[key] = {due, std::move(pod)};
}

void SchedulingQueue::FlushDue(Duration now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const std::string key = due_.begin()->second;
    const auto waiting = backoff_.find(key);
    if (waiting == backoff_.end()) {
      BackOffOrActivate(*TakeUnschedulable(key), now, "UnschedulableTimeout");
      continue;
    }
    QueuedPod pod = waiting->second.second;
    EraseBackOff(waiting);
    Activate(std::move(pod), now, "BackoffComplete");
  }
}

}  // namespace skiff::scheduler
