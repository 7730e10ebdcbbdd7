// Takes old versions away, so that the store holds the objects and a window of their history.
//
// The window reaches back `window` in time or `revisions_min` writes, whichever is longer: a quiet
// cluster can resume watches for long. `revisions_max` bounds it against a storm of writes.
#pragma once

#include <deque>

#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/control_loop.h"
#include "base/log.h"

namespace skiff {

class Compactor final : public ControlLoop {
 public:
  struct Options {
    Duration period = 5min;  // kube-apiserver's --etcd-compaction-interval. 0: never compacts.
    Duration window = 5min;
    uint64_t revisions_min = 100'000;
    uint64_t revisions_max = 1'000'000;
  };

  // `store` and `clock` outlive the loop.
  Compactor(Store& store, const Clock& clock, Options options)
      : store_(store), clock_(clock), options_(options) {}

  Duration Step() override;

 private:
  struct Sample {
    Duration at;  // Monotonic.
    Revision revision;
  };
  Revision Target(Duration now, Revision current);

  Store& store_;
  const Clock& clock_;
  const Options options_;
  const Log log_{"compactor"};
  // Where the store stood at past steps, oldest first; the first one is the newest that is at least
  // `window` old, once there is one.
  std::deque<Sample> samples_;
  Duration next_ = Duration::zero();
};

}  // namespace skiff
