// The defaults in the schema of a definition: values of their own schema, which have no place in
// what each resource has anyhow.
#pragma once

#include "api/crd/rule_tree.h"
#include "api/select/field_path.h"
#include "api/values.h"
#include "api/violations.h"

namespace skiff::crd {

// `props`: a schema that is structural, at `path`; `rules` are its own, or null.
void ValidateDefaults(const Json& props, const RuleNode* rules, const FieldPath& path,
                      Violations& out);

}  // namespace skiff::crd
