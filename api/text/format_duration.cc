#include "api/text/format_duration.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "api/text/time_text.h"
#include "base/digits.h"
#include "base/text.h"

namespace skiff {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

struct Unit {
  std::string_view names;  // Between blanks: words that are one of them,
  std::string_view begin;  // and words that begin so.
  uint64_t nanoseconds;
};
constexpr Unit kUnits[] = {
    {" ns ", "nano", 1},
    {" us µs ", "micro", kSecond / 1'000'000},
    {" ms ", "milli", kSecond / 1000},
    {" s ", "sec", kSecond},
    {" m ", "min", 60 * kSecond},
    {" h hr ", "hour", 3600 * kSecond},
    {" d ", "day", 24 * 3600 * kSecond},
    {" w wk ", "week", 7 * 24 * 3600 * kSecond},
};

// Letters, in lower case.
std::string TakeWord(std::string_view& rest) {
  constexpr std::string_view kMicro = "µ";
  std::string word;
  while (!rest.empty()) {
    const char lower = static_cast<char>(rest[0] | 0x20);
    if (rest.starts_with(kMicro)) {
      word += kMicro;
      rest.remove_prefix(kMicro.size());
    } else if (lower >= 'a' && lower <= 'z') {
      word += lower;
      rest.remove_prefix(1);
    } else {
      break;
    }
  }
  return word;
}

const Unit* FindUnit(const std::string& word) {
  const auto found = std::find_if(std::begin(kUnits), std::end(kUnits), [&](const Unit& unit) {
    return word.starts_with(unit.begin) ||
           unit.names.find(" " + word + " ") != std::string_view::npos;
  });
  return found == std::end(kUnits) ? nullptr : found;
}

}  // namespace

std::optional<int64_t> ParseFormatDuration(std::string_view text) {
  if (const auto plain = ParseGoDuration(text)) return *plain;
  uint64_t total = 0;
  bool any = false;
  while (!text.empty()) {
    const std::string_view digits = TakeDigits(text);
    if (digits.empty()) {
      text.remove_prefix(1);
      continue;
    }
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n\f\r"), text.size()));
    const std::string word = TakeWord(text);
    if (word.empty()) continue;
    int64_t count = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (read.ec != std::errc()) return std::nullopt;
    const Unit* unit = FindUnit(word);
    if (unit == nullptr) continue;
    total += static_cast<uint64_t>(count) * unit->nanoseconds;
    any = true;
  }
  if (!any) return std::nullopt;
  return static_cast<int64_t>(total);
}

}  // namespace skiff
