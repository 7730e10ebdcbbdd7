// What whoever typed a word that there is none of may have meant.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/edit_distance.h"

namespace skiff {

inline constexpr size_t kMeantDistanceMax = 2;

// As kubectl says it, for the end of a line: "\n\nDid you mean this?\n\tpods"; "" of no words.
template <typename Words>
std::string MeantText(const Words& words) {
  std::string text;
  for (const auto& word : words) text.append("\n\t").append(word);
  return text.empty() ? "" : "\n\nDid you mean this?" + text;
}

// What kubectl says of a verb: all `names` that the word begins, or is at most two letters away
// from, of which two are swapped neighbours, or that are among `known` for it, in their order.
inline std::string DidYouMean(std::string_view word, const std::vector<std::string>& names,
                              const std::vector<std::string_view>& known = {}) {
  std::vector<std::string_view> similar;
  for (const std::string& name : names) {
    const bool is_near = EditDistance(word, name, /*swaps=*/false) <= kMeantDistanceMax ||
                         std::find(known.begin(), known.end(), name) != known.end();
    if (is_near || name.starts_with(word)) similar.push_back(name);
  }
  return MeantText(similar);
}

// Of names that there are many of, those alone that are nearest to the word, in their order and
// each once: two letters away at most, of a short word one, and none of a word of two letters.
inline std::vector<std::string_view> NearestWords(std::string_view word,
                                                  const std::vector<std::string_view>& names) {
  constexpr size_t kShortMax = 4;
  std::vector<std::string_view> nearest;
  if (word.empty()) return nearest;
  // A word of which no more than half is kept is another one: "as" is not meant by "at".
  size_t far = std::min(word.size() > kShortMax ? kMeantDistanceMax : 1, (word.size() - 1) / 2);
  for (const std::string_view name : names) {
    const size_t distance = EditDistance(word, name);
    if (distance > far) continue;
    if (distance < far) nearest.clear();
    far = distance;
    if (std::find(nearest.begin(), nearest.end(), name) == nearest.end()) nearest.push_back(name);
  }
  return nearest;
}

}  // namespace skiff
