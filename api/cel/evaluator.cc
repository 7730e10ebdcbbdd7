#include "api/cel/evaluator.h"

#include <array>
#include <bit>
#include <unordered_set>
#include <utility>

#include "api/cel/cost.h"
#include "api/cel/function.h"
#include "api/cel/limits.h"
#include "api/cel/lookup.h"
#include "api/cel/message.h"

namespace skiff::cel {
namespace {

constexpr size_t kArgumentsMax = 5;

// Operators, and those functions of the core of the language whose arguments are looked at by
// themselves: errors of all others name what they were called with.
bool NamesNoArguments(std::string_view function) {
  static const std::unordered_set<std::string_view> names = {"contains", "startsWith", "endsWith",
                                                             "matches",  "find",       "findAll"};
  return names.contains(function) || function.find_first_of("_!-@") == 0;
}

Value NoOverloadFor(const Expr& expr, std::span<const Value> args) {
  if (NamesNoArguments(expr.name)) return Value::NoSuchOverload();
  if (expr.name == "size") return Value::Error("no such overload: size");
  std::string text = "no such overload: " + expr.name + "(";
  for (size_t i = 0; i < args.size(); ++i) {
    if (i > 0) text += ", ";
    text += args[i].TypeName();
  }
  return Value::Error(text + ")");
}

bool AcceptsAll(const Overload& overload, std::span<const Value> args) {
  for (size_t i = 0; i < args.size(); ++i) {
    if (!Accepts(*overload.signature.args[i], args[i])) return false;
  }
  return true;
}

bool IsLiteralTrue(const Expr& expr) {
  return expr.kind == ExprKind::kLiteral && expr.literal.IsTrue();
}

}  // namespace

bool Evaluator::Spend(uint64_t cost) {
  cost_ += cost;
  if (cost_ > cost_max_ || !Look(0)) over_budget_ = true;
  return !over_budget_;
}

bool Evaluator::Make(const Value& value) {
  if (value.shared() == nullptr) return true;
  size_t bytes = sizeof(Value);
  if (value.Is(Kind::kString) || value.Is(Kind::kBytes)) bytes += value.text().size();
  if (value.Is(Kind::kList)) bytes += value.Size() * sizeof(Value);
  return MakeBytes(bytes);
}

bool Evaluator::MakeBytes(size_t bytes) {
  own_bytes_ += bytes;
  made_.count += bytes;
  if (made_.count > kMadeBytesMax) over_budget_ = true;
  return !over_budget_;
}

Value Evaluator::Run(const Expr& expr) {
  Value value = Eval(expr);
  // A number holds nothing.
  if (value.shared() == nullptr || over_budget_) made_.count -= own_bytes_;
  return value;
}

Value Evaluator::UnlessDeep(Value value) {
  if (value.depth() > kValueDepthMax) return Value::Error(kTooDeep);
  return value;
}

void Evaluator::CountKey(const Value& key, size_t entries) {
  if (!key.Is(Kind::kString)) return;
  looks_of_thread += key.text().size() / kTextBytesPerLook * std::bit_width(entries);
}

Value Evaluator::Over() {
  over_budget_ = true;
  return Value::Error(look_end_of_thread.interrupted ? kInterruptedText : kBudgetText);
}

Value Evaluator::Eval(const Expr& expr) {
  ++levels_of_thread;
  Value value = EvalOne(expr);
  --levels_of_thread;
  return value;
}

Value Evaluator::EvalOne(const Expr& expr) {
  if (over_budget_ || !Look()) return Over();
  if (expr.is_folded) return expr.literal;
  switch (expr.kind) {
    case ExprKind::kLiteral:
      return expr.literal;
    case ExprKind::kIdent:
      return EvalName(expr);
    case ExprKind::kSelect:
      return EvalSelect(expr);
    case ExprKind::kCall:
      return expr.op == Operator::kNone ? EvalCall(expr) : EvalOperator(expr);
    case ExprKind::kList:
      return EvalList(expr);
    case ExprKind::kMap:
      return EvalMap(expr);
    case ExprKind::kStruct:
      return EvalStruct(expr);
    case ExprKind::kComprehension:
      return EvalComprehension(expr);
  }
  return {};
}

Value Evaluator::EvalName(const Expr& expr) {
  if (expr.is_constant) return expr.literal;
  if (!Spend(kNameCost)) return Over();
  if (expr.slot >= kLocalSlots) return locals_[expr.slot - kLocalSlots];
  return bindings_[expr.slot];
}

Value Evaluator::EvalSelect(const Expr& expr) {
  if (expr.slot >= 0 || expr.is_constant) return EvalName(expr);
  const Value operand = Eval(*expr.target);
  if (operand.IsError()) return operand;
  if (expr.test_only) return HasField(operand, expr.name);
  if (!Spend(kNameCost)) return Over();
  return SelectField(operand, expr.name);
}

Value Evaluator::EvalOperator(const Expr& expr) {
  switch (expr.op) {
    case Operator::kAnd:
      return EvalLogic(expr, false);
    case Operator::kOr:
      return EvalLogic(expr, true);
    case Operator::kConditional:
      return EvalConditional(expr);
    case Operator::kNotStrictlyFalse: {
      const Value value = Eval(*expr.args[0]);
      Spend(1);
      return Value::Bool(!value.Is(Kind::kBool) || value.boolean());
    }
    case Operator::kOptionalSelect: {
      const Value operand = Eval(*expr.args[0]);
      if (!Spend(kNameCost)) return Over();
      return OptionalLookUp(operand, expr.args[1]->literal, true);
    }
    case Operator::kIndex:
    case Operator::kOptionalIndex: {
      const Value operand = Eval(*expr.args[0]);
      const Value key = Eval(*expr.args[1]);
      if (operand.Is(Kind::kMap)) CountKey(key, operand.Size());
      if (!Spend(kNameCost) || !Look()) return Over();
      return expr.op == Operator::kIndex ? IndexValue(operand, key)
                                         : OptionalLookUp(operand, key, false);
    }
    case Operator::kOptionalOr:
      return EvalOptionalChoice(expr, false);
    case Operator::kOptionalOrValue:
      return EvalOptionalChoice(expr, true);
    case Operator::kAppend:
      return EvalAppend(expr);
    case Operator::kMapInsert:
      return EvalMapInsert(expr);
    case Operator::kNone:
      break;
  }
  return EvalCall(expr);
}

Value Evaluator::EvalLogic(const Expr& expr, bool decides) {
  Value error;
  for (const Expr* arg : expr.args) {
    Value value = Eval(*arg);
    if (over_budget_) return Over();
    if (value.Is(Kind::kBool)) {
      if (value.boolean() == decides) return value;
    } else if (!error.IsError()) {
      error = value.IsError() ? std::move(value) : Value::NoSuchOverload();
    }
  }
  return error.IsError() ? error : Value::Bool(!decides);
}

Value Evaluator::EvalConditional(const Expr& expr) {
  Value condition = Eval(*expr.args[0]);
  if (condition.IsError()) return condition;
  if (!condition.Is(Kind::kBool)) return Value::NoSuchOverload();
  return Eval(*expr.args[condition.boolean() ? 1 : 2]);
}

Value Evaluator::EvalOptionalChoice(const Expr& expr, bool unwrap) {
  Value value = Eval(*expr.target);
  if (value.IsError()) return value;
  if (!value.Is(Kind::kOptional)) return value;  // As cel-go has it: what is there is there.
  if (value.inner() == nullptr) return Eval(*expr.args[0]);
  return unwrap ? *value.inner() : value;
}

Value Evaluator::EvalCall(const Expr& expr) {
  std::array<Value, kArgumentsMax> values;
  size_t count = 0;
  if (expr.target != nullptr) values[count++] = Eval(*expr.target);
  for (const Expr* arg : expr.args) values[count++] = Eval(*arg);
  const std::span<const Value> args(values.data(), count);
  for (const Value& arg : args) {
    if (arg.IsError()) return arg;
    const bool text = arg.Is(Kind::kString) || arg.Is(Kind::kBytes);
    if (text) looks_of_thread += arg.text().size() / kTextBytesPerLook;
  }
  for (const Overload* overload : expr.overloads) {
    if (!AcceptsAll(*overload, args)) continue;
    // What an expensive call costs is asked before it is made.
    const bool by_result = CostsByResult(overload->cost);
    if (!by_result && !Spend(CallCost(overload->cost, args, {}))) {
      return Over();
    }
    Value result = overload->run(args);
    if (by_result && !Spend(CallCost(overload->cost, args, result))) {
      return Over();
    }
    if (!Make(result) || !Look(0)) return Over();
    return UnlessDeep(std::move(result));
  }
  // Sorting says itself what is wrong with the items.
  const bool sort = !expr.overloads.empty() && expr.overloads[0]->cost == CostRule::kListSort;
  if (sort && args[0].Is(Kind::kList)) return expr.overloads[0]->run(args);
  return NoOverloadFor(expr, args);
}

Value Evaluator::EvalComprehension(const Expr& expr) {
  const Value range = Eval(*expr.range);
  if (range.IsError()) return range;
  Value& accumulator = locals_[expr.slot - kLocalSlots];
  accumulator = Eval(*expr.initial);
  const bool object = range.Is(Kind::kObject) && !IsEmptyMessage(range);
  if (!range.Is(Kind::kList) && !range.Is(Kind::kMap) && !object) {
    return Value::Error("got '" + std::string(GoKind(range)) + "', expected iterable type");
  }
  Value failure = Loop(expr, range);
  if (failure.IsError()) return failure;
  Value result = Eval(*expr.result);
  accumulator = Value();
  return result;
}

// The value is an error where that is what the comprehension comes to.
Value Evaluator::Loop(const Expr& expr, const Value& range) {
  const size_t slot = expr.slot - kLocalSlots;
  const bool two = !expr.second_variable.empty();
  Value failure;
  if (!range.Is(Kind::kList)) {
    // One key after the other: most loops are over before they have seen all.
    if (!two) {
      range.EachKey([&](const Value& key) {
        locals_[slot + 1] = key;
        return Step(expr, failure);
      });
      return failure;
    }
    range.EachEntry([&](const Value& key, const Value& value) {
      locals_[slot + 1] = key;
      locals_[slot + 2] = value;
      return Step(expr, failure);
    });
    return failure;
  }
  const size_t size = range.Size();
  for (size_t i = 0; i < size; ++i) {
    locals_[slot + 1] = two ? Value::Int(static_cast<int64_t>(i)) : range.At(i);
    if (two) locals_[slot + 2] = range.At(i);
    if (!Step(expr, failure)) break;
  }
  return failure;
}

// Whether the loop goes on.
bool Evaluator::Step(const Expr& expr, Value& failure) {
  const bool unconditional = IsLiteralTrue(*expr.condition);
  if (!unconditional && !Eval(*expr.condition).IsTrue()) return false;
  Value next = Eval(*expr.step);
  if (over_budget_) next = Over();
  // Nothing can undo an error but the operands of && and ||.
  if (over_budget_ || (unconditional && next.IsError())) {
    failure = std::move(next);
    return false;
  }
  locals_[expr.slot - kLocalSlots] = std::move(next);
  return true;
}

}  // namespace skiff::cel
