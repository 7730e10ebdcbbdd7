// The lists, maps and messages that expressions write down, and that their comprehensions gather.
#include <array>
#include <map>
#include <utility>

#include "api/cel/cost.h"
#include "api/cel/evaluator.h"
#include "api/cel/message.h"
#include "api/cel/well_known.h"

namespace skiff::cel {
namespace {

// Said of an entry written with "?".
Value NotOptional(const std::string& key, const Value& value) {
  return Value::Error("cannot initialize optional entry '" + key + "' from non-optional value " +
                      KeyText(value));
}

// All but bytes: Go has no hash of theirs.
bool IsMapKey(const Value& key) {
  return !key.Is(Kind::kBytes);
}

}  // namespace

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

}  // namespace skiff::cel
