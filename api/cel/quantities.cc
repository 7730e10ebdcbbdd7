// quantity(): amounts as Kubernetes writes them.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "api/cel/conversions.h"
#include "api/cel/libraries.h"
#include "api/values.h"

namespace skiff::cel {
namespace {

using Args = std::span<const Value>;

// value * 10^scale: how Kubernetes holds an amount of few digits. Only what it holds so, and not as
// a fraction, is an integer to it: "1.0" and "1000m" are none.
struct Scaled {
  int64_t value = 0;
  int64_t scale = 0;
};
using MaybeScaled = std::optional<Scaled>;

// number * 10^exponent; nothing past an int64.
std::optional<int64_t> Raised(int64_t number, int64_t exponent) {
  for (; exponent > 0 && number != 0; --exponent) {
    if (__builtin_mul_overflow(number, 10, &number)) return std::nullopt;
  }
  return number;
}

// Decimals before and after the point of an amount held so.
constexpr int64_t kScaledDigitsMax = 18;
constexpr int64_t kScaleMin = -9;

// Of a text that Quantity::Parse reads.
MaybeScaled ScaledOf(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size()));
  const auto take_digits = [&] {
    const size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
    const std::string digits(text.substr(0, end));
    text.remove_prefix(end);
    return digits;
  };
  std::string whole = take_digits(), fraction;
  if (whole.empty()) whole = "0";
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits();
  }
  const auto digits = static_cast<int64_t>(whole.size() + fraction.size());
  int64_t exponent = 0, factor = 1, left = kScaledDigitsMax - digits;
  constexpr std::string_view kSuffixes = "num kMGTPE", kBinary = "KMGTPE";
  if (text.size() == 2 && text[1] == 'i') {
    const auto bits = 10 * static_cast<int64_t>(kBinary.find(text[0]) + 1);
    if (!fraction.empty()) return std::nullopt;
    factor = int64_t{1} << bits;
    left = 14 - digits - bits * 3 / 10;
  } else if (text.size() == 1) {
    exponent = 3 * static_cast<int64_t>(kSuffixes.find(text[0])) - 9;
  } else if (!text.empty()) {
    text.remove_prefix(text[1] == '+' ? 2 : 1);
    std::from_chars(text.data(), text.data() + text.size(), exponent);
  }
  exponent -= static_cast<int64_t>(fraction.size());
  if (left < 0 || exponent < kScaleMin) return std::nullopt;
  int64_t value = 0;
  const std::string all = whole + fraction;
  std::from_chars(all.data(), all.data() + all.size(), value);
  if (__builtin_mul_overflow(value, factor, &value)) return std::nullopt;
  return Scaled{negative ? -value : value, exponent};
}

MaybeScaled Sum(const MaybeScaled& a, const MaybeScaled& b) {
  if (!a || !b) return std::nullopt;
  if (b->value == 0) return a;
  if (a->value == 0) return b;
  const int64_t scale = std::min(a->scale, b->scale);
  const auto left = Raised(a->value, a->scale - scale);
  const auto right = Raised(b->value, b->scale - scale);
  Scaled sum{.scale = scale};
  if (!left || !right || __builtin_add_overflow(*left, *right, &sum.value)) return std::nullopt;
  return sum;
}

MaybeScaled Negative(const MaybeScaled& a) {
  if (!a || a->value == INT64_MIN) return std::nullopt;
  return Scaled{-a->value, a->scale};
}

class QuantityValue final : public OpaqueValue {
 public:
  QuantityValue(Quantity value, MaybeScaled held) : quantity(std::move(value)), scaled(held) {}
  const char* TypeName() const override { return "kubernetes.Quantity"; }
  bool Equals(const OpaqueValue& other) const override {
    const auto* that = dynamic_cast<const QuantityValue*>(&other);
    return that != nullptr && that->quantity == quantity;
  }
  std::string Text() const override { return quantity.Text(); }
  std::optional<int64_t> Integer() const {
    if (!scaled || scaled->scale < 0) return std::nullopt;
    return Raised(scaled->value, scaled->scale);
  }
  const Quantity quantity;
  const MaybeScaled scaled;
};

Value MakeQuantity(Quantity quantity, const MaybeScaled& scaled) {
  return Value::Opaque(std::make_shared<QuantityValue>(std::move(quantity), scaled));
}
const QuantityValue& HeldIn(const Value& value) {
  return static_cast<const QuantityValue&>(value.opaque());
}
const Quantity& QuantityIn(const Value& value) {
  return HeldIn(value).quantity;
}

Value ReadQuantity(Args a) {
  return QuantityOf(a[0].text());
}
Value IsQuantity(Args a) {
  return Value::Bool(Quantity::Parse(a[0].text()).has_value());
}
Value SignOfQuantity(Args a) {
  const auto order = QuantityIn(a[0]) <=> Quantity();
  return Value::Int(order < 0 ? -1 : order > 0 ? 1 : 0);
}
Value IsWholeQuantity(Args a) {
  return Value::Bool(HeldIn(a[0]).Integer().has_value());
}
Value WholeOfQuantity(Args a) {
  const auto integer = HeldIn(a[0]).Integer();
  return integer ? Value::Int(*integer) : Value::Error("cannot convert value to integer");
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
  return MakeQuantity(QuantityIn(a[0]) + QuantityIn(a[1]),
                      Sum(HeldIn(a[0]).scaled, HeldIn(a[1]).scaled));
}
Value AddToQuantity(Args a) {
  return MakeQuantity(QuantityIn(a[0]) + Quantity::FromValue(a[1].integer()),
                      Sum(HeldIn(a[0]).scaled, Scaled{a[1].integer()}));
}
Value SubtractQuantities(Args a) {
  return MakeQuantity(QuantityIn(a[0]) - QuantityIn(a[1]),
                      Sum(HeldIn(a[0]).scaled, Negative(HeldIn(a[1]).scaled)));
}
Value SubtractFromQuantity(Args a) {
  return MakeQuantity(QuantityIn(a[0]) - Quantity::FromValue(a[1].integer()),
                      Sum(HeldIn(a[0]).scaled, Negative(Scaled{a[1].integer()})));
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
    Declaration{"quantity", "(string) -> kubernetes.Quantity", ReadQuantity, CostRule::kTraverse},
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

Value QuantityOf(std::string_view text) {
  auto read = Quantity::Parse(text);
  if (!read) return Value::Error(read.error().message);
  return MakeQuantity(*std::move(read), ScaledOf(text));
}

void AddQuantityFunctions(FunctionTable& table) {
  table.Add(kQuantities);
}

}  // namespace skiff::cel
