// Numbers that are written in text.
#pragma once

#include <string_view>

#include "base/text.h"

namespace skiff {

// The digits that `rest` begins with, which are taken from it; maybe none.
inline std::string_view TakeDigits(std::string_view& rest) {
  size_t length = 0;
  while (length < rest.size() && IsDigit(rest[length])) ++length;
  const std::string_view digits = rest.substr(0, length);
  rest.remove_prefix(length);
  return digits;
}

}  // namespace skiff
