// What the schema cannot say about a PersistentVolumeClaim.
#include <map>
#include <optional>
#include <string>

#include "api/gen/core_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/core/persistent_volume_claim_spec.h"
#include "api/rules/defaults.h"
#include "api/rules/go_struct.h"
#include "api/rules/kinds.h"
#include "api/rules/pods/pod_resources.h"
#include "api/rules/pods/pod_warnings.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using core_v1::PersistentVolumeClaim;
using core_v1::PersistentVolumeClaimSpec;

// A volume can be filled from a claim or from a snapshot of one.
bool IsKnownSource(const core_v1::TypedLocalObjectReference& source) {
  const std::string group = source.api_group.value_or("");
  if (source.kind == "PersistentVolumeClaim") return group.empty();
  return source.kind == "VolumeSnapshot" && group == "snapshot.storage.k8s.io";
}

// dataSource and dataSourceRef say the same in an old and a new way.
void AlignDataSources(PersistentVolumeClaimSpec& spec) {
  if (spec.data_source && !spec.data_source_ref) {
    auto& ref = spec.data_source_ref.emplace();
    ref.api_group = spec.data_source->api_group;
    ref.kind = spec.data_source->kind;
    ref.name = spec.data_source->name;
  } else if (spec.data_source_ref && !spec.data_source &&
             spec.data_source_ref->namespace_.value_or("").empty()) {
    auto& source = spec.data_source.emplace();
    source.api_group = spec.data_source_ref->api_group;
    source.kind = spec.data_source_ref->kind;
    source.name = spec.data_source_ref->name;
  }
}

void DropUnusableSources(PersistentVolumeClaimSpec& spec, const PersistentVolumeClaimSpec* old) {
  // Sources in other namespaces are behind a feature gate that is off.
  const bool had_reference = old && old->data_source_ref;
  if (spec.data_source_ref && !spec.data_source_ref->namespace_.value_or("").empty() &&
      !had_reference) {
    spec.data_source_ref.reset();
  }
  const bool had_source = old && (old->data_source || old->data_source_ref);
  if (spec.data_source && !spec.data_source_ref && !had_source &&
      !IsKnownSource(*spec.data_source)) {
    spec.data_source.reset();
  }
}

void Create(PersistentVolumeClaim& object) {
  object.status = {};
  DropUnusableSources(object.spec, nullptr);
  AlignDataSources(object.spec);
  DefaultPersistentVolumeClaim(object);
}

void Update(PersistentVolumeClaim& object, const PersistentVolumeClaim& old) {
  object.status = old.status;
  DropUnusableSources(object.spec, &old.spec);
  AlignDataSources(object.spec);
}

}  // namespace

void DefaultPersistentVolumeClaimSpec(PersistentVolumeClaimSpec& spec) {
  Default(spec.volume_mode, "Filesystem");
  DefaultResourceList(spec.resources.limits);
  DefaultResourceList(spec.resources.requests);
}

