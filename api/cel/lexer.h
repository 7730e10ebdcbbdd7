// Expressions as tokens.
#pragma once

#include <string>
#include <vector>

#include "api/cel/source.h"

namespace skiff::cel {

enum class TokenKind : uint8_t {
  kEnd,
  kIdent,
  kEscapedIdent,  // `a.b`
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kTrue,
  kFalse,
  kNull,
  kIn,
  kSymbol,  // Told apart by its text.
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  size_t begin = 0;  // In code points.
  size_t end = 0;
  std::string text = {};  // "<EOF>" of the end.

  bool Is(TokenKind wanted) const { return kind == wanted; }
  bool Is(std::string_view symbol) const {
    return (kind == TokenKind::kSymbol || kind == TokenKind::kIn) && text == symbol;
  }
};

// Without blanks and comments; ends with kEnd. What is no token is left out, and told in `issues`.
std::vector<Token> Tokenize(const Source& source, std::vector<Issue>& issues);

// The content of a literal string as it is written, with quotes and prefix. Where it has none
// `error` says why.
struct Unquoted {
  std::string text;
  std::string error;
};
Unquoted UnquoteLiteral(std::string_view literal, bool bytes);

}  // namespace skiff::cel
