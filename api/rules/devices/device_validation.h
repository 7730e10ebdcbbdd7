// Validation of what the kinds of resource.k8s.io share: which devices a claim asks for, and how
// drivers are to set them up.
#pragma once

#include <string_view>
#include <vector>

#include "api/gen/resource_v1.h"
#include "api/select/field_path.h"

namespace skiff {

class Violations;

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
