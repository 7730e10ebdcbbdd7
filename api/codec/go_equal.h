// Numbers of documents as Go holds them, and documents as reflect.DeepEqual compares them.
#pragma once

#include <cstddef>

#include "api/codec/json.h"

namespace skiff {

// Whether Go has the number as an int64. 2.0 is none, nor is 2^63.
bool IsGoInt(const Json& value);

// Whether the two are the same to Go: 1 is not 1.0, wherever in them it stands.
bool EqualInGo(const Json& a, const Json& b);
// The same for who may not look for long: `look` is told of each value and member, and of the bytes
// of each text that is compared. Where it says false they are not looked at any further, and are
// not the same.
using LookInGo = bool (*)(size_t looks, size_t text_bytes);
bool EqualInGo(const Json& a, const Json& b, LookInGo look);

}  // namespace skiff
