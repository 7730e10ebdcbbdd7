#include "cli/compose/scalars.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "api/text/go_text.h"
#include "api/text/time_text.h"
#include "base/hash.h"
#include "base/text.h"

namespace skiff::cli::compose {
namespace {

constexpr size_t kObjectNameMax = 63;

// The number that the text begins with, which is taken off; negative: there is none.
double TakeNumber(std::string_view& text) {
  double number = -1;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || !std::isfinite(number)) return -1;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

tl::unexpected<Error> InvalidSize(const Node& node) {
  return Wrong(node, fmt::format("invalid size: {}", GoQuote(node.Text())));
}

// In nanoseconds, as docker compose reads it: Go's text, with days and weeks. nullopt: it is none,
// or negative.
std::optional<int64_t> Nanoseconds(std::string_view text) {
  constexpr std::string_view kNumber = "0123456789.";
  if (text.starts_with('+')) text.remove_prefix(1);
  int64_t total = 0;
  bool is_first = true;
  do {
    const size_t digits = std::min(text.find_first_not_of(kNumber), text.size());
    const size_t end = std::min(text.find_first_of(kNumber, digits), text.size());
    const std::string_view unit = text.substr(digits, end - digits);
    if (unit.empty() && !is_first) return std::nullopt;
    const int64_t hours = unit == "d" ? 24 : unit == "w" ? 7 * 24 : 0;
    const std::string known =
        hours == 0 ? std::string(text.substr(0, end)) : fmt::format("{}h", text.substr(0, digits));
    const Result<int64_t> part = ParseGoDuration(std::string_view(known));
    int64_t length = 0;
    const bool is_sound = part && *part >= 0 &&
                          !__builtin_mul_overflow(*part, hours == 0 ? 1 : hours, &length) &&
                          !__builtin_add_overflow(total, length, &total);
    if (!is_sound) return std::nullopt;
    text.remove_prefix(end);
    is_first = false;
  } while (!text.empty());
  return total;
}

// The words of a command line, with '...', "..." and backslashes. False: a quote is not closed.
bool SplitShell(std::string_view text, std::vector<std::string>& words) {
  bool open = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (quote == 0 && blank) {
      open = false;
      continue;
    }
    if (!open) words.emplace_back();
    open = true;
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      words.back() += text[++i];
    } else {
      words.back() += c;
    }
  }
  return quote == 0;
}

}  // namespace

Result<int64_t> ReadBytes(const Node& node) {
  const std::string lower = Lower(node.Text());
  std::string_view text = lower;
  const double number = TakeNumber(text);
  if (number < 0) return InvalidSize(node);
  while (text.starts_with(' ')) text.remove_prefix(1);
  double factor = 1;
  if (!text.empty()) {
    constexpr std::string_view kUnits = "bkmgtp";
    const size_t power = kUnits.find(text[0]);
    if (power == kUnits.npos) return InvalidSize(node);
    for (size_t i = 0; i < power; ++i) factor *= 1024;
    text.remove_prefix(1);
    if (power > 0 && text.starts_with('i')) text.remove_prefix(1);
    if (power > 0 && text.starts_with('b')) text.remove_prefix(1);
    if (!text.empty()) return InvalidSize(node);
  }
  const double bytes = number * factor;
  if (bytes > 9e18) return InvalidSize(node);
  return static_cast<int64_t>(bytes);
}

std::string QuantityOfBytes(int64_t bytes) {
  constexpr std::string_view kUnits[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi"};
  size_t unit = 0;
  while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{}{}", bytes, kUnits[unit]);
}

Result<std::string> ReadCpus(const Node& node) {
  const std::string whole = node.Text();
  std::string_view text = whole;
  const double number = TakeNumber(text);
  if (number < 0 || number > 1e6 || !text.empty()) {
    return Wrong(node, fmt::format("invalid number of processors: {}", GoQuote(whole)));
  }
  const auto thousandths = static_cast<int64_t>(std::ceil(number * 1000 - 1e-6));
  if (thousandths % 1000 == 0) return fmt::format("{}", thousandths / 1000);
  return fmt::format("{}m", thousandths);
}

Result<int64_t> ReadSeconds(const Node& node) {
  const auto nanoseconds = Nanoseconds(node.Text());
  if (!nanoseconds) {
    return Wrong(node, fmt::format("invalid duration: {}", GoQuote(node.Text())));
  }
  constexpr int64_t kSecond = 1'000'000'000;
  return *nanoseconds / kSecond + (*nanoseconds % kSecond != 0);
}

Result<int64_t> ReadInteger(const Node& node, int64_t least, int64_t most) {
  const std::string text = node.Text();
  int64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size() || number < least || number > most) {
    return Wrong(node, fmt::format("invalid number: {}: it must be between {} and {}",
                                   GoQuote(text), least, most));
  }
  return number;
}

Result<std::vector<std::string>> ReadCommand(const Node& node) {
  if (!node.IsScalar()) return node.Texts();
  std::vector<std::string> words;
  if (!SplitShell(node.Text(), words)) {
    return Wrong(node, fmt::format("invalid command line: unclosed quote in {}",
                                   GoQuote(node.Text().substr(0, 200))));
  }
  return words;
}

Result<int64_t> ReadMode(const Node& node) {
  int64_t mode = 0;
  if (node.value.is_number_integer()) {
    mode = node.value.get<int64_t>();
  } else {
    std::string text = node.Text();
    if (text.starts_with("0o")) text.erase(0, 2);
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    if (code != std::errc() || end != text.data() + text.size()) mode = -1;
  }
  if (mode < 0 || mode > 0777) {
    return Wrong(node, fmt::format("invalid file mode: {}", GoQuote(node.Text())));
  }
  return mode;
}

std::string ShortDigest(std::string_view text) {
  return Hex(Sha256(text)).substr(0, 8);
}

std::string ObjectName(std::string_view text) {
  std::string name;
  for (const char c : text) name += IsAlnum(c) ? skiff::Lower(c) : '-';
  const size_t first = name.find_first_not_of('-');
  if (first == name.npos) return "x-" + ShortDigest(text);
  name = name.substr(first, name.find_last_not_of('-') - first + 1);
  if (name.size() <= kObjectNameMax) return name;
  return name.substr(0, kObjectNameMax - 9) + "-" + ShortDigest(text);
}

std::string KeyText(std::string_view text) {
  std::string key;
  for (const char c : text) key += IsAlnum(c) || c == '.' || c == '_' || c == '-' ? c : '_';
  return key;
}

std::string LabelValue(std::string_view text) {
  std::string value;
  for (const char c : text) value += IsAlnum(c) || c == '.' || c == '_' || c == '-' ? c : '-';
  const bool fits = value == text && value.size() <= kObjectNameMax && !value.empty() &&
                    IsAlnum(value.front()) && IsAlnum(value.back());
  return fits ? value : ObjectName(text);
}

}  // namespace skiff::cli::compose
