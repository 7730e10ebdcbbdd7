// resource.Quantity. A number is  [+-] digits [. digits] suffix  with the suffix one of
//   n u m k M G T P E            decimal
//   Ki Mi Gi Ti Pi Ei            binary
//   e or E, a signed integer     decimal exponent
// Canonical form: no fraction, an exponent that is a multiple of three (or of ten bits), as large
// as it can be. Binary amounts that are fractional or below 1024 are written as decimal ones.
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "api/values.h"
#include "base/digits.h"
#include "base/text.h"

namespace skiff {
namespace {

constexpr __int128 kNano = 1'000'000'000;
constexpr __int128 kInt64Max = std::numeric_limits<int64_t>::max();
constexpr __int128 kNanoMax = static_cast<__int128>(static_cast<unsigned __int128>(-1) >> 1) / 2;
constexpr std::string_view kFormatWrong =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
// Beyond this the text of an amount would be of no use to anyone.
constexpr int64_t kExponentMax = 1'000'000;
constexpr size_t kTextMax = 1024;

struct Suffix {
  std::string_view text;
  int exponent;  // Of 10.
};
constexpr std::array<Suffix, 10> kDecimal = {{{"n", -9},
                                              {"u", -6},
                                              {"m", -3},
                                              {"", 0},
                                              {"k", 3},
                                              {"M", 6},
                                              {"G", 9},
                                              {"T", 12},
                                              {"P", 15},
                                              {"E", 18}}};
constexpr std::array<std::string_view, 6> kBinary = {"Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};

struct Parts {
  bool negative = false;
  std::string_view whole;     // Without leading zeros; may be empty.
  std::string_view fraction;  // As written.
  std::string_view suffix;
};

bool Split(std::string_view text, Parts& parts) {
  parts.negative = text.starts_with("-");
  if (parts.negative || text.starts_with("+")) text.remove_prefix(1);
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size()));
  parts.whole = TakeDigits(text);
  if (text.starts_with(".")) {
    text.remove_prefix(1);
    parts.fraction = TakeDigits(text);
  }
  parts.suffix = text;
  size_t at = 0;
  while (at < text.size() && std::string_view("eEinumkKMGTP").find(text[at]) != text.npos) ++at;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  while (at < text.size() && IsDigit(text[at])) ++at;
  return at == text.size();
}

std::string ToText(unsigned __int128 value) {
  if (value == 0) return "0";
  std::string out;
  for (; value > 0; value /= 10) out += static_cast<char>('0' + static_cast<int>(value % 10));
  std::reverse(out.begin(), out.end());
  return out;
}

// number * 2^shift in nano units, rounded up; capped at the largest int64.
__int128 BinaryNano(const Parts& parts, int shift) {
  __int128 whole = 0;
  for (const char c : parts.whole) {
    whole = whole * 10 + (c - '0');
    if (whole > kInt64Max) return kInt64Max * kNano;
  }
  // Eighteen decimals are exact; what follows can only round up.
  constexpr __int128 kScale = 1'000'000'000'000'000'000;
  __int128 fraction = 0;
  for (size_t i = 0; i < 18; ++i) {
    fraction = fraction * 10 + (i < parts.fraction.size() ? parts.fraction[i] - '0' : 0);
  }
  const bool sticky = parts.fraction.size() > 18 &&
                      parts.fraction.substr(18).find_first_not_of('0') != std::string_view::npos;
  const __int128 shifted = fraction << shift;
  const __int128 nano = (shifted % kScale) * kNano;
  __int128 value = (whole << shift) + shifted / kScale;
  if (value > kInt64Max) return kInt64Max * kNano;
  value = value * kNano + nano / kScale;
  return value + (nano % kScale != 0 || sticky ? 1 : 0);
}

}  // namespace

// digits * 10^exponent; no leading zeros, "" for zero.
struct Quantity::Decimal {
  bool negative = false;
  std::string digits;
  int64_t exponent = 0;

  // Drops what is finer than 10^-`places`, rounding away from zero.
  void RoundUp(int64_t places) {
    if (exponent >= -places || digits.empty()) return;
    const auto drop = static_cast<size_t>(-places - exponent);
    exponent = -places;
    const bool inexact =
        drop >= digits.size() || digits.find_first_not_of('0', digits.size() - drop) != digits.npos;
    digits.resize(digits.size() - std::min(drop, digits.size()));
    if (!inexact) return;
    size_t at = digits.size();
    while (at > 0 && digits[at - 1] == '9') digits[--at] = '0';
    if (at == 0) {
      digits.insert(0, "1");
    } else {
      ++digits[at - 1];
    }
  }

  void Canonicalise() {
    while (digits.size() > 1 && digits.back() == '0') {
      digits.pop_back();
      ++exponent;
    }
    for (; exponent % 3 != 0; --exponent) digits += '0';
  }

  __int128 Nano() const {
    const __int128 most = negative ? -kNanoMax : kNanoMax;
    __int128 value = 0;
    for (const char c : digits) {
      if (value >= kNanoMax / 10) return most;
      value = value * 10 + (c - '0');
    }
    for (int64_t e = exponent + 9; e > 0 && value != 0; --e) {
      if (value >= kNanoMax / 10) return most;
      value *= 10;
    }
    return negative ? -value : value;
  }
};

