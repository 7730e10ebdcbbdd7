#include "api/cel/format.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <map>

#include "api/cel/libraries.h"
#include "api/cel/limits.h"
#include "api/text/go_text.h"
#include "api/text/go_value.h"
#include "api/text/utf8.h"

namespace skiff::cel {
namespace {

using Args = std::span<const Value>;

constexpr int kPrecisionDefault = 6;
// No double has more digits behind its point.
constexpr int kPrecisionMax = 1100;

// What cel-go says that a clause takes.
std::string_view Takes(char clause) {
  switch (clause) {
    case 'd':
      return "decimal clause can only be used on integers";
    case 'f':
      return "fixed-point clause can only be used on doubles";
    case 'e':
      return "scientific clause can only be used on doubles";
    case 'b':
      return "only integers and bools can be formatted as binary";
    case 'x':
    case 'X':
      return "only integers, byte buffers, and strings can be formatted as hex";
    case 'o':
      return "octal clause can only be used on integers";
    default:
      return "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, "
             "types, durations, and timestamps";
  }
}

// Of ".2f" from the point on; `at` is behind it then. The text of what is wrong; "" when nothing
// is.
std::string ReadPrecision(std::string_view format, size_t& at, int& precision) {
  const size_t begin = ++at;
  while (at < format.size() && format[at] >= '0' && format[at] <= '9') ++at;
  if (at >= format.size()) return "could not find end of precision specifier";
  const std::string_view digits = format.substr(begin, at - begin);
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), precision);
  if (read.ec == std::errc()) return "";
  return "error while converting precision to integer: strconv.Atoi: parsing \"" +
         std::string(digits) + "\": " + (digits.empty() ? "invalid syntax" : "value out of range");
}

// cel-go reads formats by bytes, and shows one above ASCII as the character of that number.
std::string ByteAsRune(char byte) {
  std::string text;
  AppendUtf8(static_cast<unsigned char>(byte), text);
  return text;
}

std::string Fixed(double value, int precision) {
  std::string out(std::min(precision, kPrecisionMax) + 330, '\0');
  const auto end = std::to_chars(out.data(), out.data() + out.size(), value,
                                 std::chars_format::fixed, std::min(precision, kPrecisionMax));
  out.resize(end.ptr - out.data());
  return out;
}

Value BytesText(const Value& bytes) {
  if (IsUtf8(bytes.text())) return Value::String(std::string(bytes.text()));
  return Value::Error(
      "error during formatting: could not convert argument \"invalid UTF-8 in bytes, "
      "cannot convert to string\" to string");
}

// What is written of one item costs as much as so many that are looked at.
constexpr uint64_t kLooksPerWritten = 16;

// Inside lists and maps: as a literal would be written, near enough. Counts what it walks and what
// it writes, also where that is then thrown away for being too long.
Value NestedText(const Value& value);

Value ListText(const Value& list) {
  std::string out = "[";
  for (size_t i = 0; i < list.Size(); ++i) {
    const Value item = NestedText(list.At(i));
    if (item.IsError()) return item;
    if (i > 0) out += ", ";
    out += item.text();
    if (out.size() > kTextBytesMax) return Value::Error(kTextTooLong);
  }
  return Value::String(out + "]");
}

Value MapText(const Value& map) {
  std::map<std::string, std::string> entries;
  size_t size = 0;
  for (const Value& key : map.Keys()) {
    if (!key.Is(Kind::kString) && !key.Is(Kind::kBool) && !key.Is(Kind::kInt) &&
        !key.Is(Kind::kUint)) {
      return Value::Error("error during formatting: no formatting function for map key of type " +
                          key.TypeName());
    }
    const Value shown = NestedText(key);
    if (shown.IsError()) return shown;
    const Value value = NestedText(*map.Find(key));
    if (value.IsError()) return value;
    entries.emplace(shown.text(), value.text());
    size += shown.text().size() + value.text().size();
    if (size > kTextBytesMax) return Value::Error(kTextTooLong);
  }
  std::string out = "{";
  for (const auto& [key, value] : entries) {
    if (out.size() > 1) out += ", ";
    out += key + ":" + value;
  }
  return Value::String(out + "}");
}

