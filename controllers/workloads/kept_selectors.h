// The selectors of cached objects, read once for each of them. Whatever happens to a pod, all
// objects of its namespace are asked whether they select it, while all else that is heard of pods
// waits: to read a selector, which may be a megabyte, is a thousand times what it takes to ask it.
#pragma once

#include <map>
#include <memory>
#include <utility>

#include "api/gen/meta_v1.h"
#include "api/select/selector.h"
#include "base/mutex.h"
#include "client/informer.h"

namespace skiff {

// Of objects with a spec.selector of matchLabels and matchExpressions. Thread-safe.
template <Kind K>
class KeptSelectors {
 public:
  // Before the cache of `objects` starts.
  static std::shared_ptr<KeptSelectors> Of(const Informer<K>& objects) {
    std::shared_ptr<KeptSelectors> kept(new KeptSelectors(objects));
    objects.OnChange([kept](const Ptr<K>& before, const Ptr<K>& now) {
      if (before && !now) kept->Forget(KeyOf(*before));
    });
    return kept;
  }
  // Of an object that `objects` has, or had a moment ago. nullptr: it has none, or none that can be
  // read.
  std::shared_ptr<const LabelSelector> Get(const Ptr<K>& object) {
    if (!object->spec.selector) return nullptr;
    const ObjectKey key = KeyOf(*object);
    std::shared_ptr<const LabelSelector> selector = Read(key, object);
    // It went meanwhile, and nobody will say so again.
    if (!objects_.Get(key)) Forget(key);
    return selector;
  }
  // How many have been read that are still there.
  size_t size() const {
    const MutexLock lock(mutex_);
    return kept_.size();
  }

 private:
  struct Kept {
    Ptr<K> object;  // One version of it.
    std::shared_ptr<const LabelSelector> selector;
  };
  explicit KeptSelectors(const Informer<K>& objects) : objects_(objects) {}

  std::shared_ptr<const LabelSelector> Read(const ObjectKey& key, const Ptr<K>& object) {
    const MutexLock lock(mutex_);
    Kept& kept = kept_[key];
    if (kept.object == object) return kept.selector;
    // Most changes are of what an object says of its state.
    const bool is_same = kept.object && kept.object->spec.selector == object->spec.selector;
    kept.object = object;
    if (is_same) return kept.selector;
    auto read = LabelSelector::From(*object->spec.selector);
    kept.selector = read ? std::make_shared<const LabelSelector>(*std::move(read)) : nullptr;
    return kept.selector;
  }
  void Forget(const ObjectKey& key) {
    const MutexLock lock(mutex_);
    kept_.erase(key);
  }

  const Informer<K> objects_;
  mutable Mutex mutex_;
  std::map<ObjectKey, Kept> kept_ GUARDED_BY(mutex_);
};

}  // namespace skiff
