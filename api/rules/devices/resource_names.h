// Names and amounts of resources: cpu, memory, hugepages-2Mi, example.com/gpu.
#pragma once

#include <string>
#include <string_view>

#include "api/select/field_path.h"
#include "api/values.h"

namespace skiff {

class Violations;

// Any resource: a standard one, or one with a domain.
void ValidateResourceName(const std::string& name, const FieldPath& path, Violations& out);
// One that a container can ask for.
void ValidateContainerResourceName(const std::string& name, const FieldPath& path, Violations& out);
// One that a quota can limit.
void ValidateQuotaResourceName(const std::string& name, const FieldPath& path, Violations& out);
// An amount may not be negative, and some come only whole.
void ValidateQuantity(std::string_view resource, const Quantity& amount, const FieldPath& path,
                      Violations& out);
// "example.com/gpu": with a domain that is not Kubernetes' own.
bool IsExtendedResource(std::string_view name);
// A standard resource for quotas: "pods", "requests.cpu", "hugepages-2Mi", "services.nodeports".
bool IsStandardQuotaResource(std::string_view name);

}  // namespace skiff
