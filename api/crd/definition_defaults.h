// The defaults in the schema of a definition: values of their own schema, which have no place in
// what each resource has anyhow.
#pragma once

#include "api/crd/rule_tree.h"
#include "api/select/field_path.h"
#include "api/values.h"
#include "api/violations.h"

namespace skiff::crd {

struct DefaultChecks {
  const RuleNode* rules = nullptr;  // Of the schema itself, or null.
  bool pruned = true;               // Whether a default may have no fields that are unknown.
};
// `props`: a schema that is structural, at `path`.
void ValidateDefaults(const Json& props, const DefaultChecks& checks, const FieldPath& path,
                      Violations& out);

}  // namespace skiff::crd