Value WrittenText(const Value& value) {
  switch (value.kind()) {
    case Kind::kString: return Value::String(GoQuote(value.text()));
    case Kind::kBytes: {
      const Value text = BytesText(value);
      return text.IsError() ? text : Value::String("b" + GoQuote(text.text()));
    }
    case Kind::kDuration:
      return Value::String("duration(" + GoQuote(DurationText(value.integer())) + ")");
    case Kind::kTimestamp:
      return Value::String("timestamp(" + GoQuote(MomentText(value.moment())) + ")");
    case Kind::kDouble:
      if (std::isfinite(value.number())) {
        return Value::String(Fixed(value.number(), kPrecisionDefault));
      }
      return Value::String(GoQuote(GoFloat(value.number())));
    case Kind::kOptional:
    case Kind::kOpaque:
    case Kind::kObject:
      return Value::Error("error during formatting: no formatting function for " +
                          value.TypeName());
    default: return FormatValue(value, 's', -1);
  }
}

Value NestedText(const Value& value) {
  if (!Look(kLooksPerWritten)) return Value::Error(kBudgetText);
  Value text = WrittenText(value);
  // What stands in it is copied at each level.
  if (!Look(text.text().size() / kTextBytesPerLook)) return Value::Error(kBudgetText);
  return text;
}

Value StringClause(const Value& value) {
  switch (value.kind()) {
    case Kind::kList: return ListText(value);
    case Kind::kMap: return MapText(value);
    case Kind::kType: return Value::String(std::string(value.text()));
    case Kind::kBytes:
      return BytesText(value);
    case Kind::kOptional:
    case Kind::kOpaque:
    case Kind::kObject:
    case Kind::kError:
      return UnfitForClause('s', value.TypeName());
    default: return Value::String(KeyText(value));
  }
}

Value DecimalClause(const Value& value) {
  if (value.Is(Kind::kInt) || value.Is(Kind::kUint)) return Value::String(KeyText(value));
  return UnfitForClause('d', value.TypeName());
}

// The strings "NaN", "Infinity" and "-Infinity" count as the numbers they name.
std::optional<double> NumberOf(const Value& value) {
  if (value.Is(Kind::kDouble)) return value.number();
  if (!value.Is(Kind::kString)) return std::nullopt;
  if (value.text() == "NaN") return std::nan("");
  if (value.text() == "Infinity") return HUGE_VAL;
  if (value.text() == "-Infinity") return -HUGE_VAL;
  return std::nullopt;
}

std::string Unbounded(double number) {
  if (std::isnan(number)) return "NaN";
  return number > 0 ? "∞" : "-∞";
}

