#include "apiserver/storage/etcd_leases.h"

#include <algorithm>

namespace skiff {

Result<int64_t> EtcdLeases::For(Duration ttl) {
  const Duration now = clock_.Monotonic();
  {
    MutexLock lock(mutex_);
    const auto found = leases_.find(ttl);
    if (found != leases_.end() && now <= found->second.usable_until &&
        found->second.keys < kKeysMax) {
      ++found->second.keys;
      return found->second.id;
    }
  }
  const Duration reuse = std::min(kReuseMax, ttl / 20);
  const auto granted =
      TRY(client_.GrantLease(std::chrono::ceil<std::chrono::seconds>(ttl + reuse)));
  MutexLock lock(mutex_);
  // Two callers may have come here together: one of their leases ends with one key.
  leases_[ttl] = {.id = granted.id(), .usable_until = now + reuse, .keys = 1};
  return granted.id();
}

void EtcdLeases::Drop(int64_t lease) {
  MutexLock lock(mutex_);
  std::erase_if(leases_, [&](const auto& entry) { return entry.second.id == lease; });
}

}  // namespace skiff
