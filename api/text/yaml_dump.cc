// Writes documents as YAML in Go's style: a scalar is plain where that reads back as the same text,
// literal where it has lines, else quoted. Long lines of plain and quoted scalars are folded.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/codec/json.h"
#include "api/text/go_value.h"
#include "api/text/utf8.h"
#include "api/text/yaml.h"
#include "api/text/yaml_key_order.h"
#include "api/text/yaml_scalar.h"

namespace skiff {
namespace {

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\0';
}

// What Go's emitter does not write as it is, by its first bytes: line separators, the byte order
// mark, what is no character, C1 controls, and all beyond the basic plane.
constexpr std::pair<std::string_view, std::string_view> kNamedSequences[] = {
    {"\xc2\x85", "\\N"},
    {"\xe2\x80\xa8", "\\L"},
    {"\xe2\x80\xa9", "\\P"},
    {"\xef\xbb\xbf", "\\uFEFF"},
    {"\xef\xbf\xbe", "\\uFFFE"},
    {"\xef\xbf\xbf", "\\uFFFF"},
};

// The escape of the sequence that `text` begins with; "" when it is written as it is.
std::string EscapeOf(std::string_view text, size_t length) {
  for (const auto& [sequence, escape] : kNamedSequences) {
    if (text.starts_with(sequence)) return std::string(escape);
  }
  std::array<char, 16> out;
  const bool is_control = text[0] == '\xc2' && static_cast<unsigned char>(text[1]) < 0xa0;
  if (is_control) {
    std::snprintf(out.data(), out.size(), "\\x%02X", static_cast<unsigned char>(text[1]));
    return out.data();
  }
  if (length < 4) return "";
  uint32_t code_point = static_cast<unsigned char>(text[0]) & 7;
  for (size_t i = 1; i < 4; ++i) {
    code_point = code_point << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  }
  std::snprintf(out.data(), out.size(), "\\U%08X", code_point);
  return out.data();
}

// Text that must be escaped, and so double-quoted.
bool HasSpecial(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\n') || c == 0x7f) return true;
    const size_t length = Utf8SequenceLength(text.substr(i, 4));
    if (length == 0 || (c >= 0x80 && !EscapeOf(text.substr(i), length).empty())) return true;
    i += length;
  }
  return false;
}

// Lines are folded at the first space after this many characters.
constexpr size_t kWidth = 80;

// Takes the characters of a scalar and breaks its line where Go's emitter would.
class Folder {
 public:
  // `indent`: of the lines that follow the first. Keys are not folded.
  Folder(std::string& out, size_t indent, bool folds) : out_(out), indent_(indent), folds_(folds) {
    const size_t begin = out.rfind('\n') == std::string::npos ? 0 : out.rfind('\n') + 1;
    for (size_t i = begin; i < out.size(); ++i) column_ += IsFirstByte(out[i]);
  }
  void Write(std::string_view text) {
    out_ += text;
    for (const char c : text) column_ += IsFirstByte(c);
    after_space_ = false;
  }
  // Before a space that would begin the line. To Go's emitter it is a space itself: the one behind
  // it breaks no line again, however far the line is indented.
  void EscapeSpace() {
    out_ += '\\';
    ++column_;
    after_space_ = true;
  }
  // `more_spaces`: another one follows. True: the line was broken in place of the space.
  bool Space(bool more_spaces, bool inside = true) {
    const bool breaks = folds_ && !after_space_ && column_ > kWidth && !more_spaces && inside;
    if (breaks) {
      out_.append("\n").append(indent_, ' ');
      column_ = indent_;
    } else {
      out_ += ' ';
      ++column_;
    }
    after_space_ = true;
    return breaks;
  }

 private:
  static bool IsFirstByte(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }
  std::string& out_;
  const size_t indent_;
  const bool folds_;
  size_t column_ = 0;
  bool after_space_ = false;
};

bool PlainInBlock(std::string_view text) {
  if (text.starts_with("---") || text.starts_with("...")) return false;
  if (text.front() == ' ' || text.back() == ' ') return false;
  constexpr std::string_view kIndicators = "#,[]{}&*!|>'\"%@`";
  if (kIndicators.find(text.front()) != kIndicators.npos) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool before_blank = i + 1 == text.size() || IsBlank(text[i + 1]);
    const char c = text[i];
    if (c == ':' && before_blank) return false;
    if (i == 0 && (c == '-' || c == '?') && before_blank) return false;
    if (c == '#' && i > 0 && IsBlank(text[i - 1])) return false;
  }
  return true;
}

