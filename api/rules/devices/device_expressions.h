// What expressions that select devices may name, and how they are asked of a device:
//
//   const auto selector = TRY(CompileDeviceSelector("device.attributes['a.io'].memory > 4"));
//   const cel::Value device = TRY(DeviceValue("a.io", slice.spec.devices[0]));
//   const bool matches = TRY(Selects(*selector, device));
//
// A name without a domain is of the driver's. A domain that a device knows nothing of is an empty
// map of names, so that expressions about other drivers' devices do not fail on it.
#pragma once

#include <memory>
#include <string_view>

#include "api/cel/program.h"
#include "api/gen/resource_v1.h"

namespace skiff {

inline constexpr uint64_t kDeviceSelectorCostMax = 1000000;

// Of the variable `device`: its bounds are those that estimates of costs take.
const cel::TypeRef& DeviceType();
// Fails as Compile, and where the expression is not of type bool, nor of one that is only known
// when the device is there.
Result<std::shared_ptr<const cel::Program>> CompileDeviceSelector(std::string_view expression);
// Looks into `device`, which outlives it. Fails where an attribute has no value that is known.
Result<cel::Value> DeviceValue(std::string_view driver, const resource_v1::Device& device);
// Fails with what is wrong, in Kubernetes' words: "no such key: memory".
Result<bool> Selects(const cel::Program& selector, const cel::Value& device);

}  // namespace skiff
