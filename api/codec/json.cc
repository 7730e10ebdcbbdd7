#include "api/codec/json.h"

#include <array>

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

}  // namespace skiff
