// Constants of templates, as Go's strconv reads them.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>

#include "api/text/go_text.h"
#include "api/text/go_unquote.h"
#include "api/text/runes.h"
#include "base/text.h"
#include "cli/errors.h"
#include "cli/go_template_tree.h"

namespace skiff::cli {
namespace {

// The one character of a text in UTF-8; a lone byte from an escape is itself.
std::optional<int64_t> OnlyRune(std::string_view text) {
  if (text.size() == 1) return static_cast<unsigned char>(text[0]);
  const Rune rune = FirstRune(text);
  if (text.empty() || rune.bytes != text.size()) return std::nullopt;
  return rune.value;
}

// Without the underscores, which stand between digits, or behind a prefix that says the base; none
// where they do not.
std::optional<std::string> WithoutUnderscores(std::string_view digits, bool has_prefix) {
  std::string out;
  bool may_follow = has_prefix;
  for (const char c : digits) {
    if (c == '_' && !may_follow) return std::nullopt;
    may_follow = c != '_';
    if (may_follow) out += c;
  }
  return may_follow ? std::optional(out) : std::nullopt;
}

struct Magnitude {
  bool is_number = false;
  bool is_negative = false;
  bool overflows = false;
  uint64_t value = 0;
};

// A whole number: decimal, or to the base that its prefix says.
Magnitude ReadWhole(std::string_view text) {
  Magnitude read;
  if (text.starts_with('-') || text.starts_with('+')) {
    read.is_negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char letter = Lower(text[1]);
    base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 8;
    text.remove_prefix(IsLetter(letter) ? 2 : 1);
  }
  const auto digits = WithoutUnderscores(text, base != 10);
  if (!digits || digits->empty()) return read;
  const char* end = digits->data() + digits->size();
  const auto parsed = std::from_chars(digits->data(), end, read.value, base);
  read.overflows = parsed.ec == std::errc::result_out_of_range;
  read.is_number = parsed.ptr == end && (read.overflows || parsed.ec == std::errc());
  return read;
}

}  // namespace

std::optional<std::string> UnquotedTemplateText(std::string_view quoted) {
  const std::string_view inner = quoted.substr(1, quoted.size() - 2);
  if (quoted[0] != '`') return GoUnquoted(inner, quoted[0]);
  std::string out;
  std::ranges::copy_if(inner, std::back_inserter(out), [](char c) { return c != '\r'; });
  return out;
}

Result<Json> TemplateNumber(const std::string& text, bool is_character) {
  if (is_character) {
    const auto unquoted = UnquotedTemplateText(text);
    if (!unquoted || unquoted->empty()) return CliError("invalid syntax");
    const auto rune = OnlyRune(*unquoted);
    if (!rune) return CliError("malformed character constant: " + text);
    return Json(*rune);
  }
  const Magnitude whole = ReadWhole(text);
  if (whole.is_number && !whole.overflows) {
    const uint64_t most = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (!whole.is_negative && whole.value <= most) return Json(static_cast<int64_t>(whole.value));
    if (whole.is_negative && whole.value <= most + 1) {
      return Json(static_cast<int64_t>(0 - whole.value));
    }
    if (!whole.is_negative) return Json(whole.value);  // Which no int holds.
  }
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  const bool is_float = end != text.c_str() && *end == '\0';
  if (!is_float) return CliError(fmt::format("illegal number syntax: {}", GoQuote(text)));
  if (text.find_first_of(".eEpP") == std::string::npos) {
    return CliError(fmt::format("integer overflow: {}", GoQuote(text)));
  }
  return Json(value);
}

}  // namespace skiff::cli
