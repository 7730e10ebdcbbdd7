// Leases under which keys expire. One lease serves all writes of a while, as etcd is not made for
// one a key.
#pragma once

#include <map>

#include "apiserver/storage/etcd_store_client.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe.
class EtcdLeases {
 public:
  // Keys live up to this much longer than asked for (kube-apiserver's
  // --lease-reuse-duration-seconds), but not more than a twentieth of their time.
  static constexpr Duration kReuseMax = 60s;
  static constexpr int kKeysMax = 1000;  // Of one lease.

  // Both outlive it.
  EtcdLeases(EtcdClient& client, const Clock& clock) : client_(client), clock_(clock) {}

  // A lease that lives at least `ttl` from now.
  Result<int64_t> For(Duration ttl);
  // etcd does not know it any more.
  void Drop(int64_t lease);

 private:
  struct Lease {
    int64_t id;
    Duration usable_until;  // Monotonic.
    int keys;
  };

  EtcdClient& client_;
  const Clock& clock_;
  Mutex mutex_;
  std::map<Duration, Lease> leases_ GUARDED_BY(mutex_);  // By ttl; there are few.
};

}  // namespace skiff
