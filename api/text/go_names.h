// What Go calls the types of a table, for texts that quote them.
#pragma once

#include <string>

#include "api/type.h"

namespace skiff {

// "v1.Container", "[]v1.Container", "map[string]string", "int32", "v1.Protocol". A pointer is named
// as what it points to, as in Go's decoding errors.
std::string GoTypeName(const Type& type);
// The same of `type` where the value of `field`, or an item of its list, is of it: a field may have
// a name of its own for its type ("types.UID").
std::string GoTypeName(const Field& field, const Type& type);
// Appends what Go's decoding errors say of a field on their way: ".name", behind the names of what
// it was inlined from (".VolumeSource.secret").
void AppendGoPath(const Field& field, std::string& path);

}  // namespace skiff
