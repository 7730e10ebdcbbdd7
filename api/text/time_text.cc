#include "api/text/time_text.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <limits>

#include "api/text/go_text.h"

namespace skiff {
namespace {

constexpr std::string_view kLayoutSeconds = "2006-01-02T15:04:05Z07:00";
constexpr std::string_view kLayoutMicro = "2006-01-02T15:04:05.000000Z07:00";
constexpr std::string_view kLayoutDate = "2006-01-02";
constexpr std::string_view kLayoutLocal = "2006-01-02T15:04:05";

std::string_view LayoutOf(TimeForm form) {
  switch (form) {
    case TimeForm::kSeconds:
      return kLayoutSeconds;
    case TimeForm::kMicro:
      return kLayoutMicro;
    case TimeForm::kDate:
      return kLayoutDate;
    case TimeForm::kLocal:
      return kLayoutLocal;
  }
  return {};
}

bool IsDigit(std::string_view text, size_t at) {
  return at < text.size() && text[at] >= '0' && text[at] <= '9';
}

int DaysIn(int month, int year) {
  const auto last = std::chrono::year(year) / std::chrono::month(month) / std::chrono::last;
  return static_cast<int>(static_cast<unsigned>(last.day()));
}

// Reads the elements of the layout from the left. After the first failure nothing more is read.
class TimeParser {
 public:
  TimeParser(std::string_view text, TimeForm form)
      : text_(text), rest_(text), layout_(LayoutOf(form)) {}

  Result<Instant> Parse(TimeForm form) {
    const int year = Year();
    Literal("-");
    const int month = TwoDigits("01", true);
    Range(month < 1 || month > 12, "month");
    Literal("-");
    const int day = TwoDigits("02", true);
    const TimeOfDay time = form == TimeForm::kDate ? TimeOfDay() : ReadTime(form);
    if (failed_) return Fail(Reason::kBadRequest, error_);
    if (!rest_.empty()) Say(": extra text: " + GoTimeQuote(rest_));
    Range(day < 1 || day > DaysIn(month, year), "day");
    if (failed_) return Fail(Reason::kBadRequest, error_);
    const std::chrono::sys_days date{std::chrono::year(year) / std::chrono::month(month) /
                                     std::chrono::day(day)};
    const int64_t seconds =
        static_cast<int64_t>(date.time_since_epoch().count()) * 86400 + time.seconds;
    if (seconds < kFirstSecond || seconds > kLastSecond) {  // Its offset leads out of the years.
      return Fail(Reason::kBadRequest, "Time.MarshalJSON: year outside of range [0,9999]");
    }
    return Instant{seconds, time.nanos};
  }

