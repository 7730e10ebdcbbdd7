#include "api/rules/core/object_meta.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "api/text/go_text.h"
#include "base/text.h"

namespace skiff {
namespace {

constexpr size_t kConditionReasonBytesMax = 1024;
constexpr size_t kConditionMessageBytesMax = 32768;
constexpr size_t kNamePrefixBytesMax = 58;

void ValidateOwnerReference(const meta_v1::OwnerReference& owner, const FieldPath& path,
                            Violations& out) {
  const auto slashes = std::count(owner.api_version.begin(), owner.api_version.end(), '/');
  // Without a slash all of it is the version; with two it parses as nothing at all.
  if (owner.api_version.empty() || owner.api_version.ends_with('/') || slashes > 1) {
    out.Invalid(path.Child("apiVersion"), owner.api_version, "version must not be empty");
  }
  constexpr std::string_view kEmpty = "must not be empty";
  if (owner.kind.empty()) out.Invalid(path.Child("kind"), owner.kind, kEmpty);
  if (owner.name.empty()) out.Invalid(path.Child("name"), owner.name, kEmpty);
  if (owner.uid.empty()) out.Invalid(path.Child("uid"), owner.uid, kEmpty);
  if (owner.api_version == "v1" && owner.kind == "Event") {
    out.Invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner");
  }
}

void ValidateNoNewFinalizers(const std::vector<std::string>& finalizers,
                             const std::vector<std::string>& old, const FieldPath& path,
                             Violations& out) {
  std::set<std::string> added(finalizers.begin(), finalizers.end());
  for (const std::string& finalizer : old) added.erase(finalizer);
  if (added.empty()) return;
  std::vector<std::string> quoted;
  for (const std::string& finalizer : added) quoted.push_back(GoQuote(finalizer));
  out.Forbidden(path, fmt::format("no new finalizers can be added if the object is being deleted, "
                                  "found new finalizers []string{{{}}}",
                                  fmt::join(quoted, ", ")));
}

// Paths are texts, made here only where there is something to look at or to say.
void ValidateNamed(const meta_v1::ObjectMeta& meta, const FieldPath& path, Violations& out) {
  if (!meta.labels.empty()) ValidateLabels(meta.labels, path.Child("labels"), out);
  if (!meta.annotations.empty()) {
    ValidateAnnotations(meta.annotations, path.Child("annotations"), out);
  }
  if (!meta.owner_references.empty()) {
    ValidateOwnerReferences(meta.owner_references, path.Child("ownerReferences"), out);
  }
}

void ValidateRequirement(const meta_v1::LabelSelectorRequirement& requirement,
                         const LabelSelectorOptions& options, const FieldPath& path,
                         Violations& out) {
  const std::string& op = requirement.operator_;
  if (op == "In" || op == "NotIn") {
    if (requirement.values.empty()) {
      out.Required(path.Child("values"), "must be specified when `operator` is 'In' or 'NotIn'");
    }
  } else if (op == "Exists" || op == "DoesNotExist") {
    if (!requirement.values.empty()) {
      out.Forbidden(path.Child("values"),
                    "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    }
  } else {
    out.Invalid(path.Child("operator"), op, "not a valid selector operator");
  }
  out.InvalidEach(path.Child("key"), requirement.key, LabelKeyErrors(requirement.key));
  if (options.allow_invalid_label_values) return;
  for (size_t i = 0; i < requirement.values.size(); ++i) {
    out.InvalidEach(path.Child("values").Index(i), requirement.values[i],
                    LabelValueErrors(requirement.values[i]));
  }
}

void ValidateCondition(const meta_v1::Condition& condition, const FieldPath& path,
                       Violations& out) {
  out.InvalidEach(path.Child("type"), condition.type, LabelKeyErrors(condition.type));
  const std::string& status = condition.status;
  if (status != "True" && status != "False" && status != "Unknown") {
    out.NotSupported(path.Child("status"), status, {"False", "True", "Unknown"});
  }
  if (condition.observed_generation < 0) {
    out.Invalid(path.Child("observedGeneration"), condition.observed_generation,
                "must be greater than or equal to zero");
  }
  if (condition.last_transition_time.IsZero()) out.Required(path.Child("lastTransitionTime"));
  const FieldPath reason_path = path.Child("reason");
  if (condition.reason.empty()) {
    out.Required(reason_path);
  } else {
    out.InvalidEach(reason_path, condition.reason, ConditionReasonErrors(condition.reason));
    if (condition.reason.size() > kConditionReasonBytesMax) {
      out.TooLong(reason_path, kConditionReasonBytesMax);
    }
  }
  if (condition.message.size() > kConditionMessageBytesMax) {
    out.TooLong(path.Child("message"), kConditionMessageBytesMax);
  }
}

}  // namespace

void ValidateObjectMeta(const meta_v1::ObjectMeta& meta, bool namespaced, NameRule name_rule,
                        const FieldPath& path, Violations& out) {
  if (!meta.generate_name.empty()) {
    out.InvalidEach(path.Child("generateName"), meta.generate_name,
                    name_rule(meta.generate_name, true));
  }
  ValidateMetaButPrefix(meta, namespaced, name_rule, path, out);
}

void ValidateMetaButPrefix(const meta_v1::ObjectMeta& meta, bool namespaced, NameRule name_rule,
                           const FieldPath& path, Violations& out) {
  if (meta.name.empty()) {
    out.Required(path.Child("name"), "name or generateName is required");
  } else {
    out.InvalidEach(path.Child("name"), meta.name, name_rule(meta.name, false));
  }
  const FieldPath namespace_path = path.Child("namespace");
  if (namespaced && meta.namespace_.empty()) {
    out.Required(namespace_path);
  } else if (namespaced) {
    out.InvalidEach(namespace_path, meta.namespace_, Dns1123LabelErrors(meta.namespace_));
  } else if (!meta.namespace_.empty()) {
    out.Forbidden(namespace_path, "not allowed on this type");
  }
  if (meta.generation < 0) ValidateNonNegative(meta.generation, path.Child("generation"), out);
  ValidateNamed(meta, path, out);
  if (!meta.finalizers.empty()) {
    ValidateFinalizers(meta.finalizers, path.Child("finalizers"), out);
  }
  ValidateManagedFields(meta.managed_fields, path.Child("managedFields"), out);
}

void ValidateObjectMetaUpdate(const meta_v1::ObjectMeta& meta, const meta_v1::ObjectMeta& old,
                              const FieldPath& path, Violations& out) {
  if (old.deletion_timestamp) {
    ValidateNoNewFinalizers(meta.finalizers, old.finalizers, path.Child("finalizers"), out);
  }
  if (meta.resource_version.empty()) {
    out.Invalid(path.Child("resourceVersion"), "", "must be specified for an update");
  }
  if (meta.generation < old.generation) {
    out.Invalid(path.Child("generation"), meta.generation, "must not be decremented");
  }
  const auto immutable = [&](const auto& value, const auto& before, std::string_view name) {
    if (!(value == before)) ValidateImmutable(value, before, path.Child(name), out);
  };
  immutable(meta.name, old.name, "name");
  immutable(meta.namespace_, old.namespace_, "namespace");
  immutable(meta.uid, old.uid, "uid");
  immutable(meta.creation_timestamp, old.creation_timestamp, "creationTimestamp");
  immutable(meta.deletion_timestamp, old.deletion_timestamp, "deletionTimestamp");
  immutable(meta.deletion_grace_period_seconds, old.deletion_grace_period_seconds,
            "deletionGracePeriodSeconds");
  ValidateNamed(meta, path, out);
  ValidateManagedFields(meta.managed_fields, path.Child("managedFields"), out);
}

void ValidateLabels(const StringMap& labels, const FieldPath& path, Violations& out) {
  for (const auto& [key, value] : labels) {
    out.InvalidEach(path, key, LabelKeyErrors(key));
    out.InvalidEach(path, value, LabelValueErrors(value));
  }
}

void ValidateAnnotations(const StringMap& annotations, const FieldPath& path, Violations& out) {
  size_t bytes = 0;
  for (const auto& [key, value] : annotations) {
    out.InvalidEach(path, key, LabelKeyErrors(Lower(key)));
    bytes += key.size() + value.size();
  }
  if (bytes > kAnnotationsBytesMax) out.TooLong(path, kAnnotationsBytesMax);
}

void ValidateTemplateMetadata(const meta_v1::ObjectMeta& meta, const FieldPath& path,
                              Violations& out) {
  ValidateAnnotations(meta.annotations, path.Child("annotations"), out);
  ValidateLabels(meta.labels, path.Child("labels"), out);
  const auto forbid = [&](bool set, const char* field) {
    if (set) out.Forbidden(path.Child(field), "cannot be set");
  };
  forbid(!meta.name.empty(), "name");
  forbid(!meta.generate_name.empty(), "generateName");
  forbid(!meta.namespace_.empty(), "namespace");
  forbid(!meta.self_link.empty(), "selfLink");
  forbid(!meta.uid.empty(), "uID");  // Go's name, but for its first letter.
  forbid(!meta.resource_version.empty(), "resourceVersion");
  forbid(meta.generation != 0, "generation");
  forbid(!meta.creation_timestamp.IsZero(), "creationTimestamp");
  forbid(meta.deletion_timestamp.has_value(), "deletionTimestamp");
  forbid(meta.deletion_grace_period_seconds.has_value(), "deletionGracePeriodSeconds");
  forbid(!meta.owner_references.empty(), "ownerReferences");
  forbid(!meta.finalizers.empty(), "finalizers");
  forbid(!meta.managed_fields.empty(), "managedFields");
}

void ValidateOwnerReferences(const std::vector<meta_v1::OwnerReference>& references,
                             const FieldPath& path, Violations& out) {
  std::string controller;
  for (const meta_v1::OwnerReference& owner : references) {
    if (out.full()) return;  // All of them are shown for each, and the first one's name.
    ValidateOwnerReference(owner, path, out);
    if (!owner.controller.value_or(false)) continue;
    const std::string name = owner.kind + "/" + owner.name;
    if (controller.empty()) {
      controller = name;
      continue;
    }
    out.Invalid(path, references,
                fmt::format("Only one reference can have Controller set to true. Found \"true\" "
                            "in references for {} and {}",
                            controller, name));
  }
}

void ValidateFinalizers(const std::vector<std::string>& finalizers, const FieldPath& path,
                        Violations& out) {
  bool orphan = false, foreground = false;
  for (const std::string& finalizer : finalizers) {
    out.InvalidEach(path, finalizer, LabelKeyErrors(finalizer));
    orphan |= finalizer == "orphan";
    foreground |= finalizer == "foregroundDeletion";
  }
  if (orphan && foreground) {
    out.Invalid(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set");
  }
}

void ValidateManagedFields(const std::vector<meta_v1::ManagedFieldsEntry>& entries,
                           const FieldPath& path, Violations& out) {
  for (size_t i = 0; i < entries.size(); ++i) {
    const meta_v1::ManagedFieldsEntry& entry = entries[i];
    const FieldPath at = path.Index(i);
    if (entry.operation != "Apply" && entry.operation != "Update") {
      out.Invalid(at.Child("operation"), entry.operation, "must be `Apply` or `Update`");
    }
    if (!entry.fields_type.empty() && entry.fields_type != "FieldsV1") {
      out.Invalid(at.Child("fieldsType"), entry.fields_type, "must be `FieldsV1`");
    }
    ValidateFieldManager(entry.manager, at.Child("manager"), out);
    if (entry.subresource.size() > kSubresourceBytesMax) {
      out.TooLong(at.Child("subresource"), kSubresourceBytesMax);
    }
  }
}

void ValidateFieldManager(std::string_view manager, const FieldPath& path, Violations& out) {
  if (manager.size() > kFieldManagerBytesMax) out.TooLong(path, kFieldManagerBytesMax);
  for (const auto& [position, rune] : UnprintableRunes(manager)) {
    out.Invalid(path, manager,
                fmt::format("invalid character U+{:04X} (at position {})",
                            static_cast<uint32_t>(rune), position));
  }
}

void ValidateLabelSelector(const meta_v1::LabelSelector& selector,
                           const LabelSelectorOptions& options, const FieldPath& path,
                           Violations& out) {
  ValidateLabels(selector.match_labels, path.Child("matchLabels"), out);
  for (size_t i = 0; i < selector.match_expressions.size(); ++i) {
    ValidateRequirement(selector.match_expressions[i], options,
                        path.Child("matchExpressions").Index(i), out);
  }
}

void ValidateConditions(const std::vector<meta_v1::Condition>& conditions, const FieldPath& path,
                        Violations& out) {
  std::set<std::string_view> types;
  for (size_t i = 0; i < conditions.size(); ++i) {
    const FieldPath at = path.Index(i);
    if (!types.insert(conditions[i].type).second) {
      out.Duplicate(at.Child("type"), conditions[i].type);
    }
    ValidateCondition(conditions[i], at, out);
  }
}

void ValidateNonNegative(int64_t value, const FieldPath& path, Violations& out) {
  if (value < 0) out.Invalid(path, value, kMustBeNonNegative);
}

void ValidatePositive(int64_t value, const FieldPath& path, Violations& out) {
  if (value <= 0) out.Invalid(path, value, kMustBePositive);
}

std::vector<std::string> DropDuplicateOwners(std::vector<meta_v1::OwnerReference>& references) {
  if (references.size() < 2) return {};
  const auto fields = [](const meta_v1::OwnerReference& owner) {
    return std::tie(owner.uid, owner.name, owner.kind, owner.api_version, owner.controller,
                    owner.block_owner_deletion);
  };
  const auto less = [&](const auto& a, const auto& b) { return fields(a) < fields(b); };
  std::set<meta_v1::OwnerReference, decltype(less)> seen(less);
  std::vector<std::string> dropped;
  std::vector<meta_v1::OwnerReference> kept;
  for (meta_v1::OwnerReference& owner : references) {
    if (seen.insert(owner).second) {
      kept.push_back(std::move(owner));
    } else {
      dropped.push_back(owner.uid);
    }
  }
  references = std::move(kept);
  return dropped;
}

std::string DuplicateOwnersWarning(const std::vector<std::string>& uids, bool after_admission) {
  return fmt::format(
      ".metadata.ownerReferences contains duplicate entries{}; API server dedups owner references "
      "in 1.20+, and may reject such requests as early as 1.24; please fix your requests; "
      "duplicate "
      "UID(s) observed: {}",
      after_admission ? " after mutating admission happens" : "", fmt::join(uids, ", "));
}

std::string NameFromPrefix(std::string_view base, std::string_view suffix) {
  return std::string(base.substr(0, kNamePrefixBytesMax)).append(suffix);
}

}  // namespace skiff
