#include "controllers/scheduler/devices/device_constraint.h"

namespace skiff::scheduler {
namespace {

using resource_v1::DeviceAttribute;

// Values of the same sort alone are alike; what has none is like nothing.
bool AreAlike(const DeviceAttribute& a, const DeviceAttribute& b) {
  if (a.string) return a.string == b.string;
  if (a.int_) return a.int_ == b.int_;
  if (a.bool_) return a.bool_ == b.bool_;
  return a.version && a.version == b.version;
}

}  // namespace

bool MatchAttribute::Add(const DeviceWish& wish, std::string_view driver,
                         const resource_v1::Device& device) {
  if (!wish.IsAmong(requests_)) return true;
  const DeviceAttribute* const value = FindAttribute(device, driver, attribute_);
  if (value == nullptr) return false;
  if (devices_ == 0) {
    value_ = value;
  } else if (!AreAlike(*value, *value_)) {
    return false;
  }
  ++devices_;
  return true;
}

void MatchAttribute::Remove(const DeviceWish& wish) {
  if (wish.IsAmong(requests_)) --devices_;
}

const DeviceAttribute* FindAttribute(const resource_v1::Device& device, std::string_view driver,
                                     const std::string& name) {
  const auto whole = device.attributes.find(name);
  if (whole != device.attributes.end()) return &whole->second;
  const size_t slash = name.find('/');
  if (slash == std::string::npos || name.substr(0, slash) != driver) return nullptr;
  const auto own = device.attributes.find(name.substr(slash + 1));
  return own == device.attributes.end() ? nullptr : &own->second;
}

}  // namespace skiff::scheduler
