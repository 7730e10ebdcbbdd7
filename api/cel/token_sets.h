// Which tokens may stand where, as the parser's messages print them.
#pragma once

#include <string>
#include <string_view>

#include "api/cel/lexer.h"

namespace skiff::cel {

// What an expression may begin with, and `extra`: what else may stand there, of "]}),?".
std::string ExpressionSet(std::string_view extra);
bool BeginsExpression(const Token& token);
// Whether the token is an operator that stands between two expressions.
bool IsBinaryOperator(const Token& token);
// Whether the token is one of these characters.
bool IsOneOf(const Token& token, std::string_view symbols);

}  // namespace skiff::cel
