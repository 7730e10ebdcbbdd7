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

// Of an item, an entry or a field: whether it is written with "?".
bool IsOptional(const Node& node, size_t index) {
  return !node.written->optional.empty() && node.written->optional[index];
}

}  // namespace

Value Evaluator::EvalAppend(const Node& node) {
  Value& accumulator = locals_[node.child(0).slot - kLocalSlots];
  Value item = Eval(node.child(1));
  // A list of what is known beforehand is known itself.
  const uint64_t list_cost = node.child(1).known == nullptr ? kListCost : 0;
  if (!Spend(kNameCost + list_cost + 1) || !MakeBytes(kGrowingItemBytes)) return Over();
  if (accumulator.IsError()) return accumulator;
  if (item.IsError()) return item;
  Value list = std::move(accumulator);
  accumulator = Value();
  ListBuilder::Append(list, std::move(item));
  return UnlessDeep(std::move(list));
}

Value Evaluator::EvalMapInsert(const Node& node) {
  Value& accumulator = locals_[node.child(0).slot - kLocalSlots];
  std::array<Value, 2> given;
  const bool one = node.child_count == 3;
  if (!Spend(kNameCost)) return Over();
  // As of any call of three arguments, nothing is evaluated behind an error.
  if (one && accumulator.IsError()) return accumulator;
  for (size_t i = 1; i < node.child_count; ++i) given[i - 1] = Eval(node.child(i));
  if (!Spend(1)) return Over();
  if (accumulator.IsError()) return accumulator;
  for (const Value& each : given) {
    if (each.IsError()) return each;
  }
  if (!one && !given[0].Is(Kind::kMap)) return Value::NoSuchOverload();
  Value map = std::move(accumulator);
  accumulator = Value();
  Value failure;
  const auto insert = [&](const Value& key, Value value) {
    CountKey(key, map.Size());
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

// What a list, a map or an object costs it costs also where an error is found among its parts. An
// empty list or map is a constant, and free.
Value Evaluator::EvalList(const Node& node) {
  Value list = MakeList(node);
  return Spend(node.child_count == 0 ? 0 : kListCost) ? list : Over();
}

Value Evaluator::MakeList(const Node& node) {
  if (!MakeBytes(kListBytes + node.child_count * sizeof(Value))) return Over();
  std::vector<Value> items;
  items.reserve(node.child_count);
  for (size_t i = 0; i < node.child_count; ++i) {
    Value item = Eval(node.child(i));
    if (item.IsError()) return item;
    if (IsOptional(node, i)) {
      if (!item.Is(Kind::kOptional)) {
        return Value::Error("cannot initialize optional list element from non-optional value " +
                            KeyText(item));
      }
      if (item.inner() == nullptr) continue;
      item = Value(*item.inner());
    }
    items.push_back(std::move(item));
  }
  return UnlessDeep(Value::List(std::move(items)));
}

Value Evaluator::EvalMap(const Node& node) {
  Value map = MakeMap(node);
  return Spend(node.child_count == 0 ? 0 : kMapCost) ? map : Over();
}

Value Evaluator::MakeMap(const Node& node) {
  if (!MakeBytes(kMapBytes + node.child_count / 2 * kEntryBytes)) return Over();
  std::map<Value, Value, KeyLess> entries;
  for (size_t i = 0; i + 1 < node.child_count; i += 2) {
    const Value key = Eval(node.child(i));
    if (key.IsError()) return key;
    Value value = Eval(node.child(i + 1));
    if (value.IsError()) return value;
    if (IsOptional(node, i)) {
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
  return UnlessDeep(MapBuilder::Make(std::move(entries)));
}

Value Evaluator::EvalStruct(const Node& node) {
  Value made = MakeStruct(node);
  return Spend(kStructCost) ? made : Over();
}

Value Evaluator::MakeStruct(const Node& node) {
  if (!MakeBytes(kMapBytes + node.child_count * kEntryBytes)) return Over();
  MessageValue::Fields fields;
  for (size_t i = 0; i < node.child_count; ++i) {
    Value given = Eval(node.child(i));
    if (given.IsError()) return given;
    if (IsOptional(node, i)) {
      if (!given.Is(Kind::kOptional)) return NotOptional(node.written->fields[i], given);
      if (given.inner() == nullptr) {
        fields.erase(node.written->fields[i]);  // One of it that stands before.
        continue;
      }
      given = Value(*given.inner());
    }
    fields.insert_or_assign(node.written->fields[i], std::move(given));
  }
  const auto make = [this](size_t bytes) { return MakeBytes(bytes) && Look(); };
  const Expr& written = *node.written;
  Value made = written.message == nullptr ? MakeMessage(written.type->name, std::move(fields))
                                          : MakeWellKnown(*written.message, fields, make);
  return over_budget_ ? Over() : UnlessDeep(std::move(made));
}

}  // namespace skiff::cel
