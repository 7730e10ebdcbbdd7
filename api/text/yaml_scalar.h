// What a plain YAML 1.1 scalar stands for.
#pragma once

#include <string_view>

#include "api/values.h"

namespace skiff {

// null, a boolean, a number, or else the text itself. Of ".inf" and ".nan" a number that no JSON
// can show (IsNoJsonNumber).
Json ResolveYamlScalar(std::string_view text);
bool IsNoJsonNumber(const Json& value);

}  // namespace skiff
