// Validation of metadata, and of the small types that many kinds share: label selectors,
// conditions, owner references. Pure; errors go to `out` in Kubernetes' order and words.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "api/gen/meta_v1.h"
#include "api/rules/names.h"
#include "api/violations.h"

namespace skiff {

inline constexpr size_t kAnnotationsBytesMax = 256 * 1024;
inline constexpr size_t kFieldManagerBytesMax = 128;
inline constexpr size_t kSubresourceBytesMax = 256;

// A whole ObjectMeta, as create sees it (the name is generated already). Update checks it as well,
// before ValidateObjectMetaUpdate. `name_rule` is never nullptr.
void ValidateObjectMeta(const meta_v1::ObjectMeta& meta, bool namespaced, NameRule name_rule,
                        const FieldPath& path, Violations& out);
// The same, whatever generateName is.
void ValidateMetaButPrefix(const meta_v1::ObjectMeta& meta, bool namespaced, NameRule name_rule,
                           const FieldPath& path, Violations& out);
// What an update may not change.
void ValidateObjectMetaUpdate(const meta_v1::ObjectMeta& meta, const meta_v1::ObjectMeta& old,
                              const FieldPath& path, Violations& out);

using StringMap = std::map<std::string, std::string>;
void ValidateLabels(const StringMap& labels, const FieldPath& path, Violations& out);
void ValidateAnnotations(const StringMap& annotations, const FieldPath& path, Violations& out);
// Of what objects are made from: it may carry labels and annotations, and no other metadata.
void ValidateTemplateMetadata(const meta_v1::ObjectMeta& meta, const FieldPath& path,
                              Violations& out);
void ValidateOwnerReferences(const std::vector<meta_v1::OwnerReference>& references,
                             const FieldPath& path, Violations& out);
void ValidateFinalizers(const std::vector<std::string>& finalizers, const FieldPath& path,
                        Violations& out);
void ValidateManagedFields(const std::vector<meta_v1::ManagedFieldsEntry>& entries,
                           const FieldPath& path, Violations& out);
void ValidateFieldManager(std::string_view manager, const FieldPath& path, Violations& out);

struct LabelSelectorOptions {
  // The old object already had such a value, so an update may keep it.
  bool allow_invalid_label_values = false;
};
void ValidateLabelSelector(const meta_v1::LabelSelector& selector,
                           const LabelSelectorOptions& options, const FieldPath& path,
                           Violations& out);

void ValidateConditions(const std::vector<meta_v1::Condition>& conditions, const FieldPath& path,
                        Violations& out);

void ValidateNonNegative(int64_t value, const FieldPath& path, Violations& out);
void ValidatePositive(int64_t value, const FieldPath& path, Violations& out);
// "field is immutable" with what the update wants. T is what a field of a generated struct holds.
template <typename T>
void AddImmutable(const T& value, const FieldPath& path, Violations& out) {
  if constexpr (requires {
                  *value;
                  value.has_value();
                }) {
    if (!value) return out.Invalid(path, nullptr, kFieldImmutable);
    AddImmutable(*value, path, out);
  } else if constexpr (std::is_same_v<T, Time>) {
    out.Invalid(path, value.Rfc3339(), kFieldImmutable);
  } else if constexpr (std::is_same_v<T, Quantity>) {
    out.Invalid(path, value.Text(), kFieldImmutable);
  } else if constexpr (std::is_same_v<T, IntOrString>) {
    out.Invalid(path, value.is_string() ? Json(value.text()) : Json(value.value()),
                kFieldImmutable);
  } else {
    out.Invalid(path, value, kFieldImmutable);
  }
}

// AddImmutable when the two differ.
template <typename T>
void ValidateImmutable(const T& value, const T& old, const FieldPath& path, Violations& out) {
  if (!(value == old)) AddImmutable(value, path, out);
}

// Drops references that repeat an earlier one entirely; returns the uids of those dropped, for the
// warning that DuplicateOwnersWarning writes.
std::vector<std::string> DropDuplicateOwners(std::vector<meta_v1::OwnerReference>& references);
std::string DuplicateOwnersWarning(const std::vector<std::string>& uids, bool after_admission);

// "base" cut to 58 bytes and a suffix of five characters.
std::string NameFromPrefix(std::string_view base, std::string_view suffix);

}  // namespace skiff
