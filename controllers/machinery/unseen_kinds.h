// Kinds of which nobody knows yet what objects there are. Who acts on what is not there waits for
// them: after a start, dependents of an owner may be of any of them.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe.
class UnseenKinds {
 public:
  // A kind that cannot be listed, its webhook is away, must not hold up all others for ever. This
  // is as long as an informer may take to come back to a server that was away.
  static constexpr Duration kWaitMax = 1min;
  explicit UnseenKinds(const Clock& clock) : clock_(clock) {}

  void Add(const std::string& kind);
  // Its objects are known now, or nobody asks for them any more. Whether it was waited for.
  bool Remove(const std::string& kind);
  // How long those that are left may still be waited for; 0: not at all. Until the first is listed
  // the server may be away, and nobody's time runs out.
  Duration Wait();

 private:
  const Clock& clock_;
  const Log log_{"unseen kinds"};
  Mutex mutex_;
  std::map<std::string, Duration> added_ GUARDED_BY(mutex_);  // When, by the monotonic clock.
  std::optional<Duration> first_listed_ GUARDED_BY(mutex_);
};

}  // namespace skiff