Quantity Quantity::FromDecimal(const Decimal& decimal, Format format, std::string_view text) {
  Quantity out;
  out.format_ = format;
  if (decimal.digits.empty()) return out;
  out.nano_ = decimal.Nano();
  Decimal canonical = decimal;
  canonical.Canonicalise();
  if (!text.empty() && canonical.digits == decimal.digits &&
      canonical.exponent == decimal.exponent) {
    out.text_ = text;
    return out;
  }
  out.text_ = (decimal.negative ? "-" : "") + canonical.digits;
  if (format == Format::kDecimalExponent || canonical.exponent > 18) {
    if (canonical.exponent != 0) out.text_ += "e" + std::to_string(canonical.exponent);
    return out;
  }
  for (const Suffix& suffix : kDecimal) {
    if (suffix.exponent == canonical.exponent) out.text_ += suffix.text;
  }
  return out;
}

Quantity Quantity::Make(__int128 nano, Format format) {
  const auto magnitude = static_cast<unsigned __int128>(nano < 0 ? -nano : nano);
  const bool integer = nano % kNano == 0;
  if (format == Format::kBinarySi && integer && magnitude / kNano >= 1024) {
    auto value = magnitude / kNano;
    size_t power = 0;
    for (; power < kBinary.size() && value % 1024 == 0; ++power) value /= 1024;
    Quantity out;
    out.nano_ = nano;
    out.format_ = format;
    out.text_ = (nano < 0 ? "-" : "") + ToText(value);
    if (power > 0) out.text_ += kBinary[power - 1];
    return out;
  }
  Decimal decimal{nano < 0, magnitude == 0 ? "" : ToText(magnitude), -9};
  const Format shown = format == Format::kBinarySi ? Format::kDecimalSi : format;
  Quantity out = FromDecimal(decimal, shown, "");
  out.format_ = format;
  return out;
}

Result<Quantity> Quantity::Parse(std::string_view text) {
  const auto wrong = [] { return Fail(Reason::kInvalid, std::string(kFormatWrong)); };
  if (text.empty() || text.size() > kTextMax) return wrong();
  Parts parts;
  if (!Split(text, parts)) return wrong();
  const auto binary = std::find(kBinary.begin(), kBinary.end(), parts.suffix);
  if (binary != kBinary.end()) {
    const int shift = static_cast<int>(binary - kBinary.begin() + 1) * 10;
    const __int128 nano = BinaryNano(parts, shift);
    const Format format = nano < kNano ? Format::kDecimalSi : Format::kBinarySi;
    return Make(parts.negative ? -nano : nano, format);
  }
  Format format = Format::kDecimalSi;
  int64_t exponent = 0;
  const auto decimal = std::find_if(kDecimal.begin(), kDecimal.end(), [&](const Suffix& suffix) {
    return suffix.text == parts.suffix;
  });
  if (decimal != kDecimal.end()) {
    exponent = decimal->exponent;
  } else {
    const bool marked = parts.suffix[0] == 'e' || parts.suffix[0] == 'E';
    std::string_view digits = parts.suffix.substr(1);
    if (digits.starts_with("+")) digits.remove_prefix(1);
    const auto [end, code] =
        std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (!marked || code != std::errc() || end != digits.data() + digits.size() ||
        exponent < -kExponentMax || exponent > kExponentMax) {
      return Fail(Reason::kInvalid, "unable to parse quantity's suffix");
    }
    format = Format::kDecimalExponent;
  }
  Decimal number{parts.negative, std::string(parts.whole) + std::string(parts.fraction),
                 exponent - static_cast<int64_t>(parts.fraction.size())};
  // Kubernetes keeps the text of what its 64-bit form holds exactly.
  const bool keep = number.exponent >= -9 &&
                    std::max<size_t>(parts.whole.size(), 1) + parts.fraction.size() <= 18;
  number.digits.erase(0, std::min(number.digits.find_first_not_of('0'), number.digits.size()));
  number.RoundUp(9);
  return FromDecimal(number, format, keep ? text : std::string_view());
}

Quantity Quantity::FromValue(int64_t value, bool binary_suffix) {
  return Make(static_cast<__int128>(value) * kNano,
              binary_suffix ? Format::kBinarySi : Format::kDecimalSi);
}

Quantity Quantity::FromMilli(int64_t milli) {
  return Make(static_cast<__int128>(milli) * (kNano / 1000), Format::kDecimalSi);
}

namespace {

// value / unit, away from zero, within int64.
int64_t DivideUp(__int128 value, __int128 unit) {
  __int128 quotient = value / unit;
  if (value % unit > 0) ++quotient;
  if (value % unit < 0) --quotient;
  constexpr __int128 kMin = std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(std::clamp(quotient, kMin, kInt64Max));
}

__int128 AddSaturated(__int128 a, __int128 b) {
  __int128 sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return a < 0 ? -kNanoMax : kNanoMax;
  return std::clamp(sum, -kNanoMax, kNanoMax);
}

}  // namespace

int64_t Quantity::Value() const {
  return DivideUp(nano_, kNano);
}

int64_t Quantity::MilliValue() const {
  return DivideUp(nano_, kNano / 1000);
}

Quantity Quantity::RoundedUpToMilli() const {
  constexpr __int128 kMicroUnits = kNano / 1000;
  const __int128 rest = nano_ % kMicroUnits;
  if (rest == 0) return *this;
  return Make(nano_ - rest + (rest > 0 ? kMicroUnits : -kMicroUnits), format_);
}

Quantity Quantity::operator+(const Quantity& other) const {
  return Make(AddSaturated(nano_, other.nano_), IsZero() ? other.format_ : format_);
}

Quantity Quantity::operator-(const Quantity& other) const {
  return Make(AddSaturated(nano_, -other.nano_), IsZero() ? other.format_ : format_);
}

Quantity Quantity::operator-() const {
  return Make(-nano_, format_);
}

Quantity Quantity::InFormatOf(const Quantity& other) const {
  if (format_ == other.format_) return *this;
  return Make(static_cast<__int128>(Value()) * kNano, other.format_);
}

}  // namespace skiff
