// Expressions from text to tree, in cel-go's grammar and words.
#pragma once

#include <memory>
#include <string_view>

#include "api/cel/ast.h"

namespace skiff::cel {

// In code points; longer expressions are refused.
inline constexpr size_t kExpressionRunesMax = 100000;
// As cel-go counts: so often may a rule of the grammar enter itself (parentheses, lists, arguments,
// what stands right of an operator), and so many operators, selections, member calls and indexings
// may stand in one another. "a + a + ..." has a level for each "+"; "&&", "||", "!!" and "--" have
// none. Deeper expressions are refused, so that whoever walks a tree may recurse: with all that
// macros make of it, a tree is no deeper than kTreeDepthMax.
inline constexpr int kRecursionMax = 250;
inline constexpr int kTreeDepthMax = 4000;

struct MacroSet {
  bool optionals = true;
  bool two_variables = true;
  bool bind = false;
  bool sort_by = true;
};

// With root null, or issues, when the text is no expression.
std::shared_ptr<Ast> ParseExpression(std::string_view text, const MacroSet& macros);

// Expands the call of a macro. `call` has its target and arguments as they were written. Null: it
// is none; an issue is added where it is one, but wrong, and `call` comes back.
Expr* ExpandMacro(Ast& ast, const MacroSet& macros, Expr* call);

}  // namespace skiff::cel
