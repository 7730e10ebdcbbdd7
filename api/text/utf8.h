// UTF-8, as Go's unicode/utf8 judges it.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace skiff {

// Bytes of the well-formed sequence that `text` begins with; 0 when it begins with none (broken,
// overlong, a surrogate, beyond U+10FFFF, or empty).
inline size_t Utf8SequenceLength(std::string_view text) {
  if (text.empty()) return 0;
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  if (first == 0xe0 && at(1) < 0xa0) return 0;
  if (first == 0xed && at(1) > 0x9f) return 0;
  if (first == 0xf0 && at(1) < 0x90) return 0;
  if (first == 0xf4 && at(1) > 0x8f) return 0;
  return length;
}

inline bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    // Nearly all text is ASCII.
    if (uint64_t word = 0; text.size() >= sizeof word) {
      std::memcpy(&word, text.data(), sizeof word);
      if ((word & 0x8080808080808080) == 0) {
        text.remove_prefix(sizeof word);
        continue;
      }
    }
    const size_t length = Utf8SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

inline void AppendUtf8(uint32_t code_point, std::string& out) {
  const auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | code_point >> 6);
    put(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    put(0xe0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  } else {
    put(0xf0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3f));
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  }
}

// Text as documents may hold it: what is no UTF-8 is replaced, as Go's JSON encoder does when it
// shows such a string.
inline std::string MendUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    if (length == 0) AppendUtf8(0xfffd, out);
    out.append(text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

// No more than `bytes_max` of the text, and no part of a sequence at the end.
inline void CutUtf8(std::string& text, size_t bytes_max) {
  if (text.size() <= bytes_max) return;
  constexpr size_t kContinuationsMax = 3;
  size_t end = bytes_max;
  while (end > 0 && bytes_max - end < kContinuationsMax && (text[end] & 0xc0) == 0x80) --end;
  // Where no sequence is cut, there is nothing to save.
  text.resize((text[end] & 0xc0) == 0x80 ? bytes_max : end);
}

}  // namespace skiff
