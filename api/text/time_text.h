// RFC 3339 as Go's time package reads and writes it, over the whole range of years. TimePoint holds
// only 1678 to 2262; documents carry any year, so they are checked and rewritten through this.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace skiff {

// A moment as seconds since 1970 and nanoseconds after it.
struct Instant {
  int64_t seconds = 0;
  int32_t nanos = 0;
  // 0001-01-01T00:00:00Z, Go's zero time.
  bool IsGoZero() const { return seconds == -62135596800 && nanos == 0; }
};

// The first and the last second that RFC 3339 has a text for: of the years 0 and 9999.
inline constexpr int64_t kFirstSecond = -62167219200, kLastSecond = 253402300799;

// The last two name no zone, and are read alone.
enum class TimeForm : uint8_t { kSeconds, kMicro, kDate, kLocal };

// Fails with the text of Go's time.ParseError. kMicro demands six decimals, kSeconds and kLocal
// allow any; what has no zone is in UTC.
Result<Instant> ParseInstant(std::string_view text, TimeForm form);
// In UTC; what is finer than the form is cut off.
std::string FormatInstant(const Instant& instant, TimeForm form);

// Go's duration text: "1h2m3.5s"; time.ParseDuration's errors.
Result<int64_t> ParseGoDuration(std::string_view text);
std::string FormatGoDuration(int64_t nanoseconds);

}  // namespace skiff
