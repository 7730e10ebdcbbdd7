#include "api/values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "api/go_text.h"
#include "api/time_text.h"

namespace skiff {
namespace {

Instant ToInstant(TimePoint point) {
  const int64_t nanos = point.time_since_epoch().count();
  int64_t seconds = nanos / 1'000'000'000;
  int64_t rest = nanos % 1'000'000'000;
  if (rest < 0) {
    rest += 1'000'000'000;
    --seconds;
  }
  return {seconds, static_cast<int32_t>(rest)};
}

constexpr Instant kGoZero = {-62135596800, 0};

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

std::string Time::Rfc3339() const {
  return FormatInstant(IsZero() ? kGoZero : ToInstant(point_), TimeForm::kSeconds);
}

std::string Time::Rfc3339Micro() const {
  return FormatInstant(IsZero() ? kGoZero : ToInstant(point_), TimeForm::kMicro);
}

Result<Time> Time::Parse(std::string_view text) {
  const Instant instant = TRY(ParseInstant(text, TimeForm::kSeconds));
  if (instant.IsGoZero()) return Time();
  constexpr int64_t kSecondsMax = std::numeric_limits<int64_t>::max() / 1'000'000'000 - 1;
  const int64_t seconds = std::clamp(instant.seconds, -kSecondsMax, kSecondsMax);
  return Time(TimePoint(Duration(seconds * 1'000'000'000 + instant.nanos)));
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