 private:
  struct TimeOfDay {
    int seconds = 0;  // Of UTC.
    int32_t nanos = 0;
  };
  TimeOfDay ReadTime(TimeForm form) {
    Literal("T");
    const int hour = TwoDigits("15", false);
    Range(hour > 23, "hour");
    Literal(":");
    const int minute = TwoDigits("04", true);
    Range(minute > 59, "minute");
    Literal(":");
    const int second = TwoDigits("05", true);
    Range(second > 59, "second");
    const int32_t nanos = Fraction(form);
    const int offset = form == TimeForm::kLocal ? 0 : Offset();
    return {hour * 3600 + minute * 60 + second - offset, nanos};
  }
  void Say(std::string tail) {
    if (failed_) return;
    failed_ = true;
    error_ = "parsing time " + GoTimeQuote(text_) + tail;
  }
  void Bad(std::string_view element, std::string_view at) {
    Say(" as " + GoTimeQuote(layout_) + ": cannot parse " + GoTimeQuote(at) + " as " +
        GoTimeQuote(element));
  }
  void Range(bool out, const char* what) {
    if (out) Say(std::string(": ") + what + " out of range");
  }
  void Literal(std::string_view wanted) {
    if (failed_) return;
    if (!rest_.starts_with(wanted)) return Bad(wanted, rest_);
    rest_.remove_prefix(wanted.size());
  }
  int Year() {
    for (size_t i = 0; i < 4; ++i) {
      if (!IsDigit(rest_, i)) {
        Bad("2006", rest_);
        return 0;
      }
    }
    const int year =
        (rest_[0] - '0') * 1000 + (rest_[1] - '0') * 100 + (rest_[2] - '0') * 10 + (rest_[3] - '0');
    rest_.remove_prefix(4);
    return year;
  }
  // Go lets an hour have one digit.
  int TwoDigits(std::string_view element, bool fixed) {
    if (failed_) return 1;
    if (!IsDigit(rest_, 0) || (fixed && !IsDigit(rest_, 1))) {
      Bad(element, rest_);
      return 1;
    }
    int value = rest_[0] - '0';
    const bool two = IsDigit(rest_, 1);
    if (two) value = value * 10 + (rest_[1] - '0');
    rest_.remove_prefix(two ? 2 : 1);
    return value;
  }
  int32_t Fraction(TimeForm form) {
    if (failed_) return 0;
    const bool present =
        rest_.size() > 1 && (rest_[0] == '.' || rest_[0] == ',') && IsDigit(rest_, 1);
    if (form == TimeForm::kMicro) {
      for (size_t i = 1; i <= 6; ++i) {
        if (!present || !IsDigit(rest_, i)) {
          Bad(".000000", rest_);
          return 0;
        }
      }
    }
    if (!present) return 0;
    int32_t nanos = 0;
    size_t digits = 0;
    const size_t digits_max = form == TimeForm::kMicro ? 6 : std::string_view::npos;
    rest_.remove_prefix(1);
    while (digits < digits_max && IsDigit(rest_, 0)) {
      if (digits < 9) nanos = nanos * 10 + (rest_[0] - '0');
      ++digits;
      rest_.remove_prefix(1);
    }
    for (; digits < 9; ++digits) nanos *= 10;
    return nanos;
  }
  int Offset() {
    if (failed_) return 0;
    if (rest_.starts_with("Z")) {
      rest_.remove_prefix(1);
      return 0;
    }
    const bool shaped = rest_.size() >= 6 && (rest_[0] == '+' || rest_[0] == '-') &&
                        rest_[3] == ':' && IsDigit(rest_, 1) && IsDigit(rest_, 2) &&
                        IsDigit(rest_, 4) && IsDigit(rest_, 5);
    if (!shaped) {
      Bad("Z07:00", rest_);
      return 0;
    }
    const int hours = (rest_[1] - '0') * 10 + (rest_[2] - '0');
    const int minutes = (rest_[4] - '0') * 10 + (rest_[5] - '0');
    Range(hours > 24, "time zone offset hour");
    Range(minutes > 60, "time zone offset minute");
    const int sign = rest_[0] == '-' ? -1 : 1;
    rest_.remove_prefix(6);
    return sign * (hours * 3600 + minutes * 60);
  }

