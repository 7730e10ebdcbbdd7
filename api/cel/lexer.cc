#include "api/cel/lexer.h"

#include <array>
#include <optional>

#include "api/text/utf8.h"

namespace skiff::cel {
namespace {

bool IsDigitRune(char32_t c) {
  return c >= U'0' && c <= U'9';
}
bool IsHexRune(char32_t c) {
  return IsDigitRune(c) || (c >= U'a' && c <= U'f') || (c >= U'A' && c <= U'F');
}
bool IsNameStart(char32_t c) {
  return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z') || c == U'_';
}
bool IsBlankRune(char32_t c) {
  return c == U' ' || c == U'\t' || c == U'\n' || c == U'\r' || c == U'\f';
}

// Two characters first: the longest match wins.
constexpr std::array<std::u32string_view, 26> kSymbols = {
    U"==", U"!=", U"<=", U">=", U"&&", U"||", U"<", U">", U"[", U"]", U"{", U"}", U"(",
    U")",  U".",  U",",  U"-",  U"!",  U"?",  U":", U"+", U"*", U"/", U"%", U"=", U"&"};
// Of the table above, the last two begin a token but are none.
constexpr size_t kSymbolCount = 24;

class Lexer {
 public:
  Lexer(const Source& source, std::vector<Issue>& issues)
      : source_(source), runes_(source.runes()), issues_(issues) {}

  std::vector<Token> Run() {
    std::vector<Token> out;
    while (SkipBlanks(), at_ < runes_.size()) {
      Token token;
      token.begin = at_;
      failed_at_ = at_;
      const size_t end = Match(token.kind);
      if (end == at_) {
        Fail();
        continue;
      }
      token.end = at_ = end;
      token.text = source_.Slice(token.begin, end);
      if (token.kind == TokenKind::kIdent) token.kind = Keyword(token.text);
      out.push_back(std::move(token));
    }
    out.push_back({TokenKind::kEnd, runes_.size(), runes_.size(), "<EOF>"});
    return out;
  }

 private:
  char32_t Rune(size_t i) const { return i < runes_.size() ? runes_[i] : U'\0'; }

  static TokenKind Keyword(std::string_view text) {
    if (text == "true") return TokenKind::kTrue;
    if (text == "false") return TokenKind::kFalse;
    if (text == "null") return TokenKind::kNull;
    if (text == "in") return TokenKind::kIn;
    return TokenKind::kIdent;
  }

  void SkipBlanks() {
    while (at_ < runes_.size()) {
      if (IsBlankRune(runes_[at_])) {
        ++at_;
      } else if (runes_[at_] == U'/' && Rune(at_ + 1) == U'/') {
        while (at_ < runes_.size() && runes_[at_] != U'\n') ++at_;
      } else {
        return;
      }
    }
  }

  // What was read up to the character that fits nothing, and that one with it.
  void Fail() {
    const size_t end = std::min(failed_at_ + 1, runes_.size());
    issues_.push_back({static_cast<int>(at_),
                       "Syntax error: token recognition error at: '" + source_.Slice(at_, end) +
                           "'"});
    at_ = std::max(end, at_ + 1);
  }

  // The end of the longest token here; at_ itself: there is none, and failed_at_ says how far it
  // went.
  size_t Match(TokenKind& kind) {
    const char32_t c = runes_[at_];
    if (const auto end = MatchString(kind)) return *end;
    if (IsNameStart(c)) {
      kind = TokenKind::kIdent;
      size_t end = at_;
      while (IsNameStart(Rune(end)) || IsDigitRune(Rune(end))) ++end;
      return end;
    }
    if (IsDigitRune(c) || (c == U'.' && IsDigitRune(Rune(at_ + 1)))) return MatchNumber(kind);
    if (c == U'`') return MatchEscapedIdent(kind);
    kind = TokenKind::kSymbol;
    for (size_t i = 0; i < kSymbolCount; ++i) {
      if (runes_.compare(at_, kSymbols[i].size(), kSymbols[i]) == 0) {
        return at_ + kSymbols[i].size();
      }
    }
    failed_at_ = c == U'=' || c == U'&' || c == U'|' ? at_ + 1 : at_;
    return at_;
  }

