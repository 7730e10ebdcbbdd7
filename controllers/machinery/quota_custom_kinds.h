// The custom kinds whose objects quotas count ("count/things.a.io"), and how many of them there
// are.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "api/gen/core_v1.h"
#include "base/mutex.h"
#include "controllers/machinery/custom_kind_watches.h"
#include "controllers/machinery/quota_plan.h"

namespace skiff {

// Thread-safe.
class QuotaCustomKinds final : public CustomKindsUser {
 public:
  // What it tells of, by the name that quotas use. Must not block.
  struct Listener {
    std::function<void(const std::string& space, const std::string& name)> less;
    // All objects of the kind are known from now on, or it is known that there is no such kind, or
    // it is not watched any more.
    std::function<void(const std::string& name)> known;
  };
  // Before the start.
  void Tell(Listener listener) { listener_ = std::move(listener); }

  // What the quota of that key limits now; null: it is gone. Returns whether other kinds are named
  // than before.
  bool Follow(const ObjectKey& key, const core_v1::ResourceQuota* quota);
  // nullopt: nobody watches such a kind. Conflict, which is tried again in silence: not all of its
  // objects are known yet.
  Result<std::optional<int64_t>> CountIn(const std::string& space,
                                         const CountedResource& counted) const;

  bool Needs(const Resource& resource) override;
  void Watch(InformerCache& cache) override;
  void Forget(const Resource& resource, bool is_empty) override;
  void SawDefinitions() override;

 private:
  Listener listener_;
  bool saw_definitions_ = false;
  // Held while objects of a cache are counted, so that none goes meanwhile: InformerCache's is the
  // inner one.
  mutable Mutex mutex_;
  std::map<CountedResource, InformerCache*> caches_ GUARDED_BY(mutex_);
  std::map<ObjectKey, std::set<CountedResource>> named_by_ GUARDED_BY(mutex_);
  std::map<CountedResource, int> named_ GUARDED_BY(mutex_);  // By how many quotas.
};

}  // namespace skiff
