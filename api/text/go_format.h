// Go's fmt.Sprintf, for decoded JSON: verbs, flags, widths, precisions, indexes of arguments, and
// what it says where they are wrong ("%!d(string=a)", "%!s(MISSING)").
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/values.h"
#include "base/error.h"

namespace skiff {

// Whole numbers are taken for int64. Fails where more than `bytes_max` would be printed; maps and
// lists are as deep as the JSON parser lets them be.
Result<std::string> GoSprintf(std::string_view format, std::span<const Json> arguments,
                              size_t bytes_max);

}  // namespace skiff
