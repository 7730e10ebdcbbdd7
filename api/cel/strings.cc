// Strings beyond what the language itself knows: all positions are code points.
#include <algorithm>
#include <array>

#include "api/cel/libraries.h"
#include "api/cel/limits.h"
#include "api/cel/made_bytes.h"
#include "api/cel/runes.h"
#include "api/cel/text_lists.h"
#include "api/text/utf8.h"

namespace skiff::cel {
namespace {

using Args = std::span<const Value>;

constexpr size_t kMendedBytesPerByte = 3;  // U+FFFD.

Value OutOfRange(int64_t index) {
  return Value::Error("index out of range: " + std::to_string(index));
}

// What is no UTF-8 is replaced, as it is in Go where text becomes code points and text again.
Value MendedPart(const Value& whole, std::string_view part) {
  if (IsUtf8(part)) return Value::PartOf(whole, part);
  if (!MakeScratch(part.size() * kMendedBytesPerByte)) return Value();
  return Value::String(MendUtf8(part));
}

Value CharAt(Args a) {
  const std::string_view text = a[0].text();
  const auto at = PlaceOfRune(text, a[1].integer());
  if (!at) return OutOfRange(a[1].integer());
  return MendedPart(a[0], text.substr(*at, RuneLength(text.substr(*at))));
}

// Where the code point at `index` begins; past the end where there are fewer.
size_t BytesBefore(std::string_view text, int64_t index) {
  size_t at = 0;
  for (; index > 0 && at < text.size(); --index) at += RuneLength(text.substr(at));
  return at;
}

Value PositionFrom(Args a, int64_t from) {
  if (from < 0) return OutOfRange(from);
  const std::string_view text = a[0].text();
  if (a[1].text().empty()) return Value::Int(from);
  const size_t begin = BytesBefore(text, from);
  const size_t found = FindText(text, a[1].text(), begin);
  if (found == std::string_view::npos) return Value::Int(-1);
  return Value::Int(from + static_cast<int64_t>(CodePoints(text.substr(begin, found - begin))));
}
Value PositionOf(Args a) {
  return PositionFrom(a, 0);
}
Value PositionOfFrom(Args a) {
  return PositionFrom(a, a[2].integer());
}

// The last one in `text`.
Value LastPosition(std::string_view text, std::string_view wanted) {
  const std::string backwards(text.rbegin(), text.rend());
  const size_t found = FindText(backwards, std::string(wanted.rbegin(), wanted.rend()), 0);
  if (found == std::string_view::npos) return Value::Int(-1);
  const size_t begin = text.size() - found - wanted.size();
  return Value::Int(static_cast<int64_t>(CodePoints(text.substr(0, begin))));
}
Value LastPositionOf(Args a) {
  if (a[1].text().empty()) return Value::Int(static_cast<int64_t>(CodePoints(a[0].text())));
  return LastPosition(a[0].text(), a[1].text());
}
Value LastPositionOfFrom(Args a) {
  const int64_t from = a[2].integer();
  if (from < 0) return OutOfRange(from);
  const std::string_view text = a[0].text(), wanted = a[1].text();
  if (wanted.empty()) return Value::Int(from);
  const size_t begin = BytesBefore(text, from);
  if (begin >= text.size()) return Value::Int(-1);
  return LastPosition(text.substr(0, begin + std::min(wanted.size(), text.size() - begin)), wanted);
}

template <char first, char last>
Value ChangeCase(Args a) {
  std::string out(a[0].text());
  for (char& c : out) {
    if (c >= first && c <= last) c = static_cast<char>(c ^ 0x20);
  }
  return Value::String(std::move(out));
}

// As strings.Replace does, but no further than a text may reach: an empty text stands in front
// of every character and at the end.
std::string Replaced(std::string_view text, std::string_view from, std::string_view to,
                     int64_t count) {
  std::string out;
  size_t at = 0;
  for (; count != 0 && out.size() <= kTextBytesMax; --count) {
    if (from.empty()) {
      out += to;
      if (at >= text.size()) return out;
      const size_t length = RuneLength(text.substr(at));
      out += text.substr(at, length);
      at += length;
      continue;
    }
    const size_t found = FindText(text, from, at);
    if (found == std::string_view::npos) break;
    out.append(text.substr(at, found - at)).append(to);
    at = found + from.size();
  }
  return out.append(text.substr(at));
}
Value BoundedText(std::string text) {
  if (text.size() > kTextBytesMax) return Value::Error(kTextTooLong);
  return Value::String(std::move(text));
}
Value ReplaceAll(Args a) {
  return BoundedText(Replaced(a[0].text(), a[1].text(), a[2].text(), -1));
}
Value ReplaceSome(Args a) {
  return BoundedText(Replaced(a[0].text(), a[1].text(), a[2].text(), a[3].integer()));
}

// As strings.SplitN does: at most `count` parts, below zero all, and none for 0.
Value Split(const Value& whole, std::string_view separator, int64_t count) {
  std::string_view text = whole.text();
  TextParts parts(whole);
  if (count == 0) return std::move(parts).List();
  if (separator.empty()) {
    const size_t runes = std::min(CodePoints(text), kListItemsMax + 1);
    parts.Reserve(count < 0 ? runes : std::min(runes, static_cast<size_t>(count)));
  }
  while ((count < 0 || static_cast<int64_t>(parts.size()) + 1 < count) && !parts.IsTooLong()) {
    if (separator.empty()) {
      const size_t length = RuneLength(text);
      if (text.size() <= length) break;
      parts.Add(text.substr(0, length));
      text.remove_prefix(length);
      continue;
    }
    const size_t found = FindText(text, separator, 0);
    if (found == std::string_view::npos) break;
    parts.Add(text.substr(0, found));
    text.remove_prefix(found + separator.size());
  }
  if (!separator.empty() || !text.empty()) parts.Add(text);
  return std::move(parts).List();
}
Value SplitAll(Args a) {
  return Split(a[0], a[1].text(), -1);
}
Value SplitSome(Args a) {
  return Split(a[0], a[1].text(), a[2].integer());
}

Value Substring(const Value& whole, int64_t begin, std::optional<int64_t> end) {
  if (end && begin > *end) {
    return Value::Error("invalid substring range. start: " + std::to_string(begin) +
                        ", end: " + std::to_string(*end));
  }
  const std::string_view text = whole.text();
  const auto from = PlaceOfRune(text, begin);
  if (!from) return OutOfRange(begin);
  const std::string_view rest = text.substr(*from);
  const auto length = end ? PlaceOfRune(rest, *end - begin) : rest.size();
  if (!length) return OutOfRange(*end);
  return MendedPart(whole, rest.substr(0, *length));
}
Value SubstringFrom(Args a) {
  return Substring(a[0], a[1].integer(), std::nullopt);
}
Value SubstringBetween(Args a) {
  return Substring(a[0], a[1].integer(), a[2].integer());
}

bool IsUnicodeSpace(char32_t c) {
  return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}
Value Trim(Args a) {
  const std::string_view text = a[0].text();
  size_t begin = text.size(), end = begin;  // Of what is no space.
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    const bool space = IsUnicodeSpace(FirstRune(rest));
    if (!space && begin == text.size()) begin = at;
    at += RuneLength(rest);
    if (!space) end = at;
  }
  return MendedPart(a[0], text.substr(begin, end - begin));
}

Value Join(const Value& list, std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < list.Size(); ++i) {
    if (!Look()) return Value::Error(kBudgetText);  // What comes of it may be nothing, and cost so.
    const Value item = list.At(i);
    if (!item.Is(Kind::kString)) return Value::Error("join: invalid input: " + KeyText(item));
    if (i > 0) out += separator;
    out += item.text();
    if (out.size() > kTextBytesMax) return Value::Error(kTextTooLong);
  }
  return Value::String(std::move(out));
}
Value JoinAll(Args a) {
  return Join(a[0], "");
}
Value JoinWith(Args a) {
  return Join(a[0], a[1].text());
}

