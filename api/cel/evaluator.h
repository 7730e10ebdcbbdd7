// Runs checked expressions: evaluator.cc what decides and calls, evaluator_values.cc what makes
// lists, maps and messages.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "api/cel/ast.h"
#include "api/cel/limits.h"

namespace skiff::cel {

// One evaluation: made for one call of Run, by one thread. Errors are values; && and || take them
// in where the other side decides.
class Evaluator {
 public:
  // `bindings` are the values of the environment's variables; an error stands for one that is not
  // there. Stops once the cost exceeds `cost_max`, or once `made`, where it adds what it makes and
  // leaves what its value may hold, exceeds kMadeBytesMax.
  Evaluator(const Ast& ast, std::span<const Value> bindings, uint64_t cost_max, MadeBytes& made)
      : bindings_(bindings), locals_(ast.locals), cost_max_(cost_max), looks_(cost_max),
        made_(made) {}
  Value Run(const Expr& expr);
  uint64_t cost() const { return std::max(cost_, looks_.Cost()); }
  bool over_budget() const { return over_budget_; }

 private:
  Value Eval(const Expr& expr);
  Value EvalOne(const Expr& expr);
  Value EvalName(const Expr& expr);
  Value EvalSelect(const Expr& expr);
  Value EvalCall(const Expr& expr);
  Value EvalOperator(const Expr& expr);
  Value EvalLogic(const Expr& expr, bool decides);
  Value EvalConditional(const Expr& expr);
  Value EvalOptionalChoice(const Expr& expr, bool unwrap);
  Value EvalAppend(const Expr& expr);
  Value EvalMapInsert(const Expr& expr);
  Value EvalList(const Expr& expr);
  Value EvalMap(const Expr& expr);
  Value EvalStruct(const Expr& expr);
  Value EvalComprehension(const Expr& expr);
  Value Loop(const Expr& expr, const Value& range);
  bool Step(const Expr& expr, Value& failure);
  bool Spend(uint64_t cost);
  // Counts what a call made.
  bool Make(const Value& value);
  bool MakeBytes(size_t bytes);
  // The error of what is over.
  Value Over();
  static Value UnlessDeep(Value value);
  // A key is compared with some of the `entries` that are there, as far as they are alike.
  static void CountKey(const Value& key, size_t entries);

  std::span<const Value> bindings_;
  std::vector<Value> locals_;  // Of comprehensions.
  uint64_t cost_ = 0;
  uint64_t cost_max_;
  const LookScope looks_;
  MadeBytes& made_;
  size_t own_bytes_ = 0;  // Of them.
  bool over_budget_ = false;
};

}  // namespace skiff::cel
