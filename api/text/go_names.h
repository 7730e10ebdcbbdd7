// What Go calls the types of a table, for texts that quote them.
#pragma once

#include <string>

#include "api/type.h"

namespace skiff {

// "v1.Container", "[]v1.Container", "map[string]string", "int32", "v1.Protocol". A pointer is named
// as what it points to, as in Go's decoding errors.
std::string GoTypeName(const Type& type);

}  // namespace skiff