void AppendDoubleQuoted(std::string_view text, size_t indent, bool key, std::string& out) {
  static constexpr std::string_view kNamed = "\a\b\t\n\v\f\r\x1b\"\\";
  static constexpr char kHex[] = "0123456789ABCDEF";
  out += '"';
  Folder folder(out, indent, !key);
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    const size_t length = std::max<size_t>(Utf8SequenceLength(text.substr(i, 4)), 1);
    if (const auto at = kNamed.find(c); at != kNamed.npos) {
      folder.Write(std::string{'\\', "abtnvfre\"\\"[at]});
    } else if (byte < 0x20 || byte == 0x7f) {
      folder.Write(std::string{'\\', 'x', kHex[byte >> 4], kHex[byte & 15]});
    } else if (const std::string escape = EscapeOf(text.substr(i), length); !escape.empty()) {
      folder.Write(escape);
    } else if (c == ' ') {
      // A space that would begin the next line is escaped.
      const bool more = i + 1 < text.size() && text[i + 1] == ' ';
      if (folder.Space(false, i > 0 && i + 1 < text.size()) && more) folder.EscapeSpace();
    } else {
      folder.Write(text.substr(i, length));
    }
    i += length;
  }
  out += '"';
}

// A block scalar; false when a line ends in a space, which literal style cannot show.
bool AppendLiteral(std::string_view text, size_t indent, std::string& out) {
  if (text.find(" \n") != text.npos || text.back() == ' ') return false;
  out += '|';
  if (text.front() == ' ' || text.front() == '\n') out += '2';
  if (!text.ends_with('\n')) {
    out += '-';
  } else if (text.size() == 1 || text[text.size() - 2] == '\n') {
    out += '+';
  }
  const std::string_view body = text.ends_with('\n') ? text.substr(0, text.size() - 1) : text;
  size_t at = 0;
  while (at <= body.size()) {
    const size_t end = std::min(body.find('\n', at), body.size());
    out += '\n';
    if (end > at) out.append(indent, ' ').append(body.substr(at, end - at));
    at = end + 1;
  }
  return true;
}

// Takes `least` to `most` digits, then one of `ends`; what that was, NUL at the end of the text.
std::optional<char> TakeDigits(std::string_view& text, size_t least, size_t most,
                               std::string_view ends) {
  const size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
  if (count < least || count > most) return std::nullopt;
  const char end = count < text.size() ? text[count] : '\0';
  text.remove_prefix(std::min(count + 1, text.size()));
  return end == '\0' || ends.find(end) != ends.npos ? std::optional(end) : std::nullopt;
}

// "2001-1-2", "2001-01-02T03:04:05.6Z", "2001-01-02 03:04:05".
bool IsTimestamp(std::string_view text) {
  if (TakeDigits(text, 4, 4, "-") != '-' || TakeDigits(text, 1, 2, "-") != '-') return false;
  const auto behind_date = TakeDigits(text, 1, 2, "Tt ");
  if (!behind_date || *behind_date == '\0') return behind_date.has_value();
  if (TakeDigits(text, 1, 2, ":") != ':' || TakeDigits(text, 1, 2, ":") != ':') return false;
  auto behind_time = TakeDigits(text, 1, 2, ".Z+-");
  if (behind_time == '.') behind_time = TakeDigits(text, 1, text.size(), "Z+-");
  if (!behind_time) return false;
  if (*behind_date == ' ') return *behind_time == '\0';
  if (*behind_time == 'Z') return text.empty();
  return *behind_time != '\0' && TakeDigits(text, 2, 2, ":") == ':' &&
         TakeDigits(text, 2, 2, "") == '\0';
}

// [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?
bool IsSexagesimal(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (text.find_first_of("0123456789") != 0) return false;
  text.remove_prefix(std::min(text.find_first_not_of("0123456789_"), text.size()));
  if (!text.starts_with(':')) return false;
  while (text.starts_with(':')) {
    text.remove_prefix(1);
    const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0 || digits > 2 || (digits == 2 && text[0] > '5')) return false;
    text.remove_prefix(digits);
  }
  return text.empty() ||
         (text[0] == '.' && text.find_first_not_of("0123456789_", 1) == text.npos);
}

// Text that Go's reader takes for something else, in ways that ours does not: so it is quoted.
bool IsTypedToGo(std::string_view text) {
  return IsTimestamp(text) || IsSexagesimal(text);
}

