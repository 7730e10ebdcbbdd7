// What documents take in memory, about: a small value may take many times its text. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "api/values.h"

namespace skiff {

size_t DocumentBytes(const Json& document);

// The same of what a text is read into, told by the text alone, in one pass: JSON, or else YAML or
// protobuf, of which it knows less and rather says too much. The text need not be whole.
size_t DocumentBytesOf(std::string_view text);

}  // namespace skiff
