// Numbers of documents as Go holds them, and documents as reflect.DeepEqual compares them.
#pragma once

#include "api/codec/json.h"

namespace skiff {

// Whether Go has the number as an int64. 2.0 is none, nor is 2^63.
bool IsGoInt(const Json& value);

// Whether the two are the same to Go: 1 is not 1.0, wherever in them it stands.
bool EqualInGo(const Json& a, const Json& b);

}  // namespace skiff
