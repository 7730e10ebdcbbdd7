// What a plain YAML 1.1 scalar stands for.
#pragma once

#include <string_view>

#include "api/values.h"

namespace skiff {

// null, a boolean, a number, or else the text itself.
Json ResolveYamlScalar(std::string_view text);

}  // namespace skiff
