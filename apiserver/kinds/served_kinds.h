// The kinds of this moment and what is served of them. A request takes them once, when it comes,
// and keeps them for as long as it lasts; so does a watch. Who looks at the old ones while they
// change goes on as it began.
#pragma once

#include <memory>

#include "api/registry.h"
#include "apiserver/request/routes.h"

namespace skiff {

// Immutable, so any thread may look.
struct Served {
  explicit Served(std::shared_ptr<const KindSet> set)
      : kinds(std::move(set)), routes({kinds->kinds().begin(), kinds->kinds().end()}) {}
  const std::shared_ptr<const KindSet> kinds;
  const RouteTable routes;
};

// Thread-safe.
class ServedKinds {
 public:
  ServedKinds() { Set({}); }

  std::shared_ptr<const Served> Now() const {
    MutexLock lock(mutex_);
    return now_;
  }
  // Replaces all kinds made at run time.
  void Set(RuntimeKinds kinds) {
    registry_.SetRuntimeKinds(std::move(kinds));
    auto next = std::make_shared<const Served>(registry_.Now());
    MutexLock lock(mutex_);
    now_.swap(next);
  }

 private:
  Registry registry_;
  mutable Mutex mutex_;
  std::shared_ptr<const Served> now_ GUARDED_BY(mutex_);
};

}  // namespace skiff
