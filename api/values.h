// The scalar types of the API that C++ has no word for, as the generated structs hold them.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/error.h"

namespace skiff {

using Json = nlohmann::json;

// A JSON value as the text that it came as: RawExtension, FieldsV1 and other parts of an object
// that only few look into. Keeps what a document loses: the order of members, and numbers of any
// size.
class RawJson {
 public:
  RawJson() = default;         // null
  RawJson(const Json& value);  // NOLINT: a document is one.
  // `text` is one JSON value and nothing else.
  static RawJson FromText(std::string_view text);
  bool IsNull() const { return text_.empty(); }
  // What is in it; later duplicates of a key win.
  Json Parse() const;
  // As it came, blanks and all; "null" where it is.
  std::string_view Text() const { return IsNull() ? std::string_view("null") : text_; }
  // By text: {"a":1,"b":2} differs from {"b":2,"a":1}.
  bool operator==(const RawJson&) const = default;

 private:
  std::string text_;  // "": null.
};

struct Instant;  // api/text/time_text.h

// metav1.Time and MicroTime, of the years 0 to 9999. Default constructed: unset ("zero", which is
// the beginning of year 1 as in Go), written as null or left out.
class Time {
 public:
  Time() = default;
  Time(TimePoint point);  // NOLINT: a moment is a Time. TimePoint{}, our "never", is the zero.
  explicit Time(const Instant& instant);
  bool IsZero() const { return *this == Time(); }
  Instant instant() const;
  // The nearest moment that TimePoint can say: it begins in 1678 and ends in 2262. TimePoint{} for
  // the zero.
  TimePoint point() const;
  // Stops at the first and at the last second that has a text.
  Time PlusSeconds(int64_t seconds) const;
  // "2026-01-02T15:04:05Z"; a zero time too has a text, "0001-01-01T00:00:00Z" as in Go.
  std::string Rfc3339() const;
  // "2026-01-02T15:04:05.000000Z"
  std::string Rfc3339Micro() const;
  // RFC 3339 with any offset and fraction. Errors carry Go's text of time.Parse.
  static Result<Time> Parse(std::string_view text);
  auto operator<=>(const Time&) const = default;

 private:
  int64_t seconds_ = -62135596800;  // Since 1970.
  int32_t nanos_ = 0;
};

// resource.Quantity: an exact decimal with a suffix. Keeps its canonical text.
class Quantity {
 public:
  Quantity() = default;  // "0"
  // Canonicalises as Kubernetes does ("1000m" -> "1", "1.5Gi" -> "1536Mi"). Text whose number and
  // exponent are the canonical ones stays as it was written ("1.500", "+5", "010").
  static Result<Quantity> Parse(std::string_view text);
  static Quantity FromValue(int64_t value, bool binary_suffix = false);
  static Quantity FromMilli(int64_t milli);
  // Canonical text.
  const std::string& Text() const { return text_; }
  // Rounded up; saturates at the limits of int64.
  int64_t Value() const;
  int64_t MilliValue() const;
  bool IsZero() const { return nano_ == 0; }
  // As near as it comes.
  double Approximate() const { return static_cast<double>(nano_) / 1e9; }
  // Resource lists hold nothing finer than milli: rounded up, away from zero.
  Quantity RoundedUpToMilli() const;
  // Keeps the format (binary or decimal) of the left side.
  Quantity operator+(const Quantity& other) const;
  Quantity operator-(const Quantity& other) const;
  Quantity operator-() const;
  // Itself with the suffixes of `other`; whole, rounded up, where these are not its own.
  Quantity InFormatOf(const Quantity& other) const;
  // By amount, whatever the text.
  std::strong_ordering operator<=>(const Quantity& other) const { return nano_ <=> other.nano_; }
  bool operator==(const Quantity& other) const { return nano_ == other.nano_; }

 private:
  enum class Format : uint8_t { kDecimalSi, kBinarySi, kDecimalExponent };
  struct Decimal;
  static Quantity Make(__int128 nano, Format format);
  static Quantity FromDecimal(const Decimal& decimal, Format format, std::string_view text);
  // 10^-9 units; finer amounts are rounded up when parsed, larger ones than it holds saturate
  // (their text stays exact).
  __int128 nano_ = 0;
  Format format_ = Format::kDecimalSi;
  std::string text_ = "0";
};

// intstr.IntOrString.
class IntOrString {
 public:
  IntOrString() = default;                                                     // 0
  IntOrString(int32_t value) : value_(value) {}                                // NOLINT
  IntOrString(std::string text) : is_string_(true), text_(std::move(text)) {}  // NOLINT
  bool is_string() const { return is_string_; }
  int32_t value() const { return value_; }           // Of an integer.
  const std::string& text() const { return text_; }  // Of a string.
  std::string ToString() const { return is_string_ ? text_ : std::to_string(value_); }
  // "25%" of `total` rounded up or down, or the integer itself. Fails with Kubernetes' text for
  // other strings.
  Result<int> ScaledTo(int total, bool round_up) const;
  bool operator==(const IntOrString&) const = default;

 private:
  bool is_string_ = false;
  int32_t value_ = 0;
  std::string text_;
};

// "*T" of a structure: absent, or one value on the heap, copied deeply. Used like std::optional.
template <typename T>
class Box {
 public:
  Box() = default;
  Box(T value) : value_(new T(std::move(value))) {}  // NOLINT: as std::optional.
  Box(std::nullopt_t) {}                             // NOLINT
  Box(const Box& other) : value_(other ? new T(*other) : nullptr) {}
  Box(Box&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
  Box& operator=(Box other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Box() { delete value_; }
  explicit operator bool() const { return value_ != nullptr; }
  bool has_value() const { return value_ != nullptr; }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return value_; }
  const T* operator->() const { return value_; }
  T& emplace() {
    delete std::exchange(value_, new T());
    return *value_;
  }
  // The value, made empty first when it was absent.
  T& Ensure() { return value_ ? *value_ : emplace(); }
  void reset() { delete std::exchange(value_, nullptr); }
  friend bool operator==(const Box& a, const Box& b) {
    return a.has_value() == b.has_value() && (!a || *a == *b);
  }

 private:
  // Of hundreds of types: std::unique_ptr is most of what the compiler takes to read the structs.
  T* value_ = nullptr;
};

}  // namespace skiff
