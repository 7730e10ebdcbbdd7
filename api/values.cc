#include "api/values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "api/codec/json.h"
#include "api/text/go_text.h"
#include "api/text/time_text.h"

namespace skiff {
namespace {

constexpr int64_t kNanos = 1'000'000'000;  // Of a second.

// strconv.Atoi, with its error's text.
Result<int64_t> Atoi(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with("+")) digits.remove_prefix(1);
  int64_t value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool signs_twice = digits.size() < text.size() && digits.starts_with("-");
  if (code == std::errc::result_out_of_range) {
    return Fail(Reason::kInvalid,
                "strconv.Atoi: parsing " + GoQuote(text) + ": value out of range");
  }
  if (code != std::errc() || end != digits.data() + digits.size() || signs_twice) {
    return Fail(Reason::kInvalid, "strconv.Atoi: parsing " + GoQuote(text) + ": invalid syntax");
  }
  return value;
}

}  // namespace

RawJson::RawJson(const Json& value) {
  if (!value.is_null()) AppendJson(value, text_);
}

RawJson RawJson::FromText(std::string_view text) {
  RawJson raw;
  if (text != "null") raw.text_ = text;
  return raw;
}

Json RawJson::Parse() const {
  if (IsNull()) return nullptr;
  return ParseJson(text_).value_or(Json());
}

Time::Time(TimePoint point) {
  if (point == TimePoint{}) return;
  const auto whole = std::chrono::floor<std::chrono::seconds>(point);
  seconds_ = whole.time_since_epoch().count();
  nanos_ = static_cast<int32_t>((point - whole).count());
}

TimePoint Time::point() const {
  if (IsZero()) return {};
  constexpr int64_t kSecondsMax = std::numeric_limits<int64_t>::max() / kNanos - 1;
  const int64_t seconds = std::clamp(seconds_, -kSecondsMax, kSecondsMax);
  return TimePoint(Duration(seconds * kNanos + nanos_));
}

Time Time::PlusSeconds(int64_t seconds) const {
  Time sum = *this;
  if (__builtin_add_overflow(seconds_, seconds, &sum.seconds_)) {
    sum.seconds_ = seconds < 0 ? kFirstSecond : kLastSecond;
  }
  sum.seconds_ = std::clamp(sum.seconds_, kFirstSecond, kLastSecond);
  return sum;
}

std::string Time::Rfc3339() const {
  return FormatInstant(instant(), TimeForm::kSeconds);
}

std::string Time::Rfc3339Micro() const {
  return FormatInstant(instant(), TimeForm::kMicro);
}

Time::Time(const Instant& instant) : seconds_(instant.seconds), nanos_(instant.nanos) {}

Instant Time::instant() const {
  return {seconds_, nanos_};
}

Result<Time> Time::Parse(std::string_view text) {
  return Time(TRY(ParseInstant(text, TimeForm::kSeconds)));
}

Result<int> IntOrString::ScaledTo(int total, bool round_up) const {
  if (!is_string_) return value_;
  const std::string prefix = "invalid value for IntOrString: ";
  if (!text_.ends_with('%')) {
    return Fail(Reason::kInvalid, prefix + "invalid type: string is not a percentage");
  }
  const auto percent = Atoi(std::string_view(text_).substr(0, text_.size() - 1));
  if (!percent) {
    return Fail(Reason::kInvalid,
                prefix + "invalid value " + GoQuote(text_) + ": " + percent.error().message);
  }
  const double exact = static_cast<double>(*percent) * static_cast<double>(total) / 100;
  const double rounded = round_up ? std::ceil(exact) : std::floor(exact);
  return static_cast<int>(std::clamp(rounded, -2147483648.0, 2147483647.0));
}

}  // namespace skiff
