// Server-side apply: a partial object ("configuration") is merged into the live one, field by
// field, and its manager owns exactly what it gave.
#pragma once

#include <string>
#include <string_view>

#include "api/patch/managed_fields.h"
#include "api/type.h"
#include "api/values.h"

namespace skiff {

inline constexpr std::string_view kLastAppliedAnnotation =
    "kubectl.kubernetes.io/last-applied-configuration";

struct Apply {
  const KindInfo& kind;
  // In normal form and with defaults. For an object that does not exist yet ZeroDocument(type).
  const Json& live;
  // As it was sent; its apiVersion and kind were found to be those of the endpoint.
  const Json& configuration;
  FieldWriter writer;
  bool force = false;
};

// The merged object in normal form, without defaults for what is new, managedFields written. It
// equals `live` but for managedFields when the configuration changes nothing.
// Fails with 409 and a cause for each field that others own, with 400 for managedFields in the
// configuration, with 500 (as Kubernetes does) where it does not fit the schema.
Result<Json> ApplyConfiguration(const Apply& apply);

// `live` with what a configuration gives, for which nobody becomes its owner; of the same kind,
// whatever the configuration says. Fails with Invalid and Kubernetes' words where it does not fit
// the schema, or gives a part that is atomic: that would be replaced as a whole.
Result<Json> MergeConfiguration(const Type& type, Json live, Json configuration);

// What is wrong with a configuration by structured-merge-diff's rules: "" or its text.
std::string CheckApplied(const Type& type, const Json& configuration);
// The same of an object that is kept, whose lists may hold an item twice.
std::string CheckKept(const Type& type, const Json& object);
// The same of a configuration that an expression made, where any value may be a GoOddity.
std::string CheckMade(const Type& type, const Json& configuration);

}  // namespace skiff
