#include "api/cel/runes.h"

#include <algorithm>
#include <cstring>

#include "api/text/utf8.h"

namespace skiff::cel {

char32_t FirstRune(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  switch (Utf8SequenceLength(text)) {
    case 1: return byte(0);
    case 2: return (byte(0) & 0x1fu) << 6 | (byte(1) & 0x3fu);
    case 3:
      return (byte(0) & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
    case 4:
      return (byte(0) & 0x07u) << 18 | (byte(1) & 0x3fu) << 12 | (byte(2) & 0x3fu) << 6 |
             (byte(3) & 0x3fu);
    default: return 0xfffd;
  }
}

std::u32string RunesOf(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  while (!text.empty()) {
    out += FirstRune(text);
    text.remove_prefix(RuneLength(text));
  }
  return out;
}

std::optional<size_t> PlaceOfRune(std::string_view text, int64_t index) {
  size_t at = 0;
  for (; index > 0 && at < text.size(); --index) at += RuneLength(text.substr(at));
  return index == 0 ? std::optional(at) : std::nullopt;
}

std::string TextOf(const std::u32string& runes, size_t begin, size_t end) {
  std::string out;
  for (size_t i = begin; i < std::min(end, runes.size()); ++i) AppendUtf8(runes[i], out);
  return out;
}

size_t FindText(std::string_view text, std::string_view wanted, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  const void* found =
      memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

size_t RuneLength(std::string_view text) {
  if (text.empty()) return 0;
  return std::max<size_t>(Utf8SequenceLength(text), 1);
}

}  // namespace skiff::cel
