// Finds devices for claims on one node. Pure, depth first: claim by claim, request by request,
// device by device, each the first that is free, selected and within the claim's constraints; where
// it goes no further the last one taken is put back for the next. The first whole solution is the
// answer. Of a request's alternatives (firstAvailable) the first one with which all the rest can be
// met is taken.
//
//   DeviceSearch search({.claims = unallocated, .slices = slices, .allocated = allocated, ...});
//   const DeviceOutcome outcome = search.Allocate(node, give_up);
//   if (outcome.code == DeviceOutcome::Code::kFound) ...  // A result a claim, in their order.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "controllers/scheduler/devices/device_requests.h"
#include "controllers/scheduler/devices/device_set.h"
#include "controllers/scheduler/devices/device_slices.h"

namespace skiff::scheduler {

inline constexpr int64_t kDevicesPerClaimMax = 32;  // More: the API takes no such allocation.

struct DeviceOutcome {
  enum class Code {
    kFound,
    kNone,          // Not on this node.
    kInvalidPools,  // Nor that, but a pool that might have had more is wrong in itself.
    kGivenUp,       // It took too long.
    kFailed,        // A claim, a class or a slice is wrong: no node will do.
  };
  Code code = Code::kNone;
  std::vector<resource_v1::AllocationResult> results;
  std::string error;  // Of kFailed.
};

struct DeviceSearchInput {
  std::vector<DeviceClaimPtr> claims;  // What is to be allocated together.
  std::shared_ptr<const DeviceSlices> slices;
  const DeviceSet* allocated;  // Outlives the search, and stays as it is.
  FindDeviceClass device_class;
  DeviceSelectors* selectors;  // Outlives the search.
};

class DeviceSearch {
 public:
  explicit DeviceSearch(DeviceSearchInput input) : input_(std::move(input)) {}
  // `give_up` is asked again and again. What was found out about devices is kept for other nodes,
  // and so is the outcome, for those that reach the same devices: it is what it was as long as this
  // lives, whatever has been allocated since.
  DeviceOutcome Allocate(const core_v1::Node& node, const std::function<bool()>& give_up);

 private:
  friend class DeviceAttempt;
  struct Asked {
    const void* wish;  // Its name: where it stands in the claim.
    const resource_v1::Device* device;
    bool operator==(const Asked&) const = default;
  };
  struct HashOfAsked {
    size_t operator()(const Asked& asked) const {
      return std::hash<const void*>()(asked.wish) * 31 + std::hash<const void*>()(asked.device);
    }
  };

  const DeviceSearchInput input_;
  // By what was reached; of nodes without devices of their own, as the others differ.
  std::map<DeviceSlices::Slices, DeviceOutcome> outcomes_;
  std::unordered_map<Asked, bool, HashOfAsked> selected_;
};

}  // namespace skiff::scheduler
