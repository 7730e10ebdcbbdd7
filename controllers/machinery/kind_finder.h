// Kinds that objects name by group and kind, as the targets of autoscalers: built-in ones, and
// those that the server tells of (custom resources, and what other API servers have).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "client/client.h"

namespace skiff {

// Thread-safe. Asks the server what it has at most every kRefreshPeriod.
class KindFinder {
 public:
  static constexpr Duration kRefreshPeriod = 30s;
  KindFinder(Client& client, const Clock& clock) : client_(client), clock_(clock) {}
  // In the version that the server prefers. NotFound in the words of Kubernetes.
  Result<Resource> Find(const std::string& group, const std::string& kind);

 private:
  Client& client_;
  const Clock& clock_;
  Mutex mutex_;  // Held while the server is asked: who comes meanwhile waits for the same answer.
  std::optional<Duration> refreshed_ GUARDED_BY(mutex_);
  std::vector<Resource> served_ GUARDED_BY(mutex_);
};

// The scale of what an object in a namespace names. NotFound, as of any other path that is not
// served, where that kind is in no namespace: who may write in one has no say in what is in none.
Result<Json> ScaleIn(Client& client, const Resource& resource, const ObjectKey& key);

// "apps" of "apps/v1", "" of "v1". Fails as Kubernetes does on more than one slash.
Result<std::string> GroupOfVersion(const std::string& api_version);

}  // namespace skiff
