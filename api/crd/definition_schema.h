// Whether the schema of a CustomResourceDefinition is one: structural, with defaults that it takes
// itself, and with nothing in it that Kubernetes does not support.
#pragma once

#include "api/select/field_path.h"
#include "api/values.h"
#include "api/violations.h"

namespace skiff::crd {

struct SchemaChecks {
  bool has_status = false;  // The subresource.
  // Whether rules have to compile, and to cost no more than they may: not of what is stored
  // already.
  bool rules = true;
};
// `props` is JSONSchemaProps as the API shows them.
void ValidateSchema(const Json& props, const SchemaChecks& checks, const FieldPath& path,
                    Violations& out);

// Whether a default stands where a schema may have one; false for one that is too deep.
bool SetsDefaults(const Json& props);

}  // namespace skiff::crd
