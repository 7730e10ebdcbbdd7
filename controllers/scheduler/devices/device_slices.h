// The devices that a node can reach, by pools, as drivers publish them in ResourceSlices. A driver
// renews a pool by slices of a higher generation: as long as those of the newest are not all there,
// nothing is taken from it. Pure.
//
//   const DeviceSlices slices(all_slices);
//   for (const DevicePool& pool : slices.PoolsFor(node)) ...
//   slices.PoolsOf(slices.ReachedFrom(node))    // The same; where the same is reached, it is so.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/resource_v1.h"

namespace skiff::scheduler {

using SlicePtr = std::shared_ptr<const resource_v1::ResourceSlice>;
using PoolKey = std::pair<std::string, std::string>;  // Driver, pool.

struct DevicePool {
  PoolKey key;
  // Not all slices of the newest generation are there; it shows none then.
  bool is_incomplete = false;
  // Two devices have the same name; it shows none then.
  bool is_invalid = false;
  // Of the newest generation, and for that node.
  std::vector<const resource_v1::ResourceSlice*> slices;

  // "gpu.example.com/pool-1"
  std::string Text() const { return key.first + "/" + key.second; }
};

class DeviceSlices {
 public:
  using Slices = std::vector<const resource_v1::ResourceSlice*>;
  explicit DeviceSlices(std::vector<SlicePtr> slices);
  // Of all generations: its own, then those of several nodes. They point into this.
  Slices ReachedFrom(const core_v1::Node& node) const;
  // In the order of their keys, with slices in the order of their names.
  std::vector<DevicePool> PoolsOf(const Slices& reached) const;
  std::vector<DevicePool> PoolsFor(const core_v1::Node& node) const {
    return PoolsOf(ReachedFrom(node));
  }

 private:
  // nullopt: a newer generation has nothing for the node, so that the pool has not.
  std::optional<DevicePool> Judge(const PoolKey& key, Slices newest) const;

  std::vector<SlicePtr> all_;
  std::map<PoolKey, Slices> by_pool_;
  std::map<std::string, Slices, std::less<>> by_node_;  // Those of one node.
  Slices of_many_;                                      // Of all nodes, or of those selected.
};

}  // namespace skiff::scheduler
