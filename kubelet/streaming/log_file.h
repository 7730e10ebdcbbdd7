// Container logs in CRI's format, a line each: `2016-10-06T00:17:09.669794202Z stdout F text`;
// P instead of F marks a part of a line. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

namespace skiff::kubelet {

// What a client asks of a log; the query of GET pods/x/log.
struct LogOptions {
  bool follow = false;
  bool timestamps = false;
  std::optional<int64_t> tail_lines;
  std::optional<int64_t> limit_bytes;
  std::optional<TimePoint> since;
};

struct LogLine {
  std::string_view timestamp;
  std::string_view text;  // Without the line's end.
  bool is_partial = false;
};

// nullopt for what is not a line of a log.
std::optional<LogLine> ParseLogLine(std::string_view line);

// The line's time with all nine digits of its second's fraction, as clients are shown it: runtimes
// leave zeros at the end out.
std::string ShownTimestamp(std::string_view timestamp);

// Where the last `lines` whole lines of the file begin: a byte offset. 0 when it has fewer.
size_t TailOffset(std::string_view contents, int64_t lines);

}  // namespace skiff::kubelet