std::string Grouped(std::string digits) {
  const size_t first = digits.starts_with('-') ? 1 : 0;
  size_t at = std::min(digits.find('.'), digits.size());
  while (at > first + 3) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

Value FixedClause(const Value& value, int precision) {
  const auto number = NumberOf(value);
  if (!number) return UnfitForClause('f', value.TypeName());
  if (!std::isfinite(*number)) return Value::String(Unbounded(*number));
  return Value::String(Grouped(Fixed(*number, precision < 0 ? kPrecisionDefault : precision)));
}

Value ScientificClause(const Value& value) {
  constexpr std::array kRaised = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  const auto number = NumberOf(value);
  if (!number) return UnfitForClause('e', value.TypeName());
  if (!std::isfinite(*number)) return Value::String(Unbounded(*number));
  char text[64];
  // The precision that is given has no say: six digits it is.
  std::snprintf(text, sizeof(text), "%.*e", kPrecisionDefault, *number);
  const std::string_view whole(text);
  const size_t e = whole.find('e');
  std::string out(whole.substr(0, e));
  out += "×10";
  for (const char c : whole.substr(e + 1)) {
    if (c == '-') out += "⁻";
    if (c >= '0' && c <= '9') out += kRaised[c - '0'];
  }
  return Value::String(std::move(out));
}

std::string InBase(const Value& value, int base) {
  char digits[80];
  const auto end = value.Is(Kind::kInt)
                       ? std::to_chars(digits, digits + sizeof(digits), value.integer(), base)
                       : std::to_chars(digits, digits + sizeof(digits), value.unsigned_integer(),
                                       base);
  return {digits, static_cast<size_t>(end.ptr - digits)};
}

bool IsWhole(const Value& value) {
  return value.Is(Kind::kInt) || value.Is(Kind::kUint);
}

Value BinaryClause(const Value& value) {
  if (value.Is(Kind::kBool)) return Value::String(value.boolean() ? "1" : "0");
  if (IsWhole(value)) return Value::String(InBase(value, 2));
  return UnfitForClause('b', value.TypeName());
}

Value HexClause(const Value& value, bool upper) {
  std::string out;
  if (IsWhole(value)) {
    out = InBase(value, 16);
  } else if (value.Is(Kind::kString) || value.Is(Kind::kBytes)) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (const char c : value.text()) {
      out += kDigits[static_cast<unsigned char>(c) >> 4];
      out += kDigits[static_cast<unsigned char>(c) & 15];
    }
  } else {
    return UnfitForClause('x', value.TypeName());
  }
  for (char& c : out) {
    if (upper && c >= 'a' && c <= 'f') c = static_cast<char>(c - 0x20);
  }
  return Value::String(std::move(out));
}

Value OctalClause(const Value& value) {
  if (IsWhole(value)) return Value::String(InBase(value, 8));
  return UnfitForClause('o', value.TypeName());
}

Value FormatString(Args a) {
  const auto text = [&](size_t index, char clause, int precision) {
    return FormatValue(a[1].At(index), clause, precision);
  };
  return ExpandFormat(a[0].text(), {.count = a[1].Size()}, text);
}

constexpr std::array kFormat = {
    Declaration{"format", "string.(list(dyn)) -> string", FormatString, CostRule::kTraverse}};

}  // namespace

Value UnfitForClause(char clause, std::string_view type) {
  return Value::Error("error during formatting: " + std::string(Takes(clause)) + ", was given " +
                      std::string(type));
}

Value ExpandFormat(std::string_view format, const ClauseItems& items, const ClauseText& text) {
  std::string out;
  size_t index = 0;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    if (++i < format.size() && format[i] == '%') {
      out += '%';
      continue;
    }
    const bool at_end = i >= format.size();
    // As cel-go, which looks for the item before it reads on.
    if (index >= items.count && !(at_end && items.are_written)) {
      return Value::Error("index " + std::to_string(index) + " out of range");
    }
    if (at_end) return Value::Error("unexpected end of string");
    int precision = -1;
    if (format[i] == '.') {
      if (const std::string why = ReadPrecision(format, i, precision); !why.empty()) {
        return Value::Error("could not parse formatting clause: error while parsing precision: " +
                            why);
      }
    }
    const char clause = format[i];
    if (std::string_view("sdfebxXo").find(clause) == std::string_view::npos) {
      return Value::Error("could not parse formatting clause: unrecognized formatting clause \"" +
                          ByteAsRune(clause) + "\"");
    }
    const Value part = text(index++, clause, precision);
    if (part.IsError()) return part;
    if (!Look(part.text().size() / kTextBytesPerLook)) return Value::Error(kBudgetText);
    out += part.text();
    if (out.size() > kTextBytesMax) return Value::Error(kTextTooLong);
  }
  return Value::String(std::move(out));
}

Value FormatValue(const Value& value, char clause, int precision) {
  switch (clause) {
    case 'd': return DecimalClause(value);
    case 'f': return FixedClause(value, precision);
    case 'e': return ScientificClause(value);
    case 'b': return BinaryClause(value);
    case 'x':
    case 'X': return HexClause(value, clause == 'X');
    case 'o': return OctalClause(value);
    default: return StringClause(value);
  }
}

void AddFormatFunctions(FunctionTable& table) {
  table.Add(kFormat);
}

}  // namespace skiff::cel
