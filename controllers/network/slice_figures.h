// endpoint_slice_controller_*: how often Services were looked at for their EndpointSlices, what was
// done to these, and how well endpoints are packed, under kube-controller-manager's names.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>

#include "base/metrics.h"
#include "base/mutex.h"
#include "client/object_key.h"

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

// Thread-safe.
class SliceFigures {
 public:
  // Null: nobody asks for them. Outlives it.
  explicit SliceFigures(MetricRegistry* registry);
  // "success", "error", or "stale": what is cached is not the newest.
  void Synced(std::string_view result);
  // "create", "update", "delete"
  void Changed(std::string_view operation);
  void Has(const ObjectKey& service, const PackedSlices& packed);
  void Forget(const ObjectKey& service);

 private:
  struct All {
    Mutex mutex;
    std::map<ObjectKey, PackedSlices> of GUARDED_BY(mutex);  // By Service.
    PackedSlices sum GUARDED_BY(mutex);
  };
  const std::shared_ptr<All> all_ = std::make_shared<All>();
  CounterFamily* synced_ = nullptr;
  CounterFamily* changed_ = nullptr;
};

}  // namespace skiff
