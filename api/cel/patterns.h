// Regular expressions of expressions, from the pool that all patterns share.
#pragma once

#include <memory>
#include <string_view>

#include "api/text/patterns.h"

namespace skiff::cel {

// Compiled, or not: the caller asks ok(). What it costs to compile is looks of this thread.
std::shared_ptr<const RE2> PatternFor(std::string_view pattern);

}  // namespace skiff::cel
