#include "base/lock_within.h"

#include <poll.h>

#include <cerrno>
#include <cstring>

namespace skiff {

Result<> LockWithin(Duration patience, const std::function<bool()>& try_lock,
                    std::stop_token stop) {
  // Nothing tells of the end of another one's turn for so long and no longer: it is looked for.
  constexpr int kStepMs = 5;
  const SystemClock clock;
  const Duration end = clock.Monotonic() + patience;
  while (!try_lock()) {
    const int why = errno;
    if (why != EWOULDBLOCK && why != EACCES && why != EINTR) {
      return Fail(Reason::kForbidden, std::strerror(why));
    }
    if (stop.stop_requested() || clock.Monotonic() >= end) {
      return Fail(Reason::kConflict, "another process has it locked");
    }
    poll(nullptr, 0, kStepMs);
  }
  return {};
}

}  // namespace skiff
