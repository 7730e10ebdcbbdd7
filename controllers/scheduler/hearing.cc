// The part of the scheduler that hears what happens to nodes and pods, and tells the queue what of
// it may let somebody fit (hints.h).
#include "controllers/scheduler/scheduler.h"

namespace skiff::scheduler {
namespace {

std::shared_ptr<const NodeInfo> BareNode(const Ptr<core_v1::Node>& node) {
  if (!node) return nullptr;
  auto info = std::make_shared<NodeInfo>();
  info->SetNode(node);
  return info;
}

PodInfoPtr InfoOf(const Ptr<core_v1::Pod>& pod) {
  return pod ? std::make_shared<const PodInfo>(pod) : nullptr;
}

}  // namespace

void Scheduler::MakeViews() {
  for (const Profile& profile : options_.profiles) {
    Snapshot& view = views_[profile.name];
    view.profile = &profile;
    if (metrics_) view.evaluations = &metrics_->EvaluationsOf(profile);
    view.namespace_labels = [this](const std::string& name) {
      const auto found = namespaces_.Get({"", name});
      return found ? found->metadata.labels : std::map<std::string, std::string>();
    };
    view.default_spread_selector = [this](const core_v1::Pod& pod) {
      return DefaultSpreadSelector(pod);
    };
    view.device_claim = [this](const std::string& namespace_, const std::string& name) {
      return ledger_.Get(namespace_, name);
    };
  }
}

void Scheduler::HearOfChange(ClusterEvent event, const Change& change) {
  queue_.Happened(event, clock_.Monotonic(), &change);
}

void Scheduler::HearOfRoom(const Ptr<core_v1::Pod>& pod) {
  Change change;
  if (queue_.AnyListens()) change.pod.before = InfoOf(pod);
  HearOfChange(ClusterEvent::kPodDeleted, change);
}

void Scheduler::HearOfPlaced(const Ptr<core_v1::Pod>& before, const Ptr<core_v1::Pod>& now) {
  const bool is_new = !before || before->spec.node_name.empty();
  const bool has_other_labels = is_new || before->metadata.labels != now->metadata.labels;
  const bool is_waited_for = queue_.AnyListens();
  // Nearly all that is heard of placed pods is their status, and mostly nobody waits.
  const bool may_ask_for_less =
      is_waited_for && !is_new &&
      (before->spec.containers != now->spec.containers ||
       before->spec.init_containers != now->spec.init_containers ||
       before->spec.resources != now->spec.resources ||
       before->status.container_statuses != now->status.container_statuses ||
       before->status.init_container_statuses != now->status.init_container_statuses ||
       before->status.conditions != now->status.conditions);  // Of a resize, too.
  if (!has_other_labels && !may_ask_for_less) return;
  Change change;
  if (is_waited_for) change.pod = {is_new ? nullptr : InfoOf(before), InfoOf(now)};
  if (has_other_labels) HearOfChange(ClusterEvent::kPodAdded, change);
  if (may_ask_for_less && AsksForLess(*change.pod.before, *change.pod.now)) {
    HearOfChange(ClusterEvent::kPodShrunk, change);
  }
}

void Scheduler::NodeChanged(const Ptr<core_v1::Node>& before, const Ptr<core_v1::Node>& now) {
  if (!before && !now) return;
  if (now) {
    cache_.SetNode(now);
  } else {
    cache_.RemoveNode(before->metadata.name);
    ClaimsChanged();  // Nobody makes a volume there any more.
  }
  const bool stays = before && now;
  const bool has_other_room = stays && before->status.allocatable != now->status.allocatable;
  const bool has_other_labels = stays && before->metadata.labels != now->metadata.labels;
  const bool has_other_taints = stays && (before->spec.taints != now->spec.taints ||
                                          before->spec.unschedulable != now->spec.unschedulable);
  // Most of what is heard of nodes is that they are still there.
  if (stays && !has_other_room && !has_other_labels && !has_other_taints) return;
  Change change;
  if (queue_.AnyListens()) change.node = {BareNode(before), BareNode(now)};
  if (!before) HearOfChange(ClusterEvent::kNodeAdded, change);
  if (!now) HearOfChange(ClusterEvent::kNodeDeleted, change);
  if (has_other_room) HearOfChange(ClusterEvent::kNodeAllocatable, change);
  if (has_other_labels) HearOfChange(ClusterEvent::kNodeLabels, change);
  if (has_other_taints) HearOfChange(ClusterEvent::kNodeTaints, change);
}

}  // namespace skiff::scheduler
