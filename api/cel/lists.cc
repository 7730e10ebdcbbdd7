// Lists and sets of values, and what regular expressions find.
#include <algorithm>
#include <array>
#include <numeric>

#include "api/cel/libraries.h"
#include "api/cel/limits.h"
#include "api/cel/made_bytes.h"
#include "api/cel/patterns.h"
#include "api/cel/runes.h"
#include "api/cel/text_lists.h"

namespace skiff::cel {
namespace {

using Args = std::span<const Value>;

constexpr int64_t kRangeMax = 1000000;  // lists.range: longer ones would cost more than a call may.

Value IsSorted(Args a) {
  for (size_t i = 1; i < a[0].Size(); ++i) {
    const Value order = Compare(a[0].At(i - 1), a[0].At(i));
    if (order.IsError()) return order;
    if (order.integer() > 0) return Value::Bool(false);
  }
  return Value::Bool(true);
}

Value Extreme(const Value& list, int64_t sign, const char* name) {
  if (list.Size() == 0) return Value::Error(std::string(name) + " called on empty list");
  Value best = list.At(0);
  for (size_t i = 1; i < list.Size(); ++i) {
    Value next = list.At(i);
    const Value order = Compare(next, best);
    if (order.IsError()) return order;
    if (order.integer() == sign) best = std::move(next);
  }
  return best;
}
Value MaxOf(Args a) {
  return Extreme(a[0], 1, "max");
}
Value MinOf(Args a) {
  return Extreme(a[0], -1, "min");
}

// Adds up what `add` takes; the value is an error where it refuses an item, or where an item is of
// another kind: who chose the overload saw the first one only.
template <typename Add>
Value AddEach(const Value& list, Kind kind, const char* overflow, const Add& add) {
  for (size_t i = 0; i < list.Size(); ++i) {
    Value item = list.At(i);
    if (item.IsError()) return item;
    if (!item.Is(kind)) return Value::NoSuchOverload();
    if (!add(item)) return Value::Error(overflow);
  }
  return {};
}
Value SumOfWhole(const Value& list, Kind kind) {
  int64_t sum = 0;
  Value failure = AddEach(list, kind, "integer overflow", [&](const Value& item) {
    return !__builtin_add_overflow(sum, item.integer(), &sum);
  });
  if (failure.IsError()) return failure;
  return kind == Kind::kInt ? Value::Int(sum) : Value::Duration(sum);
}
Value SumOfInts(Args a) {
  return SumOfWhole(a[0], Kind::kInt);
}
Value SumOfDurations(Args a) {
  return SumOfWhole(a[0], Kind::kDuration);
}
Value SumOfUints(Args a) {
  uint64_t sum = 0;
  Value failure =
      AddEach(a[0], Kind::kUint, "unsigned integer overflow", [&](const Value& item) {
        return !__builtin_add_overflow(sum, item.unsigned_integer(), &sum);
      });
  return failure.IsError() ? failure : Value::Uint(sum);
}
Value SumOfDoubles(Args a) {
  double sum = 0;
  Value failure = AddEach(a[0], Kind::kDouble, "", [&](const Value& item) {
    sum += item.number();
    return true;
  });
  return failure.IsError() ? failure : Value::Double(sum);
}

Value FirstPlaceOf(Args a) {
  for (size_t i = 0; i < a[0].Size(); ++i) {
    if (Equal(a[0].At(i), a[1]).IsTrue()) return Value::Int(static_cast<int64_t>(i));
  }
  return Value::Int(-1);
}
Value LastPlaceOf(Args a) {
  for (size_t i = a[0].Size(); i-- > 0;) {
    if (Equal(a[0].At(i), a[1]).IsTrue()) return Value::Int(static_cast<int64_t>(i));
  }
  return Value::Int(-1);
}

Value SliceOf(Args a) {
  const int64_t begin = a[1].integer();
  const int64_t end = a[2].integer();
  const auto size = static_cast<int64_t>(a[0].Size());
  const std::string call =
      "cannot slice(" + std::to_string(begin) + ", " + std::to_string(end) + "), ";
  if (begin < 0 || end < 0) return Value::Error(call + "negative indexes not supported");
  if (begin > end) {
    return Value::Error(call + "start index must be less than or equal to end index");
  }
  if (end > size) return Value::Error(call + "list is length " + std::to_string(size));
  std::vector<Value> items;
  const auto count = static_cast<size_t>(end - begin);
  if (!MakeScratch(count * sizeof(Value))) return Value();
  items.reserve(count);
  for (int64_t i = begin; i < end; ++i) items.push_back(a[0].At(i));
  return Value::List(std::move(items));
}

// Before one more is added.
bool MakeScratchToGrow(const std::vector<Value>& items) {
  return items.size() < items.capacity() || MakeScratch((items.size() + 1) * sizeof(Value));
}

void FlattenInto(const Value& list, int64_t depth, std::vector<Value>& out) {
  for (size_t i = 0; i < list.Size() && Look(); ++i) {
    Value item = list.At(i);
    if (item.Is(Kind::kList) && depth > 0) {
      FlattenInto(item, depth - 1, out);
    } else if (out.size() > kListItemsMax || !MakeScratchToGrow(out)) {
      return;
    } else {
      out.push_back(std::move(item));
    }
  }
}
Value FlattenTo(const Value& list, int64_t depth) {
  if (depth < 0) return Value::Error("level must be non-negative");
  std::vector<Value> items;
  FlattenInto(list, depth, items);
  if (items.size() > kListItemsMax) return Value::Error(kListTooLong);
  return Value::List(std::move(items));
}
Value Flatten(Args a) {
  return FlattenTo(a[0], 1);
}
Value FlattenDeep(Args a) {
  return FlattenTo(a[0], a[1].integer());
}

bool HasOrder(const Value& value) {
  switch (value.kind()) {
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
    case Kind::kBool:
    case Kind::kDuration:
    case Kind::kTimestamp:
    case Kind::kString:
    case Kind::kBytes: return true;
    default: return false;
  }
}

// The items in the order of their keys, one key an item.
Value SortedBy(const Value& list, const Value& keys) {
  if (list.Size() != keys.Size()) {
    return Value::Error("@sortByAssociatedKeys() expected a list of the same size as the "
                        "associated keys list, but got " +
                        std::to_string(list.Size()) + " and " + std::to_string(keys.Size()) +
                        " elements respectively");
  }
  const std::vector<Value> by = keys.Items();
  if (by.empty()) return list;
  if (!HasOrder(by[0])) return Value::Error("list elements must be comparable");
  for (const Value& key : by) {
    if (key.kind() != by[0].kind()) {
      return Value::Error("list elements must have the same type");
    }
  }
  std::vector<size_t> order(by.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t x, size_t y) {
    const Value compared = Compare(by[x], by[y]);
    return !compared.IsError() && compared.integer() < 0;
  });
  std::vector<Value> items;
  if (!MakeScratch(order.size() * (sizeof(Value) + sizeof(size_t)))) return list;
  items.reserve(order.size());
  for (const size_t at : order) items.push_back(list.At(at));
  return Value::List(std::move(items));
}
Value SortList(Args a) {
  return SortedBy(a[0], a[0]);
}
Value SortByKeys(Args a) {
  return SortedBy(a[0], a[1]);
}

bool Holds(const std::vector<Value>& items, const Value& wanted) {
  return std::any_of(items.begin(), items.end(),
                     [&](const Value& item) { return Equal(item, wanted).IsTrue(); });
}

Value DistinctOf(Args a) {
  std::vector<Value> items;
  for (Value& item : a[0].Items()) {
    if (!Holds(items, item)) items.push_back(std::move(item));
  }
  return Value::List(std::move(items));
}
Value ReverseList(Args a) {
  std::vector<Value> items = a[0].Items();
  std::reverse(items.begin(), items.end());
  return Value::List(std::move(items));
}
Value RangeOf(Args a) {
  if (a[0].integer() > kRangeMax) {
    return Value::Error("lists.range() of more than " + std::to_string(kRangeMax) + " items");
  }
  std::vector<Value> items;
  const auto size = static_cast<size_t>(std::max<int64_t>(a[0].integer(), 0));
  if (!MakeScratch(size * sizeof(Value))) return Value();
  items.reserve(size);
  for (int64_t i = 0; i < a[0].integer(); ++i) items.push_back(Value::Int(i));
  return Value::List(std::move(items));
}

bool HoldsAll(const Value& all, const Value& some) {
  const std::vector<Value> items = all.Items();
  for (size_t i = 0; i < some.Size(); ++i) {
    if (!Holds(items, some.At(i))) return false;
  }
  return true;
}
Value SetContains(Args a) {
  return Value::Bool(HoldsAll(a[0], a[1]));
}
Value SetEquivalent(Args a) {
  return Value::Bool(HoldsAll(a[0], a[1]) && HoldsAll(a[1], a[0]));
}
Value SetIntersects(Args a) {
  const std::vector<Value> items = a[0].Items();
  for (size_t i = 0; i < a[1].Size(); ++i) {
    if (Holds(items, a[1].At(i))) return Value::Bool(true);
  }
  return Value::Bool(false);
}

Value SearchError(const TextSearch& search) {
  const std::string error = search.PatternError();
  if (!error.empty()) return Value::Error("Illegal regex: " + error);
  return search.work_error().empty() ? Value() : Value::Error(search.work_error());
}

Value FindFirst(Args a) {
  const TextSearch search(a[1].text(), a[0].text());
  if (Value error = SearchError(search); error.IsError()) return error;
  re2::StringPiece match;
  if (!search.Next(0, match)) return Value::String("");
  return Value::PartOf(a[0], {match.data(), match.size()});
}

// As Go finds them: an empty match is not taken right after another one.
Value FindAtMost(Args a, int64_t count) {
  const std::string_view text = a[0].text();
  const TextSearch search(a[1].text(), text);
  if (Value error = SearchError(search); error.IsError()) return error;
  TextParts found(a[0]);
  re2::StringPiece match;
  size_t at = 0;
  size_t previous_end = std::string_view::npos;
  while (at <= text.size() && (count < 0 || static_cast<int64_t>(found.size()) < count)) {
    if (found.IsTooLong() || !search.Next(at, match)) break;
    const size_t begin = match.data() - text.data();
    const size_t end = begin + match.size();
    if (!match.empty() || begin != previous_end) found.Add({match.data(), match.size()});
    previous_end = end;
    at = match.empty() ? end + std::max<size_t>(RuneLength(text.substr(end)), 1) : end;
  }
  return std::move(found).List();
}
Value FindAll(Args a) {
  return FindAtMost(a, -1);
}
Value FindSome(Args a) {
  return FindAtMost(a, a[2].integer());
}

constexpr std::array kListFunctions = {
    Declaration{"indexOf", "list(A).(A) -> int", FirstPlaceOf, CostRule::kListTraverse},
    Declaration{"lastIndexOf", "list(A).(A) -> int", LastPlaceOf, CostRule::kListTraverse},
    Declaration{"sum", "list(int).() -> int", SumOfInts, CostRule::kListTraverse},
    Declaration{"sum", "list(uint).() -> uint", SumOfUints, CostRule::kListTraverse},
    Declaration{"sum", "list(double).() -> double", SumOfDoubles, CostRule::kListTraverse},
    Declaration{"sum", "list(duration).() -> duration", SumOfDurations, CostRule::kListTraverse},
    Declaration{"slice", "list(A).(int, int) -> list(A)", SliceOf, CostRule::kListMake},
    Declaration{"flatten", "list(list(A)).() -> list(A)", Flatten, CostRule::kListFlatten},
    Declaration{"flatten", "list(dyn).(int) -> list(dyn)", FlattenDeep, CostRule::kListFlatten},
    Declaration{"distinct", "list(A).() -> list(A)", DistinctOf, CostRule::kListSort},
    Declaration{"reverse", "list(A).() -> list(A)", ReverseList, CostRule::kListMake},
    Declaration{"lists.range", "(int) -> list(int)", RangeOf, CostRule::kListMake},
    Declaration{"sets.contains", "(list(A), list(A)) -> bool", SetContains,
                CostRule::kSetsContain},
    Declaration{"sets.equivalent", "(list(A), list(A)) -> bool", SetEquivalent,
                CostRule::kSetsEquivalent},
    Declaration{"sets.intersects", "(list(A), list(A)) -> bool", SetIntersects,
                CostRule::kSetsContain},
    Declaration{"find", "string.(string) -> string", FindFirst, CostRule::kMatch},
    Declaration{"findAll", "string.(string) -> list(string)", FindAll, CostRule::kMatch},
    Declaration{"findAll", "string.(string, int) -> list(string)", FindSome, CostRule::kMatch}};

}  // namespace

void AddListFunctions(FunctionTable& table) {
  table.Add(kListFunctions);
  for (const char* item :
       {"int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes"}) {
    const std::string list = "list(" + std::string(item) + ").() -> ";
    const std::string test = list + "bool";
    const std::string pick = list + item;
    const std::string sort = list + "list(" + item + ")";
    const std::string sort_by = "list(A).(list(" + std::string(item) + ")) -> list(A)";
    const std::array lines = {
        Declaration{"isSorted", test.c_str(), IsSorted, CostRule::kListTraverse},
        Declaration{"max", pick.c_str(), MaxOf, CostRule::kListTraverse},
        Declaration{"min", pick.c_str(), MinOf, CostRule::kListTraverse},
        Declaration{"sort", sort.c_str(), SortList, CostRule::kListSort},
        Declaration{"@sortByAssociatedKeys", sort_by.c_str(), SortByKeys, CostRule::kListSort}};
    table.Add(lines);
  }
}

}  // namespace skiff::cel
