// Regular expressions of expressions: kept compiled, and refused in Go's words.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <string>
#include <string_view>

namespace skiff::cel {

// Compiled, or not: the caller asks ok().
std::shared_ptr<const RE2> PatternFor(std::string_view pattern);
// "error parsing regexp: missing closing ): `a(`"; "": it is well.
std::string GoPatternError(const RE2& pattern);

}  // namespace skiff::cel
