#include "apiserver/request/warning_headers.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "api/text/runes.h"
#include "api/text/utf8.h"

namespace skiff {
namespace {

constexpr size_t kRunesMax = 4096;
constexpr size_t kRunesOfOneMax = 256;

bool CanBeSaid(std::string_view text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return !text.empty() && std::ranges::none_of(text, is_control) && IsUtf8(text);
}

std::string HeaderOf(std::string_view text) {
  std::string value = "299 - \"";
  for (const char c : text) {
    if (c == '"' || c == '\\') value += '\\';
    value += c;
  }
  return value + "\"";
}

}  // namespace

std::vector<std::string> WarningHeaders(const std::vector<std::string>& texts) {
  std::vector<std::string_view> said;
  std::unordered_set<std::string_view> seen;
  size_t runes = 0;      // Of what is said, in full.
  size_t cut_runes = 0;  // Of the same, each cut.
  for (const std::string& text : texts) {
    // What comes now would not be said even of texts that are cut.
    if (runes > kRunesMax && cut_runes >= kRunesMax) break;
    if (!CanBeSaid(text) || !seen.insert(text).second) continue;
    const size_t count = RuneCount(text);
    runes += count;
    cut_runes += std::min(count, kRunesOfOneMax);
    said.push_back(text);
  }
  std::vector<std::string> headers;
  for (const std::string_view text : said) {
    headers.push_back(HeaderOf(runes > kRunesMax ? FirstRunes(text, kRunesOfOneMax) : text));
  }
  return headers;
}

}  // namespace skiff
