#include "base/shell_word.h"

#include <algorithm>

#include "base/text.h"

namespace skiff {

std::string ShellWord(std::string_view text) {
  constexpr std::string_view kPlain = "-_./:=,@%+";
  const bool plain = std::all_of(text.begin(), text.end(), [&](char c) {
    return IsAlnum(c) || kPlain.find(c) != kPlain.npos;
  });
  if (plain && !text.empty() && !text.starts_with('-')) return std::string(text);
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'') {
      word += "'\\''";
    } else {
      word += c;
    }
  }
  return word + "'";
}

}  // namespace skiff
