// Since when a process runs.
#pragma once

#include <optional>

#include "base/clock.h"
#include "base/process.h"

namespace skiff {

// To the second, and the same however often it is asked. Unset where the system does not say.
std::optional<TimePoint> StartOf(const ProcessId& process);

}  // namespace skiff
