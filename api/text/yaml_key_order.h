// The order in which Go's YAML writer puts the keys of a mapping: letters come after all else, and
// runs of digits count as numbers, so that "a2" comes before "a10" and "f:x" before "fa".
#pragma once

#include <string_view>

namespace skiff {

// True when `a` is written before `b`. Letters beyond ASCII are told by their not being ASCII.
bool YamlKeyLess(std::string_view a, std::string_view b);

}  // namespace skiff