void DefaultPersistentVolumeClaim(PersistentVolumeClaim& claim) {
  Default(claim.status.phase, "Pending");
  DefaultPersistentVolumeClaimSpec(claim.spec);
  DefaultResourceList(claim.status.capacity);
  DefaultResourceList(claim.status.allocated_resources);
}
namespace {

constexpr const char* kClassAnnotation = "volume.beta.kubernetes.io/storage-class";

// A group that was there before the rule stays, as do others.
bool NamesSourceGroup(const PersistentVolumeClaimSpec& spec) {
  return (spec.data_source && spec.data_source->api_group) ||
         (spec.data_source_ref && spec.data_source_ref->api_group);
}

void Validate(const PersistentVolumeClaim& object, Violations& out) {
  ValidatePersistentVolumeClaimSpec(object.spec, FieldPath("spec"), out);
}

const std::string* AnnotatedClass(const PersistentVolumeClaim& claim) {
  const auto found = claim.metadata.annotations.find(kClassAnnotation);
  return found == claim.metadata.annotations.end() ? nullptr : &found->second;
}

// A claim without a class may get one: the one that its old annotation names, where it has that.
bool MayChangeClass(const PersistentVolumeClaim& object, const PersistentVolumeClaim& old) {
  const auto& now = object.spec.storage_class_name;
  if (!now || old.spec.storage_class_name) return false;
  const std::string* annotated = AnnotatedClass(old);
  return annotated == nullptr || *annotated == *now;
}

// The annotation stays, but may go when it becomes the field.
void ValidateClassAnnotation(const PersistentVolumeClaim& object, const PersistentVolumeClaim& old,
                             Violations& out) {
  const std::string* now = AnnotatedClass(object);
  const std::string* before = AnnotatedClass(old);
  if (before != nullptr && now == nullptr && MayChangeClass(object, old)) return;
  // One that is not there is as one that is empty.
  const std::string shown = now == nullptr ? "" : *now;
  if (shown == (before == nullptr ? "" : *before)) return;
  out.Invalid(FieldPath("metadata").Child("annotations").Child(kClassAnnotation), shown,
              kFieldImmutable);
}

// The spec with all that may change taken from `old`, but for the name of the volume.
PersistentVolumeClaimSpec WithoutAllowedChanges(const PersistentVolumeClaim& object,
                                                const PersistentVolumeClaim& old) {
  PersistentVolumeClaimSpec undone = object.spec;
  if (MayChangeClass(object, old)) undone.storage_class_name = old.spec.storage_class_name;
  if (object.status.phase == "Bound") {
    undone.volume_attributes_class_name = old.spec.volume_attributes_class_name;
    const auto before = old.spec.resources.requests.find("storage");
    auto& requests = undone.resources.requests;
    if (before == old.spec.resources.requests.end()) {
      requests.erase("storage");
    } else if (!requests.empty()) {
      requests["storage"] = before->second;
    }
  }
  return undone;
}

void ValidateShrinking(const PersistentVolumeClaim& object, const PersistentVolumeClaim& old,
                       Violations& out) {
  // What is not there counts as nothing.
  const auto storage_of = [](const std::map<std::string, Quantity>& amounts) {
    const auto found = amounts.find("storage");
    return found == amounts.end() ? Quantity() : found->second;
  };
  const Quantity now = storage_of(object.spec.resources.requests);
  if (now >= storage_of(old.spec.resources.requests)) return;
  if (now <= storage_of(old.status.capacity)) {
    out.Forbidden(FieldPath("spec").Child("resources").Child("requests").Child("storage"),
                  "field can not be less than status.capacity");
  }
}

void ValidateAttributesClass(const PersistentVolumeClaim& object, const PersistentVolumeClaim& old,
                             Violations& out) {
  const auto& now = object.spec.volume_attributes_class_name;
  if (!old.status.current_volume_attributes_class_name ||
      now == old.spec.volume_attributes_class_name) {
    return;
  }
  const FieldPath at = FieldPath("spec").Child("volumeAttributesClassName");
  constexpr const char* kWhile =
      "is forbidden when status.currentVolumeAttributesClassName is not nil";
  if (!now) {
    out.Forbidden(at, std::string("update to nil ") + kWhile);
  } else if (now->empty()) {
    out.Forbidden(at, std::string("update to empty string ") + kWhile);
  }
}

void ValidateUpdate(const PersistentVolumeClaim& object, const PersistentVolumeClaim& old,
                    Violations& out) {
  ValidatePersistentVolumeClaimSpec(
      object.spec, FieldPath("spec"), out,
      {.any_source_group = NamesSourceGroup(old.spec)});
  ValidateClassAnnotation(object, old, out);
  const PersistentVolumeClaimSpec undone = WithoutAllowedChanges(object, old);
  // A claim gets its volume once.
  const bool named = !old.spec.volume_name.empty();
  std::optional<PersistentVolumeClaimSpec> unnamed;
  if (!named && !undone.volume_name.empty()) {
    unnamed = old.spec;
    unnamed->volume_name = undone.volume_name;
  }
  const PersistentVolumeClaimSpec& before = unnamed ? *unnamed : old.spec;
  if (!(undone == before)) {
    out.Forbidden(FieldPath("spec"),
                  "spec is immutable after creation except resources.requests and "
                  "volumeAttributesClassName for bound claims\n" +
                      GoStructDiff(before, undone));
  }
  ValidateShrinking(object, old, out);
  ValidateImmutable(object.spec.volume_mode, old.spec.volume_mode, FieldPath("volumeMode"), out);
  ValidateAttributesClass(object, old, out);
}

// Of what a claim is given; others than Kubernetes may have names of their own for it. False: it
// is none.
bool CheckResourceName(const std::string& name, const FieldPath& path, Violations& out) {
  const auto wrong = LabelKeyErrors(name);
  out.InvalidEach(path, name, wrong);
  if (!wrong.empty()) return false;
  if (name == "storage" || !IsNativeResource(name)) return true;
  out.NotSupported(path, name, {"storage"});
  return false;
}

// False: it is less than nothing.
bool CheckResourceAmount(const Quantity& amount, const FieldPath& path, Violations& out) {
  if (amount >= Quantity()) return true;
  out.Invalid(path, amount.Value(), "must be a valid resource quantity");
  return false;
}

void ValidateStatusUpdate(const PersistentVolumeClaim& object, const PersistentVolumeClaim&,
                          Violations& out) {
  if (object.spec.access_modes.empty()) {
    out.Required(FieldPath("Spec").Child("accessModes"));
  }
  for (const auto& [name, amount] : object.status.capacity) {
    CheckResourceAmount(amount, FieldPath("status").Child("capacity").Key(name), out);
  }
  const FieldPath statuses = FieldPath("status").Child("allocatedResourceStatuses");
  for (const auto& [name, status] : object.status.allocated_resource_statuses) {
    CheckResourceName(name, statuses, out);
    if (IsOneOf(status, {"ControllerResizeInProgress", "ControllerResizeInfeasible",
                         "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"})) {
      continue;
    }
    out.NotSupported(statuses, name,
                     {"ControllerResizeInProgress", "ControllerResizeInfeasible",
                      "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"});
  }
  const FieldPath allocated = FieldPath("status").Child("allocatedResources");
  for (const auto& [name, amount] : object.status.allocated_resources) {
    if (CheckResourceName(name, allocated, out)) {
      CheckResourceAmount(amount, allocated.Key(name), out);
    }
  }
}

void Warn(const PersistentVolumeClaim& object, const PersistentVolumeClaim*,
          std::vector<std::string>& out) {
  if (object.metadata.annotations.contains(kClassAnnotation)) {
    out.push_back(std::string("metadata.annotations[") + kClassAnnotation +
                  "]: deprecated since v1.8; use \"storageClassName\" attribute instead");
  }
  WarnOfClaimSpec(object.spec, FieldPath("spec"), out);
}

}  // namespace

constexpr RulesOf<PersistentVolumeClaim> kTypedPersistentVolumeClaimRules = {
    .set_defaults = DefaultPersistentVolumeClaim,
    .prepare_create = Create,
    .prepare_update = Update,
    .prepare_status_update = KeepSpec<PersistentVolumeClaim>,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .validate_status_update = ValidateStatusUpdate,
    .warnings = Warn,
};
constinit const Rules kPersistentVolumeClaimRules = Erase<kTypedPersistentVolumeClaimRules>();

}  // namespace skiff
