// Regular expressions as Go writes them, where RE2 reads them otherwise.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace skiff {

struct GoPattern {
  // What RE2 takes for the same: "(?P<name>" for "(?<name>".
  std::string re2;
  // What Go refuses and RE2 may take: "invalid escape sequence: `\C`". "": there is nothing of the
  // kind.
  std::string error;
  // Where that begins in `re2`: what stands before it may be wrong, too, and is told first.
  size_t error_at = 0;
};
GoPattern ReadGoPattern(std::string_view pattern);

}  // namespace skiff
