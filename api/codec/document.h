// Looking things up in documents.
#pragma once

#include <string>
#include <string_view>

#include "api/values.h"

namespace skiff {

// The value at a dotted path, "status.phase"; nullptr when it leads nowhere or to null. Keys with
// dots of their own and lists cannot be reached so.
const Json* FindPath(const Json& document, std::string_view path);
// The string there; "" when there is none.
std::string TextAt(const Json& document, std::string_view path);
// The integer there; 0 when there is none.
int64_t NumberAt(const Json& document, std::string_view path);
// The list (or object) there; an empty one when there is none.
const Json& ListAt(const Json& document, std::string_view path);

}  // namespace skiff
