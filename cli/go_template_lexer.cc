#include "cli/go_template_lexer.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/text/go_text.h"
#include "api/text/patterns.h"
#include "api/text/utf8.h"
#include "base/text.h"

namespace skiff::cli {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";
constexpr std::string_view kLeft = "{{";
constexpr std::string_view kRight = "}}";
// Of a token in a message, in characters.
constexpr size_t kShownMax = 10;

bool IsSpace(char32_t c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string Utf8Of(char32_t c) {
  std::string text;
  AppendUtf8(c, text);
  return text;
}

bool IsWordRune(char32_t c) {
  if (c < 0x80) return IsAlnum(static_cast<char>(c)) || c == '_';
  static const RE2 kLetterOrDigit("[\\p{L}\\p{Nd}]");
  return RE2::FullMatch(Utf8Of(c), kLetterOrDigit);
}

// "-" behind "{{" or before "}}" takes the space beyond along, if there is one on its inner side.
bool HasLeftTrim(std::string_view text) {
  return text.size() >= 2 && text[0] == '-' && IsSpace(text[1]);
}
bool HasRightTrim(std::string_view text) {
  return text.size() >= 2 && IsSpace(text[0]) && text[1] == '-';
}

bool IsKeywordText(std::string_view word) {
  constexpr std::string_view kWords[] = {"block", "break", "continue", "define",   "else", "end",
                                         "if",    "nil",   "range",    "template", "with"};
  return std::ranges::find(kWords, word) != std::end(kWords);
}

// "U+201C '“'"
std::string CodePointText(char32_t c) {
  const std::string text = Utf8Of(c);
  const std::string number = fmt::format("U+{:04X}", static_cast<uint32_t>(c));
  return UnprintableRunes(text).empty() ? fmt::format("{} '{}'", number, text) : number;
}

}  // namespace

std::string TemplateToken::Shown() const {
  if (kind == Kind::kEnd) return "EOF";
  if (kind == Kind::kError) return text;
  if (kind == Kind::kKeyword) return "<" + text + ">";
  if (text.size() > kShownMax) return GoQuote(FirstRunes(text, kShownMax)) + "...";
  return GoQuote(text);
}

Rune TemplateLexer::Peek() const {
  return FirstRune(text_.substr(std::min(at_, text_.size())));
}

TemplateToken TemplateLexer::Take(Kind kind) {
  TemplateToken token{kind, start_, std::string(text_.substr(start_, at_ - start_))};
  start_ = at_;
  return token;
}

TemplateToken TemplateLexer::Wrong(std::string text) {
  failed_ = true;
  return {Kind::kError, start_, std::move(text)};
}

TemplateToken TemplateLexer::WrongRune(const char* what) {
  return Wrong(fmt::format("{}{}", what, CodePointText(Peek().value)));
}

bool TemplateLexer::Accept(std::string_view any_of) {
  if (at_ >= text_.size() || any_of.find(text_[at_]) == any_of.npos) return false;
  ++at_;
  return true;
}

void TemplateLexer::AcceptAll(std::string_view any_of) {
  while (Accept(any_of)) {
  }
}

void TemplateLexer::SkipSpace() {
  AcceptAll(kSpaces);
  start_ = at_;
}

TemplateToken TemplateLexer::Next() {
  if (failed_) return {Kind::kEnd, start_, ""};
  return inside_ ? NextInside() : NextOutside();
}

TemplateToken TemplateLexer::NextOutside() {
  while (true) {
    const size_t open = std::min(text_.find(kLeft, at_), text_.size());
    at_ = open;
    const bool ends = open == text_.size();
    if (!ends && HasLeftTrim(text_.substr(open + kLeft.size()))) {
      while (at_ > start_ && IsSpace(text_[at_ - 1])) --at_;
    }
    if (at_ > start_) {
      TemplateToken text = Take(Kind::kText);
      start_ = at_ = open;
      return text;
    }
    start_ = at_ = open;
    if (ends) return {Kind::kEnd, start_, ""};
    at_ += kLeft.size();
    const bool trims = HasLeftTrim(text_.substr(at_));
    if (!text_.substr(at_ + (trims ? 2 : 0)).starts_with("/*")) {
      TemplateToken left = Take(Kind::kLeft);
      at_ += trims ? 2 : 0;
      start_ = at_;
      inside_ = true;
      parens_ = 0;
      return left;
    }
    start_ = at_ += trims ? 2 : 0;
    if (std::string wrong = SkipComment(); !wrong.empty()) return Wrong(std::move(wrong));
  }
}

std::string TemplateLexer::SkipComment() {
  const size_t end = text_.find("*/", at_ + 2);
  if (end == text_.npos) return "unclosed comment";
  at_ = end + 2;
  bool trims = false;
  if (!AtRight(&trims)) return "comment ends before closing delimiter";
  at_ += kRight.size() + (trims ? 2 : 0);
  start_ = at_;
  if (trims) SkipSpace();
  return "";
}

bool TemplateLexer::AtRight(bool* trims) const {
  const std::string_view rest = text_.substr(at_);
  const bool with_trim = HasRightTrim(rest) && rest.substr(2).starts_with(kRight);
  if (trims != nullptr) *trims = with_trim;
  return with_trim || rest.starts_with(kRight);
}

TemplateToken TemplateLexer::TakeRight() {
  bool trims = false;
  (void)AtRight(&trims);
  if (trims) start_ = at_ += 2;
  at_ += kRight.size();
  TemplateToken right = Take(Kind::kRight);
  if (trims) SkipSpace();
  inside_ = false;
  return right;
}

TemplateToken TemplateLexer::NextInside() {
  if (AtRight()) return parens_ == 0 ? TakeRight() : Wrong("unclosed left paren");
  const Rune rune = Peek();
  if (rune.bytes == 0) return Wrong("unclosed action");
  if (IsSpace(rune.value)) return TakeSpace();
  const bool is_field = rune.value == '.' && at_ + 1 < text_.size() && !IsDigit(text_[at_ + 1]);
  const bool is_sign = rune.value == '+' || rune.value == '-' || rune.value == '.';
  if (!is_field && (is_sign || (rune.value < 0x80 && IsDigit(static_cast<char>(rune.value))))) {
    return TakeNumber();
  }
  if (IsWordRune(rune.value)) return TakeWord();
  at_ += rune.bytes;
  switch (rune.value) {
    case '.':
      return TakeFieldOrVariable(Kind::kField);
    case '$':
      return TakeFieldOrVariable(Kind::kVariable);
    case '=':
      return Take(Kind::kAssign);
    case ':':
      if (!StartsWith("=")) return Wrong("expected :=");
      ++at_;
      return Take(Kind::kDeclare);
    case '|':
      return Take(Kind::kPipe);
    case '"':
      return TakeQuoted('"', Kind::kString, "unterminated quoted string");
    case '\'':
      return TakeQuoted('\'', Kind::kCharacter, "unterminated character constant");
    case '`':
      return TakeRawString();
    case '(':
      ++parens_;
      return Take(Kind::kLeftParen);
    case ')':
      if (--parens_ < 0) return Wrong("unexpected right paren");
      return Take(Kind::kRightParen);
    default:
      break;
  }
  if (rune.value > 0x20 && rune.value < 0x7f) return Take(Kind::kSign);
  at_ -= rune.bytes;
  return WrongRune("unrecognized character in action: ");
}

// The space before "-}}" belongs to that.
TemplateToken TemplateLexer::TakeSpace() {
  AcceptAll(kSpaces);
  --at_;
  bool trims = false;
  if (!AtRight(&trims) || !trims) {
    ++at_;
  } else if (at_ == start_) {
    return TakeRight();
  }
  return Take(Kind::kSpace);
}

// What may come behind a word.
bool TemplateLexer::AtTerminator() const {
  const Rune rune = Peek();
  constexpr std::u32string_view kSigns = U".,|:)(";
  return rune.bytes == 0 || IsSpace(rune.value) || kSigns.find(rune.value) != kSigns.npos ||
         StartsWith(kRight);
}

TemplateToken TemplateLexer::TakeFieldOrVariable(Kind kind) {
  if (AtTerminator()) return Take(kind == Kind::kField ? Kind::kKeyword : kind);
  for (Rune rune = Peek(); rune.bytes > 0 && IsWordRune(rune.value); rune = Peek()) {
    at_ += rune.bytes;
  }
  if (!AtTerminator()) return WrongRune("bad character ");
  return Take(kind);
}

TemplateToken TemplateLexer::TakeWord() {
  for (Rune rune = Peek(); rune.bytes > 0 && IsWordRune(rune.value); rune = Peek()) {
    at_ += rune.bytes;
  }
  if (!AtTerminator()) return WrongRune("bad character ");
  TemplateToken word = Take(Kind::kName);
  if (IsKeywordText(word.text)) word.kind = Kind::kKeyword;
  if (word.text == "true" || word.text == "false") word.kind = Kind::kBool;
  return word;
}

TemplateToken TemplateLexer::TakeNumber() {
  const auto bad = [&] {
    return Wrong(fmt::format("bad number syntax: {}", GoQuote(text_.substr(start_, at_ - start_))));
  };
  if (!ScanNumber()) return bad();
  if (!StartsWith("+") && !StartsWith("-")) return Take(Kind::kNumber);
  if (!ScanNumber() || text_[at_ - 1] != 'i') return bad();
  return Take(Kind::kComplex);
}

// It takes what is no number too: who reads it notices.
bool TemplateLexer::ScanNumber() {
  Accept("+-");
  std::string_view digits = "0123456789_";
  bool is_decimal = true;
  bool is_hex = false;
  if (Accept("0")) {
    if (Accept("xX")) {
      digits = "0123456789abcdefABCDEF_";
      is_hex = true;
    } else if (Accept("oO")) {
      digits = "01234567_";
    } else if (Accept("bB")) {
      digits = "01_";
    }
    is_decimal = digits.size() == 11;
  }
  AcceptAll(digits);
  if (Accept(".")) AcceptAll(digits);
  if ((is_decimal && Accept("eE")) || (is_hex && Accept("pP"))) {
    Accept("+-");
    AcceptAll("0123456789_");
  }
  Accept("i");
  const Rune next = Peek();
  if (next.bytes == 0 || !IsWordRune(next.value)) return true;
  at_ += next.bytes;
  return false;
}

TemplateToken TemplateLexer::TakeQuoted(char quote, Kind kind, const char* unterminated) {
  while (at_ < text_.size()) {
    const char c = text_[at_++];
    if (c == quote) return Take(kind);
    if (c == '\n') break;
    if (c != '\\') continue;
    if (at_ == text_.size() || text_[at_] == '\n') break;
    ++at_;
  }
  return Wrong(unterminated);
}

TemplateToken TemplateLexer::TakeRawString() {
  const size_t end = text_.find('`', at_);
  if (end == text_.npos) return Wrong("unterminated raw quoted string");
  at_ = end + 1;
  return Take(Kind::kRawString);
}

}  // namespace skiff::cli
