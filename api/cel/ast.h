// Expressions as trees. The nodes belong to their Ast; macros are expanded, so that what a program
// runs are literals, names, selections, calls, lists, maps, objects and comprehensions.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "api/cel/source.h"
#include "api/cel/value.h"

namespace skiff::cel {

struct Overload;          // api/cel/function.h
struct WellKnownMessage;  // api/cel/well_known.h

enum class ExprKind : uint8_t {
  kLiteral,
  kIdent,
  kSelect,
  kCall,
  kList,
  kMap,
  kStruct,
  kComprehension,
};

// What the evaluator does itself, as not all operands are evaluated, or not all at once.
enum class Operator : uint8_t {
  kNone,
  kAnd,
  kOr,
  kConditional,
  kNotStrictlyFalse,
  kIndex,
  kOptionalSelect,
  kOptionalIndex,
  kOptionalOr,
  kOptionalOrValue,
  kAppend,     // Adds to the list of a comprehension, which it takes for its own.
  kMapInsert,  // Likewise to the map.
};

struct Expr {
  ExprKind kind = ExprKind::kLiteral;
  int position = 0;  // In code points.
  // Of an identifier (with a leading dot as it was written), the field of a selection, the function
  // of a call, the type of a struct.
  std::string name = {};
  Value literal = {};
  // The operand of a selection, the receiver of a call; null when there is none.
  Expr* target = nullptr;
  // Of a call, the items of a list, the keys and values of a map by turns, the values of a struct.
  std::vector<Expr*> args = {};
  std::vector<std::string> fields = {};  // Of a struct,
  std::vector<int> colons = {};          // and where what they are given begins.
  // Of a list's items, a map's entries, a struct's fields: written with "?". Empty: none is.
  std::vector<bool> optional = {};
  bool test_only = false;  // has(a.b)
  // How many operators, selections, member calls and indexings stand in one another, this one
  // counted, as it was written.
  int depth = 0;
  Operator op = Operator::kNone;

  // Comprehension: for each item of `range`, while `condition` holds, `accumulator` becomes `step`;
  // then `result` is the value.
  std::string variable = {};
  std::string second_variable = {};  // "": there is one.
  std::string accumulator = {};
  Expr* range = nullptr;
  Expr* initial = nullptr;
  Expr* condition = nullptr;
  Expr* step = nullptr;
  Expr* result = nullptr;

  // What the checker finds out.
  TypeRef type = {};
  // The overloads that the arguments' declared types leave.
  std::vector<const Overload*> overloads = {};
  // Of a struct that names one; null: it is of a type that mutations declare.
  const WellKnownMessage* message = nullptr;
  // Where the value of a name is: a variable of the environment, or from kLocalSlots on one of a
  // comprehension. Below zero: not a name.
  int slot = -1;
  // A name that stands for a type: its value is `literal`.
  bool is_constant = false;
  // Its value is known before any binding is: `literal`. Estimates look at what was written.
  bool is_folded = false;
};

inline constexpr int kLocalSlots = 1 << 16;

class Ast {
 public:
  explicit Ast(std::string_view text) : source(text) {}
  Ast(const Ast&) = delete;
  Ast& operator=(const Ast&) = delete;

  Expr* New(ExprKind kind, int position) {
    Expr& expr = nodes_.emplace_back();
    expr.kind = kind;
    expr.position = position;
    return &expr;
  }
  size_t size() const { return nodes_.size(); }

  const Source source;
  Expr* root = nullptr;
  std::vector<Issue> issues;
  int locals = 0;  // How many variables of comprehensions are alive at once, at most.

 private:
  std::deque<Expr> nodes_;
};

}  // namespace skiff::cel
