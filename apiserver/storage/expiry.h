// Takes away what has not been written for a while, where the store does not do it by itself:
// events in the embedded store. (etcd has leases.)
//
// Time is known by samples: a record is old when it was modified before the revision at which the
// store stood `ttl` ago. So nothing is parsed; after a restart records live for up to `ttl` longer.
#pragma once

#include <deque>
#include <string>

#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/control_loop.h"
#include "base/log.h"

namespace skiff {

class Expiry final : public ControlLoop {
 public:
  struct Options {
    std::string prefix;
    Duration ttl = 1h;
    Duration period = 1min;  // Between looks; a record lives at most so much longer.
  };

  // `store` and `clock` outlive the loop.
  Expiry(Store& store, const Clock& clock, Options options)
      : store_(store), clock_(clock), options_(std::move(options)) {}

  Duration Step() override;

 private:
  struct Sample {
    Duration at;  // Monotonic.
    Revision revision;
  };
  // Nothing newer has expired; 0: nothing at all.
  Revision Expired(Duration now);
  Result<> Remove(Revision expired);

  Store& store_;
  const Clock& clock_;
  const Options options_;
  const Log log_{"storage"};
  // At most ttl / period + 1 of them, oldest first.
  std::deque<Sample> samples_;
  Duration next_ = Duration::zero();
};

}  // namespace skiff
