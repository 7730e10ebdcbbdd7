// What `describe` and `events` tell of Event objects.
#pragma once

#include <string>

#include "api/values.h"
#include "base/clock.h"

namespace skiff::cli {

// "5m", "2m (x3 over 10m)"
std::string EventAge(const Json& event, TimePoint now);
// When it was last seen, for sorting: RFC 3339.
std::string EventLastSeen(const Json& event);
// The event's message, without white space around it.
std::string EventMessage(const Json& event);

}  // namespace skiff::cli
