// Operators, and what the language itself says of lists and maps.
#include <algorithm>
#include <array>
#include <unordered_map>

#include "api/cel/libraries.h"
#include "api/cel/limits.h"
#include "api/cel/lookup.h"
#include "api/cel/made_bytes.h"

namespace skiff::cel {
namespace {

using Args = std::span<const Value>;

constexpr char kIntOverflow[] = "integer overflow";
constexpr char kUintOverflow[] = "unsigned integer overflow";
constexpr char kTimeOverflow[] = "timestamp overflow";
constexpr int64_t kBillion = 1000000000;
constexpr int64_t kFirstMoment = -62135596800, kLastMoment = 253402300799;

Value IntResult(bool overflow, int64_t value) {
  return overflow ? Value::Error(kIntOverflow) : Value::Int(value);
}
Value UintResult(bool overflow, uint64_t value) {
  return overflow ? Value::Error(kUintOverflow) : Value::Uint(value);
}

Value AddInts(Args a) {
  int64_t out = 0;
  const bool over = __builtin_add_overflow(a[0].integer(), a[1].integer(), &out);
  return IntResult(over, out);
}
Value SubtractInts(Args a) {
  int64_t out = 0;
  const bool over = __builtin_sub_overflow(a[0].integer(), a[1].integer(), &out);
  return IntResult(over, out);
}
Value MultiplyInts(Args a) {
  int64_t out = 0;
  const bool over = __builtin_mul_overflow(a[0].integer(), a[1].integer(), &out);
  return IntResult(over, out);
}
Value DivideInts(Args a) {
  if (a[1].integer() == 0) return Value::Error("division by zero");
  if (a[0].integer() == INT64_MIN && a[1].integer() == -1) return Value::Error(kIntOverflow);
  return Value::Int(a[0].integer() / a[1].integer());
}
Value ModuloInts(Args a) {
  if (a[1].integer() == 0) return Value::Error("modulus by zero");
  if (a[0].integer() == INT64_MIN && a[1].integer() == -1) return Value::Error(kIntOverflow);
  return Value::Int(a[0].integer() % a[1].integer());
}
Value NegateInt(Args a) {
  return IntResult(a[0].integer() == INT64_MIN, a[0].integer() == INT64_MIN ? 0 : -a[0].integer());
}
Value AddUints(Args a) {
  uint64_t out = 0;
  const bool over = __builtin_add_overflow(a[0].unsigned_integer(), a[1].unsigned_integer(), &out);
  return UintResult(over, out);
}
Value SubtractUints(Args a) {
  uint64_t out = 0;
  const bool over = __builtin_sub_overflow(a[0].unsigned_integer(), a[1].unsigned_integer(), &out);
  return UintResult(over, out);
}
Value MultiplyUints(Args a) {
  uint64_t out = 0;
  const bool over = __builtin_mul_overflow(a[0].unsigned_integer(), a[1].unsigned_integer(), &out);
  return UintResult(over, out);
}
Value DivideUints(Args a) {
  if (a[1].unsigned_integer() == 0) return Value::Error("division by zero");
  return Value::Uint(a[0].unsigned_integer() / a[1].unsigned_integer());
}
Value ModuloUints(Args a) {
  if (a[1].unsigned_integer() == 0) return Value::Error("modulus by zero");
  return Value::Uint(a[0].unsigned_integer() % a[1].unsigned_integer());
}
Value AddDoubles(Args a) {
  return Value::Double(a[0].number() + a[1].number());
}
Value SubtractDoubles(Args a) {
  return Value::Double(a[0].number() - a[1].number());
}
Value MultiplyDoubles(Args a) {
  return Value::Double(a[0].number() * a[1].number());
}
Value DivideDoubles(Args a) {
  return Value::Double(a[0].number() / a[1].number());
}
Value NegateDouble(Args a) {
  return Value::Double(-a[0].number());
}
Value AddStrings(Args a) {
  if (a[0].text().size() + a[1].text().size() > kTextBytesMax) return Value::Error(kTextTooLong);
  return Value::String(std::string(a[0].text()).append(a[1].text()));
}
Value AddBytes(Args a) {
  if (a[0].text().size() + a[1].text().size() > kTextBytesMax) return Value::Error(kTextTooLong);
  return Value::Bytes(std::string(a[0].text()).append(a[1].text()));
}

// What tells an item from the others of its list: the item itself, which KeyText shows of scalars
// alone, or its keys.
std::string IdentityOf(const Value& item, const Type& schema) {
  looks_of_thread += item.text().size() / kTextBytesPerLook;
  if (schema.list_rule == ListRule::kSet) return item.TypeName() + "=" + KeyText(item);
  std::string out;
  for (const std::string& key : schema.list_keys) {
    const auto value = item.Is(Kind::kObject) || item.Is(Kind::kMap)
                           ? item.Find(Value::StringView(key))
                           : std::nullopt;
    out += value ? "=" + KeyText(*value) : "-";
    out += '\0';
  }
  looks_of_thread += out.size() / kTextBytesPerLook;
  return out;
}

// Each is compared with each: as many as one call's budget would pay for.
Value AddSetOfCollections(std::vector<Value> items, std::vector<Value> added) {
  constexpr size_t kPairsMax = 1000000;
  if ((items.size() + added.size()) * added.size() > kPairsMax) return Value::Error(kListTooLong);
  for (Value& item : added) {
    const bool there = std::any_of(items.begin(), items.end(), [&](const Value& one) {
      return Equal(one, item).IsTrue();
    });
    if (!there) items.push_back(std::move(item));
  }
  return Value::List(std::move(items));
}

// A set takes in what it lacks; a list of objects by key has those of its keys replaced.
Value AddLists(Args a) {
  if (a[0].Size() + a[1].Size() > kListItemsMax) return Value::Error(kListTooLong);
  const Type* schema = a[0].schema();
  if (schema == nullptr && a[1].Size() == 0) return a[0];
  std::vector<Value> items = a[0].Items();
  if (!MakeScratch(a[1].Size() * sizeof(Value))) return Value();
  items.reserve(a[0].Size() + a[1].Size());
  if (schema == nullptr || schema->list_rule == ListRule::kAtomic) {
    for (Value& item : a[1].Items()) items.push_back(std::move(item));
    return Value::List(std::move(items));
  }
  if (schema->list_rule == ListRule::kSet && !schema->params.empty() &&
      schema->params[0]->kind >= TypeKind::kList) {
    return AddSetOfCollections(std::move(items), a[1].Items());
  }
  std::unordered_map<std::string, size_t> places;
  for (size_t i = 0; i < items.size(); ++i) places.emplace(IdentityOf(items[i], *schema), i);
  for (Value& item : a[1].Items()) {
    const auto [place, is_new] = places.emplace(IdentityOf(item, *schema), items.size());
    if (is_new) {
      items.push_back(std::move(item));
    } else if (schema->list_rule == ListRule::kMap) {
      items[place->second] = std::move(item);
    }
  }
  return Value::List(std::move(items));
}

Value AddDurations(Args a) {
  int64_t out = 0;
  if (__builtin_add_overflow(a[0].integer(), a[1].integer(), &out)) {
    return Value::Error(kIntOverflow);
  }
  return Value::Duration(out);
}
Value SubtractDurations(Args a) {
  int64_t out = 0;
  if (__builtin_sub_overflow(a[0].integer(), a[1].integer(), &out)) {
    return Value::Error(kIntOverflow);
  }
  return Value::Duration(out);
}

Value Shifted(const Moment& moment, int64_t seconds, int64_t nanos) {
  int64_t total = moment.nanos + nanos;
  int64_t whole = moment.seconds + seconds;  // Both are far from the limits of the type.
  if (total >= kBillion) {
    total -= kBillion;
    ++whole;
  } else if (total < 0) {
    total += kBillion;
    --whole;
  }
  if (whole < kFirstMoment || whole > kLastMoment) return Value::Error(kTimeOverflow);
  return Value::Timestamp({whole, static_cast<int32_t>(total)});
}
Value AddToTime(Args a) {
  return Shifted(a[0].moment(), a[1].integer() / kBillion, a[1].integer() % kBillion);
}
Value AddTimeTo(Args a) {
  return Shifted(a[1].moment(), a[0].integer() / kBillion, a[0].integer() % kBillion);
}
Value SubtractFromTime(Args a) {
  return Shifted(a[0].moment(), -(a[1].integer() / kBillion), -(a[1].integer() % kBillion));
}
Value SubtractTimes(Args a) {
  const Moment left = a[0].moment();
  const Moment right = a[1].moment();
  int64_t out = 0;
  if (__builtin_mul_overflow(left.seconds - right.seconds, kBillion, &out) ||
      __builtin_add_overflow(out, static_cast<int64_t>(left.nanos - right.nanos), &out)) {
    return Value::Error(kIntOverflow);
  }
  return Value::Duration(out);
}

Value NotOf(Args a) {
  return Value::Bool(!a[0].boolean());
}
Value EqualOf(Args a) {
  return Equal(a[0], a[1]);
}
// What cannot be compared is not the same; "==" alone fails for it.
Value UnequalOf(Args a) {
  return Value::Bool(!Equal(a[0], a[1]).IsTrue());
}

template <typename Test>
Value Ordered(Args a, const Test& test) {
  const Value order = Compare(a[0], a[1]);
  return order.IsError() ? order : Value::Bool(test(order.integer()));
}
Value LessOf(Args a) {
  return Ordered(a, [](int64_t order) { return order < 0; });
}
Value LessOrEqualOf(Args a) {
  return Ordered(a, [](int64_t order) { return order <= 0; });
}
Value GreaterOf(Args a) {
  return Ordered(a, [](int64_t order) { return order > 0; });
}
Value GreaterOrEqualOf(Args a) {
  return Ordered(a, [](int64_t order) { return order >= 0; });
}

Value InList(Args a) {
  for (size_t i = 0; i < a[1].Size(); ++i) {
    if (Equal(a[1].At(i), a[0]).IsTrue()) return Value::Bool(true);
  }
  return Value::Bool(false);
}
Value InMap(Args a) {
  return Value::Bool(a[1].Contains(a[0]));
}
Value IndexOf(Args a) {
  return IndexValue(a[0], a[1]);
}
Value OptionalIndexOf(Args a) {
  return OptionalLookUp(a[0], a[1], false);
}
Value SizeOfText(Args a) {
  return Value::Int(static_cast<int64_t>(CodePoints(a[0].text())));
}
Value SizeOfBytes(Args a) {
  return Value::Int(static_cast<int64_t>(a[0].text().size()));
}
Value SizeOfCollection(Args a) {
  return Value::Int(static_cast<int64_t>(a[0].Size()));
}
Value NeverCalled(Args) {
  return Value::NoSuchOverload();
}

constexpr std::array kOperators = {
    Declaration{"_&&_", "(bool, bool) -> bool", NeverCalled},
    Declaration{"_||_", "(bool, bool) -> bool", NeverCalled},
    Declaration{"_?_:_", "(bool, A, A) -> A", NeverCalled},
    Declaration{"@not_strictly_false", "(bool) -> bool", NeverCalled},
    Declaration{"cel.@mapInsert", "(map(A, B), A, B) -> map(A, B)", NeverCalled},
    Declaration{"cel.@mapInsert", "(map(A, B), map(A, B)) -> map(A, B)", NeverCalled},
    Declaration{"!_", "(bool) -> bool", NotOf},
    Declaration{"_==_", "(A, A) -> bool", EqualOf, CostRule::kEquals},
    Declaration{"_!=_", "(A, A) -> bool", UnequalOf, CostRule::kUnequal},
    Declaration{"_+_", "(bytes, bytes) -> bytes", AddBytes, CostRule::kConcatenate},
    Declaration{"_+_", "(double, double) -> double", AddDoubles},
    Declaration{"_+_", "(duration, duration) -> duration", AddDurations},
    Declaration{"_+_", "(duration, timestamp) -> timestamp", AddTimeTo},
    Declaration{"_+_", "(timestamp, duration) -> timestamp", AddToTime},
    Declaration{"_+_", "(int, int) -> int", AddInts},
    Declaration{"_+_", "(list(A), list(A)) -> list(A)", AddLists},
    Declaration{"_+_", "(string, string) -> string", AddStrings, CostRule::kConcatenate},
    Declaration{"_+_", "(uint, uint) -> uint", AddUints},
    Declaration{"_-_", "(double, double) -> double", SubtractDoubles},
    Declaration{"_-_", "(duration, duration) -> duration", SubtractDurations},
    Declaration{"_-_", "(int, int) -> int", SubtractInts},
    Declaration{"_-_", "(timestamp, duration) -> timestamp", SubtractFromTime},
    Declaration{"_-_", "(timestamp, timestamp) -> duration", SubtractTimes},
    Declaration{"_-_", "(uint, uint) -> uint", SubtractUints},
    Declaration{"_*_", "(double, double) -> double", MultiplyDoubles},
    Declaration{"_*_", "(int, int) -> int", MultiplyInts},
    Declaration{"_*_", "(uint, uint) -> uint", MultiplyUints},
    Declaration{"_/_", "(double, double) -> double", DivideDoubles},
    Declaration{"_/_", "(int, int) -> int", DivideInts},
    Declaration{"_/_", "(uint, uint) -> uint", DivideUints},
    Declaration{"_%_", "(int, int) -> int", ModuloInts},
    Declaration{"_%_", "(uint, uint) -> uint", ModuloUints},
    Declaration{"-_", "(double) -> double", NegateDouble},
    Declaration{"-_", "(int) -> int", NegateInt},
    Declaration{"@in", "(A, list(A)) -> bool", InList, CostRule::kIn},
    Declaration{"@in", "(A, map(A, B)) -> bool", InMap},
    Declaration{"_[_]", "(list(A), int) -> A", IndexOf},
    Declaration{"_[_]", "(map(A, B), A) -> B", IndexOf},
    Declaration{"_[_]", "(optional(list(A)), int) -> optional(A)", IndexOf},
    Declaration{"_[_]", "(optional(map(A, B)), A) -> optional(B)", IndexOf},
    Declaration{"_[?_]", "(list(A), int) -> optional(A)", OptionalIndexOf},
    Declaration{"_[?_]", "(optional(list(A)), int) -> optional(A)", OptionalIndexOf},
    Declaration{"_[?_]", "(map(A, B), A) -> optional(B)", OptionalIndexOf},
    Declaration{"_[?_]", "(optional(map(A, B)), A) -> optional(B)", OptionalIndexOf},
    Declaration{"size", "(bytes) -> int", SizeOfBytes},
    Declaration{"size", "bytes.() -> int", SizeOfBytes},
    Declaration{"size", "(list(A)) -> int", SizeOfCollection},
    Declaration{"size", "list(A).() -> int", SizeOfCollection},
    Declaration{"size", "(map(A, B)) -> int", SizeOfCollection},
    Declaration{"size", "map(A, B).() -> int", SizeOfCollection},
    Declaration{"size", "(string) -> int", SizeOfText},
    Declaration{"size", "string.() -> int", SizeOfText}};

struct Order {
  const char* name;
  Implementation run;
};
constexpr std::array kOrders = {Order{"_<_", LessOf}, Order{"_<=_", LessOrEqualOf},
                                Order{"_>_", GreaterOf}, Order{"_>=_", GreaterOrEqualOf}};
struct OrderedPair {
  const char* signature;
  CostRule cost = CostRule::kOne;
};
constexpr std::array kOrderedPairs = {
    OrderedPair{"(bool, bool) -> bool"},
    OrderedPair{"(int, int) -> bool"},
    OrderedPair{"(int, double) -> bool"},
    OrderedPair{"(int, uint) -> bool"},
    OrderedPair{"(uint, uint) -> bool"},
    OrderedPair{"(uint, double) -> bool"},
    OrderedPair{"(uint, int) -> bool"},
    OrderedPair{"(double, double) -> bool"},
    OrderedPair{"(double, int) -> bool"},
    OrderedPair{"(double, uint) -> bool"},
    OrderedPair{"(string, string) -> bool", CostRule::kEquals},
    OrderedPair{"(bytes, bytes) -> bool", CostRule::kEquals},
    OrderedPair{"(timestamp, timestamp) -> bool"},
    OrderedPair{"(duration, duration) -> bool"}};

}  // namespace

void AddStandardFunctions(FunctionTable& table) {
  table.Add(kOperators);
  for (const Order& order : kOrders) {
    for (const OrderedPair& pair : kOrderedPairs) {
      const Declaration line[] = {{order.name, pair.signature, order.run, pair.cost}};
      table.Add(line);
    }
  }
  for (const auto& [name, type] : std::initializer_list<std::pair<const char*, TypeRef>>{
           {"bool", types::Bool()},
           {"bytes", types::Bytes()},
           {"double", types::Double()},
           {"int", types::Int()},
           {"uint", types::Uint()},
           {"string", types::String()},
           {"null_type", types::Null()},
           {"list", types::List(types::Dyn())},
           {"map", types::Map(types::Dyn(), types::Dyn())},
           {"type", types::AnyType()},
           {"google.protobuf.Duration", types::Duration()},
           {"google.protobuf.Timestamp", types::Timestamp()}}) {
    table.AddType(name, type);
  }
}

}  // namespace skiff::cel
