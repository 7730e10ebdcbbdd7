#include "api/codec/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "api/text/go_text.h"
#include "api/text/utf8.h"
#include "base/text.h"

namespace skiff {
namespace {

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The character as Go quotes it in messages: 'x', '\'', '\n', 'é' for a byte above ASCII.
std::string QuoteChar(char c) {
  if (c == '\'') return "'\\''";
  if (c == '"') return "'\"'";
  std::string utf8;
  AppendUtf8(static_cast<unsigned char>(c), utf8);
  const std::string quoted = GoQuote(utf8);
  return "'" + quoted.substr(1, quoted.size() - 2) + "'";
}

// Bytes a string may hold as they are.
constexpr std::array<bool, 256> MakePlain() {
  std::array<bool, 256> plain{};
  for (size_t c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}
constexpr std::array<bool, 256> kPlain = MakePlain();

}  // namespace

std::string_view GoJsonKind(JsonToken token) {
  switch (token) {
    case JsonToken::kBool:
      return "bool";
    case JsonToken::kNumber:
      return "number";
    case JsonToken::kString:
      return "string";
    case JsonToken::kObject:
      return "object";
    case JsonToken::kArray:
      return "array";
    default:
      return "";
  }
}

char JsonReader::Significant() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c != ' ' && c != '\n' && c != '\t' && c != '\r') return c;
    ++at_;
  }
  return '\0';
}

JsonToken JsonReader::Fail(const char* context) {
  if (!error_.empty()) return JsonToken::kError;
  if (at_ >= text_.size()) {
    error_ = "unexpected end of JSON input";
  } else {
    error_ = "invalid character " + QuoteChar(text_[at_]) + " " + context;
  }
  return JsonToken::kError;
}

bool JsonReader::Enter(bool object) {
  (void)object;
  ++at_;
  if (fresh_.size() >= kJsonDepthMax) {
    error_ = "exceeded max depth";
    return false;
  }
  fresh_.push_back(true);
  return true;
}

JsonToken JsonReader::Next() {
  if (failed()) return JsonToken::kError;
  const char c = Significant();
  begin_ = at_;
  switch (c) {
    case '{':
      return Enter(true) ? JsonToken::kObject : JsonToken::kError;
    case '[':
      return Enter(false) ? JsonToken::kArray : JsonToken::kError;
    case '"':
      return ReadString() ? JsonToken::kString : JsonToken::kError;
    case 't':
    case 'f':
      boolean_ = c == 't';
      return ReadWord(boolean_ ? "true" : "false") ? JsonToken::kBool : JsonToken::kError;
    case 'n':
      return ReadWord("null") ? JsonToken::kNull : JsonToken::kError;
    default:
      if (c != '-' && !IsDigit(c)) return Fail("looking for beginning of value");
      return ReadNumber() ? JsonToken::kNumber : JsonToken::kError;
  }
}

bool JsonReader::ReadWord(std::string_view word) {
  for (size_t i = 0; i < word.size(); ++i, ++at_) {
    if (at_ < text_.size() && text_[at_] == word[i]) continue;
    const std::string context =
        "in literal " + std::string(word) + " (expecting '" + word[i] + "')";
    Fail(context.c_str());
    return false;
  }
  return true;
}

bool JsonReader::ReadNumber() {
  const auto digits = [&](const char* context) {
    if (at_ >= text_.size() || !IsDigit(text_[at_])) {
      Fail(context);
      return false;
    }
    while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
    return true;
  };
  if (text_[at_] == '-') ++at_;
  if (at_ < text_.size() && text_[at_] == '0') {
    ++at_;
  } else if (!digits("in numeric literal")) {
    return false;
  }
  if (at_ < text_.size() && text_[at_] == '.') {
    ++at_;
    if (!digits("after decimal point in numeric literal")) return false;
  }
  if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
    ++at_;
    if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    if (!digits("in exponent of numeric literal")) return false;
  }
  string_ = text_.substr(begin_, at_ - begin_);
  return true;
}

