// The tokens of a template, as Go's text/template/parse cuts them: texts, and within "{{" and "}}"
// words, constants, signs, and the spaces between them, which part arguments.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/text/runes.h"

namespace skiff::cli {

struct TemplateToken {
  enum class Kind : uint8_t {
    kEnd,    // Of all.
    kError,  // What is wrong; only ends come behind it.
    kText,
    kLeft,   // "{{"
    kRight,  // "}}"
    kLeftParen,
    kRightParen,
    kSpace,
    kPipe,
    kAssign,    // "="
    kDeclare,   // ":="
    kSign,      // Another one: ","
    kField,     // ".name"
    kVariable,  // "$name"
    kName,
    kBool,
    kCharacter,
    kNumber,
    kComplex,
    kString,
    kRawString,
    kKeyword,  // "if", "nil", "." and the like, by their text.
  };
  Kind kind = Kind::kEnd;
  size_t position = 0;  // Of its first byte in the template.
  std::string text;     // As written; of an error, what is said of it.

  bool Is(Kind which) const { return kind == which; }
  bool IsKeyword(std::string_view word) const { return kind == Kind::kKeyword && text == word; }
  // As messages show it: "\"abc\"", "<end>", "EOF".
  std::string Shown() const;
};

class TemplateLexer {
 public:
  // `text` outlives it.
  explicit TemplateLexer(std::string_view text) : text_(text) {}
  TemplateToken Next();

 private:
  using Kind = TemplateToken::Kind;
  Rune Peek() const;
  bool StartsWith(std::string_view text) const { return text_.substr(at_).starts_with(text); }
  TemplateToken Take(Kind kind);
  TemplateToken Wrong(std::string text);
  TemplateToken WrongRune(const char* what);
  bool Accept(std::string_view any_of);
  void AcceptAll(std::string_view any_of);
  void SkipSpace();

  TemplateToken NextOutside();
  TemplateToken NextInside();
  // Passes over a comment, at "/*"; an error's text, or "".
  std::string SkipComment();
  bool AtRight(bool* trims = nullptr) const;
  bool AtTerminator() const;
  TemplateToken TakeRight();
  TemplateToken TakeSpace();
  TemplateToken TakeFieldOrVariable(Kind kind);
  TemplateToken TakeWord();
  TemplateToken TakeNumber();
  bool ScanNumber();
  TemplateToken TakeQuoted(char quote, Kind kind, const char* unterminated);
  TemplateToken TakeRawString();

  const std::string_view text_;
  size_t start_ = 0;  // Of the token that is being read.
  size_t at_ = 0;
  int parens_ = 0;
  bool inside_ = false;
  bool failed_ = false;
};

}  // namespace skiff::cli
