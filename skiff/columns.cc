#include "skiff/columns.h"

#include <fmt/format.h>

#include <algorithm>

namespace skiff {

std::string InColumns(const std::vector<std::vector<std::string>>& rows, size_t width_min) {
  constexpr size_t kGap = 3;
  std::vector<size_t> widths(rows[0].size(), width_min);
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size() + kGap);
  }
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i + 1 < row.size(); ++i) text += fmt::format("{:<{}}", row[i], widths[i]);
    text += row.back() + "\n";
  }
  return text;
}

}  // namespace skiff