bool JsonReader::ReadEscape() {
  const auto unit = [&]() -> int {  // Four hex digits after "\u"; -1 on a failure.
    int value = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const int digit = at_ < text_.size() ? HexValue(text_[at_]) : -1;
      if (digit < 0) {
        Fail("in \\u hexadecimal character escape");
        return -1;
      }
      value = value * 16 + digit;
    }
    return value;
  };
  ++at_;
  const char c = at_ < text_.size() ? text_[at_] : '\0';
  static constexpr std::string_view kNames = "\"\\/bfnrt";
  if (const auto named = kNames.find(c); c != '\0' && named != kNames.npos) {
    scratch_ += "\"\\/\b\f\n\r\t"[named];
    ++at_;
    return true;
  }
  if (c != 'u') {
    Fail("in string escape code");
    return false;
  }
  ++at_;
  const int first = unit();
  if (first < 0) return false;
  uint32_t code_point = static_cast<uint32_t>(first);
  if (first >= 0xd800 && first < 0xe000) {
    code_point = 0xfffd;  // A lone surrogate.
    if (first < 0xdc00 && text_.substr(at_).starts_with("\\u")) {
      const size_t back = at_;
      at_ += 2;
      const int second = unit();
      if (second < 0) return false;
      if (second >= 0xdc00 && second < 0xe000) {
        code_point = 0x10000 + (static_cast<uint32_t>(first - 0xd800) << 10) +
                     static_cast<uint32_t>(second - 0xdc00);
      } else {
        at_ = back;
      }
    }
  }
  AppendUtf8(code_point, scratch_);
  return true;
}

bool JsonReader::ReadString() {
  const size_t start = ++at_;
  while (at_ < text_.size() && kPlain[static_cast<unsigned char>(text_[at_])]) ++at_;
  if (at_ < text_.size() && text_[at_] == '"') {
    string_ = text_.substr(start, at_ - start);
    ++at_;
    return true;
  }
  scratch_.assign(text_.substr(start, at_ - start));
  while (at_ < text_.size()) {
    const char c = text_[at_];
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"') {
      ++at_;
      string_ = scratch_;
      return true;
    }
    if (c == '\\') {
      if (!ReadEscape()) return false;
    } else if (byte < 0x20) {
      Fail("in string literal");
      return false;
    } else if (byte < 0x80) {
      scratch_ += c;
      ++at_;
    } else {
      const size_t length = Utf8SequenceLength(text_.substr(at_, 4));
      scratch_ += length == 0 ? std::string_view("\xef\xbf\xbd") : text_.substr(at_, length);
      at_ += length == 0 ? 1 : length;
    }
  }
  Fail("");
  return false;
}

bool JsonReader::NextKey(std::string_view& key) {
  if (failed()) return false;
  char c = Significant();
  const bool first = fresh_.back();
  if (c == '}') {
    ++at_;
    fresh_.pop_back();
    return false;
  }
  if (!first) {
    if (c != ',') {
      Fail("after object key:value pair");
      return false;
    }
    ++at_;
    c = Significant();
  }
  fresh_.back() = false;
  if (c != '"') {
    Fail("looking for beginning of object key string");
    return false;
  }
  if (!ReadString()) return false;
  key = string_;
  if (Significant() != ':') {
    Fail("after object key");
    return false;
  }
  ++at_;
  return true;
}

bool JsonReader::NextItem() {
  if (failed()) return false;
  const char c = Significant();
  const bool first = fresh_.back();
  if (c == ']') {
    ++at_;
    fresh_.pop_back();
    return false;
  }
  if (first) {
    fresh_.back() = false;
    return true;
  }
  if (c != ',') {
    Fail("after array element");
    return false;
  }
  ++at_;
  if (Significant() == ']') {
    Fail("looking for beginning of value");
    return false;
  }
  return true;
}

void JsonReader::Skip() {
  SkipEntered(Next());
}

