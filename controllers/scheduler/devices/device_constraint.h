// A constraint of a claim: all devices of some of its requests have the same value of an attribute.
// Devices are added and taken back in turn, last in first out.
#pragma once

#include <string>
#include <string_view>

#include "controllers/scheduler/devices/device_requests.h"

namespace skiff::scheduler {

class MatchAttribute {
 public:
  // Points into the claim.
  explicit MatchAttribute(const resource_v1::DeviceConstraint& constraint)
      : requests_(constraint.requests), attribute_(*constraint.match_attribute) {}
  // Whether the device goes with those that are there already; it is one of them then. One that is
  // for other requests always does.
  bool Add(const DeviceWish& wish, std::string_view driver, const resource_v1::Device& device);
  void Remove(const DeviceWish& wish);

 private:
  const std::vector<std::string>& requests_;
  const std::string& attribute_;                         // "driver.example.com/numa"
  const resource_v1::DeviceAttribute* value_ = nullptr;  // Of the first.
  int devices_ = 0;
};

// Under its qualified name or, of the driver's own domain, under the short one. Null: it has none.
const resource_v1::DeviceAttribute* FindAttribute(const resource_v1::Device& device,
                                                  std::string_view driver, const std::string& name);

}  // namespace skiff::scheduler
