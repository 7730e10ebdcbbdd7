// The types that expressions see of built-in kinds, where these are known beforehand: what
// api/cel/schema_type.h is for custom ones.
#pragma once

#include "api/cel/type.h"
#include "api/type.h"

namespace skiff {

// Of a struct and all below it. What the schema says nothing of may be anything.
cel::TypeRef DeclaredType(const Type& type);

}  // namespace skiff
