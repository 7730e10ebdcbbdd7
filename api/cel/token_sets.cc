#include "api/cel/token_sets.h"

namespace skiff::cel {

std::string ExpressionSet(std::string_view extra) {
  std::string set = "{";
  for (const char c : std::string_view("[]{}().,-!?")) {
    const bool begins = std::string_view("[{(.-!").find(c) != std::string_view::npos;
    if (!begins && extra.find(c) == std::string_view::npos) continue;
    set.append("'").append(1, c).append("', ");
  }
  return set + "'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
}

bool IsOneOf(const Token& token, std::string_view symbols) {
  return token.Is(TokenKind::kSymbol) && token.text.size() == 1 &&
         symbols.find(token.text) != std::string_view::npos;
}

bool BeginsExpression(const Token& token) {
  switch (token.kind) {
    case TokenKind::kEnd:
    case TokenKind::kIn:
    case TokenKind::kEscapedIdent: return false;
    case TokenKind::kSymbol:
      return token.Is("[") || token.Is("{") || token.Is("(") || token.Is(".") || token.Is("-") ||
             token.Is("!");
    default: return true;
  }
}

bool IsBinaryOperator(const Token& token) {
  if (token.Is(TokenKind::kIn) || IsOneOf(token, "<>+-*/%")) return true;
  for (const std::string_view symbol : {"||", "&&", "<=", ">=", "==", "!="}) {
    if (token.Is(symbol)) return true;
  }
  return false;
}

}  // namespace skiff::cel
