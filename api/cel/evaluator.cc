#include "api/cel/evaluator.h"

#include <array>
#include <bit>
#include <unordered_set>
#include <utility>

#include "api/cel/cost.h"
#include "api/cel/function.h"
#include "api/cel/limits.h"
#include "api/cel/message.h"
#include "api/cel/well_known.h"

namespace skiff::cel {
namespace {

constexpr size_t kArgumentsMax = 5;

// Said of an entry written with "?".
Value NotOptional(const std::string& key, const Value& value) {
  return Value::Error("cannot initialize optional entry '" + key + "' from non-optional value " +
                      KeyText(value));
}

const char* GoKind(const Value& value) {
  switch (value.kind()) {
    case Kind::kNull:
      return "types.Null";
    case Kind::kBool:
      return "types.Bool";
    case Kind::kInt:
      return "types.Int";
    case Kind::kUint:
      return "types.Uint";
    case Kind::kDouble:
      return "types.Double";
    case Kind::kString:
      return "types.String";
    case Kind::kBytes:
      return "types.Bytes";
    case Kind::kDuration:
      return "types.Duration";
    case Kind::kTimestamp:
      return "types.Timestamp";
    case Kind::kList:
      return "*types.baseList";
    case Kind::kMap:
      return "*types.baseMap";
    case Kind::kType:
      return "*types.Type";
    case Kind::kOptional:
      return "*types.Optional";
    default:
      return IsEmptyMessage(value) ? "*types.protoObj" : "ref.Val";
  }
}

// Functions whose arguments are looked at before they are called, and not by themselves: those of
// cel-go's own extensions, whose errors name them.
bool IsGuarded(std::string_view function) {
  static const std::unordered_set<std::string_view> names = {
      "charAt",          "indexOf",         "lastIndexOf", "lowerAscii",     "upperAscii",
      "replace",         "split",           "trim",        "substring",      "join",
      "format",          "strings.quote",   "slice",       "flatten",        "sort",
      "distinct",        "reverse",         "lists.range", "first",          "last",
      "value",           "hasValue",        "or",          "orValue",        "sets.contains",
      "sets.equivalent", "sets.intersects", "unwrapOpt",   "optional.unwrap"};
  return names.contains(function);
}

Value NoOverloadFor(const Expr& expr, std::span<const Value> args) {
  if (!IsGuarded(expr.name)) return Value::NoSuchOverload();
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

Value IndexList(const Value& list, const Value& index) {
  int64_t at = 0;
  if (index.Is(Kind::kInt)) {
    at = index.integer();
  } else if (index.Is(Kind::kUint)) {
    if (index.unsigned_integer() > INT64_MAX) {
      return Value::Error("index out of bounds: " + KeyText(index));
    }
    at = static_cast<int64_t>(index.unsigned_integer());
  } else if (index.Is(Kind::kDouble)) {
    const double number = index.number();
    if (!(number >= -9.2e18 && number <= 9.2e18) ||
        number != static_cast<double>(static_cast<int64_t>(number))) {
      return Value::Error("unsupported index value " + KeyText(index) + " in list");
    }
    at = static_cast<int64_t>(number);
  } else {
    return Value::Error("unsupported index type '" + index.TypeName() + "' in list");
  }
  if (at < 0 || static_cast<size_t>(at) >= list.Size()) {
    return Value::Error("index out of bounds: " + std::to_string(at));
  }
  return list.At(at);
}

Value NoSuchKey(const Value& key) {
  return Value::Error("no such key: " + KeyText(key));
}

Value UnlessDeep(Value value) {
  if (value.depth() > kValueDepthMax) return Value::Error(kTooDeep);
  return value;
}

bool IsLiteralTrue(const Expr& expr) {
  return expr.kind == ExprKind::kLiteral && expr.literal.IsTrue();
}

// The entry that a loop is at. A field that is null counts as absent, and yet as a key.
// A key is compared with some of those that are there, as far as they are alike.
void CountKey(const Value& key, size_t entries) {
  if (!key.Is(Kind::kString)) return;
  looks_of_thread += key.text().size() / kTextBytesPerLook * std::bit_width(entries);
}

// All but bytes: Go has no hash of theirs.
bool IsMapKey(const Value& key) {
  return !key.Is(Kind::kBytes);
}

}  // namespace

bool IsQualifier(const Value& key) {
  return key.Is(Kind::kBool) || key.IsNumber() || key.Is(Kind::kString);
}

Value NoQualifier(const Value& key) {
  return Value::Error("invalid qualifier type: " + std::string(GoKind(key)));
}

Value SelectField(const Value& operand, std::string_view name) {
  if (operand.Is(Kind::kOptional)) return OptionalLookUp(operand, Value::StringView(name), true);
  return IndexValue(operand, Value::StringView(name));
}

Value HasField(const Value& operand, std::string_view name) {
  if (operand.IsError()) return operand;
  const Value key = Value::StringView(name);
  if (operand.Is(Kind::kOptional)) {
    if (operand.inner() == nullptr) return Value::Bool(false);
    return HasField(*operand.inner(), name);
  }
  if (operand.Is(Kind::kMap) || operand.Is(Kind::kObject)) {
    const auto found = operand.Find(key);
    return found && found->IsError() ? *found : Value::Bool(found.has_value());
  }
  return operand.Is(Kind::kList) ? IndexList(operand, key) : Value::Bool(false);
}

Value IndexValue(const Value& operand, const Value& key) {
  if (operand.IsError()) return operand;
  if (key.IsError()) return key;
  switch (operand.kind()) {
    case Kind::kOptional:
      return OptionalLookUp(operand, key, false);
    case Kind::kList:
      return IndexList(operand, key);
    case Kind::kMap:
    case Kind::kObject: {
      if (!IsQualifier(key)) return NoQualifier(key);
      auto found = operand.Find(key);
      if (found) return *std::move(found);
      const MessageValue* message = MessageOf(operand);
      if (message == nullptr) return NoSuchKey(key);
      return key.Is(Kind::kString) ? message->Unset(key.text()) : Value::NoSuchOverload();
    }
    default:
      return NoSuchKey(key);
  }
}

Value OptionalLookUp(const Value& operand, const Value& key, bool field) {
  if (operand.IsError()) return operand;
  if (key.IsError()) return key;
  if (operand.Is(Kind::kOptional)) {
    if (operand.inner() == nullptr) return operand;
    return OptionalLookUp(*operand.inner(), key, field);
  }
  if (operand.Is(Kind::kList)) {
    Value item = IndexList(operand, key);
    if (!item.IsError()) return Value::Some(std::move(item));
    return item.text().starts_with("index out of bounds") ? Value::None() : item;
  }
  if (operand.Is(Kind::kMap) || operand.Is(Kind::kObject)) {
    if (!IsQualifier(key)) return NoQualifier(key);
    auto found = operand.Find(key);
    if (!found) return Value::None();
    return found->IsError() ? *found : Value::Some(*std::move(found));
  }
  return Value::None();  // What has no members lacks this one.
}

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
  if (!value.Is(Kind::kOptional)) return NoOverloadFor(expr, std::span<const Value>(&value, 1));
  if (value.inner() == nullptr) return Eval(*expr.args[0]);
  return unwrap ? *value.inner() : value;
}

Value Evaluator::EvalAppend(const Expr& expr) {
  Value& accumulator = locals_[expr.args[0]->slot - kLocalSlots];
  Value item = Eval(*expr.args[1]->args[0]);
  if (accumulator.IsError()) return accumulator;
  if (item.IsError()) return item;
  if (!Spend(kNameCost + kListCost + 1) || !MakeBytes(sizeof(Value))) return Over();
  Value list = std::move(accumulator);
  accumulator = Value();
  ListBuilder::Append(list, std::move(item));
  return UnlessDeep(std::move(list));
}

Value Evaluator::EvalMapInsert(const Expr& expr) {
  Value& accumulator = locals_[expr.args[0]->slot - kLocalSlots];
  std::array<Value, 2> given;
  for (size_t i = 1; i < expr.args.size(); ++i) {
    given[i - 1] = Eval(*expr.args[i]);
    if (given[i - 1].IsError()) return given[i - 1];
  }
  if (accumulator.IsError()) return accumulator;
  if (!Spend(kNameCost + 1)) return Over();
  const bool one = expr.args.size() == 3;
  if (!one && !given[0].Is(Kind::kMap)) return Value::NoSuchOverload();
  Value map = std::move(accumulator);
  accumulator = Value();
  Value failure;
  const auto insert = [&](const Value& key, Value value) {
    if (!Look() || !MakeBytes(kEntryBytes)) {
      failure = Over();
    } else if (!IsMapKey(key)) {
      failure = Value::Error("unsupported key type: " + key.TypeName());
    } else if (!MapBuilder::Insert(map, key, std::move(value))) {
      failure = Value::Error("insert failed: key " + KeyText(key) + " already exists");
    }
    return !failure.IsError();
  };
  if (one) {
    insert(given[0], given[1]);
  } else {
    given[0].EachEntry(insert);
  }
  return failure.IsError() ? failure : UnlessDeep(std::move(map));
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

Value Evaluator::EvalList(const Expr& expr) {
  if (!MakeBytes(expr.args.size() * sizeof(Value))) return Over();
  std::vector<Value> items;
  items.reserve(expr.args.size());
  for (size_t i = 0; i < expr.args.size(); ++i) {
    Value item = Eval(*expr.args[i]);
    if (item.IsError()) return item;
    if (!expr.optional.empty() && expr.optional[i]) {
      if (!item.Is(Kind::kOptional)) {
        return Value::Error("cannot initialize optional list element from non-optional value " +
                            KeyText(item));
      }
      if (item.inner() == nullptr) continue;
      item = Value(*item.inner());
    }
    items.push_back(std::move(item));
  }
  if (!Spend(kListCost)) return Over();
  return UnlessDeep(Value::List(std::move(items)));
}

Value Evaluator::EvalMap(const Expr& expr) {
  if (!MakeBytes(expr.args.size() / 2 * kEntryBytes)) return Over();
  std::map<Value, Value, KeyLess> entries;
  for (size_t i = 0; i + 1 < expr.args.size(); i += 2) {
    const Value key = Eval(*expr.args[i]);
    if (key.IsError()) return key;
    Value value = Eval(*expr.args[i + 1]);
    if (value.IsError()) return value;
    if (!expr.optional.empty() && expr.optional[i]) {
      if (!value.Is(Kind::kOptional)) return NotOptional(KeyText(key), value);
      if (value.inner() == nullptr) {
        entries.erase(key);  // One of it that stands before.
        continue;
      }
      value = Value(*value.inner());
    }
    if (!IsMapKey(key)) return Value::Error("unsupported key type: " + key.TypeName());
    CountKey(key, entries.size());
    if (!Look()) return Over();
    entries.insert_or_assign(key, std::move(value));
  }
  if (!Spend(kMapCost)) return Over();
  return UnlessDeep(MapBuilder::Make(std::move(entries)));
}

Value Evaluator::EvalStruct(const Expr& expr) {
  if (!MakeBytes(expr.args.size() * kEntryBytes)) return Over();
  MessageValue::Fields fields;
  for (size_t i = 0; i < expr.args.size(); ++i) {
    Value given = Eval(*expr.args[i]);
    if (given.IsError()) return given;
    if (!expr.optional.empty() && expr.optional[i]) {
      if (!given.Is(Kind::kOptional)) return NotOptional(expr.fields[i], given);
      if (given.inner() == nullptr) {
        fields.erase(expr.fields[i]);  // One of it that stands before.
        continue;
      }
      given = Value(*given.inner());
    }
    fields.insert_or_assign(expr.fields[i], std::move(given));
  }
  if (!Spend(kStructCost)) return Over();
  Value made = expr.message == nullptr ? MakeMessage(expr.type->name, std::move(fields))
                                       : MakeWellKnown(*expr.message, fields, [this](size_t bytes) {
                                           return MakeBytes(bytes) && Look();
                                         });
  return over_budget_ ? Over() : UnlessDeep(std::move(made));
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
