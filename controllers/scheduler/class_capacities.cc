#include "controllers/scheduler/class_capacities.h"

#include <algorithm>
#include <optional>

#include "api/select/selector.h"

namespace skiff::scheduler {
namespace {

// The largest volume that can be made; nullopt: it is not known, and none is.
const std::optional<Quantity>& LargestOf(const storage_v1::CSIStorageCapacity& capacity) {
  return capacity.maximum_volume_size ? capacity.maximum_volume_size : capacity.capacity;
}

bool IsForLabels(const storage_v1::CSIStorageCapacity& capacity,
                 const ClassCapacities::Labels& labels) {
  const meta_v1::LabelSelector& topology = *capacity.node_topology;
  // Drivers name labels, and nothing but these.
  const bool has_all = std::all_of(topology.match_labels.begin(), topology.match_labels.end(),
                                   [&](const auto& wanted) {
                                     const auto label = labels.find(wanted.first);
                                     return label != labels.end() && label->second == wanted.second;
                                   });
  if (!has_all || topology.match_expressions.empty()) return has_all;
  const auto selector = LabelSelector::From(topology);
  return selector && selector->Matches(labels);
}

bool AnyHasRoom(const std::vector<ClassCapacities::Capacity>& capacities,
                const ClassCapacities::Labels& node, int64_t wanted) {
  return std::any_of(capacities.begin(), capacities.end(), [&](const auto& capacity) {
    const auto& largest = LargestOf(*capacity);
    return largest && largest->Value() >= wanted && IsForLabels(*capacity, node);
  });
}

}  // namespace

ClassCapacities::ClassCapacities(const std::vector<Capacity>& capacities) {
  for (const Capacity& capacity : capacities) {
    if (!capacity->node_topology) continue;  // It is for no node.
    const auto& labels = capacity->node_topology->match_labels;
    if (labels.empty()) {
      others_.push_back(capacity);
    } else {
      by_label_[labels.begin()->first][labels.begin()->second].push_back(capacity);
    }
  }
}

bool ClassCapacities::HaveRoom(const Labels& node, int64_t wanted) const {
  for (const auto& [key, by_value] : by_label_) {
    const auto label = node.find(key);
    if (label == node.end()) continue;
    const auto found = by_value.find(label->second);
    if (found != by_value.end() && AnyHasRoom(found->second, node, wanted)) return true;
  }
  return AnyHasRoom(others_, node, wanted);
}

bool RaisesCapacity(const storage_v1::CSIStorageCapacity* before,
                    const storage_v1::CSIStorageCapacity& now) {
  if (before == nullptr) return true;
  const auto& largest = LargestOf(now);
  const auto& largest_before = LargestOf(*before);
  return largest && (!largest_before || *largest > *largest_before);
}

}  // namespace skiff::scheduler
