#include "api/text/human_duration.h"

#include <fmt/format.h>

namespace skiff {
namespace {

// "7h20m"; "7h" when there is no remainder.
std::string TwoUnits(int64_t value, char unit, int64_t rest, char rest_unit) {
  if (rest == 0) return fmt::format("{}{}", value, unit);
  return fmt::format("{}{}{}{}", value, unit, rest, rest_unit);
}

}  // namespace

std::string HumanDuration(Duration duration) {
  const int64_t seconds = duration / 1s;
  const int64_t minutes = duration / 1min;
  const int64_t hours = duration / 1h;
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (minutes < 10) return TwoUnits(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return fmt::format("{}m", minutes);
  if (hours < 8) return TwoUnits(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return fmt::format("{}h", hours);
  if (hours < 8 * 24) return TwoUnits(hours / 24, 'd', hours % 24, 'h');
  if (hours < 2 * 365 * 24) return fmt::format("{}d", hours / 24);
  const int64_t years = hours / 24 / 365;
  if (hours < 8 * 365 * 24) return TwoUnits(years, 'y', hours / 24 % 365, 'd');
  return fmt::format("{}y", years);
}

}  // namespace skiff
