// Durations for people: "5m30s", "3d4h", as kubectl and the server's tables show ages.
#pragma once

#include <string>

#include "base/clock.h"

namespace skiff {

// Two units where the first is small: "119s", "2m3s", "7h20m", "2d3h", "8d", "3y20d". "<invalid>"
// more than a second below zero.
std::string HumanDuration(Duration duration);

}  // namespace skiff
