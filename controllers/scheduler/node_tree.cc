#include "controllers/scheduler/node_tree.h"

#include <algorithm>
#include <utility>

namespace skiff::scheduler {

bool NodeTree::Set(const NodeInfo* node, const std::string& zone) {
  const auto place = places_.find(node);
  if (place != places_.end() && place->second.zone == zone) return false;
  Remove(node);
  const uint64_t arrival = ++arrivals_;
  const auto [entry, is_new] = zones_.try_emplace(zone);
  if (is_new) entry->second.arrival = arrival;
  entry->second.nodes.emplace(arrival, node);
  places_[node] = {zone, arrival};
  return true;
}

bool NodeTree::Remove(const NodeInfo* node) {
  const auto place = places_.find(node);
  if (place == places_.end()) return false;
  const auto zone = zones_.find(place->second.zone);
  zone->second.nodes.erase(place->second.arrival);
  if (zone->second.nodes.empty()) zones_.erase(zone);
  places_.erase(place);
  return true;
}

std::vector<const NodeInfo*> NodeTree::List() const {
  std::vector<const Zone*> zones;
  zones.reserve(zones_.size());
  for (const auto& [name, zone] : zones_) zones.push_back(&zone);
  std::ranges::sort(zones, {}, &Zone::arrival);
  using Next = std::map<uint64_t, const NodeInfo*>::const_iterator;
  std::vector<std::pair<Next, Next>> left;  // Of each zone.
  left.reserve(zones.size());
  for (const Zone* zone : zones) left.emplace_back(zone->nodes.begin(), zone->nodes.end());
  std::vector<const NodeInfo*> nodes;
  nodes.reserve(places_.size());
  while (!left.empty()) {
    for (auto& [next, end] : left) nodes.push_back((next++)->second);
    std::erase_if(left, [](const auto& zone) { return zone.first == zone.second; });
  }
  return nodes;
}

}  // namespace skiff::scheduler
