// Which tokens that controllers of before v1.24 put into Secrets can go: those that nobody has used
// for long. They are marked first, and deleted when they are not used for as long again. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "api/gen/core_v1.h"
#include "base/clock.h"

namespace skiff {

// Labels of such a Secret, with a date each.
inline constexpr char kTokenLastUsed[] = "kubernetes.io/legacy-token-last-used";
inline constexpr char kTokenInvalidSince[] = "kubernetes.io/legacy-token-invalid-since";

// "2026-01-02", in UTC.
std::string DateOf(TimePoint at);
// Midnight; nullopt when it is no date.
std::optional<TimePoint> ParseDate(std::string_view text);

// Whether the use of tokens has been written down for so long that `period` without any tells
// something: from the day after `since` on.
bool TracksLongEnough(std::string_view since, Duration period, TimePoint now);

enum class TokenFate : uint8_t { kKeep, kMark, kDelete };
struct TokenFacts {
  const core_v1::ServiceAccount* account = nullptr;  // As its annotations name it.
  bool is_mounted = false;                           // By a pod of its namespace.
  Duration period{};
  TimePoint now;
};
TokenFate FateOf(const core_v1::Secret& secret, const TokenFacts& facts);

}  // namespace skiff
