// Schedules of CronJobs: five fields of cron, or "@every 1h30m", "@daily" and the like. Pure.
//
//   const auto schedule = TRY(CronSchedule::Parse("*/15 8-17 * * mon-fri"));
//   schedule.Matches(local_minute)
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace skiff {

class CronSchedule {
 public:
  // A leading "TZ=Zone " or "CRON_TZ=Zone " is taken off and kept in zone(). Errors carry the text
  // that CronJobs answer.
  static Result<CronSchedule> Parse(std::string_view text);

  // Not zero for "@every": the time between two runs, whole seconds, at least one.
  Duration every() const { return every_; }
  const std::string& zone() const { return zone_; }
  // Whether a run is due in this minute of local time. Not for "@every".
  bool Matches(std::chrono::local_time<std::chrono::minutes> minute) const;
  // The first minute after `after` that matches, no more than five years on; `after` itself when
  // there is none. Not for "@every".
  std::chrono::local_time<std::chrono::minutes> Next(
      std::chrono::local_time<std::chrono::minutes> after) const;

 private:
  Result<> ParseFields(std::string_view text);
  Result<> ParseDescriptor(std::string_view text);
  bool MatchesDay(std::chrono::year_month_day day, unsigned weekday) const;

  // A bit for each value that matches. A star in either of the days leaves the choice to the other.
  uint64_t minutes_ = 0;
  uint64_t hours_ = 0;
  uint64_t days_of_month_ = 0;
  uint64_t months_ = 0;
  uint64_t days_of_week_ = 0;
  bool any_day_of_month_ = false;
  bool any_day_of_week_ = false;
  Duration every_ = 0ns;
  std::string zone_;
};

// Whether the system's time zone database knows the zone: "Europe/Berlin".
bool IsKnownTimeZone(std::string_view name);

}  // namespace skiff
