// The format `duration` of schemas: Go's durations, and amounts in words, "1 day 2 hours".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace skiff {

// Nanoseconds; nothing where there is no amount. Of words as Kubernetes reads them: any amount in
// the text counts, whatever stands around it, and what is too large wraps.
std::optional<int64_t> ParseFormatDuration(std::string_view text);

}  // namespace skiff
