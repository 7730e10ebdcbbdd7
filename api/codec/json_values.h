// How many values a JSON text has, told without making any of them: a value takes many times the
// two letters that it may be written in.
#pragma once

#include <cstddef>
#include <string_view>

namespace skiff {

// Those in others counted too: 1 for {}, 4 for [1,{"a":2}]. Of what is no JSON, no reader makes
// more before it finds that out.
size_t JsonValuesIn(std::string_view text);

}  // namespace skiff