void JsonReader::SkipEntered(JsonToken token) {
  if (token != JsonToken::kObject && token != JsonToken::kArray) return;
  // Not recursive: what is skipped may nest as deep as the limit allows.
  std::vector<bool> objects = {token == JsonToken::kObject};
  std::string_view key;
  while (!objects.empty() && !failed()) {
    if (objects.back() ? !NextKey(key) : !NextItem()) {
      objects.pop_back();
      continue;
    }
    const JsonToken inner = Next();
    if (inner == JsonToken::kObject || inner == JsonToken::kArray) {
      objects.push_back(inner == JsonToken::kObject);
    }
  }
}

void JsonReader::Finish() {
  if (failed()) return;
  Significant();
  if (at_ < text_.size()) Fail("after top-level value");
}

std::string JsonReader::Misfit(std::string_view target) const {
  if (too_large_.empty()) return "";
  return "json: cannot unmarshal number " + too_large_ + " into Go " + std::string(target) +
         " of type float64";
}

Json JsonNumber(std::string_view text) {
  int64_t integer = 0;
  const char* end = text.data() + text.size();
  if (const auto read = std::from_chars(text.data(), end, integer);
      read.ec == std::errc() && read.ptr == end) {
    return integer;
  }
  double value = 0;
  if (std::from_chars(text.data(), end, value).ec == std::errc::result_out_of_range) {
    value = std::strtod(std::string(text).c_str(), nullptr);  // Infinity, or next to nothing.
  }
  return value;
}

Json ReadJson(JsonReader& in, JsonToken token) {
  switch (token) {
    case JsonToken::kBool:
      return in.boolean();
    case JsonToken::kNumber: {
      Json number = JsonNumber(in.number());
      if (number.is_number_float() && std::isinf(number.get<double>())) in.NoteTooLarge();
      return number;
    }
    case JsonToken::kString:
      return Json(std::string(in.string()));
    case JsonToken::kArray: {
      Json list = Json::array();
      while (in.NextItem()) list.push_back(ReadJson(in, in.Next()));
      return list;
    }
    case JsonToken::kObject: {
      Json object = Json::object();
      auto& members = object.get_ref<Json::object_t&>();
      std::string_view key;
      while (in.NextKey(key)) {
        Json& member = members[std::string(key)];
        member = ReadJson(in, in.Next());
      }
      return object;
    }
    case JsonToken::kNull:
    case JsonToken::kError:
      break;
  }
  return nullptr;
}

Result<> EndOfJson(JsonReader& in) {
  in.Finish();
  if (in.failed()) return Fail(Reason::kBadRequest, in.error());
  if (std::string misfit = in.Misfit("value"); !misfit.empty()) {
    return Fail(Reason::kBadRequest, std::move(misfit));
  }
  return {};
}

Result<Json> ParseJson(std::string_view text) {
  JsonReader in(text);
  Json value = ReadJson(in, in.Next());
  TRY(EndOfJson(in));
  return value;
}

int DepthOf(const Json& value, int most) {
  std::vector<std::pair<Json::const_iterator, Json::const_iterator>> inside;
  int deepest = 0;
  const auto enter = [&](const Json& container) {
    inside.emplace_back(container.begin(), container.end());
    deepest = std::max(deepest, static_cast<int>(inside.size()));
  };
  if (value.is_structured()) enter(value);
  while (!inside.empty() && deepest < most) {
    auto& [next, end] = inside.back();
    if (next == end) {
      inside.pop_back();
      continue;
    }
    const Json& child = *next++;
    if (child.is_structured()) enter(child);
  }
  return deepest;
}

namespace {

// Bytes that do not stand in a string as they are, or begin a character that does not: as Go has
// it, so that the text may stand in a page.
constexpr auto kJsonEscaped = [] {
  std::array<bool, 256> escaped{};
  for (int c = 0; c < 0x20; ++c) escaped[c] = true;
  for (const unsigned char c : {'"', '\\', '<', '>', '&', '\xe2'}) escaped[c] = true;
  return escaped;
}();

// U+2028 and U+2029 end lines in JavaScript.
bool IsLineSeparator(std::string_view text, size_t at) {
  const std::string_view character = text.substr(at, 3);
  return character == "\u2028" || character == "\u2029";
}

}  // namespace

