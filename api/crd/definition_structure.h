// The rules by which a schema is structural. Internal to definition_schema.cc.
#pragma once

#include "api/select/field_path.h"
#include "api/values.h"
#include "api/violations.h"

namespace skiff::crd {

// Errors come sorted by their text.
void ValidateStructure(const Json& props, const FieldPath& path, Violations& out);

// Members of JSONSchemaProps, absent ones as their zero.
std::string WordOf(const Json& props, const char* name);
bool FlagOf(const Json& props, const char* name);
// nullptr when it is absent or null.
const Json* PartOf(const Json& props, const char* name);

}  // namespace skiff::crd
