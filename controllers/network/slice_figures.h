// endpoint_slice_controller_* and endpoint_slice_mirroring_controller_*: how often Services were
// looked at for their EndpointSlices, what was done to these, and how well endpoints are packed,
// under kube-controller-manager's names.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/metrics.h"
#include "base/mutex.h"
#include "client/object_key.h"
#include "controllers/figures.h"
#include "controllers/network/endpoint_slice_plan.h"

namespace skiff {

// Of a Service.
struct PackedSlices {
  int64_t endpoints = 0;
  int64_t slices = 0;
  int64_t fewest = 0;  // In which they would have room.
  PackedSlices& operator+=(const PackedSlices& other);
};
// In how many slices so many endpoints on the same ports have room.
int64_t FewestSlices(int64_t endpoints, int64_t endpoints_max);

// Endpoints that changes bring into slices, take out of them, and have differently there.
struct EndpointTurnover {
  int64_t added = 0;
  int64_t removed = 0;
  int64_t updated = 0;
  EndpointTurnover& operator+=(const EndpointTurnover& other);
};
// `existing`: the slices that they are changes of.
EndpointTurnover TurnoverOf(const SliceChanges& changes,
                            const std::vector<Ptr<discovery_v1::EndpointSlice>>& existing);

// Thread-safe.
class SliceFigures {
 public:
  // Whether endpoints come from pods or from Endpoints objects, of which it says "mirrored".
  enum class Of { kPods, kEndpoints };
  // Null: nobody asks for them. Outlives it.
  explicit SliceFigures(MetricRegistry* registry, Of of = Of::kPods);
  bool is_asked_for() const { return changed_ != nullptr; }
  // "success", "error", or "stale": what is cached is not the newest.
  void Synced(std::string_view result);
  // "create", "update", "delete"
  void Changed(std::string_view operation);
  // A round came to that.
  void Turned(const EndpointTurnover& turnover);
  // So many slices were written, of a Service with that trafficDistribution ("") or with topology
  // aware hints.
  void ChangedAtOnce(size_t slices, bool has_hints, std::string_view distribution);
  // Of a mirrored one: addresses that none of its slices has, and how long it took.
  void Mirrored(int64_t skipped, Duration took);
  void Distributes(const ObjectKey& service, const std::optional<std::string>& distribution);
  void Has(const ObjectKey& service, const PackedSlices& packed);
  void Forget(const ObjectKey& service);

 private:
  void AddOfPods(MetricRegistry& registry);

  struct All {
    Mutex mutex;
    std::map<ObjectKey, PackedSlices> of GUARDED_BY(mutex);  // By Service.
    PackedSlices sum GUARDED_BY(mutex);
    std::map<ObjectKey, std::string> distributions GUARDED_BY(mutex);  // By Service.
  };
  const std::shared_ptr<All> all_ = std::make_shared<All>();
  CounterFamily* synced_ = nullptr;
  CounterFamily* changed_ = nullptr;
  HistogramFamily* added_ = nullptr;
  HistogramFamily* removed_ = nullptr;
  HistogramFamily* at_once_ = nullptr;  // Of pods, as `synced_`.
  HistogramFamily* updated_ = nullptr;  // Of mirrored ones, as those below.
  HistogramFamily* skipped_ = nullptr;
  HistogramFamily* took_ = nullptr;
};

}  // namespace skiff
