// What one scheduling cycle finds out about the ResourceClaims of its pod: which node could have
// which devices, and which claims are tied to nodes that are of no use. Made for a cycle and kept
// until what comes of it is decided.
//
//   DeviceCycle cycle(pod, view);
//   cycle.Prepare();            // Once; rules may ask again.
//   cycle.Check(node);          // What fits is remembered.
//   cycle.Plan("node1");        // What has to be written for it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "controllers/scheduler/devices/device_search.h"
#include "controllers/scheduler/devices/pod_devices.h"
#include "controllers/scheduler/devices/search_allowance.h"
#include "controllers/scheduler/framework.h"

namespace skiff::scheduler {

// Where a cycle looks; all of it outlives the cycle.
struct DeviceView {
  FindDeviceClaim claim;
  // Of a claim's uid: somebody else has it allocated at this moment.
  std::function<bool(const std::string& uid)> is_under_way;
  const DeviceSet* allocated = nullptr;
  std::function<std::shared_ptr<const DeviceSlices>()> slices;
  FindDeviceClass device_class;
  DeviceSelectors* selectors = nullptr;
  std::function<Duration()> now;
  // On one node; 0: none. A cycle holds up all other pods: on all nodes together it searches no
  // longer than twice that, but for a moment on each; less where the same was asked in vain.
  Duration search_timeout = 10s;
  SearchAllowances* allowances = nullptr;
};

// A claim that a pod will use, and what has to be written for that.
struct DeviceBinding {
  DeviceClaimPtr claim;
  std::optional<resource_v1::AllocationResult> allocation;  // nullopt: it is allocated already.
};

// Whether the claim is by now one that this can still be written to; fails, and not by a conflict,
// where a newer version would not mend it.
Result<> CanStillBind(const DeviceBinding& device, const resource_v1::ResourceClaim& now);

class DeviceCycle {
 public:
  DeviceCycle(const core_v1::Pod& pod, DeviceView view) : pod_(pod), view_(std::move(view)) {}

  // Whether any node is worth a look.
  const Verdict& Prepare();
  bool was_prepared() const { return prepared_.has_value(); }
  // Empty too where Prepare found something wrong.
  bool has_claims() const { return !claims_.empty(); }
  // Prepared well.
  Verdict Check(const core_v1::Node& node);
  // Of a node that was checked.
  int64_t PreferenceOn(const std::string& node) const;
  std::vector<DeviceBinding> Plan(const std::string& node) const;
  // One of those that are allocated where the pod cannot go, and that nobody else uses: a new
  // allocation may do. Null: there is none.
  DeviceClaimPtr ToFree(Random& random) const;

 private:
  Verdict PrepareOnce();
  DeviceOutcome SearchOn(const core_v1::Node& node);
  // All that the claims to be allocated ask for, in short.
  const std::string& Question();

  const core_v1::Pod& pod_;
  const DeviceView view_;
  std::optional<Verdict> prepared_;
  std::vector<DeviceClaimPtr> claims_;
  std::optional<DeviceSearch> search_;  // For those that are not allocated, if any.
  std::string question_;                // "": not asked for.
  Duration time_{};                     // That searches have, on all nodes together.
  Duration searched_{};                 // For how long.
  std::map<std::string, std::vector<resource_v1::AllocationResult>> found_;  // By node.
  std::set<size_t> out_of_reach_;  // Of claims_: tied to other nodes than one that was checked.
};

}  // namespace skiff::scheduler
