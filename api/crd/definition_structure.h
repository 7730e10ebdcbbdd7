// The rules by which a schema is structural. Internal to definition_schema.cc and what it is made
// of.
#pragma once

#include <string>
#include <string_view>

#include "api/select/field_path.h"
#include "api/values.h"
#include "api/violations.h"

namespace skiff::crd {

// Errors come sorted by their text.
void ValidateStructure(const Json& props, const FieldPath& path, Violations& out);

// Members of JSONSchemaProps, absent ones as their zero.
std::string WordOf(const Json& props, std::string_view name);
bool FlagOf(const Json& props, std::string_view name);
// nullptr when it is absent or null.
const Json* PartOf(const Json& props, std::string_view name);

}  // namespace skiff::crd
