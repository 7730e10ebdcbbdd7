// Code points of UTF-8.
#pragma once

#include <algorithm>
#include <string_view>

#include "api/text/utf8.h"

namespace skiff {

struct Rune {
  char32_t value = 0;
  size_t bytes = 0;

  // It stands for a byte that is no UTF-8, not for itself.
  bool IsBroken() const { return value == 0xfffd && bytes == 1; }
};

// What a text begins with, as Go's utf8.DecodeRune has it: U+FFFD, and one byte, where it begins
// with no UTF-8; no bytes of nothing.
inline Rune FirstRune(std::string_view text) {
  constexpr char32_t kReplacement = 0xfffd;
  if (text.empty()) return {};
  const size_t length = Utf8SequenceLength(text);
  if (length == 0) return {kReplacement, 1};
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  char32_t value = length == 1 ? byte(0) : byte(0) & (0x7f >> length);
  for (size_t i = 1; i < length; ++i) value = value << 6 | (byte(i) & 0x3f);
  return {value, length};
}

// How many a text that is UTF-8 has.
inline size_t RuneCount(std::string_view text) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  return static_cast<size_t>(std::ranges::count_if(text, begins));
}

// The first `count` of a text, or all; a byte that is no UTF-8 is one.
inline std::string_view FirstRunes(std::string_view text, size_t count) {
  size_t end = 0;
  for (; count > 0 && end < text.size(); --count) end += FirstRune(text.substr(end)).bytes;
  return text.substr(0, end);
}

}  // namespace skiff
