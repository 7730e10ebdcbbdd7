// Validation of what the kinds of resource.k8s.io share: which devices a claim asks for, and how
// drivers are to set them up.
#pragma once

#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <vector>

#include "api/gen/resource_v1.h"
#include "api/select/field_path.h"

namespace skiff {

class Violations;

// The devices that a claim holds. The status outlives it, and stays as it is.
class HeldDevices {
 public:
  explicit HeldDevices(const resource_v1::ResourceClaimStatus& status);
  bool Has(const resource_v1::AllocatedDeviceStatus& device) const;

 private:
  // Driver, pool, device and share.
  using Key = std::tuple<std::string_view, std::string_view, std::string_view,
                         std::optional<std::string_view>>;
  template <typename Device>
  static Key KeyOf(const Device& device) {
    return {device.driver, device.pool, device.device, device.share_id};
  }

  std::set<Key> keys_;
};

void ValidateDriverName(std::string_view driver, const FieldPath& path, Violations& out);
// Segments between slashes.
void ValidatePoolName(std::string_view pool, const FieldPath& path, Violations& out);
// "[domain/]name" of an attribute or capacity.
void ValidateDeviceFieldName(std::string_view name, const FieldPath& path, Violations& out);
void ValidateDeviceSelectors(const std::vector<resource_v1::DeviceSelector>& selectors,
                             const FieldPath& path, Violations& out);
// Drops the blanks between the parts of a configuration, which are lost when it is stored: with
// them it would differ from what it was.
void CompactParameters(Box<resource_v1::OpaqueDeviceConfiguration>& config);
void ValidateOpaqueConfig(const Box<resource_v1::OpaqueDeviceConfiguration>& config,
                          const FieldPath& path, Violations& out);
void ValidateClaimSpec(const resource_v1::ResourceClaimSpec& spec, const FieldPath& path,
                       Violations& out);
void ValidateClaimStatus(const resource_v1::ResourceClaim& claim,
                         const resource_v1::ResourceClaim& old, Violations& out);

}  // namespace skiff
