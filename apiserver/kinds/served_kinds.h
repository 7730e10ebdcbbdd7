// The kinds of this moment and what is served of them. A request takes them once, when it comes,
// and keeps them for as long as it lasts; who looks at the old ones while they change goes on as he
// began. A watch, which may last for an hour, keeps its own kind alone.
#pragma once

#include <memory>

#include "api/registry.h"
#include "apiserver/request/routes.h"

namespace skiff {

// Immutable, so any thread may look.
struct Served {
  explicit Served(std::shared_ptr<const KindSet> set)
      : kinds(std::move(set)), routes({kinds->kinds().begin(), kinds->kinds().end()}) {}
  // `set` is that of `before`, changed in that way.
  Served(const Served& before, std::shared_ptr<const KindSet> set, const RuntimeKinds& gone,
         const RuntimeKinds& added)
      : kinds(std::move(set)), routes(before.routes, *kinds, gone, added) {}
  const std::shared_ptr<const KindSet> kinds;
  const RouteTable routes;
};

// Thread-safe.
class ServedKinds {
 public:
  // `built_in`: those that are served whatever definitions there are.
  explicit ServedKinds(std::span<const KindInfo* const> built_in = BuiltInKinds())
      : registry_(built_in) {
    Set({});
  }

  std::shared_ptr<const Served> Now() const {
    MutexLock lock(mutex_);
    return now_;
  }
  // Replaces all kinds made at run time.
  void Set(const RuntimeKinds& kinds) {
    const MutexLock turn(changing_);
    registry_.SetRuntimeKinds(kinds);
    Publish(std::make_shared<const Served>(registry_.Now()));
  }
  // Replaces some of them.
  void Change(const RuntimeKinds& gone, const RuntimeKinds& added) {
    const MutexLock turn(changing_);
    registry_.ChangeRuntimeKinds(gone, added);
    Publish(std::make_shared<const Served>(*Now(), registry_.Now(), gone, added));
  }

 private:
  void Publish(std::shared_ptr<const Served> next) {
    MutexLock lock(mutex_);
    now_.swap(next);
  }

  Registry registry_;
  Mutex changing_;  // One change after the other.
  mutable Mutex mutex_;
  std::shared_ptr<const Served> now_ GUARDED_BY(mutex_);
};

}  // namespace skiff
