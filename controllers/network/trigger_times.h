// When that happened which changes a Service's endpoints: proxies measure by it how long a change
// takes to reach them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/mutex.h"
#include "client/informer.h"

namespace skiff {

// Thread-safe, but for two calls at once about the same Service.
class TriggerTimes {
 public:
  // The oldest of what is new since the last call for this Service: that a pod became ready or
  // ceased to be, and the Service's own creation; nothing but the latter where there was no call
  // before. nullopt when nothing is new. What was returned and not said to be written counts as
  // new. `pods` that the Service selects, in the order of names.
  std::optional<Time> SinceLast(const core_v1::Service& service,
                                const std::vector<Ptr<core_v1::Pod>>& pods);
  // What the last call returned has been written, or there was nothing to write.
  void Written(const ObjectKey& service);
  // The Service is gone.
  void Forget(const ObjectKey& service);

 private:
  struct Seen {
    std::string pod;
    Time at;
  };
  struct State {
    Time created;
    std::vector<Seen> pods;  // In the order of names.
    std::optional<Time> unwritten;
  };
  Mutex mutex_;
  std::map<ObjectKey, State> states_ GUARDED_BY(mutex_);
};

// Says in what is about to be written when its cause was, or takes away what it says of another.
void SetTriggerTime(meta_v1::ObjectMeta& metadata, const std::optional<Time>& time);

inline constexpr std::string_view kTriggerTime = "endpoints.kubernetes.io/last-change-trigger-time";

}  // namespace skiff
