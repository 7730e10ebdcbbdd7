// Decoded JSON as Go's fmt prints it, for texts that quote it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/values.h"

namespace skiff {

// %v of a float64: 1.5, 1e+06.
std::string GoFloat(double value);
// %v: map[a:1 b:[x y]], <nil>.
std::string GoPlain(const Json& value);
// The same of what a client sent, for an error: "..." stands for what is beyond kShownMax bytes.
constexpr size_t kShownMax = 4096;
std::string GoShown(const Json& value);
// %#v: map[string]interface {}{"a":1}.
std::string GoSyntax(const Json& value);
// %T: "map[string]interface {}", "int64".
const char* GoTypeOf(const Json& value);
// What encoding/json calls a value that it finds where it expects another: "object", "bool". Of
// null, which fits everywhere, it says nothing.
const char* GoFound(const Json& value);
// A value that JSON does not have, as bytes, a time or a number without a sign, where a document
// was expected: it is only there to be refused, and knows how it prints. No text has a 0 in it.
Json GoOddity(std::string_view plain, std::string_view syntax, std::string_view type);
std::string GoTypeOfOddity(const Json& oddity);
inline bool IsGoOddity(const Json& value) {
  return value.is_binary();
}
// The kinds of values that Go's templates, and client-go's paths, compare with others of the same;
// kNone: of this one they compare none.
enum class GoBasic : uint8_t { kNone, kBool, kInt, kFloat, kText };
GoBasic GoBasicOf(const Json& value);

}  // namespace skiff
