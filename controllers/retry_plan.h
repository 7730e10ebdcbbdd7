// When objects that could not be settled are tried again: each for itself, ever more rarely. One
// that never can be does not keep the server busy, and the others need not wait for it.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"
#include "client/object_key.h"

namespace skiff {

// Times are those of the monotonic clock.
class RetryPlan {
 public:
  // Whether it is the object's turn. A version that was not tried yet is due at once.
  bool IsDue(const ObjectKey& key, const std::string& version, Duration now) const;
  void Failed(const ObjectKey& key, const std::string& version, Duration now);
  // It was settled, or is gone.
  void Forget(const ObjectKey& key) { attempts_.erase(key); }
  // From `now` until somebody is due; kNever when nobody waits.
  Duration UntilNext(Duration now) const;

 private:
  struct Attempts {
    std::string version;
    Duration delay;
    Duration due;
  };
  std::map<ObjectKey, Attempts> attempts_;
};

}  // namespace skiff
