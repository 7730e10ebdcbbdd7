#include "api/cel/evaluator.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <unordered_set>
#include <utility>

#include "api/cel/cost.h"
#include "api/cel/limits.h"
#include "api/cel/lookup.h"
#include "api/cel/message.h"

namespace skiff::cel {
namespace {

// Operators, and those functions of the core of the language whose arguments are looked at by
// themselves: errors of all others name what they were called with.
bool NamesNoArguments(std::string_view function) {
  static const std::unordered_set<std::string_view> names = {"contains", "startsWith", "endsWith",
                                                             "matches",  "find",       "findAll"};
  return names.contains(function) || function.find_first_of("_!-@") == 0;
}

Value NoOverloadFor(const std::string& function, std::span<const Value> args) {
  if (NamesNoArguments(function)) return Value::NoSuchOverload();
  if (function == "size") return Value::Error("no such overload: size");
  std::string text = "no such overload: " + function + "(";
  for (size_t i = 0; i < args.size(); ++i) {
    if (i > 0) text += ", ";
    text += args[i].TypeName();
  }
  return Value::Error(text + ")");
}

CostRule RuleOf(const Node& node, const Choice& choice) {
  if (node.costs_nothing) return CostRule::kFree;
  if (node.costs_one) return CostRule::kOne;
  if (node.choice_count > 1 && choice.cost == CostRule::kContainsIp) {
    return CostRule::kContainsAnyIp;
  }
  if (node.choice_count > 1 && choice.cost == CostRule::kContainsCidr) {
    return CostRule::kContainsAnyCidr;
  }
  return choice.cost;
}

// Of a call that is not made, since an error is among its arguments or no overload takes them: what
// it costs otherwise. The error counts as one.
uint64_t CostOfFailed(const Node& node, std::span<const Value> args) {
  if (node.choice_count == 0) return 1;
  return CallCost(RuleOf(node, node.choices()[0]), args, {});
}

}  // namespace

bool Evaluator::Spend(uint64_t cost) {
  cost_ += cost;
  if (cost_ > cost_max_ || !Look(0)) over_budget_ = true;
  return !over_budget_;
}

bool Evaluator::Make(const Value& value, std::span<const Value> args) {
  if (!made_.EndCall()) over_budget_ = true;
  const Shared* const shared = value.shared().get();
  if (shared == nullptr || over_budget_) return !over_budget_;
  for (const Value& arg : args) {
    if (arg.shared().get() == shared) return true;  // It was counted.
  }
  // One that is in a list is counted like a copy, although it holds the list's.
  if (value.Is(Kind::kString)) return MakeBytes(kTextBytes + value.text().size());
  return MakeBytes(shared->Bytes());
}

bool Evaluator::MakeBytes(size_t bytes) {
  own_bytes_ += bytes;
  if (!made_.Add(bytes)) over_budget_ = true;
  return !over_budget_;
}

Value Evaluator::Run() {
  Value value = Eval(plan_.root());
  if (!made_.EndCall()) over_budget_ = true;
  // A number holds nothing.
  if (value.shared() == nullptr || over_budget_) made_.TakeBack(own_bytes_);
  made_.Settle();
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

Value Evaluator::Eval(const Node& node) {
  ++levels_of_thread;
  Value value = EvalOne(node);
  --levels_of_thread;
  return value;
}

Value Evaluator::EvalOne(const Node& node) {
  if (over_budget_ || !Look()) return Over();
  if (node.known != nullptr) return *node.known;
  switch (node.kind) {
    case ExprKind::kLiteral:
      break;
    case ExprKind::kIdent: {
      const Value* value = Named(node);
      return value == nullptr ? Over() : *value;
    }
    case ExprKind::kSelect:
      return EvalSelect(node);
    case ExprKind::kCall:
      return node.op == Operator::kNone ? EvalCall(node) : EvalOperator(node);
    case ExprKind::kList:
      return EvalList(node);
    case ExprKind::kMap:
      return EvalMap(node);
    case ExprKind::kStruct:
      return EvalStruct(node);
    case ExprKind::kComprehension:
      return EvalComprehension(node);
  }
  return {};
}

const Value* Evaluator::Named(const Node& node) {
  if (!Spend(kNameCost)) return nullptr;
  return node.slot >= kLocalSlots ? &locals_[node.slot - kLocalSlots] : &bindings_[node.slot];
}

const Value& Evaluator::ValueOf(const Node& node, Value& made) {
  if (!over_budget_ && Look()) {
    if (node.known != nullptr) return *node.known;
    if (node.IsName()) {
      if (const Value* value = Named(node)) return *value;
    }
  }
  made = Eval(node);
  return made;
}

Value Evaluator::EvalSelect(const Node& node) {
  Value made;
  const Value& operand = ValueOf(node.child(0), made);
  const bool none = operand.Is(Kind::kOptional) && operand.inner() == nullptr;
  if (node.test_only && (operand.IsError() || none)) {
    // What is asked for was not looked up, and alone costs of the row that it ends.
    TakeBack(!node.begins_row);
    return operand.IsError() ? operand : HasField(operand, node.name);
  }
  if (!SpendOnBeginning(node)) return Over();
  if (operand.IsError()) return operand;
  if (node.test_only) return HasField(operand, node.name);
  if (operand.Is(Kind::kOptional)) return PaidIfThere(SelectField(operand, node.name));
  if (!Spend(kNameCost)) return Over();
  return SelectField(operand, node.name);
}

Value Evaluator::EvalIndex(const Node& node) {
  const Value operand = Eval(node.child(0));
  if (!SpendOnBeginning(node)) return Over();
  if (operand.IsError()) return operand;
  Value made;
  const Value& key = ValueOf(node.child(1), made);
  TakeBack(node.second_in_row);
  // What an object calls its fields is made of the key, however long that is.
  CountKey(key, std::max<size_t>(operand.Size(), 1));
  if (over_budget_ || !Look()) return Over();
  const bool optional = node.op == Operator::kOptionalIndex;
  if (optional || operand.Is(Kind::kOptional)) {
    return PaidIfThere(optional ? OptionalLookUp(operand, key, false) : IndexValue(operand, key));
  }
  if (!Spend(kNameCost)) return Over();
  return IndexValue(operand, key);
}

Value Evaluator::PaidIfThere(Value found) {
  const bool optional = found.Is(Kind::kOptional);
  const bool none = optional && found.inner() == nullptr;
  if (none || found.IsError()) return found;
  if (optional && !MakeBytes(kListBytes)) return Over();
  return Spend(kNameCost) ? found : Over();
}

Value Evaluator::EvalOperator(const Node& node) {
  switch (node.op) {
    case Operator::kAnd:
      return EvalLogic(node, false);
    case Operator::kOr:
      return EvalLogic(node, true);
    case Operator::kConditional:
      return EvalConditional(node);
    case Operator::kNotStrictlyFalse: {
      const Value value = Eval(node.child(0));
      Spend(1);
      return Value::Bool(!value.Is(Kind::kBool) || value.boolean());
    }
    case Operator::kOptionalSelect: {
      Value made;
      const Value& operand = ValueOf(node.child(0), made);
      if (!SpendOnBeginning(node)) return Over();
      return PaidIfThere(OptionalLookUp(operand, *node.child(1).known, true));
    }
    case Operator::kIndex:
    case Operator::kOptionalIndex:
      return EvalIndex(node);
    case Operator::kOptionalOr:
      return EvalOptionalChoice(node, false);
    case Operator::kOptionalOrValue:
      return EvalOptionalChoice(node, true);
    case Operator::kAppend:
      return EvalAppend(node);
    case Operator::kMapInsert:
      return EvalMapInsert(node);
    case Operator::kNone:
      break;
  }
  return EvalCall(node);
}

Value Evaluator::EvalLogic(const Node& node, bool decides) {
  Value error;
  for (size_t i = 0; i < node.child_count; ++i) {
    Value made;
    const Value& value = ValueOf(node.child(i), made);
    if (over_budget_) return Over();
    if (value.Is(Kind::kBool)) {
      if (value.boolean() == decides) return value;
    } else if (!error.IsError()) {
      error = value.IsError() ? value : Value::NoSuchOverload();
    }
  }
  return error.IsError() ? error : Value::Bool(!decides);
}

Value Evaluator::EvalConditional(const Node& node) {
  Value condition = Eval(node.child(0));
  if (condition.IsError()) return condition;
  if (!condition.Is(Kind::kBool)) return Value::NoSuchOverload();
  Value value = Eval(node.child(condition.boolean() ? 1 : 2));
  TakeBack(condition.boolean() ? node.second_in_row : node.third_in_row);
  return value;
}

Value Evaluator::EvalOptionalChoice(const Node& node, bool unwrap) {
  Value value = Eval(node.child(0));
  if (value.IsError()) return value;
  if (!value.Is(Kind::kOptional)) return value;  // As cel-go has it: what is there is there.
  if (value.inner() == nullptr) return Eval(node.child(1));
  return unwrap ? *value.inner() : value;
}

Value Evaluator::EvalCall(const Node& node) {
  // Most have one argument or two.
  if (node.child_count == 1) {
    const std::array values = {Eval(node.child(0))};
    return Call(node, values);
  }
  if (node.child_count == 2) {
    const std::array values = {Eval(node.child(0)), Eval(node.child(1))};
    return Call(node, values);
  }
  std::array<Value, kArgumentsMax> values;
  for (size_t i = 0; i < node.child_count; ++i) {
    values[i] = Eval(node.child(i));
    // Of one or two arguments cel-go evaluates all; of more none behind an error, and takes nothing
    // for a call whose arguments it has not seen.
    if (values[i].IsError() && i + 1 < node.child_count) return values[i];
  }
  return Call(node, std::span<const Value>(values.data(), node.child_count));
}

Value Evaluator::Call(const Node& node, std::span<const Value> args) {
  for (const Value& arg : args) {
    // It costs what a call costs although none is made.
    if (arg.IsError()) return Spend(CostOfFailed(node, args)) ? arg : Over();
    const bool text = arg.Is(Kind::kString) || arg.Is(Kind::kBytes);
    if (text) looks_of_thread += arg.text().size() / kTextBytesPerLook;
  }
  // There is no set here: they are looked at one by one.
  if (node.costs_nothing) looks_of_thread += args[1].Size();
  for (const Choice& choice : node.choices()) {
    if (!choice.Takes(args)) continue;
    // What an expensive call costs is asked before it is made.
    const CostRule rule = RuleOf(node, choice);
    const bool by_result = CostsByResult(rule);
    if (!by_result && !Spend(CallCost(rule, args, {}))) return Over();
    Value result = choice.run(args);
    if (by_result && !Spend(CallCost(rule, args, result))) return Over();
    if (!Make(result, args) || !Look(0)) return Over();
    return UnlessDeep(std::move(result));
  }
  // As where an error is among the arguments.
  if (!Spend(CostOfFailed(node, args))) return Over();
  // Sorting says itself what is wrong with the items.
  const bool sort = node.choice_count > 0 && node.choices()[0].cost == CostRule::kListSort;
  if (sort && args[0].Is(Kind::kList)) return node.choices()[0].run(args);
  return NoOverloadFor(node.written->name, args);
}

Value Evaluator::EvalComprehension(const Node& node) {
  Value made;
  const Value& range = ValueOf(node.range(), made);
  if (range.IsError()) return range;
  Value& accumulator = locals_[node.slot - kLocalSlots];
  const bool is_quantifier = node.quantifier != Quantifier::kNone;
  if (!is_quantifier) accumulator = Eval(node.initial());
  const bool object = range.Is(Kind::kObject) && !IsEmptyMessage(range);
  if (!range.Is(Kind::kList) && !range.Is(Kind::kMap) && !object) {
    return Value::Error("got '" + std::string(GoKind(range)) + "', expected iterable type");
  }
  if (is_quantifier) return Quantify(node, range);
  Value failure;
  EachItem(node, range, [&] { return Step(node, failure); });
  if (failure.IsError()) return failure;
  Value result = Eval(node.result());
  accumulator = Value();
  return result;
}

template <typename Next>
void Evaluator::EachItem(const Node& node, const Value& range, const Next& next) {
  const size_t slot = node.slot - kLocalSlots;
  const bool two = node.two_variables;
  if (!range.Is(Kind::kList)) {
    // One key after the other: most loops are over before they have seen all. What is visited by
    // reference takes no memory of its own.
    const auto visit_key = [&](const Value& key) {
      locals_[slot + 1] = key;
      return next();
    };
    const auto visit_entry = [&](const Value& key, const Value& value) {
      locals_[slot + 2] = value;
      return visit_key(key);
    };
    if (two) {
      range.EachEntry(std::ref(visit_entry));
    } else {
      range.EachKey(std::ref(visit_key));
    }
    return;
  }
  const size_t size = range.Size();
  for (size_t i = 0; i < size; ++i) {
    locals_[slot + 1] = two ? Value::Int(static_cast<int64_t>(i)) : range.At(i);
    if (two) locals_[slot + 2] = range.At(i);
    if (!next()) break;
  }
}

bool Evaluator::Step(const Node& node, Value& failure) {
  if (!node.unconditional && !Eval(node.condition()).IsTrue()) return false;
  // An error ends nothing: what comes behind it is looked at, and costs.
  Value next = Eval(node.step());
  if (over_budget_) {
    failure = Over();
    return false;
  }
  locals_[node.slot - kLocalSlots] = std::move(next);
  return true;
}

// What its parts would do, at what they would cost: the condition looks at what is gathered, and
// the step at it and at the predicate. Nothing but a boolean of the predicate's undoes an error.
Value Evaluator::Quantify(const Node& node, const Value& range) {
  Value result = Value::Bool(node.quantifier == Quantifier::kAll);
  EachItem(node, range, [&] { return Ask(node, result); });
  if (over_budget_ || !Spend(kNameCost)) return Over();
  return result;
}

bool Evaluator::Ask(const Node& node, Value& result) {
  const bool decides = node.quantifier == Quantifier::kExists;
  constexpr uint64_t kNegationCost = 1, kConditionCost = kNameCost + 1;
  if (!Spend(kConditionCost + (decides ? kNegationCost : 0))) return false;
  if (result.Is(Kind::kBool) && result.boolean() == decides) return false;
  if (!Spend(kNameCost)) return false;
  Value made;
  const Value& answer = ValueOf(node.predicate(), made);
  if (over_budget_) return false;
  if (answer.Is(Kind::kBool)) {
    if (answer.boolean() == decides) result = answer;
  } else if (!result.IsError()) {
    result = answer.IsError() ? answer : Value::NoSuchOverload();
  }
  return true;
}

}  // namespace skiff::cel
