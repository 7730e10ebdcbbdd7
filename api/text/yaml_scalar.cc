#include "api/text/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/text.h"

namespace skiff {
namespace {

constexpr std::array<std::string_view, 5> kNulls = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 11> kTrue = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                                    "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> kFalse = {"n",     "N",     "no",  "No",  "NO", "false",
                                                     "False", "FALSE", "off", "Off", "OFF"};

constexpr std::array<std::string_view, 3> kInfinities = {".inf", ".Inf", ".INF"};
constexpr std::array<std::string_view, 3> kNans = {".nan", ".NaN", ".NAN"};

bool Contains(const auto& words, std::string_view text) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// Sign, then 0x, 0b, 0o or 0 as prefix of the base; false when it is no such integer.
bool ReadInteger(std::string_view text, Json& out) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char mark = static_cast<char>(text[1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
    text.remove_prefix(mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1);
  }
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value, base);
  if (read.ec != std::errc() || read.ptr != end) return false;
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (value <= kMax) {
    out = negative ? -static_cast<int64_t>(value) : static_cast<int64_t>(value);
    return true;
  }
  if (negative) return false;
  out = value;
  return true;
}

// [-+]? (.d+ | d+ (.d*)?) ([eE][-+]?d+)?
bool ReadFloat(std::string_view text, Json& out) {
  std::string_view rest = text;
  const auto digits = [&] {
    size_t count = 0;
    while (count < rest.size() && IsDigit(rest[count])) ++count;
    rest.remove_prefix(count);
    return count;
  };
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  const size_t whole = digits();
  size_t fraction = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    fraction = digits();
  }
  if (whole + fraction == 0) return false;
  if (!rest.empty() && (rest[0] | 0x20) == 'e') {
    rest.remove_prefix(1);
    if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
    if (digits() == 0) return false;
  }
  if (!rest.empty()) return false;
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) {
    value = std::strtod(std::string(text).c_str(), nullptr);  // As good as nothing, or beyond all.
    if (std::isinf(value)) return false;
  }
  out = value + 0.0;  // It becomes JSON, where -0 is the integer 0.
  return true;
}

bool ReadNoJsonNumber(std::string_view text, Json& out) {
  if (Contains(kNans, text)) {
    out = std::numeric_limits<double>::quiet_NaN();
    return true;
  }
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (!Contains(kInfinities, text)) return false;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  out = negative ? -kInfinity : kInfinity;
  return true;
}

}  // namespace

Json ResolveYamlScalar(std::string_view text) {
  if (Contains(kNulls, text)) return nullptr;
  if (Contains(kTrue, text)) return true;
  if (Contains(kFalse, text)) return false;
  const char first = text[0];
  if (IsDigit(first) || first == '-' || first == '+' || first == '.') {
    std::string plain(text);
    if (first != '.') std::erase(plain, '_');
    Json number;
    if (first != '.' && ReadInteger(plain, number)) return number;
    if (ReadFloat(plain, number)) return number;
    if (ReadNoJsonNumber(text, number)) return number;
  }
  return Json(std::string(text));
}

bool IsNoJsonNumber(const Json& value) {
  return value.is_number_float() && !std::isfinite(value.get<double>());
}

}  // namespace skiff
