// The indexes of an indexed Job, as text: "1,3-5,7".
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace skiff {

// First and last of each run, in rising order.
using IndexRanges = std::vector<std::pair<int32_t, int32_t>>;

// Indexes lie below `completions`. Errors carry Kubernetes' text.
Result<IndexRanges> ParseIndexes(std::string_view text, int32_t completions);
int64_t CountIndexes(const IndexRanges& ranges);

}  // namespace skiff
