#include "controllers/scheduler/devices/device_slices.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "api/select/node_selector.h"

namespace skiff::scheduler {
namespace {

using resource_v1::ResourceSlice;
using Slices = DeviceSlices::Slices;

PoolKey KeyOfPool(const ResourceSlice& slice) {
  return {slice.spec.driver, slice.spec.pool.name};
}

// Devices that share counters, or say each for itself where they are: features that are off.
bool IsOfFeatureThatIsOff(const ResourceSlice& slice) {
  return slice.spec.per_device_node_selection || !slice.spec.shared_counters.empty();
}

// Keeps the slices of the newest generation.
void AddNewest(Slices& slices, const ResourceSlice& slice) {
  const int64_t generation = slice.spec.pool.generation;
  const int64_t known = slices.empty() ? generation : slices[0]->spec.pool.generation;
  if (generation < known) return;
  if (generation > known) slices.clear();
  slices.push_back(&slice);
}

bool HasDuplicates(const Slices& slices) {
  std::set<std::string_view> names;
  for (const ResourceSlice* slice : slices) {
    for (const auto& device : slice->spec.devices) {
      if (!names.insert(device.name).second) return true;
    }
  }
  return false;
}

}  // namespace

DeviceSlices::DeviceSlices(std::vector<SlicePtr> slices) : all_(std::move(slices)) {
  std::ranges::sort(
      all_, {}, [](const SlicePtr& slice) -> const std::string& { return slice->metadata.name; });
  for (const SlicePtr& slice : all_) {
    by_pool_[KeyOfPool(*slice)].push_back(slice.get());
    if (IsOfFeatureThatIsOff(*slice)) continue;
    const std::string node = slice->spec.node_name.value_or("");
    if (!node.empty()) {
      by_node_[node].push_back(slice.get());
    } else if (slice->spec.all_nodes.value_or(false) || slice->spec.node_selector) {
      of_many_.push_back(slice.get());
    }
  }
}

Slices DeviceSlices::ReachedFrom(const core_v1::Node& node) const {
  Slices reached;
  if (const auto own = by_node_.find(node.metadata.name); own != by_node_.end()) {
    reached = own->second;
  }
  for (const ResourceSlice* slice : of_many_) {
    const bool is_here =
        slice->spec.all_nodes.value_or(false) || Matches(*slice->spec.node_selector, node);
    if (is_here) reached.push_back(slice);
  }
  return reached;
}

std::vector<DevicePool> DeviceSlices::PoolsOf(const Slices& reached) const {
  std::map<PoolKey, Slices> pools;
  for (const ResourceSlice* slice : reached) AddNewest(pools[KeyOfPool(*slice)], *slice);
  std::vector<DevicePool> judged;
  for (auto& [key, slices] : pools) {
    std::ranges::sort(slices, {}, [](const ResourceSlice* slice) -> const std::string& {
      return slice->metadata.name;
    });
    if (auto pool = Judge(key, std::move(slices))) judged.push_back(*std::move(pool));
  }
  return judged;
}

std::optional<DevicePool> DeviceSlices::Judge(const PoolKey& key, Slices newest) const {
  const resource_v1::ResourcePool& pool = newest[0]->spec.pool;
  DevicePool judged{.key = key};
  if (static_cast<int64_t>(newest.size()) != pool.resource_slice_count) {
    // The others may be for other nodes.
    int64_t count = 0;
    for (const ResourceSlice* slice : by_pool_.at(key)) {
      if (slice->spec.pool.generation > pool.generation) return std::nullopt;
      count += slice->spec.pool.generation == pool.generation ? 1 : 0;
    }
    judged.is_incomplete = count != pool.resource_slice_count;
    if (judged.is_incomplete) return judged;
  }
  judged.is_invalid = HasDuplicates(newest);
  if (!judged.is_invalid) judged.slices = std::move(newest);
  return judged;
}

}  // namespace skiff::scheduler
