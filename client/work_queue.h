// Keys to work on. A key that is added while it waits is there once; one that is added while it is
// worked on comes back after Done. So a key is never worked on twice at once, and no change is
// lost.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/mutex.h"
#include "client/object_key.h"
#include "client/queue_times.h"

namespace skiff {

// Thread-safe.
class WorkQueue {
 public:
  // Failures of a key are retried after first_delay * 2^n, at most max_delay.
  struct Retry {
    Duration first_delay = 5ms;
    Duration max_delay = 1000s;
    // After so many the Manager leaves a key that the server refuses until its object changes; 0:
    // it never does.
    int tries_max = 0;
  };
  explicit WorkQueue(const Clock& clock) : WorkQueue(clock, Retry{}) {}
  WorkQueue(const Clock& clock, Retry retry) : clock_(clock), retry_(retry) {}

  void Add(const ObjectKey& key);
  // The earlier of two delayed adds wins.
  void AddAfter(const ObjectKey& key, Duration delay);
  // AddAfter with the next back-off of the key.
  void AddRateLimited(const ObjectKey& key);
  // Resets the back-off of the key.
  void Forget(const ObjectKey& key);
  int Failures(const ObjectKey& key) const;

  // The next key, oldest first; nullopt when none is due. Call Done when finished with it.
  std::optional<ObjectKey> Take();
  // The same; when there is none, `idle` is woken once by the next Add.
  std::optional<ObjectKey> TakeOrWait(ControlLoop& idle);
  void Done(const ObjectKey& key);

  // How long until the next delayed key is due; 0 when a key is ready, kNever when there is none.
  Duration UntilNext() const;
  size_t size() const;
  // For metrics. Totals since the start; `depth` and what goes on are of now.
  struct Counts {
    uint64_t depth = 0;
    uint64_t adds = 0;
    uint64_t retries = 0;
    QueueTimes waited;         // From the first Add to Take.
    QueueTimes worked;         // From Take to Done.
    Duration going_on{};       // Of all that is worked on, together,
    Duration going_longest{};  // and of that which is for longest.
  };
  Counts counts() const;

 private:
  void AddLocked(const ObjectKey& key) REQUIRES(mutex_);
  std::optional<ObjectKey> TakeLocked() REQUIRES(mutex_);
  void PromoteDue() REQUIRES(mutex_);
  // Wakes a loop that waits; called without the lock.
  void WakeOne();

  const Clock& clock_;
  const Retry retry_;
  mutable Mutex mutex_;
  std::deque<ObjectKey> order_ GUARDED_BY(mutex_);  // Ready, oldest first.
  // Ready, or to come back after Done; since when.
  std::map<ObjectKey, Duration> dirty_ GUARDED_BY(mutex_);
  std::map<ObjectKey, Duration> processing_ GUARDED_BY(mutex_);    // Since when.
  std::multimap<Duration, ObjectKey> delayed_ GUARDED_BY(mutex_);  // By monotonic due time.
  std::map<ObjectKey, Duration> due_ GUARDED_BY(mutex_);           // The same by key.
  std::map<ObjectKey, int> failures_ GUARDED_BY(mutex_);
  std::vector<ControlLoop*> idle_ GUARDED_BY(mutex_);
  uint64_t adds_ GUARDED_BY(mutex_) = 0;
  uint64_t retries_ GUARDED_BY(mutex_) = 0;
  QueueTimes waited_ GUARDED_BY(mutex_), worked_ GUARDED_BY(mutex_);
};

}  // namespace skiff
