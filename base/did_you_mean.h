// What whoever typed a word that there is none of may have meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/edit_distance.h"

namespace skiff {

// Those of `names` that the word begins, or is at most two letters away from, in their order and as
// kubectl says it, for the end of a line: "\n\nDid you mean this?\n\tstatus"; "" where is none.
inline std::string DidYouMean(std::string_view word, const std::vector<std::string>& names) {
  constexpr size_t kDistanceMax = 2;
  std::string similar;
  for (const std::string& name : names) {
    if (EditDistance(word, name) > kDistanceMax && !name.starts_with(word)) continue;
    similar += "\n\t" + name;
  }
  return similar.empty() ? "" : "\n\nDid you mean this?" + similar;
}

}  // namespace skiff
