// How Go turns a decoded map into a struct, as it does what strategic patches and applies make of
// an object. That is not what decoding the same JSON does: whole floats become integers, integers
// are cut to the size of their field, and what does not fit is worded otherwise.
#pragma once

#include <string>

#include "api/type.h"
#include "api/values.h"
#include "base/error.h"

namespace skiff {

// Makes of `value` what the struct would hold, as far as that is not what the JSON says; fails for
// the first value that cannot be converted, in the order of the fields. What reads its own JSON
// (times, quantities) is left as it is.
Result<> ConvertAsGo(const Type& type, Json& value);

// What is wrong with a value that reads its own JSON, where decoding the whole says `error`.
std::string ConversionError(const std::string& error);

}  // namespace skiff
