#include "controllers/machinery/quota_custom_kinds.h"

#include <utility>

namespace skiff {
namespace {

CountedResource CountedOf(const Resource& resource) {
  return {resource.name, resource.Group()};
}

// No custom kind is without a group.
std::set<CountedResource> CustomNamesOf(const core_v1::ResourceQuota& quota) {
  std::set<CountedResource> names;
  for (const auto& [name, limit] : quota.spec.hard) {
    if (PartOf(name) != QuotaPart::kNumbers) continue;
    CountedResource counted = CountedBy(name);
    if (!counted.group.empty()) names.insert(std::move(counted));
  }
  return names;
}

}  // namespace

bool QuotaCustomKinds::Follow(const ObjectKey& key, const core_v1::ResourceQuota* quota) {
  auto names = quota == nullptr ? std::set<CountedResource>() : CustomNamesOf(*quota);
  const MutexLock lock(mutex_);
  const auto before = named_by_.find(key);
  if (before == named_by_.end() ? names.empty() : before->second == names) return false;
  for (const CountedResource& counted : names) ++named_[counted];
  if (before != named_by_.end()) {
    for (const CountedResource& counted : before->second) {
      if (--named_[counted] == 0) named_.erase(counted);
    }
    named_by_.erase(before);
  }
  if (!names.empty()) named_by_[key] = std::move(names);
  return true;
}

Result<std::optional<int64_t>> QuotaCustomKinds::CountIn(const std::string& space,
                                                         const CountedResource& counted) const {
  const MutexLock lock(mutex_);
  const auto cache = caches_.find(counted);
  if (cache == caches_.end()) return std::optional<int64_t>();
  if (!cache->second->synced()) return Fail(Reason::kConflict, "the cache is not filled yet");
  return std::optional<int64_t>(cache->second->ListIn(space).size());
}

bool QuotaCustomKinds::Needs(const Resource& resource) {
  const MutexLock lock(mutex_);
  return resource.namespaced && named_.contains(CountedOf(resource));
}

void QuotaCustomKinds::Watch(InformerCache& cache) {
  if (!cache.resource().namespaced) return;
  const std::string name = "count/" + NameOfKind(cache.resource());
  cache.OnChange([this, name](const CachedObject& before, const CachedObject& now) {
    if (!before || (now && now.metadata->uid == before.metadata->uid)) return;
    listener_.less(before.metadata->namespace_, name);
  });
  cache.OnSynced([this, name] { listener_.known(name); });
  const MutexLock lock(mutex_);
  caches_[CountedOf(cache.resource())] = &cache;
}

void QuotaCustomKinds::Forget(const Resource& resource, bool) {
  {
    const MutexLock lock(mutex_);
    caches_.erase(CountedOf(resource));
  }
  // Quotas that still name it ask for a kind that is gone, whatever its definition said last.
  listener_.known("count/" + NameOfKind(resource));
}

void QuotaCustomKinds::SawDefinitions() {
  if (std::exchange(saw_definitions_, true)) return;
  std::vector<std::string> names;
  {
    const MutexLock lock(mutex_);
    for (const auto& [counted, quotas] : named_) {
      names.push_back("count/" + counted.resource + "." + counted.group);
    }
  }
  for (const std::string& name : names) listener_.known(name);
}

}  // namespace skiff
