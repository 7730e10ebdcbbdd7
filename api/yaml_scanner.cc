#include "api/yaml_scanner.h"

#include <algorithm>

#include "api/utf8.h"

namespace skiff {
namespace {

// How far ahead of the ":" a key without "?" may begin.
constexpr size_t kSimpleKeyLengthMax = 1024;
constexpr size_t kAtTheEnd = static_cast<size_t>(-1);

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

size_t WidthOf(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x80) return 1;
  if ((byte & 0xe0) == 0xc0) return 2;
  if ((byte & 0xf0) == 0xe0) return 3;
  return (byte & 0xf8) == 0xf0 ? 4 : 0;
}

}  // namespace

std::string YamlProblem::Message() const {
  int line = context.line;
  if (at.line != 0) line = at.line + (by_scanner ? 1 : 0);
  return line == 0 ? text : "line " + std::to_string(line) + ": " + text;
}

YamlScanner::YamlScanner(std::string_view text) : text_(text) {
  if (text.starts_with("\xef\xbb\xbf")) at_ = 3;
  keys_.emplace_back();
}

YamlToken* YamlScanner::Peek() {
  if (failed_ || !FetchMore()) return nullptr;
  return &tokens_.front();
}

void YamlScanner::Skip() {
  if (tokens_.front().type == YamlTokenType::kStreamEnd) return;
  tokens_.pop_front();
  ++taken_;
}

size_t YamlScanner::BreakBytes(size_t ahead) const {
  const char c = At(ahead);
  if (c == '\n') return 1;
  if (c == '\r') return At(ahead + 1) == '\n' ? 2 : 1;
  if (c == '\xc2') return At(ahead + 1) == '\x85' ? 2 : 0;
  if (c != '\xe2' || At(ahead + 1) != '\x80') return 0;
  return At(ahead + 2) == '\xa8' || At(ahead + 2) == '\xa9' ? 3 : 0;
}

