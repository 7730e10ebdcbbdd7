// A time zone of the system's database: its distance from UTC, and when that changes. Times beyond
// the table of the file follow the rule at its end.
//
//   const auto zone = TRY(TimeZone::Load("Europe/Berlin"));
//   zone.OffsetAt(now)         // 1 h or 2 h
//   zone.NextChange(now)       // the next Sunday at which clocks are moved
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace skiff {

class TimeZone {
 public:
  static TimeZone Utc() { return {}; }
  // "" is the zone of this machine. NotFound when the database does not have it.
  static Result<TimeZone> Load(const std::string& name);
  // Of the content of such a file (RFC 8536).
  static Result<TimeZone> Parse(const std::string& content);

  Duration OffsetAt(TimePoint at) const;
  // The first moment after `at` from which on the offset may be another; TimePoint::max() when
  // there is none.
  TimePoint NextChange(TimePoint at) const;

 private:
  struct Change {
    TimePoint at;
    Duration offset{};
  };
  // "M3.5.0/2": the last Sunday of March at 2:00, and the other two forms of POSIX.
  struct Day {
    char form = 'M';
    int month = 0;
    int week = 0;
    int day = 0;
    Duration time = std::chrono::hours(2);
  };
  struct Rule {
    Duration standard{};
    std::optional<Duration> summer;
    Day begin, end;  // Of summer.
  };
  static std::optional<Rule> ParseRule(const std::string& text);
  static TimePoint MomentOf(const Day& day, int year, Duration offset);
  // Those of the rule in the years around `at`, in order.
  std::vector<Change> RuleChanges(TimePoint at) const;

  Duration first_{};  // Before all changes.
  std::vector<Change> changes_;
  std::optional<Rule> rule_;  // After them.
};

}  // namespace skiff
