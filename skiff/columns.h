// Rows of words as a table: each column as wide as its widest word.
#pragma once

#include <string>
#include <vector>

namespace skiff {

// All rows have as many words as the first, which is there. No column but the last is narrower than
// `width_min`, the gap behind it included.
std::string InColumns(const std::vector<std::vector<std::string>>& rows, size_t width_min = 0);

}  // namespace skiff
