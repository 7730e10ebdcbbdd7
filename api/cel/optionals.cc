// Values that may be absent.
#include <array>

#include "api/cel/libraries.h"

namespace skiff::cel {
namespace {

using Args = std::span<const Value>;

Value SomeOf(Args a) {
  return Value::Some(a[0]);
}
Value SomeOfNonZero(Args a) {
  return IsZeroValue(a[0]) ? Value::None() : Value::Some(a[0]);
}
Value NoneOf(Args) {
  return Value::None();
}
Value HasValue(Args a) {
  return Value::Bool(a[0].inner() != nullptr);
}
Value Dereference(Args a) {
  if (a[0].inner() == nullptr) return Value::Error("optional.none() dereference");
  return *a[0].inner();
}
Value EvaluatedLazily(Args) {
  return Value::NoSuchOverload();
}
Value WithoutNones(Args a) {
  std::vector<Value> items;
  for (const Value& item : a[0].Items()) {
    if (!item.Is(Kind::kOptional)) return Value::NoSuchOverload();
    if (item.inner() != nullptr) items.push_back(*item.inner());
  }
  return Value::List(std::move(items));
}
Value FirstOf(Args a) {
  return a[0].Size() == 0 ? Value::None() : Value::Some(a[0].At(0));
}
Value LastOf(Args a) {
  return a[0].Size() == 0 ? Value::None() : Value::Some(a[0].At(a[0].Size() - 1));
}

constexpr std::array kOptionals = {
    Declaration{"optional.of", "(A) -> optional(A)", SomeOf},
    Declaration{"optional.ofNonZeroValue", "(A) -> optional(A)", SomeOfNonZero},
    Declaration{"optional.none", "() -> optional(A)", NoneOf},
    Declaration{"value", "optional(A).() -> A", Dereference},
    Declaration{"hasValue", "optional(A).() -> bool", HasValue},
    Declaration{"or", "optional(A).(optional(A)) -> optional(A)", EvaluatedLazily},
    Declaration{"orValue", "optional(A).(A) -> A", EvaluatedLazily},
    Declaration{"optional.unwrap", "(list(optional(A))) -> list(A)", WithoutNones},
    Declaration{"unwrapOpt", "list(optional(A)).() -> list(A)", WithoutNones},
    Declaration{"first", "list(A).() -> optional(A)", FirstOf},
    Declaration{"last", "list(A).() -> optional(A)", LastOf}};

}  // namespace

void AddOptionalFunctions(FunctionTable& table) {
  table.Add(kOptionals);
  table.AddType("optional_type", types::Opaque("optional_type"));
}

}  // namespace skiff::cel