bool YamlScanner::IsWordChar() const {
  const char c = At();
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

bool YamlScanner::IsDocumentMark(char c) const {
  return mark_.column == 0 && At() == c && At(1) == c && At(2) == c && IsBlankOrEnd(3);
}

void YamlScanner::Advance(size_t characters) {
  for (; characters > 0; --characters) {
    at_ += WidthOf(At());
    ++mark_.index;
    ++mark_.column;
  }
}

void YamlScanner::AdvanceLine() {
  const size_t bytes = BreakBytes();
  if (bytes == 0) return;
  mark_.index += At() == '\r' && bytes == 2 ? 2 : 1;
  at_ += bytes;
  mark_.column = 0;
  ++mark_.line;
}

void YamlScanner::Read(std::string& out) {
  const size_t width = WidthOf(At());
  out.append(text_.substr(at_, width));
  Advance();
}

void YamlScanner::ReadBreak(std::string& out) {
  if (At() == '\xe2') {
    out.append(text_.substr(at_, 3));
  } else {
    out += '\n';
  }
  AdvanceLine();
}

bool YamlScanner::Fail(const YamlMark& context, std::string text) {
  problem_ = {.text = std::move(text), .at = mark_, .context = context};
  failed_ = true;
  return false;
}

bool YamlScanner::FetchMore() {
  for (;;) {
    if (!tokens_.empty()) {
      const auto key = keys_by_token_.find(taken_);
      if (key == keys_by_token_.end()) return true;
      bool valid = false;
      if (!IsValid(keys_[key->second], valid)) return false;
      if (!valid) return true;
    }
    if (!FetchNext()) return false;
  }
}

void YamlScanner::SkipToToken() {
  for (;;) {
    if (mark_.column == 0 && text_.substr(at_).starts_with("\xef\xbb\xbf")) Advance();
    while (At() == ' ' || ((flow_level_ > 0 || !key_allowed_) && At() == '\t')) Advance();
    if (At() == '#') {
      while (!IsBreakOrEnd()) Advance();
    }
    if (BreakBytes() == 0) return;
    AdvanceLine();
    // A new line of a block may begin with a key.
    if (flow_level_ == 0) key_allowed_ = true;
  }
}

bool YamlScanner::FetchNext() {
  SkipToToken();
  UnrollIndent(mark_.column);
  if (IsEnd()) {
    if (mark_.column != 0) {
      mark_.column = 0;
      ++mark_.line;
    }
    if (!ResetBlock()) return false;
    Insert(kAtTheEnd, YamlTokenType::kStreamEnd, mark_);
    return true;
  }
  if (mark_.column == 0 && At() == '%') return FetchDirective();
  for (const char c : {'-', '.'}) {
    if (!IsDocumentMark(c)) continue;
    if (!ResetBlock()) return false;
    Add(c == '-' ? YamlTokenType::kDocumentStart : YamlTokenType::kDocumentEnd, 3);
    return true;
  }
  bool found = false;
  const bool fine = FetchCollectionEntry(At(), found);
  return found ? fine : FetchOther(At());
}

bool YamlScanner::FetchCollectionEntry(char c, bool& found) {
  found = true;
  switch (c) {
    case '[':
      return FetchFlowStart(YamlTokenType::kFlowListStart);
    case '{':
      return FetchFlowStart(YamlTokenType::kFlowMapStart);
    case ']':
      return FetchFlowEnd(YamlTokenType::kFlowListEnd);
    case '}':
      return FetchFlowEnd(YamlTokenType::kFlowMapEnd);
    case ',':
      if (!RemoveKey()) return false;
      key_allowed_ = true;
      Add(YamlTokenType::kFlowEntry, 1);
      return true;
    case '-':
      if (IsBlankOrEnd(1)) return FetchBlockEntry();
      break;
    case '?':
      if (flow_level_ > 0 || IsBlankOrEnd(1)) return FetchKey();
      break;
    case ':':
      if (flow_level_ > 0 || IsBlankOrEnd(1)) return FetchValue();
      break;
    default:
      break;
  }
  found = false;
  return true;
}

bool YamlScanner::FetchOther(char c) {
  switch (c) {
    case '*':
      return FetchName(YamlTokenType::kAlias);
    case '&':
      return FetchName(YamlTokenType::kAnchor);
    case '!':
      return FetchTag();
    case '\'':
    case '"':
      return FetchQuoted(c == '\'');
    case '|':
    case '>':
      if (flow_level_ == 0) return FetchBlockScalar(c == '|');
      break;
    default:
      break;
  }
  constexpr std::string_view kIndicators = "-?:,[]{}#&*!|>'\"%@`";
  const bool indicator = IsBlankOrEnd() || kIndicators.find(c) != kIndicators.npos;
  const bool dash = c == '-' && !IsBlank(1);
  const bool word = flow_level_ == 0 && (c == '?' || c == ':') && !IsBlankOrEnd(1);
  if (!indicator || dash || word) return FetchPlain();
  return Fail(mark_, "found character that cannot start any token");
}

void YamlScanner::Add(YamlTokenType type, size_t characters) {
  const YamlMark begin = mark_;
  Advance(characters);
  tokens_.push_back({.type = type, .begin = begin, .end_line = mark_.line});
}

// `number`: of the token in front of which it goes.
void YamlScanner::Insert(size_t number, YamlTokenType type, const YamlMark& mark) {
  YamlToken token{.type = type, .begin = mark, .end_line = mark.line};
  if (number == kAtTheEnd) {
    tokens_.push_back(std::move(token));
  } else {
    tokens_.insert(tokens_.begin() + static_cast<std::ptrdiff_t>(number - taken_),
                   std::move(token));
  }
}

bool YamlScanner::IsValid(SimpleKey& key, bool& valid) {
  valid = key.possible;
  if (!key.possible) return true;
  if (key.mark.line >= mark_.line && key.mark.index + kSimpleKeyLengthMax >= mark_.index) {
    return true;
  }
  if (key.required) return Fail(key.mark, "could not find expected ':'");
  key.possible = valid = false;
  return true;
}

bool YamlScanner::SaveKey() {
  if (!key_allowed_) return true;
  if (!RemoveKey()) return false;
  const size_t number = taken_ + tokens_.size();
  keys_.back() = {.possible = true,
                  .required = flow_level_ == 0 && indent_ == mark_.column,
                  .token = number,
                  .mark = mark_};
  keys_by_token_[number] = keys_.size() - 1;
  return true;
}

bool YamlScanner::RemoveKey() {
  SimpleKey& key = keys_.back();
  if (!key.possible) return true;
  if (key.required) return Fail(key.mark, "could not find expected ':'");
  key.possible = false;
  keys_by_token_.erase(key.token);
  return true;
}

bool YamlScanner::RollIndent(int column, size_t number, YamlTokenType type, const YamlMark& mark) {
  if (flow_level_ > 0 || indent_ >= column) return true;
  indents_.push_back(indent_);
  indent_ = column;
  if (indents_.size() > static_cast<size_t>(kDepthMax)) {
    return Fail(keys_.back().mark, "exceeded max depth of " + std::to_string(kDepthMax));
  }
  Insert(number, type, mark);
  return true;
}

void YamlScanner::UnrollIndent(int column) {
  if (flow_level_ > 0) return;
  while (indent_ > column) {
    Insert(kAtTheEnd, YamlTokenType::kBlockEnd, mark_);
    indent_ = indents_.back();
    indents_.pop_back();
  }
}

bool YamlScanner::ResetBlock() {
  UnrollIndent(-1);
  if (!RemoveKey()) return false;
  key_allowed_ = false;
  return true;
}

bool YamlScanner::FetchFlowStart(YamlTokenType type) {
  if (!SaveKey()) return false;
  keys_.push_back({.token = taken_ + tokens_.size(), .mark = mark_});
  if (++flow_level_ > kDepthMax) {
    return Fail(mark_, "exceeded max depth of " + std::to_string(kDepthMax));
  }
  key_allowed_ = true;
  Add(type, 1);
  return true;
}

bool YamlScanner::FetchFlowEnd(YamlTokenType type) {
  if (!RemoveKey()) return false;
  if (flow_level_ > 0) {
    --flow_level_;
    keys_by_token_.erase(keys_.back().token);
    keys_.pop_back();
  }
  key_allowed_ = false;
  Add(type, 1);
  return true;
}

bool YamlScanner::FetchBlockEntry() {
  if (flow_level_ == 0) {
    if (!key_allowed_) {
      return Fail(mark_, "block sequence entries are not allowed in this context");
    }
    if (!RollIndent(mark_.column, kAtTheEnd, YamlTokenType::kBlockListStart, mark_)) return false;
  }
  if (!RemoveKey()) return false;
  key_allowed_ = true;
  Add(YamlTokenType::kBlockEntry, 1);
  return true;
}

bool YamlScanner::FetchKey() {
  if (flow_level_ == 0) {
    if (!key_allowed_) return Fail(mark_, "mapping keys are not allowed in this context");
    if (!RollIndent(mark_.column, kAtTheEnd, YamlTokenType::kBlockMapStart, mark_)) return false;
  }
  if (!RemoveKey()) return false;
  key_allowed_ = flow_level_ == 0;
  Add(YamlTokenType::kKey, 1);
  return true;
}

bool YamlScanner::FetchValue() {
  SimpleKey& key = keys_.back();
  bool valid = false;
  if (!IsValid(key, valid)) return false;
  if (valid) {
    Insert(key.token, YamlTokenType::kKey, key.mark);
    if (!RollIndent(key.mark.column, key.token, YamlTokenType::kBlockMapStart, key.mark)) {
      return false;
    }
    key.possible = false;
    keys_by_token_.erase(key.token);
    key_allowed_ = false;
  } else {
    if (flow_level_ == 0) {
      if (!key_allowed_) return Fail(mark_, "mapping values are not allowed in this context");
      if (!RollIndent(mark_.column, kAtTheEnd, YamlTokenType::kBlockMapStart, mark_)) return false;
    }
    key_allowed_ = flow_level_ == 0;
  }
  Add(YamlTokenType::kValue, 1);
  return true;
}

bool YamlScanner::FetchName(YamlTokenType type) {
  if (!SaveKey()) return false;
  key_allowed_ = false;
  YamlToken token{.type = type, .begin = mark_};
  Advance();
  while (IsWordChar()) Read(token.text);
  constexpr std::string_view kBehind = "?:,]}%@`";
  if (token.text.empty() || !(IsBlankOrEnd() || kBehind.find(At()) != kBehind.npos)) {
    return Fail(token.begin, "did not find expected alphabetic or numeric character");
  }
  token.end_line = mark_.line;
  tokens_.push_back(std::move(token));
  return true;
}

bool YamlScanner::FetchDirective() {
  if (!ResetBlock()) return false;
  YamlToken token{.begin = mark_};
  Advance();
  std::string name;
  while (IsWordChar()) Read(name);
  if (name.empty()) return Fail(token.begin, "could not find expected directive name");
  if (!IsBlankOrEnd()) return Fail(token.begin, "found unexpected non-alphabetical character");
  if (name == "YAML") {
    if (!ScanVersion(token.begin, token)) return false;
  } else if (name == "TAG") {
    if (!ScanTagDirective(token.begin, token)) return false;
  } else {
    return Fail(token.begin, "found unknown directive name");
  }
  while (IsBlank()) Advance();
  if (At() == '#') {
    while (!IsBreakOrEnd()) Advance();
  }
  if (!IsBreakOrEnd()) {
    return Fail(token.begin, "did not find expected comment or line break");
  }
  AdvanceLine();
  tokens_.push_back(std::move(token));
  return true;
}

bool YamlScanner::ScanVersion(const YamlMark& begin, YamlToken& token) {
  token.type = YamlTokenType::kVersionDirective;
  while (IsBlank()) Advance();
  for (int part = 0; part < 2; ++part) {
    if (part == 1) {
      if (At() != '.') return Fail(begin, "did not find expected digit or '.' character");
      Read(token.suffix);
    }
    std::string digits;
    while (IsDigit(At())) {
      if (digits.size() == 2) return Fail(begin, "found extremely long version number");
      Read(digits);
    }
    if (digits.empty()) return Fail(begin, "did not find expected version number");
    token.suffix += std::to_string(std::stoi(digits));
  }
  return true;
}

bool YamlScanner::ScanTagDirective(const YamlMark& begin, YamlToken& token) {
  token.type = YamlTokenType::kTagDirective;
  while (IsBlank()) Advance();
  if (!ScanTagHandle(true, begin, token.text)) return false;
  if (!IsBlank()) return Fail(begin, "did not find expected whitespace");
  while (IsBlank()) Advance();
  if (!ScanTagUri("", begin, token.suffix)) return false;
  if (!IsBlankOrEnd()) return Fail(begin, "did not find expected whitespace or line break");
  return true;
}

bool YamlScanner::FetchTag() {
  if (!SaveKey()) return false;
  key_allowed_ = false;
  YamlToken token{.type = YamlTokenType::kTag, .begin = mark_};
  if (At(1) == '<') {
    Advance(2);
    if (!ScanTagUri("", token.begin, token.suffix)) return false;
    if (At() != '>') return Fail(token.begin, "did not find the expected '>'");
    Advance();
  } else {
    std::string handle;
    if (!ScanTagHandle(false, token.begin, handle)) return false;
    if (handle.size() > 1 && handle.ends_with('!')) {
      if (!ScanTagUri("", token.begin, token.suffix)) return false;
      token.text = std::move(handle);
    } else {
      if (!ScanTagUri(handle, token.begin, token.suffix)) return false;
      token.text = "!";
      // "!" alone is no handle.
      if (token.suffix.empty()) token.suffix.swap(token.text);
    }
  }
  if (!IsBlankOrEnd()) {
    return Fail(token.begin, "did not find expected whitespace or line break");
  }
  token.end_line = mark_.line;
  tokens_.push_back(std::move(token));
  return true;
}

bool YamlScanner::ScanTagHandle(bool directive, const YamlMark& begin, std::string& out) {
  if (At() != '!') return Fail(begin, "did not find expected '!'");
  Read(out);
  while (IsWordChar()) Read(out);
  if (At() == '!') {
    Read(out);
  } else if (directive && out != "!") {
    return Fail(begin, "did not find expected '!'");
  }
  return true;
}

bool YamlScanner::ScanTagUri(std::string_view head, const YamlMark& begin, std::string& out) {
  bool any = !head.empty();
  if (head.size() > 1) out.append(head.substr(1));
  constexpr std::string_view kUri = ";/?:@&=+$,.!~*'()[]%";
  while (IsWordChar() || (!IsEnd() && kUri.find(At()) != kUri.npos)) {
    if (At() == '%') {
      if (!ScanUriEscapes(begin, out)) return false;
    } else {
      Read(out);
    }
    any = true;
  }
  return any || Fail(begin, "did not find expected tag URI");
}

// One character of one to four bytes.
bool YamlScanner::ScanUriEscapes(const YamlMark& begin, std::string& out) {
  size_t left = 0;
  do {
    const int high = HexValue(At(1)), low = HexValue(At(2));
    if (At() != '%' || high < 0 || low < 0) {
      return Fail(begin, "did not find URI escaped octet");
    }
    const char octet = static_cast<char>(high * 16 + low);
    if (left == 0) {
      left = WidthOf(octet);
      if (left == 0) return Fail(begin, "found an incorrect leading UTF-8 octet");
    } else if ((octet & 0xc0) != 0x80) {
      return Fail(begin, "found an incorrect trailing UTF-8 octet");
    }
    out += octet;
    Advance(3);
  } while (--left > 0);
  return true;
}

bool YamlScanner::ScanBlockHeader(const YamlMark& begin, int& chomping, int& increment) {
  // "+" or "-", and a digit, in either order.
  for (int part = 0; part < 2; ++part) {
    if (chomping == 0 && (At() == '+' || At() == '-')) {
      chomping = At() == '+' ? 1 : -1;
      Advance();
    } else if (increment == 0 && IsDigit(At())) {
      if (At() == '0') return Fail(begin, "found an indentation indicator equal to 0");
      increment = At() - '0';
      Advance();
    }
  }
  while (IsBlank()) Advance();
  if (At() == '#') {
    while (!IsBreakOrEnd()) Advance();
  }
  if (!IsBreakOrEnd()) return Fail(begin, "did not find expected comment or line break");
  AdvanceLine();
  return true;
}

bool YamlScanner::ScanBlockBreaks(const YamlMark& begin, int& indent, std::string& breaks) {
  int deepest = 0;
  for (;;) {
    while ((indent == 0 || mark_.column < indent) && At() == ' ') Advance();
    deepest = std::max(deepest, mark_.column);
    if ((indent == 0 || mark_.column < indent) && At() == '\t') {
      return Fail(begin, "found a tab character where an indentation space is expected");
    }
    if (BreakBytes() == 0) break;
    ReadBreak(breaks);
  }
  if (indent == 0) indent = std::max({deepest, indent_ + 1, 1});
  return true;
}

bool YamlScanner::FetchBlockScalar(bool literal) {
  if (!RemoveKey()) return false;
  key_allowed_ = true;
  YamlToken token{.type = YamlTokenType::kScalar, .begin = mark_};
  Advance();
  int chomping = 0, increment = 0;
  if (!ScanBlockHeader(token.begin, chomping, increment)) return false;
  int indent = increment == 0 ? 0 : std::max(indent_, 0) + increment;
  std::string leading, trailing;
  if (!ScanBlockBreaks(token.begin, indent, trailing)) return false;
  bool blank_before = false;
  while (mark_.column == indent && !IsEnd()) {
    const bool blank = IsBlank();
    const bool folds = !literal && !blank_before && !blank && leading.starts_with('\n');
    if (!folds) {
      token.text += leading;
    } else if (trailing.empty()) {
      token.text += ' ';
    }
    token.text += trailing;
    leading.clear();
    trailing.clear();
    blank_before = blank;
    while (!IsBreakOrEnd()) Read(token.text);
    if (BreakBytes() > 0) ReadBreak(leading);
    if (!ScanBlockBreaks(token.begin, indent, trailing)) return false;
  }
  if (chomping != -1) token.text += leading;
  if (chomping == 1) token.text += trailing;
  token.end_line = mark_.line;
  tokens_.push_back(std::move(token));
  return true;
}

// Line breaks within a quoted or plain scalar: one is a space, of more all but the first remain.
void YamlScanner::JoinLines(std::string& leading, std::string& trailing, std::string& out) {
  if (!leading.starts_with('\n')) {
    out += leading + trailing;
  } else if (trailing.empty()) {
    out += ' ';
  } else {
    out += trailing;
  }
  leading.clear();
  trailing.clear();
}

bool YamlScanner::ScanEscape(const YamlMark& begin, std::string& out) {
  constexpr std::string_view kNames = "0abt\tnvfre \"'\\N_LP";
  constexpr std::string_view kTexts[] = {{"\0", 1}, "\a", "\b", "\t", "\t",       "\n",
                                         "\v",      "\f", "\r", "\x1b", " ",      "\"",
                                         "'",       "\\", "\xc2\x85",   "\xc2\xa0",
                                         "\xe2\x80\xa8",  "\xe2\x80\xa9"};
  const char name = At(1);
  const size_t known = IsEnd(1) ? kNames.npos : kNames.find(name);
  const size_t digits = IsEnd(1) ? 0 : name == 'x' ? 2 : name == 'u' ? 4 : name == 'U' ? 8 : 0;
  if (known == kNames.npos && digits == 0) return Fail(begin, "found unknown escape character");
  Advance(2);
  if (known != kNames.npos) {
    out += kTexts[known];
    return true;
  }
  int64_t value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const int digit = HexValue(At(i));
    if (digit < 0) return Fail(begin, "did not find expected hexdecimal number");
    value = value * 16 + digit;
  }
  if ((value >= 0xd800 && value <= 0xdfff) || value > 0x10ffff) {
    return Fail(begin, "found invalid Unicode character escape code");
  }
  AppendUtf8(static_cast<uint32_t>(value), out);
  Advance(digits);
  return true;
}

