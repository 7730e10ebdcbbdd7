// What pods refer to (config maps, secrets, claims, volumes, runtime classes, tokens), asked of the
// API each time, and kept: while the API does not answer, pods go on with what it said last. Only
// its word that an object is gone makes it be forgotten.
//
// Where the process has a cache of ConfigMaps, to which nearly every pod refers by its token, those
// are taken from there, as a kubelet takes them from its watches; the API is asked for what is not
// in it yet.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/node_v1.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "client/client.h"
#include "client/informer.h"

namespace skiff::kubelet {

// Thread-safe; a look-up blocks for a request.
class KeptObjects {
 public:
  // So long after a request was not answered, what is kept answers without another one: a pod that
  // refers to many objects would wait for the time-out of each. An answer that says no starts no
  // such time: the API is there, and one pod's trouble is none of the others'.
  static constexpr Duration kHold = 5s;
  // So long a token is handed out again. By a clock that is far ahead each one is stale as it
  // comes, and its pod asks for the next one whenever it looks.
  static constexpr Duration kTokenPause = 1min;

  KeptObjects(Client& client, const Clock& clock,
              std::optional<Informer<core_v1::ConfigMap>> config_map_cache = std::nullopt)
      : client_(client), clock_(clock), config_map_cache_(config_map_cache) {}

  // `K` is ConfigMap, Secret, PersistentVolumeClaim, PersistentVolume or RuntimeClass. kNotFound
  // only when the API said so.
  template <Kind K>
  Result<Ptr<K>> Get(const std::string& namespace_, const std::string& name);
  // A token of the pod's service account, bound to the pod. One whose time is over is not kept.
  Result<std::string> Token(const core_v1::Pod& pod, const std::string& audience,
                            int64_t expiration_seconds);
  // Only what these pods refer to is kept.
  void Retain(const std::vector<Ptr<core_v1::Pod>>& pods);
  size_t size() const;

 private:
  struct KeptToken {
    std::string token;
    Duration asked_at{};  // Monotonic.
    TimePoint expires_at{};
  };
  using TokenKey = std::tuple<std::string, std::string, int64_t>;  // Pod uid, audience, life.
  template <Kind K>
  std::map<ObjectKey, Ptr<K>>& Store() REQUIRES(mutex_);
  // After a request that failed: what is kept answers for a while, if it was not answered.
  void HoldAfter(const Error& error) REQUIRES(mutex_);
  Result<KeptToken> RequestToken(const core_v1::Pod& pod, const std::string& audience,
                                 int64_t expiration_seconds);

  Client& client_;
  const Clock& clock_;
  const std::optional<Informer<core_v1::ConfigMap>> config_map_cache_;
  mutable Mutex mutex_;  // Not held during requests.
  std::map<ObjectKey, Ptr<core_v1::ConfigMap>> config_maps_ GUARDED_BY(mutex_);
  std::map<ObjectKey, Ptr<core_v1::Secret>> secrets_ GUARDED_BY(mutex_);
  std::map<ObjectKey, Ptr<core_v1::PersistentVolumeClaim>> claims_ GUARDED_BY(mutex_);
  std::map<ObjectKey, Ptr<core_v1::PersistentVolume>> volumes_ GUARDED_BY(mutex_);
  std::map<ObjectKey, Ptr<node_v1::RuntimeClass>> runtime_classes_ GUARDED_BY(mutex_);
  std::map<TokenKey, KeptToken> tokens_ GUARDED_BY(mutex_);
  Duration held_until_ GUARDED_BY(mutex_){};  // Monotonic.
};

}  // namespace skiff::kubelet
