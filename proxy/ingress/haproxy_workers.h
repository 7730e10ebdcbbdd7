// What the master of a HAProxy says of its workers ("show proc"). Pure.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

#include "base/error.h"

namespace skiff::ingress {

// One that serves, or that has to end and still has connections.
struct SeenWorker {
  pid_t pid = 0;
  int seen = 0;  // Reloads since it started.
  bool operator==(const SeenWorker&) const = default;
};

// The one that has seen the most: the one that serves, too, sees those that fail. None: nobody has
// seen any. Internal: it is no such answer.
Result<std::optional<SeenWorker>> OldestWorker(std::string_view text);

}  // namespace skiff::ingress
