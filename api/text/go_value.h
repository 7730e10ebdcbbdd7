// Decoded JSON as Go's fmt prints it, for texts that quote it.
#pragma once

#include <cstdint>
#include <string>

#include "api/values.h"

namespace skiff {

// %v of a float64: 1.5, 1e+06.
std::string GoFloat(double value);
// %v: map[a:1 b:[x y]], <nil>.
std::string GoPlain(const Json& value);
// %#v: map[string]interface {}{"a":1}.
std::string GoSyntax(const Json& value);
// %T: "map[string]interface {}", "int64".
const char* GoTypeOf(const Json& value);
// The kinds of values that Go's templates, and client-go's paths, compare with others of the same;
// kNone: of this one they compare none.
enum class GoBasic : uint8_t { kNone, kBool, kInt, kFloat, kText };
GoBasic GoBasicOf(const Json& value);

}  // namespace skiff
