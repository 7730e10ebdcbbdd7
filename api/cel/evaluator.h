// Runs checked expressions: evaluator.cc what decides and calls, evaluator_values.cc what makes
// lists, maps and messages.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "api/cel/cost.h"
#include "api/cel/limits.h"
#include "api/cel/made_bytes.h"
#include "api/cel/plan.h"

namespace skiff::cel {

// One evaluation: made for one call of Run, by one thread. Errors are values; && and || take them
// in where the other side decides.
class Evaluator {
 public:
  // `bindings` are the values of the environment's variables; an error stands for one that is not
  // there. Stops once the cost exceeds `cost_max`, or once there is no room for what it adds to
  // `made`, where it leaves what its value may hold.
  Evaluator(const Plan& plan, std::span<const Value> bindings, uint64_t cost_max, MadeBytes& made)
      : plan_(plan), bindings_(bindings), cost_max_(cost_max), looks_(cost_max), made_(made) {
    made_of_thread = &made;
    if (plan.locals() <= kFewLocals) return;
    many_locals_.resize(plan.locals());
    locals_ = many_locals_.data();
  }
  ~Evaluator() { made_of_thread = outer_made_; }
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;
  Value Run();
  uint64_t cost() const { return std::max(cost_, looks_.Cost()); }
  bool over_budget() const { return over_budget_; }

 private:
  Value Eval(const Node& node);
  Value EvalOne(const Node& node);
  // The value where it is, or put into `made`; another evaluation may move it.
  const Value& ValueOf(const Node& node, Value& made);
  // Of what the node names. Null: the evaluation is over.
  const Value* Named(const Node& node);
  Value EvalSelect(const Node& node);
  Value EvalIndex(const Node& node);
  Value EvalCall(const Node& node);
  Value Call(const Node& node, std::span<const Value> args);
  Value EvalOperator(const Node& node);
  Value EvalLogic(const Node& node, bool decides);
  Value EvalConditional(const Node& node);
  Value EvalOptionalChoice(const Node& node, bool unwrap);
  Value EvalAppend(const Node& node);
  Value EvalMapInsert(const Node& node);
  Value EvalList(const Node& node);
  Value EvalMap(const Node& node);
  Value EvalStruct(const Node& node);
  Value MakeList(const Node& node);
  Value MakeMap(const Node& node);
  Value MakeStruct(const Node& node);
  Value EvalComprehension(const Node& node);
  Value Quantify(const Node& node, const Value& range);
  // Whether the next item is to be asked; `result` is what is known after it.
  bool Ask(const Node& node, Value& result);
  // Sets the variables to those of item after item, while `next` says so.
  template <typename Next>
  void EachItem(const Node& node, const Value& range, const Next& next);
  // Whether the loop goes on.
  bool Step(const Node& node, Value& failure);
  bool Spend(uint64_t cost);
  // Of a selection: for what its row begins with, where that is no name.
  bool SpendOnBeginning(const Node& node) { return !node.begins_row || Spend(kNameCost); }
  // What a row that stands in another one began with was paid for.
  void TakeBack(bool in_row) {
    if (in_row && cost_ >= kNameCost) cost_ -= kNameCost;
  }
  // What was looked for costs where it is there.
  Value PaidIfThere(Value found);
  // Counts what a call made of `args`.
  bool Make(const Value& value, std::span<const Value> args);
  bool MakeBytes(size_t bytes);
  // The error of what is over.
  Value Over();
  static Value UnlessDeep(Value value);
  // A key is compared with some of the `entries` that are there, as far as they are alike.
  static void CountKey(const Value& key, size_t entries);

  // Those of two comprehensions of one variable each, one in the other.
  static constexpr int kFewLocals = 4;

  const Plan& plan_;
  std::span<const Value> bindings_;
  std::array<Value, kFewLocals> few_locals_;
  std::vector<Value> many_locals_;
  Value* locals_ = few_locals_.data();  // Of comprehensions: the one or the other.
  uint64_t cost_ = 0;
  uint64_t cost_max_;
  const LookScope looks_;
  MadeBytes& made_;
  MadeBytes* const outer_made_ = made_of_thread;
  size_t own_bytes_ = 0;  // Of them.
  bool over_budget_ = false;
};

}  // namespace skiff::cel
