// The rules by which a schema is structural. Internal to definition_schema.cc and what it is made
// of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/select/field_path.h"
#include "api/values.h"
#include "api/violations.h"

namespace skiff::crd {

// Kubernetes has none for how large patterns may be; we hold no schema to ours that it had taken.
enum class PatternBounds : uint8_t { kOurs, kNone };
// Errors come sorted by their text.
void ValidateStructure(const Json& props, const FieldPath& path, PatternBounds bounds,
                       Violations& out);

// Members of JSONSchemaProps, absent ones as their zero.
std::string WordOf(const Json& props, std::string_view name);
bool FlagOf(const Json& props, std::string_view name);
// nullptr when it is absent or null.
const Json* PartOf(const Json& props, std::string_view name);

}  // namespace skiff::crd
