#include "controllers/scheduler/cache.h"

#include <set>
#include <string_view>
#include <utility>

#include "controllers/nodes/node_health.h"

namespace skiff::scheduler {
namespace {

// Whether rules find in both versions of a pod the same to count. A new spec has a new generation,
// but for the name of the node; what it takes is also up to its status.
bool CountAlike(const PodInfo& one, const PodInfo& other) {
  const meta_v1::ObjectMeta& before = one.pod->metadata;
  const meta_v1::ObjectMeta& now = other.pod->metadata;
  return before.generation != 0 && before.generation == now.generation &&
         before.labels == now.labels &&
         before.deletion_timestamp.has_value() == now.deletion_timestamp.has_value() &&
         one.requests == other.requests && one.non_zero == other.non_zero;
}

}  // namespace

Cache::Infos::iterator Cache::At(const std::string& node) {
  const auto [place, is_new] = nodes_.try_emplace(node);
  if (is_new && free_slots_.empty()) {
    place->second.slot = nodes_.size() - 1;
  } else if (is_new) {
    place->second.slot = free_slots_.back();
    free_slots_.pop_back();
  }
  return place;
}

void Cache::Erase(Infos::iterator node) {
  free_slots_.push_back(node->second.slot);
  nodes_.erase(node);
}

void Cache::SetNode(NodePtr node) {
  NodeInfo& info = At(node->metadata.name)->second;
  order_is_stale_ |= tree_.Set(&info, ZoneOf(*node));
  const bool stays = info.node && info.node->metadata.labels == node->metadata.labels;
  const bool same_images = info.node && info.node->status.images == node->status.images;
  if (info.node && !stays) counts_.RemoveNode(info);
  if (info.node && !same_images) CountImages(info, -1);
  if (info.node) CountRepellents(info, -1);
  info.SetNode(std::move(node));
  CountRepellents(info, 1);
  if (!stays) counts_.AddNode(info);
  if (!same_images) CountImages(info, 1);
}

void Cache::CountImages(const NodeInfo& info, int64_t sign) {
  if (!info.images) return;
  std::set<std::string_view> counted;
  for (const auto& image : info.node->status.images) {
    for (const std::string& name : image.names) {
      if (!counted.insert(name).second) continue;  // A node that says it twice is one.
      const auto place = images_.try_emplace(name, ImageSpread{image.size_bytes, 0}).first;
      place->second.nodes += sign;
      if (place->second.nodes == 0) images_.erase(place);
    }
  }
}

void Cache::CountRepellents(const NodeInfo& info, int sign) {
  if (info.unschedulable) repellents_.unschedulable += static_cast<size_t>(sign);
  if (info.has_taints) repellents_.tainted += static_cast<size_t>(sign);
}

void Cache::RemoveNode(const std::string& name) {
  const auto found = nodes_.find(name);
  if (found == nodes_.end() || !found->second.node) return;
  order_is_stale_ |= tree_.Remove(&found->second);
  counts_.RemoveNode(found->second);
  CountImages(found->second, -1);
  CountRepellents(found->second, -1);
  if (found->second.pods.empty()) {
    Erase(found);
  } else {
    found->second.node = nullptr;
  }
}

bool Cache::Renew(const PodInfoPtr& pod) {
  const auto place = places_.find(pod->uid());
  if (place == places_.end() || place->second.node->first != pod->pod->spec.node_name) {
    return false;
  }
  PodInfoPtr& known = place->second.node->second.pods.at(pod->uid());
  if (!CountAlike(*known, *pod)) return false;
  known = pod;
  if (std::exchange(place->second.assumed, false)) --assumed_;
  return true;
}

void Cache::SetPod(PodPtr pod) {
  const std::string node = pod->spec.node_name;
  const auto info = std::make_shared<const PodInfo>(std::move(pod));
  if (!Renew(info)) Put(info, node, false);
}

bool Cache::RemovePod(const std::string& uid) {
  const auto place = places_.find(uid);
  if (place == places_.end()) return false;
  const auto node = place->second.node;
  const PodInfoPtr pod = node->second.pods.at(uid);
  if (node->second.node) counts_.RemovePod(*pod, node->second);
  node->second.RemovePod(uid);
  if (!node->second.node && node->second.pods.empty()) Erase(node);
  if (place->second.assumed) --assumed_;
  places_.erase(place);
  return true;
}

void Cache::Assume(PodInfoPtr pod, const std::string& node) {
  Put(std::move(pod), node, true);
}

bool Cache::IsAssumed(const std::string& uid) const {
  const auto place = places_.find(uid);
  return place != places_.end() && place->second.assumed;
}

void Cache::Put(PodInfoPtr pod, const std::string& node, bool assumed) {
  const std::string uid = pod->uid();
  RemovePod(uid);
  const auto place = At(node);
  NodeInfo& info = place->second;
  if (info.node) counts_.AddPod(*pod, info);
  info.AddPod(std::move(pod));
  places_[uid] = {place, assumed};
  if (assumed) ++assumed_;
}

const NodeList& Cache::Nodes() {
  if (!order_is_stale_) return order_;
  NodeList::Nodes order = tree_.List();
  NodeList::Slots slots;
  slots.reserve(order.size());
  for (const NodeInfo* node : order) slots.push_back(node->slot);
  order_ = NodeList(std::move(order), std::move(slots));
  order_is_stale_ = false;
  return order_;
}

const NodeInfo* Cache::Find(const std::string& name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() || !found->second.node ? nullptr : &found->second;
}

}  // namespace skiff::scheduler
