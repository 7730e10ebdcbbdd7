#include "api/text/media_type.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace skiff {
namespace {

bool IsMimeTokenChar(char c) {
  constexpr std::string_view kSpecial = "()<>@,;:\\\"/[]?=";
  return c > ' ' && c < '\x7f' && kSpecial.find(c) == std::string_view::npos;
}

void SkipMimeBlanks(std::string_view& text) {
  constexpr std::string_view kBlanks = " \t\n\v\f\r";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
}

// Takes the token that the text begins with; "" for none.
std::string_view TakeMimeToken(std::string_view& text) {
  const auto* end = std::find_if_not(text.begin(), text.end(), IsMimeTokenChar);
  const std::string_view token = text.substr(0, static_cast<size_t>(end - text.begin()));
  text.remove_prefix(token.size());
  return token;
}

bool TakeMimeSymbol(char symbol, std::string_view& text) {
  SkipMimeBlanks(text);
  if (!text.starts_with(symbol)) return false;
  text.remove_prefix(1);
  SkipMimeBlanks(text);
  return true;
}

// A token, or a text in quotes, which may be empty.
std::optional<std::string> TakeMimeValue(std::string_view& text) {
  if (!text.starts_with('"')) {
    const std::string_view token = TakeMimeToken(text);
    return token.empty() ? std::nullopt : std::optional(std::string(token));
  }
  std::string value;
  for (size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    if (c == '\r' || c == '\n') return std::nullopt;
    // Only what no token may hold is escaped: all other backslashes stand for themselves.
    const bool escapes = c == '\\' && i + 1 < text.size() && text[i + 1] > ' ' &&
                         text[i + 1] < '\x7f' && !IsMimeTokenChar(text[i + 1]);
    if (escapes) ++i;
    value += text[i];
  }
  return std::nullopt;
}

// Of what stands behind the type itself.
std::optional<std::string> ParametersFault(std::string_view text) {
  std::map<std::string, std::string> seen;
  for (SkipMimeBlanks(text); !text.empty(); SkipMimeBlanks(text)) {
    std::string_view rest = text;
    const bool begins = TakeMimeSymbol(';', rest);
    if (begins && rest.empty()) return std::nullopt;
    const std::string name = begins ? Lower(TakeMimeToken(rest)) : "";
    if (name.empty() || !TakeMimeSymbol('=', rest)) return "mime: invalid media parameter";
    const auto value = TakeMimeValue(rest);
    if (!value) return "mime: invalid media parameter";
    const auto [known, is_new] = seen.emplace(name, *value);
    if (!is_new && known->second != *value) return "mime: duplicate parameter name";
    text = rest;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> MediaTypeFault(std::string_view text) {
  const size_t end = std::min(text.find(';'), text.size());
  std::string_view type = WithoutBlanks(text.substr(0, end));
  if (TakeMimeToken(type).empty()) return "mime: no media type";
  if (!type.empty()) {
    if (!type.starts_with('/')) return "mime: expected slash after first token";
    type.remove_prefix(1);
    if (TakeMimeToken(type).empty()) return "mime: expected token after slash";
    if (!type.empty()) return "mime: unexpected content after media subtype";
  }
  return ParametersFault(text.substr(end));
}

}  // namespace skiff
