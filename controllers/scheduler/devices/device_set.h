// Devices that claims hold. One that several hold stays until the last has let go of it.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "api/gen/resource_v1.h"
#include "controllers/scheduler/devices/device_slices.h"

namespace skiff::scheduler {

class DeviceSet {
 public:
  // What is allocated for administrators is nobody's.
  void Add(const resource_v1::AllocationResult& allocation) { Count(allocation, 1); }
  void Remove(const resource_v1::AllocationResult& allocation) { Count(allocation, -1); }
  bool Contains(const PoolKey& pool, std::string_view device) const {
    const auto devices = pools_.find(pool);
    return devices != pools_.end() && devices->second.contains(device);
  }
  bool empty() const { return pools_.empty(); }

 private:
  void Count(const resource_v1::AllocationResult& allocation, int by) {
    for (const auto& result : allocation.devices.results) {
      if (result.admin_access.value_or(false)) continue;
      const auto pool = pools_.try_emplace({result.driver, result.pool}).first;
      const auto holders = pool->second.try_emplace(result.device, 0).first;
      holders->second += by;
      if (holders->second <= 0) pool->second.erase(holders);
      if (pool->second.empty()) pools_.erase(pool);
    }
  }

  std::map<PoolKey, std::map<std::string, int, std::less<>>> pools_;
};

}  // namespace skiff::scheduler
