// Takes old versions away, so that the store holds the objects and a window of their history.
//
// The window reaches back `window` in time, and watches resume within it, across restarts too.
// `revisions_max` bounds it against a storm of writes. Lists in pages go on for one period, and for
// two at most, as with kube-apiserver and its etcd, however long the window is: whoever takes
// longer is told so (410), with the token by which it goes on all the same.
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
  void ExpirePages(Duration now);

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