void AppendJsonString(std::string_view text, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  size_t plain = 0;
  while (plain < text.size() && !kJsonEscaped[static_cast<unsigned char>(text[plain])]) ++plain;
  if (plain == text.size()) {  // Nearly all texts are, and go out as one piece.
    const size_t begin = out.size();
    out.resize(begin + text.size() + 2, '"');
    std::copy(text.begin(), text.end(), out.begin() + static_cast<std::ptrdiff_t>(begin + 1));
    return;
  }
  out += '"';
  size_t start = 0;
  for (size_t i = plain; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (!kJsonEscaped[c] || (c == 0xe2 && !IsLineSeparator(text, i))) continue;
    out.append(text, start, i - start);
    static constexpr std::string_view kNamed = "\b\f\n\r\t\"\\";
    if (const auto named = kNamed.find(static_cast<char>(c)); named != kNamed.npos) {
      out += '\\';
      out += "bfnrt\"\\"[named];
    } else if (c == 0xe2) {
      out += "\\u202";
      i += 2;
      out += text[i] == '\xa8' ? '8' : '9';
    } else {
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
    }
    start = i + 1;
  }
  out.append(text, start);
  out += '"';
}

namespace {

void AppendDouble(double value, std::string& out) {
  if (!std::isfinite(value)) {  // No such JSON; readers refuse such numbers.
    out += "null";
    return;
  }
  std::array<char, 64> buffer;
  const auto write = [&](std::chars_format format) {
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format).ptr;
    return std::string(buffer.data(), end);
  };
  const double magnitude = std::fabs(value);
  constexpr double kWholeMax = 9007199254740992;  // From here on not all whole numbers are doubles.
  if (magnitude == 0 || (magnitude >= 1e-6 && magnitude < kWholeMax)) {
    out += write(std::chars_format::fixed);
    return;
  }
  std::string text = write(std::chars_format::scientific);
  const size_t e = text.find('e');
  if (magnitude >= kWholeMax && magnitude < 1e21) {
    // Zeros stand for the digits that do not matter.
    const auto digits = static_cast<size_t>(std::atoi(text.c_str() + e + 1)) + 1;
    text.resize(e);
    std::erase(text, '.');
    text.append(digits + (value < 0 ? 1 : 0) - text.size(), '0');
  } else if (text.compare(e, 3, "e-0") == 0) {
    text.erase(e + 2, 1);  // Go writes e-9, not e-09.
  }
  out += text;
}

}  // namespace

void AppendJson(const Json& value, std::string& out) {
  switch (value.type()) {
    case Json::value_t::object: {
      out += '{';
      bool first = true;
      for (const auto& [key, member] : value.get_ref<const Json::object_t&>()) {
        if (!first) out += ',';
        first = false;
        AppendJsonString(key, out);
        out += ':';
        AppendJson(member, out);
      }
      out += '}';
      return;
    }
    case Json::value_t::array: {
      out += '[';
      bool first = true;
      for (const Json& item : value.get_ref<const Json::array_t&>()) {
        if (!first) out += ',';
        first = false;
        AppendJson(item, out);
      }
      out += ']';
      return;
    }
    case Json::value_t::string:
      return AppendJsonString(value.get_ref<const std::string&>(), out);
    case Json::value_t::boolean:
      out += value.get<bool>() ? "true" : "false";
      return;
    case Json::value_t::number_integer:
      out += std::to_string(value.get<int64_t>());
      return;
    case Json::value_t::number_unsigned:
      out += std::to_string(value.get<uint64_t>());
      return;
    case Json::value_t::number_float:
      return AppendDouble(value.get<double>(), out);
    default:
      out += "null";
  }
}

std::string DumpJson(const Json& value) {
  std::string out;
  AppendJson(value, out);
  return out;
}

}  // namespace skiff
