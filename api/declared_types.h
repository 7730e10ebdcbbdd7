// The types that expressions see of built-in kinds, where these are known beforehand: what
// api/cel/schema_type.h is for custom ones.
#pragma once

#include <string>

#include "api/cel/type.h"
#include "api/type.h"

namespace skiff {

// Of a struct and all below it, as Kubernetes makes them of its OpenAPI: what that gives no plain
// type (quantities, unions of schemas, and the lists and maps of such) is no field there. `name` is
// that of the object's type; nested ones are named after it, by their place.
cel::TypeRef DeclaredType(const Type& type, const std::string& name);

}  // namespace skiff