Value Quote(Args a) {
  constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\\"";
  constexpr std::string_view kLetters = "abfnrtv\\\"";
  std::string out = "\"";
  if (!MakeScratch(a[0].text().size() * kMendedBytesPerByte)) return Value();
  for (const char c : MendUtf8(a[0].text())) {
    const size_t special = kMeanings.find(c);
    if (special == std::string_view::npos) {
      out += c;
    } else {
      out += '\\';
      out += kLetters[special];
    }
  }
  return Value::String(out + "\"");
}

constexpr std::array kStrings = {
    Declaration{"charAt", "string.(int) -> string", CharAt},
    Declaration{"indexOf", "string.(string) -> int", PositionOf, CostRule::kListTraverse},
    Declaration{"indexOf", "string.(string, int) -> int", PositionOfFrom, CostRule::kListTraverse},
    Declaration{"lastIndexOf", "string.(string) -> int", LastPositionOf, CostRule::kListTraverse},
    Declaration{"lastIndexOf", "string.(string, int) -> int", LastPositionOfFrom,
                CostRule::kListTraverse},
    Declaration{"lowerAscii", "string.() -> string", ChangeCase<'A', 'Z'>, CostRule::kTraverse},
    Declaration{"upperAscii", "string.() -> string", ChangeCase<'a', 'z'>, CostRule::kTraverse},
    Declaration{"replace", "string.(string, string) -> string", ReplaceAll, CostRule::kReplace},
    Declaration{"replace", "string.(string, string, int) -> string", ReplaceSome,
                CostRule::kReplace},
    Declaration{"split", "string.(string) -> list(string)", SplitAll, CostRule::kSplit},
    Declaration{"split", "string.(string, int) -> list(string)", SplitSome, CostRule::kSplit},
    Declaration{"substring", "string.(int) -> string", SubstringFrom, CostRule::kTraverse},
    Declaration{"substring", "string.(int, int) -> string", SubstringBetween,
                CostRule::kTraverse},
    Declaration{"trim", "string.() -> string", Trim, CostRule::kTraverse},
    Declaration{"join", "list(string).() -> string", JoinAll, CostRule::kJoin},
    Declaration{"join", "list(string).(string) -> string", JoinWith, CostRule::kJoin},
    Declaration{"strings.quote", "(string) -> string", Quote, CostRule::kQuote}};

}  // namespace

void AddStringFunctions(FunctionTable& table) {
  table.Add(kStrings);
}

}  // namespace skiff::cel
