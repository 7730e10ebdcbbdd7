// What tokens hold: names, tags, directives and scalars.
#include <algorithm>

#include "api/utf8.h"
#include "api/yaml_scanner.h"

namespace skiff {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

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
