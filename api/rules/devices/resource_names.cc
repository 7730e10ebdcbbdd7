#include "api/rules/devices/resource_names.h"

#include "api/rules/checks.h"
#include "api/rules/pods/pod_resources.h"

namespace skiff {
namespace {

bool IsStandardResource(std::string_view name) {
  return IsOneOf(name, {"cpu",
                        "memory",
                        "ephemeral-storage",
                        "requests.cpu",
                        "requests.memory",
                        "requests.ephemeral-storage",
                        "limits.cpu",
                        "limits.memory",
                        "limits.ephemeral-storage",
                        "pods",
                        "resourcequotas",
                        "services",
                        "replicationcontrollers",
                        "secrets",
                        "configmaps",
                        "persistentvolumeclaims",
                        "storage",
                        "requests.storage",
                        "services.nodeports",
                        "services.loadbalancers"}) ||
         name.starts_with("hugepages-") || name.starts_with("requests.hugepages-");
}

bool IsIntegerResource(std::string_view name) {
  return IsOneOf(name, {"pods", "resourcequotas", "services", "replicationcontrollers", "secrets",
                        "configmaps", "persistentvolumeclaims", "services.nodeports",
                        "services.loadbalancers"}) ||
         IsExtendedResource(name);
}

bool IsQualified(std::string_view name) {
  return name.find('/') != std::string_view::npos;
}

}  // namespace

bool IsExtendedResource(std::string_view name) {
  return !IsNativeResource(name) && !name.starts_with("requests.") &&
         LabelKeyErrors("requests." + std::string(name)).empty();
}

bool IsStandardQuotaResource(std::string_view name) {
  return IsStandardResource(name) && name != "storage";
}

void ValidateResourceName(const std::string& name, const FieldPath& path, Violations& out) {
  const Messages errors = LabelKeyErrors(name);
  out.InvalidEach(path, name, errors);
  if (errors.empty() && !IsQualified(name) && !IsStandardResource(name)) {
    out.Invalid(path, name, "must be a standard resource type or fully qualified");
  }
}

void ValidateContainerResourceName(const std::string& name, const FieldPath& path,
                                   Violations& out) {
  ValidateResourceName(name, path, out);
  if (!IsQualified(name)) {
    if (!IsOneOf(name, {"cpu", "memory", "ephemeral-storage"}) && !IsHugePageResource(name)) {
      out.Invalid(path, name, "must be a standard resource for containers");
    }
  } else if (!IsNativeResource(name) && !IsExtendedResource(name)) {
    out.Invalid(path, name, "doesn't follow extended resource name standard");
  }
}

void ValidateQuotaResourceName(const std::string& name, const FieldPath& path, Violations& out) {
  ValidateResourceName(name, path, out);
  if (!IsQualified(name) && !IsStandardQuotaResource(name)) {
    out.Invalid(path, name, "must be a standard resource for quota");
  }
}

void ValidateQuantity(std::string_view resource, const Quantity& amount, const FieldPath& path,
                      Violations& out) {
  if (amount < Quantity()) out.Invalid(path, amount.Text(), kMustBeNonNegative);
  if (IsIntegerResource(resource) && Quantity::FromValue(amount.Value()) != amount) {
    out.Invalid(path, amount.Text(), "must be an integer");
  }
}

}  // namespace skiff
