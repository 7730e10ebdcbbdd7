// Texts as Go reads them.
#pragma once

#include <optional>
#include <string_view>

#include "api/cel/value.h"

namespace skiff::cel {

// strconv.ParseFloat: "1.5", "1e3", "NaN", "-Infinity", "0x1p4".
std::optional<double> ReadGoFloat(std::string_view text);
// time.ParseDuration: "-1h30m".
std::optional<int64_t> ReadDuration(std::string_view text);
// RFC 3339.
std::optional<Moment> ReadTimestamp(std::string_view text);
// Of the years 1 to 9999.
bool InTimestampRange(const Moment& moment);

}  // namespace skiff::cel
