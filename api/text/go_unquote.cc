#include "api/text/go_unquote.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "api/text/utf8.h"

namespace skiff {
namespace {

// The number of `count` digits to this base at `at`, which goes behind them.
std::optional<uint32_t> ReadDigits(std::string_view text, size_t& at, size_t count, int base) {
  uint32_t number = 0;
  const std::string_view digits = text.substr(std::min(at, text.size()), count);
  const char* end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, number, base);
  if (digits.size() < count || read.ptr != end || read.ec != std::errc()) return std::nullopt;
  at += count;
  return number;
}

// What stands behind a backslash, at `at`, which goes behind it. False: nothing does.
bool Unescape(std::string_view text, size_t& at, char quote, std::string& out) {
  constexpr std::string_view kLetters = "abfnrtv\\";
  constexpr std::string_view kMeant = "\a\b\f\n\r\t\v\\";
  const char c = text[at];
  if (c == quote) {
    out += text[at++];
    return true;
  }
  if (const size_t letter = kLetters.find(c); letter != kLetters.npos) {
    ++at;
    out += kMeant[letter];
    return true;
  }
  const bool is_octal = c >= '0' && c <= '7';
  if (!is_octal) ++at;
  const size_t count = is_octal ? 3 : c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (count == 0) return false;
  const auto number = ReadDigits(text, at, count, is_octal ? 8 : 16);
  if (!number) return false;
  if (is_octal || c == 'x') {
    if (*number > 0xff) return false;
    out += static_cast<char>(*number);
    return true;
  }
  if (*number > 0x10ffff || (*number >= 0xd800 && *number <= 0xdfff)) return false;
  AppendUtf8(*number, out);
  return true;
}

}  // namespace

std::optional<std::string> GoUnquoted(std::string_view inner, char quote) {
  std::string out;
  for (size_t at = 0; at < inner.size();) {
    if (inner[at] == '\n' || inner[at] == quote) return std::nullopt;
    if (inner[at] != '\\') {
      out += inner[at++];
      continue;
    }
    ++at;
    if (at == inner.size() || !Unescape(inner, at, quote, out)) return std::nullopt;
  }
  return out;
}

}  // namespace skiff