  size_t MatchEscapedIdent(TokenKind& kind) {
    kind = TokenKind::kEscapedIdent;
    size_t end = at_ + 1;
    const auto inner = [&](char32_t c) {
      return IsNameStart(c) || IsDigitRune(c) || c == U'.' || c == U'-' || c == U'/' || c == U' ';
    };
    while (inner(Rune(end))) ++end;
    if (end > at_ + 1 && Rune(end) == U'`') return end + 1;
    failed_at_ = end;
    return at_;
  }

  size_t Digits(size_t from) const {
    while (IsDigitRune(Rune(from))) ++from;
    return from;
  }

  size_t MatchNumber(TokenKind& kind) {
    if (runes_[at_] == U'0' && Rune(at_ + 1) == U'x' && IsHexRune(Rune(at_ + 2))) {
      size_t end = at_ + 2;
      while (IsHexRune(Rune(end))) ++end;
      return MatchUnsigned(kind, end);
    }
    size_t end = Digits(at_);
    bool fraction = false;
    if (Rune(end) == U'.' && IsDigitRune(Rune(end + 1))) {
      end = Digits(end + 1);
      fraction = true;
    }
    if (Rune(end) == U'e' || Rune(end) == U'E') {
      const size_t sign = Rune(end + 1) == U'+' || Rune(end + 1) == U'-' ? 1 : 0;
      if (IsDigitRune(Rune(end + 1 + sign))) {
        end = Digits(end + 1 + sign);
        fraction = true;
      }
    }
    if (!fraction) return MatchUnsigned(kind, end);
    kind = TokenKind::kDouble;
    return end;
  }

  size_t MatchUnsigned(TokenKind& kind, size_t end) const {
    const bool is_unsigned = Rune(end) == U'u' || Rune(end) == U'U';
    kind = is_unsigned ? TokenKind::kUint : TokenKind::kInt;
    return is_unsigned ? end + 1 : end;
  }

  // Nothing: no string begins here; at_: one does, and does not end.
  std::optional<size_t> MatchString(TokenKind& kind) {
    size_t begin = at_;
    bool bytes = false;
    bool raw = false;
    if (Rune(begin) == U'b' || Rune(begin) == U'B') {
      bytes = true;
      ++begin;
    }
    if (Rune(begin) == U'r' || Rune(begin) == U'R') {
      raw = true;
      ++begin;
    }
    const char32_t quote = Rune(begin);
    if (quote != U'"' && quote != U'\'') return std::nullopt;
    kind = bytes ? TokenKind::kBytes : TokenKind::kString;
    if (Rune(begin + 1) == quote && Rune(begin + 2) == quote) {
      if (const size_t end = StringEnd(begin + 3, quote, true, raw); end != 0) return end;
      return begin + 2;  // The empty string, and a quote after it.
    }
    if (const size_t end = StringEnd(begin + 1, quote, false, raw); end != 0) return end;
    if (begin > at_) {
      return std::nullopt;  // The prefix is a name; the quote is what fails next.
    }
    return at_;
  }

  // 0: it does not end.
  size_t StringEnd(size_t i, char32_t quote, bool triple, bool raw) {
    for (; i < runes_.size(); ++i) {
      const char32_t c = runes_[i];
      if (c == quote) {
        if (!triple) return i + 1;
        if (Rune(i + 1) == quote && Rune(i + 2) == quote) return i + 3;
      } else if (!triple && (c == U'\n' || c == U'\r')) {
        break;
      } else if (c == U'\\' && !raw) {
        const size_t length = EscapeLength(i);
        if (length == 0) return 0;
        i += length - 1;
      }
    }
    failed_at_ = i;
    return 0;
  }

