// When objects that could not be settled are tried again: each for itself, ever more rarely, and
// what the server refuses again and again not any more. The others need not wait for it.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"
#include "client/object_key.h"

namespace skiff {

// Times are those of the monotonic clock.
class RetryPlan {
 public:
  // Retries of a version that is refused, as kube-controller-manager has it for token Secrets.
  static constexpr int kRetriesMax = 10;
  enum class Failure {
    kRefused,     // By a server that has looked at it.
    kUnanswered,  // Counts for nothing.
  };

  // Whether it is the object's turn. A version that was not tried yet is due at once.
  bool IsDue(const ObjectKey& key, const std::string& version, Duration now) const;
  // Whether it is tried again as long as the version stays.
  bool Failed(const ObjectKey& key, const std::string& version, Duration now, Failure failure);
  // It was settled, or is gone.
  void Forget(const ObjectKey& key) { attempts_.erase(key); }
  // From `now` until somebody is due; kNever when nobody is by waiting.
  Duration UntilNext(Duration now) const;

 private:
  struct Attempts {
    std::string version;
    Duration delay;
    Duration due;  // kNever: of this version no more.
    int refusals = 0;
  };
  std::map<ObjectKey, Attempts> attempts_;
};

}  // namespace skiff
