// What the master of a HAProxy says of its workers ("show proc"). Pure.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

#include "base/error.h"

namespace skiff::ingress {

// A worker that has to end, and still has connections.
struct EndingWorker {
  pid_t pid = 0;
  int seen = 0;  // Reloads since it started.
  bool operator==(const EndingWorker&) const = default;
};

// The one that has seen the most; none: all have ended. Internal: it is no such answer.
Result<std::optional<EndingWorker>> OldestWorker(std::string_view text);

}  // namespace skiff::ingress