  // Of the escape sequence at `i`; 0: it is none, and failed_at_ says where it ends to be one.
  size_t EscapeLength(size_t i) {
    const char32_t c = Rune(i + 1);
    if (std::u32string_view(U"abfnrtv\"'\\?`").find(c) != std::u32string_view::npos && c != 0) {
      return 2;
    }
    size_t digits = 0;
    if (c == U'x' || c == U'X') digits = 2;
    if (c == U'u') digits = 4;
    if (c == U'U') digits = 8;
    for (size_t k = 0; k < digits; ++k) {
      if (IsHexRune(Rune(i + 2 + k))) continue;
      failed_at_ = i + 2 + k;
      return 0;
    }
    if (digits > 0) return 2 + digits;
    for (size_t k = 0; k < 3; ++k) {
      const char32_t digit = Rune(i + 1 + k);
      if (digit >= U'0' && digit <= (k == 0 ? U'3' : U'7')) continue;
      failed_at_ = i + 1 + k;
      return 0;
    }
    return 4;
  }

  const Source& source_;
  const std::u32string& runes_;
  std::vector<Issue>& issues_;
  size_t at_ = 0;
  size_t failed_at_ = 0;
};

// Reads the escapes of a literal whose form the lexer has seen to.
class Unescaper {
 public:
  Unescaper(std::string_view text, bool bytes) : text_(text), bytes_(bytes) {}

  Unquoted Run() {
    Unquoted out;
    while (at_ < text_.size() && out.error.empty()) {
      const char c = text_[at_];
      if (c == '\\') {
        ReadEscape(out);
      } else if (c == '\r') {
        out.text += '\n';
        at_ += text_.substr(at_).starts_with("\r\n") ? 2 : 1;
      } else {
        out.text += c;
        ++at_;
      }
    }
    return out;
  }

 private:
  uint32_t Number(size_t digits, uint32_t base) {
    uint32_t value = 0;
    for (size_t i = 0; i < digits && at_ < text_.size(); ++i, ++at_) {
      const char c = text_[at_];
      const uint32_t digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
      value = value * base + digit;
    }
    return value;
  }

  void ReadEscape(Unquoted& out) {
    constexpr std::string_view kLetters = "abfnrtv";
    constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v";
    const char c = text_[++at_];
    if (const size_t letter = kLetters.find(c); letter != std::string_view::npos) {
      out.text += kMeanings[letter];
      ++at_;
      return;
    }
    uint32_t code = 0;
    if (c == 'x' || c == 'X') {
      ++at_;
      code = Number(2, 16);
    } else if (c == 'u' || c == 'U') {
      if (bytes_) {
        out.error = "unable to unescape string";
        return;
      }
      ++at_;
      code = Number(c == 'u' ? 4 : 8, 16);
      if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        out.error = "invalid unicode code point";
        return;
      }
    } else if (c >= '0' && c <= '7') {
      code = Number(3, 8);
    } else {
      out.text += c;
      ++at_;
      return;
    }
    if (bytes_) {
      out.text += static_cast<char>(code);
    } else {
      AppendUtf8(code, out.text);
    }
  }

  std::string_view text_;
  bool bytes_;
  size_t at_ = 0;
};

}  // namespace

std::vector<Token> Tokenize(const Source& source, std::vector<Issue>& issues) {
  return Lexer(source, issues).Run();
}

Unquoted UnquoteLiteral(std::string_view literal, bool bytes) {
  if (bytes) literal.remove_prefix(1);
  const bool raw = literal[0] == 'r' || literal[0] == 'R';
  if (raw) literal.remove_prefix(1);
  const bool triple = literal.size() >= 6 && literal[1] == literal[0] && literal[2] == literal[0];
  const size_t quotes = triple ? 3 : 1;
  const std::string_view inner = literal.substr(quotes, literal.size() - 2 * quotes);
  if (!raw) return Unescaper(inner, bytes).Run();
  Unquoted out;
  for (size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] != '\r') {
      out.text += inner[i];
    } else {
      out.text += '\n';
      if (i + 1 < inner.size() && inner[i + 1] == '\n') ++i;
    }
  }
  return out;
}

}  // namespace skiff::cel