// What stands without blanks. `line_joined`: it ended in an escaped line break.
bool YamlScanner::ScanQuotedWord(const YamlMark& begin, bool single, std::string& out,
                                 bool& line_joined) {
  while (!IsBlankOrEnd()) {
    if (single && At() == '\'') {
      if (At(1) != '\'') return true;
      out += '\'';
      Advance(2);
    } else if (!single && At() == '"') {
      return true;
    } else if (!single && At() == '\\' && BreakBytes(1) > 0) {
      Advance();
      AdvanceLine();
      line_joined = true;
      return true;
    } else if (!single && At() == '\\') {
      if (!ScanEscape(begin, out)) return false;
    } else {
      Read(out);
    }
  }
  return true;
}

bool YamlScanner::FetchQuoted(bool single) {
  if (!SaveKey()) return false;
  key_allowed_ = false;
  YamlToken token{.type = YamlTokenType::kScalar, .begin = mark_};
  Advance();
  std::string leading, trailing, blanks;
  for (;;) {
    if (IsDocumentMark('-') || IsDocumentMark('.')) {
      return Fail(token.begin, "found unexpected document indicator");
    }
    if (IsEnd()) return Fail(token.begin, "found unexpected end of stream");
    bool new_line = false;
    if (!ScanQuotedWord(token.begin, single, token.text, new_line)) return false;
    if (At() == (single ? '\'' : '"')) break;
    while (IsBlank() || BreakBytes() > 0) {
      if (BreakBytes() > 0) {
        blanks.clear();
        ReadBreak(new_line ? trailing : leading);
        new_line = true;
      } else if (new_line) {
        Advance();
      } else {
        Read(blanks);
      }
    }
    if (new_line) {
      JoinLines(leading, trailing, token.text);
    } else {
      token.text += blanks;
      blanks.clear();
    }
  }
  Advance();
  token.end_line = mark_.line;
  tokens_.push_back(std::move(token));
  return true;
}

