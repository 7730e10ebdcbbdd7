// What the schema cannot say about a ResourceSlice and a DeviceClass.
#include "api/gen/resource_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using resource_v1::DeviceClass;
using resource_v1::ResourceSlice;

void Stamp(ResourceSlice& object, const ResourceSlice*, TimePoint now) {
  for (auto& device : object.spec.devices) {
    for (auto& taint : device.taints) {
      Default(taint.time_added, Time(TimePoint(std::chrono::floor<std::chrono::seconds>(now))));
    }
  }
}

}  // namespace

Rules ResourceSliceRules() {
  return Erase<ResourceSlice>({
      .prepare_create = PrepareCreate<ResourceSlice>,
      .prepare_update = PrepareUpdate<ResourceSlice>,
      .stamp = Stamp,
  });
}

Rules DeviceClassRules() {
  return Erase<DeviceClass>({
      .prepare_create = PrepareCreate<DeviceClass>,
      .prepare_update = PrepareUpdate<DeviceClass>,
  });
}

}  // namespace skiff
