#include "api/text/cron_schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "api/text/go_text.h"
#include "api/text/time_text.h"
#include "api/text/time_zone.h"

namespace skiff {
namespace {

using Parts = std::vector<std::string_view>;
using LocalMinute = std::chrono::local_time<std::chrono::minutes>;

struct Bounds {
  unsigned low;
  unsigned high;
  std::vector<std::string_view> names = {};  // Of the values from `names_from` on.
  unsigned names_from = 0;
};

// The values of one field, and whether it began with a star.
struct CronField {
  uint64_t bits = 0;
  bool star = false;
};

const Bounds kMinutes{0, 59};
const Bounds kHours{0, 23};
const Bounds kDaysOfMonth{1, 31};
const Bounds kMonths{
    1, 12, {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}, 1};
const Bounds kDaysOfWeek{0, 6, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}, 0};

constexpr std::string_view kBlanks = " \t\n\v\f\r";

tl::unexpected<Error> Wrong(std::string message) {
  return Fail(Reason::kInvalid, std::move(message));
}

Parts Split(std::string_view text, std::string_view separators) {
  Parts words;
  while (true) {
    const size_t begin = text.find_first_not_of(separators);
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const size_t end = std::min(text.find_first_of(separators), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

// As strings.Split: empty parts count.
Parts SplitAll(std::string_view text, char separator) {
  Parts parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Result<unsigned> ParseNumber(std::string_view text) {
  const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return Wrong(
        fmt::format("failed to parse int from {}: strconv.Atoi: parsing {}: invalid syntax", text,
                    GoQuote(text)));
  }
  if (number < 0) return Wrong(fmt::format("negative number ({}) not allowed: {}", number, text));
  return static_cast<unsigned>(std::min<int64_t>(number, UINT32_MAX));
}

Result<unsigned> ParseValue(std::string_view text, const Bounds& bounds) {
  for (size_t i = 0; i < bounds.names.size(); ++i) {
    const bool same = std::ranges::equal(
        text, bounds.names[i], [](unsigned char a, char b) { return std::tolower(a) == b; });
    if (same) return bounds.names_from + static_cast<unsigned>(i);
  }
  return ParseNumber(text);
}

// "*", "n", "a-b", each with "/step".
Result<CronField> ParseRange(std::string_view text, const Bounds& bounds) {
  const Parts range_and_step = SplitAll(text, '/');
  const Parts ends = SplitAll(range_and_step[0], '-');
  const bool single = ends.size() == 1;
  CronField field;
  unsigned low = bounds.low;
  unsigned high = bounds.high;
  if (ends[0] == "*" || ends[0] == "?") {
    field.star = true;
  } else {
    low = TRY(ParseValue(ends[0], bounds));
    high = low;
    if (ends.size() == 2) high = TRY(ParseValue(ends[1], bounds));
    if (ends.size() > 2) return Wrong(fmt::format("too many hyphens: {}", text));
  }
  unsigned step = 1;
  if (range_and_step.size() == 2) {
    step = TRY(ParseNumber(range_and_step[1]));
    if (single) high = bounds.high;
    if (step > 1) field.star = false;
  } else if (range_and_step.size() > 2) {
    return Wrong(fmt::format("too many slashes: {}", text));
  }
  if (low < bounds.low) {
    return Wrong(
        fmt::format("beginning of range ({}) below minimum ({}): {}", low, bounds.low, text));
  }
  if (high > bounds.high) {
    return Wrong(fmt::format("end of range ({}) above maximum ({}): {}", high, bounds.high, text));
  }
  if (low > high) {
    return Wrong(
        fmt::format("beginning of range ({}) beyond end of range ({}): {}", low, high, text));
  }
  if (step == 0) return Wrong(fmt::format("step of range should be a positive number: {}", text));
  for (uint64_t value = low; value <= high; value += step) field.bits |= uint64_t{1} << value;
  return field;
}

Result<CronField> ParseField(std::string_view text, const Bounds& bounds) {
  CronField field;
  for (const std::string_view item : Split(text, ",")) {
    const CronField part = TRY(ParseRange(item, bounds));
    field.bits |= part.bits;
    field.star = field.star || part.star;
  }
  return field;
}

}  // namespace

bool IsKnownTimeZone(std::string_view name) {
  return !name.empty() && TimeZone::Load(std::string(name)).has_value();
}

Result<CronSchedule> CronSchedule::Parse(std::string_view text) {
  CronSchedule schedule;
  if (text.empty()) return Wrong("empty spec string");
  if (text.starts_with("TZ=") || text.starts_with("CRON_TZ=")) {
    const size_t blank = text.find(' ');
    if (blank == std::string_view::npos) {
      return Wrong("invalid schedule format: runtime error: slice bounds out of range [:-1]");
    }
    const size_t equals = text.find('=');
    schedule.zone_ = text.substr(equals + 1, blank - equals - 1);
    if (!schedule.zone_.empty() && schedule.zone_ != "Local" && !IsKnownTimeZone(schedule.zone_)) {
      return Wrong(fmt::format("provided bad location {}: unknown time zone {}", schedule.zone_,
                               schedule.zone_));
    }
    text.remove_prefix(blank);
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
  }
  if (text.starts_with('@')) {
    TRY(schedule.ParseDescriptor(text));
  } else {
    TRY(schedule.ParseFields(text));
  }
  return schedule;
}

Result<> CronSchedule::ParseFields(std::string_view text) {
  const Parts fields = Split(text, kBlanks);
  if (fields.size() != 5) {
    return Wrong(fmt::format("expected exactly 5 fields, found {}: [{}]", fields.size(),
                             fmt::join(fields, " ")));
  }
  minutes_ = TRY(ParseField(fields[0], kMinutes))
  .bits;
  hours_ = TRY(ParseField(fields[1], kHours))
  .bits;
  const CronField days = TRY(ParseField(fields[2], kDaysOfMonth));
  months_ = TRY(ParseField(fields[3], kMonths))
  .bits;
  const CronField weekdays = TRY(ParseField(fields[4], kDaysOfWeek));
  days_of_month_ = days.bits;
  any_day_of_month_ = days.star;
  days_of_week_ = weekdays.bits;
  any_day_of_week_ = weekdays.star;
  return {};
}

Result<> CronSchedule::ParseDescriptor(std::string_view text) {
  constexpr std::pair<std::string_view, std::string_view> kDescriptors[] = {
      {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
      {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
      {"@hourly", "0 * * * *"}};
  for (const auto& [name, fields] : kDescriptors) {
    if (text == name) return ParseFields(fields);
  }
  constexpr std::string_view kEvery = "@every ";
  if (!text.starts_with(kEvery)) {
    return Wrong(fmt::format("unrecognized descriptor: {}", text));
  }
  const auto duration = ParseGoDuration(text.substr(kEvery.size()));
  if (!duration) {
    return Wrong(fmt::format("failed to parse duration {}: {}", text, duration.error().message));
  }
  every_ = std::max<Duration>(std::chrono::floor<std::chrono::seconds>(Duration(*duration)), 1s);
  return {};
}

bool CronSchedule::MatchesDay(std::chrono::year_month_day day, unsigned weekday) const {
  const bool by_month = (days_of_month_ >> static_cast<unsigned>(day.day())) & 1;
  const bool by_week = (days_of_week_ >> weekday) & 1;
  if (any_day_of_month_ || any_day_of_week_) return by_month && by_week;
  return by_month || by_week;
}

bool CronSchedule::Matches(LocalMinute minute) const {
  const auto date = std::chrono::floor<std::chrono::days>(minute);
  const std::chrono::year_month_day day(date);
  const auto minute_of_day = static_cast<unsigned>((minute - date).count());
  return ((months_ >> static_cast<unsigned>(day.month())) & 1) &&
         MatchesDay(day, std::chrono::weekday(date).c_encoding()) &&
         ((hours_ >> (minute_of_day / 60)) & 1) && ((minutes_ >> (minute_of_day % 60)) & 1);
}

LocalMinute CronSchedule::Next(LocalMinute after) const {
  if (minutes_ == 0 || hours_ == 0) return after;  // "," is a field, and names nothing.
  constexpr int kDaysMax = 5 * 366;
  LocalMinute minute = after + std::chrono::minutes(1);
  for (int days = 0; days < kDaysMax; ++days) {
    const auto date = std::chrono::floor<std::chrono::days>(minute);
    const std::chrono::year_month_day day(date);
    const LocalMinute next_day = date + std::chrono::days(1);
    if (((months_ >> static_cast<unsigned>(day.month())) & 1) &&
        MatchesDay(day, std::chrono::weekday(date).c_encoding())) {
      for (; minute < next_day; minute += std::chrono::minutes(1)) {
        if (Matches(minute)) return minute;
      }
    }
    minute = next_day;
  }
  return after;
}

}  // namespace skiff
