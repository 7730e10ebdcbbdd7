// How far two words are apart: for whoever looks for what was meant.
#pragma once

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace skiff {

// How many letters must be changed, added, left out or, where `swaps` counts as one step, swapped
// with their neighbour to make `a` of `b`, none of them twice.
inline size_t EditDistance(std::string_view a, std::string_view b, bool swaps = true) {
  std::vector<size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({changed, last[j] + 1, row[j - 1] + 1});
      const bool swapped = swaps && i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace skiff
