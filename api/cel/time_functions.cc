// The parts of timestamps and durations.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "api/cel/libraries.h"
#include "api/cel/limits.h"
#include "api/text/time_zone.h"

namespace skiff::cel {
namespace {

using Args = std::span<const Value>;

constexpr int64_t kNanosASecond = 1000000000;

enum class TimePart : uint8_t {
  kFullYear,
  kMonth,
  kDayOfYear,
  kDayOfMonth,
  kDate,
  kDayOfWeek,
  kHours,
  kMinutes,
  kSeconds,
  kMilliseconds,
};

int64_t PartOf(const Moment& moment, int64_t offset_s, TimePart part) {
  using namespace std::chrono;
  const auto at = sys_seconds(seconds(moment.seconds + offset_s));
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss clock(at - day);
  switch (part) {
    case TimePart::kFullYear: return static_cast<int>(date.year());
    case TimePart::kMonth: return static_cast<unsigned>(date.month()) - 1;
    case TimePart::kDayOfYear:
      return (day - sys_days(date.year() / January / 1)).count();
    case TimePart::kDayOfMonth: return static_cast<unsigned>(date.day()) - 1;
    case TimePart::kDate: return static_cast<unsigned>(date.day());
    case TimePart::kDayOfWeek: return weekday(day).c_encoding();
    case TimePart::kHours: return clock.hours().count();
    case TimePart::kMinutes: return clock.minutes().count();
    case TimePart::kSeconds: return clock.seconds().count();
    case TimePart::kMilliseconds: return moment.nanos / 1000000;
  }
  return 0;
}

// "+02:30", "-05:00", "02:00".
std::optional<int64_t> ReadOffset(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const bool negative = text.starts_with('-');
  const size_t sign = negative || text.starts_with('+') ? 1 : 0;
  const auto read = [&](std::string_view digits, int64_t& out) {
    const auto end = digits.data() + digits.size();
    return std::from_chars(digits.data(), end, out).ptr == end && !digits.empty();
  };
  int64_t hours = 0;
  int64_t minutes = 0;
  if (!read(text.substr(sign, colon - sign), hours) || !read(text.substr(colon + 1), minutes)) {
    return std::nullopt;
  }
  if (hours < 0 || hours > 1000000 || minutes < 0 || minutes > 1000000) return std::nullopt;
  const int64_t seconds = hours * 3600 + minutes * 60;
  return negative ? -seconds : seconds;
}

// The same moment of a year that TimePoint can say. By the rule at its end a zone's clock goes
// alike in all years that have as many days and begin with the same day of the week, and of these
// there are some in any 28 years.
int64_t InReach(int64_t moment_s) {
  using namespace std::chrono;
  constexpr int64_t kEarliest = -9214560000;  // 1678; clocks before are those of the year.
  constexpr year kLast{2199}, kFirst{2172};
  const sys_seconds at{seconds(moment_s)};
  const year of = year_month_day(floor<days>(at)).year();
  if (of <= kLast) return std::max(moment_s, kEarliest);
  const sys_days begin = of / January / 1;
  for (year like = kFirst; like <= kLast; ++like) {
    const sys_days beginning = like / January / 1;
    if (like.is_leap() != of.is_leap() || weekday(beginning) != weekday(begin)) continue;
    return (at - (begin - beginning)).time_since_epoch().count();
  }
  return moment_s;
}

Value PartInZone(const Moment& moment, std::string_view zone, TimePart part) {
  if (zone.find(':') != std::string_view::npos) {
    const auto offset = ReadOffset(zone);
    if (!offset) return Value::Error("invalid timezone: " + std::string(zone));
    return Value::Int(PartOf(moment, *offset, part));
  }
  if (zone.empty() || zone == "UTC") return Value::Int(PartOf(moment, 0, part));
  looks_of_thread += 400;  // It is read from the disk.
  const auto found = TimeZone::Load(std::string(zone));
  if (!found) return Value::Error("unknown time zone " + std::string(zone));
  const auto offset = found->OffsetAt(TimePoint(std::chrono::seconds(InReach(moment.seconds))));
  const int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(offset).count();
  return Value::Int(PartOf(moment, seconds, part));
}

template <TimePart part>
Value PartUtc(Args a) {
  return Value::Int(PartOf(a[0].moment(), 0, part));
}

template <TimePart part>
Value PartThere(Args a) {
  return PartInZone(a[0].moment(), a[1].text(), part);
}

template <int64_t nanos>
Value WholeUnits(Args a) {
  return Value::Int(a[0].integer() / nanos);
}

template <TimePart part>
void AddPart(FunctionTable& table, const char* name) {
  const std::array lines = {
      Declaration{name, "timestamp.() -> int", PartUtc<part>},
      Declaration{name, "timestamp.(string) -> int", PartThere<part>}};
  table.Add(lines);
}

constexpr std::array kDurationParts = {
    Declaration{"getHours", "duration.() -> int", WholeUnits<3600 * kNanosASecond>},
    Declaration{"getMinutes", "duration.() -> int", WholeUnits<60 * kNanosASecond>},
    Declaration{"getSeconds", "duration.() -> int", WholeUnits<kNanosASecond>},
    Declaration{"getMilliseconds", "duration.() -> int", WholeUnits<1000000>}};

}  // namespace

void AddTimeFunctions(FunctionTable& table) {
  AddPart<TimePart::kFullYear>(table, "getFullYear");
  AddPart<TimePart::kMonth>(table, "getMonth");
  AddPart<TimePart::kDayOfYear>(table, "getDayOfYear");
  AddPart<TimePart::kDayOfMonth>(table, "getDayOfMonth");
  AddPart<TimePart::kDate>(table, "getDate");
  AddPart<TimePart::kDayOfWeek>(table, "getDayOfWeek");
  AddPart<TimePart::kHours>(table, "getHours");
  AddPart<TimePart::kMinutes>(table, "getMinutes");
  AddPart<TimePart::kSeconds>(table, "getSeconds");
  AddPart<TimePart::kMilliseconds>(table, "getMilliseconds");
  table.Add(kDurationParts);
}

}  // namespace skiff::cel