bool YamlScanner::FetchPlain() {
  if (!SaveKey()) return false;
  key_allowed_ = false;
  YamlToken token{.type = YamlTokenType::kScalar, .begin = mark_, .plain = true};
  constexpr std::string_view kFlowEnds = ",?[]{}";
  std::string leading, trailing, blanks;
  bool new_line = false;
  const int indent = indent_ + 1;
  for (;;) {
    if (IsDocumentMark('-') || IsDocumentMark('.') || At() == '#') break;
    while (!IsBlankOrEnd()) {
      if (At() == ':' && IsBlankOrEnd(1)) break;
      if (flow_level_ > 0 && kFlowEnds.find(At()) != kFlowEnds.npos) break;
      if (new_line) {
        JoinLines(leading, trailing, token.text);
        new_line = false;
      }
      token.text += blanks;
      blanks.clear();
      Read(token.text);
      token.end_line = mark_.line;
    }
    if (!IsBlank() && BreakBytes() == 0) break;
    while (IsBlank() || BreakBytes() > 0) {
      if (BreakBytes() > 0) {
        blanks.clear();
        ReadBreak(new_line ? trailing : leading);
        new_line = true;
      } else if (new_line) {
        if (mark_.column < indent && At() == '\t') {
          return Fail(token.begin, "found a tab character that violates indentation");
        }
        Advance();
      } else {
        Read(blanks);
      }
    }
    if (flow_level_ == 0 && mark_.column < indent) break;
  }
  tokens_.push_back(std::move(token));
  if (new_line) key_allowed_ = true;
  return true;
}

}  // namespace skiff
