// A cache of part of a collection, with its own watch: pods of one node, one request. The factory's
// caches hold whole collections.
//
//   ScopedInformer<core_v1::Pod> pods({client, clock, random},
//                                     {.field_selector = "spec.nodeName=n1"});
//   pods.informer().OnChange(...);
//   pods.Start(executor);
#pragma once

#include <functional>
#include <memory>

#include "client/informer.h"

namespace skiff {

template <Kind K>
class ScopedInformer {
 public:
  ScopedInformer(Reflector::Dependencies dependencies, const ListOptions& scope)
      : cache_(dependencies, K::Info(), scope, &DecodeCached<K>) {}
  ~ScopedInformer() { Stop(); }
  Informer<K> informer() { return Informer<K>(cache_); }
  // The executor outlives it, or Stop is called before.
  void Start(Executor& executor) {
    executor_ = &executor;
    cache_.Start(executor);
  }
  void Stop() {
    if (executor_ != nullptr) cache_.Stop(*executor_);
    executor_ = nullptr;
  }

 private:
  InformerCache cache_;
  Executor* executor_ = nullptr;
};

// Waits until an object within the scope is as it should be; nullptr after `timeout`. Blocks.
template <Kind K>
Ptr<K> WaitForObject(Reflector::Dependencies dependencies, const ListOptions& scope,
                     std::function<bool(const K&)> is_right, Duration timeout) {
  Mutex mutex;
  CondVar changed;
  Ptr<K> found;  // Guarded by `mutex`.
  ScopedInformer<K> watched(dependencies, scope);
  watched.informer().OnChange([&](const Ptr<K>&, const Ptr<K>& now) {
    if (!now || !is_right(*now)) return;
    const MutexLock lock(mutex);
    found = now;
    changed.notify_all();
  });
  ThreadExecutor executor("wait", 1);
  watched.Start(executor);
  {
    MutexLock lock(mutex);
    changed.wait_for(lock, timeout, [&] { return found != nullptr; });
  }
  watched.Stop();
  return found;
}

}  // namespace skiff
