// The type that expressions see of a structural schema.
#pragma once

#include <string>

#include "api/cel/type.h"
#include "api/json.h"

namespace skiff::cel {

// Null: expressions see nothing of such a value, as its schema does not say what it is. `name` is
// that of the object's type; nested ones are named after it. `resource`: the schema is of a whole
// object, whose apiVersion, kind and metadata are always there.
TypeRef TypeOfSchema(const Json& schema, const std::string& name, bool resource);

// The most bytes of a request, by which values are bounded whose schema does not bound them.
inline constexpr uint64_t kRequestBytesMax = 3145728;

}  // namespace skiff::cel
