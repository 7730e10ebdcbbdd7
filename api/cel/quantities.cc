// quantity(): amounts as Kubernetes writes them.
#include <array>
#include <cmath>

#include "api/cel/conversions.h"
#include "api/cel/libraries.h"
#include "api/values.h"

namespace skiff::cel {
namespace {

using Args = std::span<const Value>;

class QuantityValue final : public OpaqueValue {
 public:
  explicit QuantityValue(Quantity value) : quantity(std::move(value)) {}
  const char* TypeName() const override { return "kubernetes.Quantity"; }
  bool Equals(const OpaqueValue& other) const override {
    const auto* that = dynamic_cast<const QuantityValue*>(&other);
    return that != nullptr && that->quantity == quantity;
  }
  std::string Text() const override { return quantity.Text(); }
  const Quantity quantity;
};

Value MakeQuantity(Quantity quantity) {
  return Value::Opaque(std::make_shared<QuantityValue>(std::move(quantity)));
}
const Quantity& QuantityIn(const Value& value) {
  return static_cast<const QuantityValue&>(value.opaque()).quantity;
}

Value QuantityOf(Args a) {
  auto read = Quantity::Parse(a[0].text());
  return read ? MakeQuantity(*std::move(read)) : Value::Error(read.error().message);
}
Value IsQuantity(Args a) {
  return Value::Bool(Quantity::Parse(a[0].text()).has_value());
}
Value SignOfQuantity(Args a) {
  const auto order = QuantityIn(a[0]) <=> Quantity();
  return Value::Int(order < 0 ? -1 : order > 0 ? 1 : 0);
}
Value IsWholeQuantity(Args a) {
  const Quantity& quantity = QuantityIn(a[0]);
  return Value::Bool(Quantity::FromValue(quantity.Value()) == quantity);
}
Value WholeOfQuantity(Args a) {
  if (!IsWholeQuantity(a).boolean()) return Value::Error("cannot convert value to integer");
  return Value::Int(QuantityIn(a[0]).Value());
}

// The number as it is written, times what its suffix says.
double Approximate(const Quantity& quantity) {
  const std::string& text = quantity.Text();
  const size_t end = std::min(text.find_first_not_of("+-.0123456789"), text.size());
  const std::string_view suffix = std::string_view(text).substr(end);
  const double number = ReadGoFloat(text.substr(0, end)).value_or(0);
  if (suffix.empty()) return number;
  constexpr std::string_view kSmall = "num", kDecimal = "kMGTPE", kBinary = "KMGTPE";
  if (suffix.size() == 2 && suffix[1] == 'i') {
    return std::ldexp(number, 10 * static_cast<int>(kBinary.find(suffix[0]) + 1));
  }
  if (suffix.size() > 1) {
    return ReadGoFloat(text.substr(0, end) + "e" + std::string(suffix.substr(1))).value_or(0);
  }
  if (const size_t small = kSmall.find(suffix[0]); small != std::string_view::npos) {
    return number * std::pow(10.0, 3 * static_cast<int>(small) - 9);
  }
  return number * std::pow(10.0, 3 * static_cast<int>(kDecimal.find(suffix[0]) + 1));
}
Value NumberOfQuantity(Args a) {
  return Value::Double(Approximate(QuantityIn(a[0])));
}
Value AddQuantities(Args a) {
  return MakeQuantity(QuantityIn(a[0]) + QuantityIn(a[1]));
}
Value AddToQuantity(Args a) {
  return MakeQuantity(QuantityIn(a[0]) + Quantity::FromValue(a[1].integer()));
}
Value SubtractQuantities(Args a) {
  return MakeQuantity(QuantityIn(a[0]) - QuantityIn(a[1]));
}
Value SubtractFromQuantity(Args a) {
  return MakeQuantity(QuantityIn(a[0]) - Quantity::FromValue(a[1].integer()));
}
Value MoreQuantity(Args a) {
  return Value::Bool(QuantityIn(a[0]) > QuantityIn(a[1]));
}
Value LessQuantity(Args a) {
  return Value::Bool(QuantityIn(a[0]) < QuantityIn(a[1]));
}
Value CompareQuantities(Args a) {
  const auto order = QuantityIn(a[0]) <=> QuantityIn(a[1]);
  return Value::Int(order < 0 ? -1 : order > 0 ? 1 : 0);
}

constexpr std::array kQuantities = {
    Declaration{"quantity", "(string) -> kubernetes.Quantity", QuantityOf, CostRule::kTraverse},
    Declaration{"isQuantity", "(string) -> bool", IsQuantity, CostRule::kTraverse},
    Declaration{"sign", "(kubernetes.Quantity) -> int", SignOfQuantity},
    Declaration{"isInteger", "kubernetes.Quantity.() -> bool", IsWholeQuantity},
    Declaration{"asInteger", "kubernetes.Quantity.() -> int", WholeOfQuantity},
    Declaration{"asApproximateFloat", "kubernetes.Quantity.() -> double", NumberOfQuantity},
    Declaration{"add", "kubernetes.Quantity.(kubernetes.Quantity) -> kubernetes.Quantity",
                AddQuantities},
    Declaration{"add", "kubernetes.Quantity.(int) -> kubernetes.Quantity", AddToQuantity},
    Declaration{"sub", "kubernetes.Quantity.(kubernetes.Quantity) -> kubernetes.Quantity",
                SubtractQuantities},
    Declaration{"sub", "kubernetes.Quantity.(int) -> kubernetes.Quantity", SubtractFromQuantity},
    Declaration{"isGreaterThan", "kubernetes.Quantity.(kubernetes.Quantity) -> bool",
                MoreQuantity},
    Declaration{"isLessThan", "kubernetes.Quantity.(kubernetes.Quantity) -> bool", LessQuantity},
    Declaration{"compareTo", "kubernetes.Quantity.(kubernetes.Quantity) -> int",
                CompareQuantities}};

}  // namespace

void AddQuantityFunctions(FunctionTable& table) {
  table.Add(kQuantities);
  table.AddType("kubernetes.Quantity", types::Opaque("kubernetes.Quantity"));
}

}  // namespace skiff::cel