  std::string_view text_;
  std::string_view rest_;
  std::string_view layout_;
  bool failed_ = false;
  std::string error_;
};

}  // namespace

Result<Instant> ParseInstant(std::string_view text, TimeForm form) {
  return TimeParser(text, form).Parse(form);
}

namespace {

void AppendDigits(int64_t number, int digits, std::string& out) {
  const size_t begin = out.size();
  out.append(static_cast<size_t>(digits), '0');
  for (size_t at = out.size(); number > 0 && at > begin; number /= 10) {
    out[--at] = static_cast<char>('0' + number % 10);
  }
}

}  // namespace

// Several of them are in each object that is written.
std::string FormatInstant(const Instant& instant, TimeForm form) {
  int64_t days = instant.seconds / 86400;
  int64_t rest = instant.seconds % 86400;
  if (rest < 0) {
    rest += 86400;
    --days;
  }
  const std::chrono::year_month_day date{
      std::chrono::sys_days(std::chrono::days(static_cast<int>(days)))};
  std::string text;
  text.reserve(kLayoutMicro.size());
  const int year = static_cast<int>(date.year());
  if (year < 0 || year > 9999) {
    std::array<char, 16> digits;
    std::snprintf(digits.data(), digits.size(), "%04d", year);
    text += digits.data();
  } else {
    AppendDigits(year, 4, text);
  }
  const auto add = [&](char mark, int64_t number) {
    text += mark;
    AppendDigits(number, 2, text);
  };
  add('-', static_cast<unsigned>(date.month()));
  add('-', static_cast<unsigned>(date.day()));
  add('T', rest / 3600);
  add(':', rest / 60 % 60);
  add(':', rest % 60);
  if (form == TimeForm::kMicro) {
    text += '.';
    AppendDigits(instant.nanos / 1000, 6, text);
  }
  text += 'Z';
  return text;
}

Result<int64_t> ParseGoDuration(std::string_view text) {
  const auto invalid = [&] {
    return Fail(Reason::kBadRequest, "time: invalid duration " + GoTimeQuote(text));
  };
  std::string_view rest = text;
  const bool negative = rest.starts_with("-");
  if (negative || rest.starts_with("+")) rest.remove_prefix(1);
  if (rest == "0") return 0;
  if (rest.empty()) return invalid();
  const auto most = static_cast<__int128>(std::numeric_limits<int64_t>::max()) + (negative ? 1 : 0);
  __int128 total = 0;
  while (!rest.empty()) {
    if (!IsDigit(rest, 0) && rest[0] != '.') return invalid();
    __int128 whole = 0, fraction = 0, scale = 1;
    bool any = false;
    for (; IsDigit(rest, 0); rest.remove_prefix(1), any = true) {
      whole = whole * 10 + (rest[0] - '0');
      if (whole > most) return invalid();
    }
    if (rest.starts_with(".")) {
      rest.remove_prefix(1);
      for (; IsDigit(rest, 0); rest.remove_prefix(1), any = true) {
        if (scale >= 1'000'000'000'000'000'000) continue;
        fraction = fraction * 10 + (rest[0] - '0');
        scale *= 10;
      }
    }
    if (!any) return invalid();
    size_t length = 0;
    while (length < rest.size() && rest[length] != '.' && !IsDigit(rest, length)) ++length;
    const std::string_view unit = rest.substr(0, length);
    rest.remove_prefix(length);
    if (unit.empty()) {
      return Fail(Reason::kBadRequest, "time: missing unit in duration " + GoTimeQuote(text));
    }
    int64_t factor = 0;
    if (unit == "ns") factor = 1;
    if (unit == "us" || unit == "µs" || unit == "μs") factor = 1'000;
    if (unit == "ms") factor = 1'000'000;
    if (unit == "s") factor = 1'000'000'000;
    if (unit == "m") factor = 60'000'000'000;
    if (unit == "h") factor = 3'600'000'000'000;
    if (factor == 0) {
      return Fail(Reason::kBadRequest,
                  "time: unknown unit " + GoTimeQuote(unit) + " in duration " + GoTimeQuote(text));
    }
    total += whole * factor + fraction * factor / scale;
    if (total > most) return invalid();
  }
  return static_cast<int64_t>(negative ? -total : total);
}

std::string FormatGoDuration(int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  const bool negative = nanoseconds < 0;
  const uint64_t amount =
      negative ? 0 - static_cast<uint64_t>(nanoseconds) : static_cast<uint64_t>(nanoseconds);
  // A number with up to nine decimals, without trailing zeros.
  const auto with_fraction = [](uint64_t value, uint64_t unit, int digits) {
    std::string out = std::to_string(value / unit);
    std::string fraction = std::to_string(value % unit);
    fraction.insert(0, static_cast<size_t>(digits) - fraction.size(), '0');
    while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
    return fraction.empty() ? out : out + "." + fraction;
  };
  std::string out;
  if (amount < 1'000) {
    out = std::to_string(amount) + "ns";
  } else if (amount < 1'000'000) {
    out = with_fraction(amount, 1'000, 3) + "µs";
  } else if (amount < 1'000'000'000) {
    out = with_fraction(amount, 1'000'000, 6) + "ms";
  } else {
    const uint64_t minutes = amount / 60'000'000'000;
    if (minutes >= 60) out = std::to_string(minutes / 60) + "h";
    if (minutes > 0) out += std::to_string(minutes % 60) + "m";
    out += with_fraction(amount % 60'000'000'000, 1'000'000'000, 9) + "s";
  }
  return (negative ? "-" : "") + out;
}

}  // namespace skiff