void AppendString(std::string_view text, size_t indent, bool key, std::string& out) {
  if (text.empty() || HasSpecial(text) || text.find('\r') != text.npos) {
    return AppendDoubleQuoted(text, indent, key, out);
  }
  if (text.find('\n') != text.npos) {
    if (key || !AppendLiteral(text, indent, out)) {
      AppendDoubleQuoted(text, indent, key, out);
    }
    return;
  }
  // As a key this one has a map's entries stand in its place.
  const bool merges = key && text == "<<";
  if (!ResolveYamlScalar(text).is_string() || IsTypedToGo(text) || merges) {
    return AppendDoubleQuoted(text, indent, key, out);
  }
  const bool plain = PlainInBlock(text);
  if (!plain) out += '\'';
  Folder folder(out, indent, !key);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') {
      const bool inside = i > 0 && i + 1 < text.size();
      folder.Space(inside && text[i + 1] == ' ', inside);
    } else {
      folder.Write(text[i] == '\'' && !plain ? "\'\'" : text.substr(i, 1));
    }
  }
  if (!plain) out += '\'';
}

void AppendBlock(const Json& value, size_t indent, std::string& out);

// Every line of a block begins with its indentation, so that text may grow as the square of the
// nesting. Where that would become so many bytes, what is inside goes in flow style.
constexpr size_t kBlockBytesMax = 8 << 20;

bool IsBlock(const Json& value, size_t indent, const std::string& out) {
  if (!value.is_structured() || value.empty()) return false;
  return indent < 64 || out.size() + (value.size() + 1) * indent < kBlockBytesMax;
}

// A whole number as Go's JSON has it, on the way to YAML, stays one; another one is as %v has it.
void AppendNumber(double value, std::string& out) {
  constexpr double kLeast = -9223372036854775808.0;
  constexpr double kBeyond = 18446744073709551616.0;
  const bool is_whole = std::trunc(value) == value && value >= kLeast && value < kBeyond;
  out += is_whole ? DumpJson(value) : GoFloat(value);
}

void AppendScalar(const Json& value, size_t indent, std::string& out) {
  if (value.is_string()) {
    return AppendString(value.get_ref<const std::string&>(), indent, false, out);
  }
  if (value.is_number_float()) return AppendNumber(value.get<double>(), out);
  AppendJson(value, out);
}

// What follows "key:" or "-"; `inner` is the indentation of a block that begins here.
void AppendAfter(const Json& value, size_t inner, bool in_list, std::string& out) {
  if (IsBlock(value, inner, out)) {
    if (in_list) {
      out += ' ';
    } else {
      out += '\n';
      out.append(inner, ' ');
    }
    return AppendBlock(value, inner, out);
  }
  out += ' ';
  AppendScalar(value, inner, out);
}

std::vector<const Json::object_t::value_type*> InOrder(const Json::object_t& members) {
  std::vector<const Json::object_t::value_type*> sorted;
  sorted.reserve(members.size());
  for (const auto& member : members) sorted.push_back(&member);
  std::ranges::stable_sort(
      sorted, [](const auto* a, const auto* b) { return YamlKeyLess(a->first, b->first); });
  return sorted;
}

// A key that Go's emitter does not put before a colon; readers take none of more than 1,024 bytes.
bool StandsAlone(std::string_view key) {
  constexpr size_t kKeyBytesMax = 128;
  return key.size() > kKeyBytesMax || key.find('\n') != key.npos;
}

void AppendMember(const std::string& key, const Json& member, size_t indent, std::string& out) {
  if (StandsAlone(key)) {
    out += "? ";
    AppendString(key, indent + 2, false, out);
    out.append("\n").append(indent, ' ').append(":");
    return AppendAfter(member, indent + 2, true, out);
  }
  AppendString(key, indent, true, out);
  out += ':';
  AppendAfter(member, member.is_array() ? indent : indent + 2, false, out);
}

// Begins at a column of `indent`; ends without a newline.
void AppendBlock(const Json& value, size_t indent, std::string& out) {
  bool first = true;
  if (value.is_object()) {
    for (const auto* entry : InOrder(value.get_ref<const Json::object_t&>())) {
      if (!first) out.append("\n").append(indent, ' ');
      first = false;
      AppendMember(entry->first, entry->second, indent, out);
    }
    return;
  }
  for (const Json& item : value) {
    if (!first) out.append("\n").append(indent, ' ');
    first = false;
    out += '-';
    AppendAfter(item, indent + 2, true, out);
  }
}

}  // namespace

std::string DumpYaml(const Json& value) {
  std::string out;
  if (value.is_structured() && !value.empty()) {
    AppendBlock(value, 0, out);
  } else {
    AppendScalar(value, 0, out);
  }
  return out + "\n";
}

}  // namespace skiff
