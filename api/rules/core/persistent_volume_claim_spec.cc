#include "api/rules/core/persistent_volume_claim_spec.h"

#include "api/gen/core_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/devices/resource_names.h"

namespace skiff {
namespace {

using namespace core_v1;

void ValidateStorageRequest(const VolumeResourceRequirements& resources, const FieldPath& path,
                            Violations& out) {
  const auto storage = resources.requests.find("storage");
  const FieldPath at = path.Key("storage");
  if (storage == resources.requests.end()) return out.Required(at);
  if (storage->second <= Quantity()) {
    return out.Invalid(at, storage->second.Text(), kMustBePositive);
  }
  ValidateQuantity("storage", storage->second, at, out);
}

template <typename Reference>
void ValidateSource(const Reference& source, const ClaimSpecOptions& options,
                    const FieldPath& path, Violations& out) {
  Require(source.name, path.Child("name"), out);
  Require(source.kind, path.Child("kind"), out);
  const std::string group = source.api_group.value_or("");
  if (group.empty() && source.kind != "PersistentVolumeClaim") {
    out.Invalid(path, source.kind,
                "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
  }
  if (!group.empty() && !options.any_source_group) {
    CheckFormat(Dns1123SubdomainErrors, group, path.Child("apiGroup"), out);
  }
}

void ValidateSources(const PersistentVolumeClaimSpec& spec, const ClaimSpecOptions& options,
                     const FieldPath& path, Violations& out) {
  const auto& source = spec.data_source;
  const auto& ref = spec.data_source_ref;
  if (source) ValidateSource(*source, options, path.Child("dataSource"), out);
  if (!ref) return;
  ValidateSource(*ref, options, path.Child("dataSourceRef"), out);
  const std::string name_space = ref->namespace_.value_or("");
  if (!name_space.empty()) {
    CheckFormat(Dns1123LabelErrors, name_space, path.Child("dataSourceRef").Child("namespace"),
                out);
    if (source) {
      out.Invalid(path, Printed::Verbatim("{}"),
                  "may not be specified when dataSourceRef.namespace is specified");
    }
  } else if (source && (source->kind != ref->kind || source->name != ref->name ||
                        source->api_group != ref->api_group)) {
    out.Invalid(path, Printed::Verbatim("{}"), "must match dataSourceRef");
  }
}

}  // namespace

void CheckAccessModes(const std::vector<std::string>& modes, const FieldPath& path,
                      Violations& out) {
  bool alone = false;
  bool with_others = false;
  for (const std::string& mode : modes) {
    alone = alone || mode == "ReadWriteOncePod";
    with_others = with_others || IsOneOf(mode, {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce"});
    CheckOneOf(mode, {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"}, path,
               out);
  }
  if (alone && with_others) {
    out.Forbidden(path, "may not use ReadWriteOncePod with other access modes");
  }
}

void ValidatePersistentVolumeClaimSpec(const PersistentVolumeClaimSpec& spec, const FieldPath& path,
                                       Violations& out, const ClaimSpecOptions& options) {
  if (spec.access_modes.empty()) {
    out.Required(path.Child("accessModes"), "at least 1 access mode is required");
  }
  if (spec.selector) ValidateLabelSelector(*spec.selector, {}, path.Child("selector"), out);
  CheckAccessModes(spec.access_modes, path.Child("accessModes"), out);
  ValidateStorageRequest(spec.resources, path.Child("resources"), out);
  if (spec.storage_class_name && !spec.storage_class_name->empty()) {
    CheckFormat(Dns1123SubdomainErrors, *spec.storage_class_name, path.Child("storageClassName"),
                out);
  }
  if (spec.volume_mode) {
    CheckOneOf(*spec.volume_mode, {"Block", "Filesystem"}, path.Child("volumeMode"), out);
  }
  ValidateSources(spec, options, path, out);
  if (spec.volume_attributes_class_name && !spec.volume_attributes_class_name->empty()) {
    CheckFormat(Dns1123SubdomainErrors, *spec.volume_attributes_class_name,
                path.Child("volumeAttributesClassName"), out);
  }
}

}  // namespace skiff
