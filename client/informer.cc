#include "client/informer.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "api/codec/struct_fields.h"

namespace skiff {
namespace {

constexpr std::string_view kControllerIndex = "controller";
constexpr std::string_view kOrphanIndex = "orphan";

ObjectKey KeyOf(const CachedObject& object) {
  return {object.metadata->namespace_, object.metadata->name};
}

std::vector<std::string> ControllerGroup(const CachedObject& object) {
  const meta_v1::OwnerReference* owner = ControllerOf(*object.metadata);
  if (!owner) return {};
  return {ControlledGroup(object.metadata->namespace_, owner->uid)};
}

std::vector<std::string> NamespaceOfOrphan(const CachedObject& object) {
  if (ControllerOf(*object.metadata)) return {};
  return {object.metadata->namespace_};
}

uint64_t ParseRevision(const std::string& text) {
  uint64_t revision = 0;
  const char* end = text.data() + text.size();
  const auto [parsed_to, error] = std::from_chars(text.data(), end, revision);
  return error == std::errc() && parsed_to == end ? revision : 0;
}

}  // namespace

InformerCache::InformerCache(Reflector::Dependencies dependencies, Resource resource,
                             ListOptions scope, Decode decode)
    : resource_(resource),
      decode_(std::move(decode)),
      reflector_(dependencies, resource, std::move(scope), *this) {
  indexes_[std::string(kControllerIndex)] = {ControllerGroup, {}, /*by_owners=*/true};
  indexes_[std::string(kOrphanIndex)] = {NamespaceOfOrphan, {}, /*by_owners=*/true};
}

void InformerCache::Start(Executor& executor) {
  CHECK(!started_.exchange(true));
  executor.Add(reflector_);
}

void InformerCache::Admit() {
  if (!open_.exchange(false)) return;
  const MutexLock telling(telling_);
  const Listeners came = std::exchange(late_, {});
  for (const CachedObject& object : List()) {
    for (const Handler& handler : came.handlers) handler({}, object);
  }
  listeners_.handlers.insert(listeners_.handlers.end(), came.handlers.begin(), came.handlers.end());
  if (synced_) {
    for (const auto& function : came.on_synced) function();
  } else {
    listeners_.on_synced.insert(listeners_.on_synced.end(), came.on_synced.begin(),
                                came.on_synced.end());
  }
}

void InformerCache::OnChange(Handler handler) {
  CHECK(!started_ || open_);
  const MutexLock telling(telling_);
  (started_ ? late_ : listeners_).handlers.push_back(std::move(handler));
}

void InformerCache::OnSynced(std::function<void()> function) {
  CHECK(!started_ || open_);
  const MutexLock telling(telling_);
  (started_ ? late_ : listeners_).on_synced.push_back(std::move(function));
}

void InformerCache::AddIndex(const std::string& name, IndexFunction function) {
  CHECK(!started_ || open_);
  const MutexLock lock(mutex_);
  const auto [added, is_new] =
      indexes_.try_emplace(name, Index{std::move(function), {}, /*by_owners=*/false});
  if (!is_new) return;
  Index& index = added->second;
  for (const auto& [key, object] : objects_) {
    for (const std::string& value : index.function(object)) index.keys[value].insert(key);
  }
}

void InformerCache::AddCounts(const std::string& name, CountFunction function) {
  CHECK(!started_ || open_);
  const MutexLock lock(mutex_);
  const auto [added, is_new] = counts_.try_emplace(name, Counts{std::move(function), {}});
  if (!is_new) return;
  for (const auto& [key, object] : objects_) added->second.Change({}, object);
}

void InformerCache::Counts::Change(const CachedObject& before, const CachedObject& now) {
  const Counted was = before ? function(before) : Counted{};
  const Counted is = now ? function(now) : Counted{};
  if (was.group == is.group && was.sort == is.sort) return;
  Add(was, -1);
  Add(is, 1);
}

void InformerCache::Counts::Add(const Counted& counted, int64_t amount) {
  if (counted.group.empty()) return;
  const auto group = groups.try_emplace(counted.group).first;
  const auto sort = group->second.try_emplace(counted.sort, 0).first;
  sort->second += amount;
  if (sort->second == 0) group->second.erase(sort);
  if (group->second.empty()) groups.erase(group);
}

void InformerCache::HoldWhole(Decode decode, const Type* type) {
  decode_ = std::move(decode);
  type_ = type;
  reflector_.FetchWhole();
  reflector_.TakeStructs(type != nullptr);
}

const CachedObject* InformerCache::Find(const ObjectKey& key) const {
  const auto place = places_.find(&key);
  return place == places_.end() ? nullptr : &place->second->second;
}

CachedObject InformerCache::Get(const ObjectKey& key) const {
  const MutexLock lock(mutex_);
  const CachedObject* found = Find(key);
  return found == nullptr ? CachedObject{} : *found;
}

void InformerCache::Wrote(const meta_v1::ObjectMeta& metadata) {
  const uint64_t revision = ParseRevision(metadata.resource_version);
  const MutexLock lock(mutex_);
  if (revision <= revision_) return;
  uint64_t& newest = ahead_[{metadata.namespace_, metadata.name}];
  newest = std::max(newest, revision);
}

bool InformerCache::ShowsWritesOf(const ObjectKey& key) const {
  const MutexLock lock(mutex_);
  const auto found = ahead_.find(key);
  return found == ahead_.end() || found->second <= revision_;
}

std::vector<CachedObject> InformerCache::List() const {
  const MutexLock lock(mutex_);
  std::vector<CachedObject> all;
  all.reserve(objects_.size());
  for (const auto& [key, object] : objects_) all.push_back(object);
  return all;
}

std::vector<CachedObject> InformerCache::ListIn(const std::string& namespace_) const {
  const MutexLock lock(mutex_);
  std::vector<CachedObject> some;
  for (auto it = objects_.lower_bound({namespace_, ""});
       it != objects_.end() && it->first.namespace_ == namespace_; ++it) {
    some.push_back(it->second);
  }
  return some;
}

std::vector<CachedObject> InformerCache::ByIndex(const std::string& index,
                                                 const std::string& value) const {
  const MutexLock lock(mutex_);
  std::vector<CachedObject> some;
  const auto found = indexes_.find(index);
  CHECK(found != indexes_.end());
  const auto keys = found->second.keys.find(value);
  if (keys == found->second.keys.end()) return some;
  some.reserve(keys->second.size());
  for (const ObjectKey& key : keys->second) some.push_back(*Find(key));
  return some;
}

InformerCache::CountsAndSome InformerCache::CountsOf(const std::string& name,
                                                     const std::string& group,
                                                     const std::set<ObjectKey>& keys) const {
  CountsAndSome result;
  const MutexLock lock(mutex_);
  result.revision = revision_;
  const auto counts = counts_.find(name);
  CHECK(counts != counts_.end());
  const auto found = counts->second.groups.find(group);
  if (found != counts->second.groups.end()) result.counts = found->second;
  for (const ObjectKey& key : keys) {
    if (const CachedObject* object = Find(key)) result.some.push_back(*object);
  }
  return result;
}

std::vector<CachedObject> InformerCache::ControlledBy(const std::string& namespace_,
                                                      const std::string& uid) const {
  return ByIndex(std::string(kControllerIndex), ControlledGroup(namespace_, uid));
}

std::vector<CachedObject> InformerCache::OrphansIn(const std::string& namespace_) const {
  return ByIndex(std::string(kOrphanIndex), namespace_);
}

size_t InformerCache::size() const {
  const MutexLock lock(mutex_);
  return objects_.size();
}

void InformerCache::Replace(std::vector<RawJson> items, const std::string& resource_version) {
  const MutexLock telling(telling_);
  std::set<ObjectKey> gone;
  for (const CachedObject& object : List()) gone.insert(KeyOf(object));
  // All are in the cache before the first handler hears of any.
  std::vector<std::pair<CachedObject, CachedObject>> changes;
  for (const RawJson& item : items) {
    auto decoded = decode_(item.Text());
    if (!decoded) {
      log_.Error("object unreadable",
                 {{"resource", resource_.name}, {"error", decoded.error().message}});
      continue;
    }
    gone.erase(KeyOf(*decoded));
    const MutexLock lock(mutex_);
    CachedObject before = Exchange(KeyOf(*decoded), *decoded);
    changes.emplace_back(std::move(before), std::move(*decoded));
  }
  for (const ObjectKey& key : gone) {
    const MutexLock lock(mutex_);
    changes.emplace_back(Exchange(key, {}), CachedObject{});
  }
  {
    const MutexLock lock(mutex_);
    // Of a store that was put back to an earlier state nothing is to be waited for.
    if (ParseRevision(resource_version) < revision_) ahead_.clear();
    SawRevision(resource_version);
    std::erase_if(ahead_, [this](const auto& written) { return written.second <= revision_; });
  }
  for (const auto& [before, now] : changes) {
    // An object that was deleted and made again between two lists is told as just that.
    if (before && now && before.metadata->uid != now.metadata->uid) {
      Tell(before, {});
      Tell({}, now);
    } else if (!before || !now ||
               before.metadata->resource_version != now.metadata->resource_version) {
      Tell(before, now);
    }
  }
  if (synced_.exchange(true)) return;
  for (const auto& function : listeners_.on_synced) function();
}

Result<CachedObject> InformerCache::Read(WatchEvent& event) const {
  if (!event.handed) return decode_(event.object.Text());
  CHECK(event.handed_type == type_);
  const Field* field = type_->Find("metadata");
  CHECK(field != nullptr);
  const auto* metadata =
      static_cast<const meta_v1::ObjectMeta*>(MemberOf(event.handed.get(), *field));
  return CachedObject{std::move(event.handed), metadata};
}

void InformerCache::Apply(WatchEvent event) {
  if (event.type == WatchEvent::Type::kBookmark) {
    SawRevision(ResourceVersionOf(event.object.Text()));
    return;
  }
  auto decoded = Read(event);
  if (!decoded) {
    log_.Error("object unreadable",
               {{"resource", resource_.name}, {"error", decoded.error().message}});
    return;
  }
  const bool deleted = event.type == WatchEvent::Type::kDeleted;
  const MutexLock telling(telling_);
  CachedObject before;
  const ObjectKey key = KeyOf(*decoded);
  {
    const MutexLock lock(mutex_);
    before = Exchange(key, deleted ? CachedObject{} : *decoded);
    SawRevision(decoded->metadata->resource_version);
    const auto ahead = ahead_.find(key);
    if (ahead != ahead_.end() && ahead->second <= revision_) ahead_.erase(ahead);
  }
  if (deleted) {
    // The last state the server knew, which may be newer than the cached one.
    Tell(*decoded, {});
  } else if (before && before.metadata->uid != decoded->metadata->uid) {
    Tell(before, {});
    Tell({}, *decoded);
  } else {
    Tell(before, *decoded);
  }
}

CachedObject InformerCache::Exchange(const ObjectKey& key, CachedObject now) {
  const auto place = places_.find(&key);
  const bool is_there = place != places_.end();
  CachedObject before = is_there ? place->second->second : CachedObject{};
  const bool keeps_owners =
      before && now && before.metadata->owner_references == now.metadata->owner_references;
  for (auto& [name, index] : indexes_) {
    if (keeps_owners && index.by_owners) continue;
    const auto was = before ? index.function(before) : std::vector<std::string>();
    const auto is = now ? index.function(now) : std::vector<std::string>();
    if (before && now && was == is) continue;  // Of most changes of an object.
    for (const std::string& value : was) {
      const auto keys = index.keys.find(value);
      if (keys == index.keys.end()) continue;
      keys->second.erase(key);
      if (keys->second.empty()) index.keys.erase(keys);
    }
    for (const std::string& value : is) index.keys[value].insert(key);
  }
  for (auto& [name, counts] : counts_) counts.Change(before, now);
  if (is_there && now) {
    place->second->second = std::move(now);
  } else if (is_there) {
    const Objects::iterator object = place->second;
    places_.erase(place);
    objects_.erase(object);
  } else if (now) {
    const Objects::iterator object = objects_.emplace(key, std::move(now)).first;
    places_.emplace(&object->first, object);
  }
  return before;
}

void InformerCache::Tell(const CachedObject& before, const CachedObject& now) const {
  for (const Handler& handler : listeners_.handlers) handler(before, now);
}

void InformerCache::SawRevision(const std::string& resource_version) {
  const uint64_t revision = ParseRevision(resource_version);
  if (revision > revision_) revision_ = revision;
}

uint64_t WrittenRevision(const meta_v1::ObjectMeta& metadata) {
  return ParseRevision(metadata.resource_version);
}

InformerCache& InformerFactory::Metadata(const Resource& resource) {
  return Cache(
      resource,
      [](std::string_view text) -> Result<CachedObject> {
        auto object = std::make_shared<meta_v1::PartialObjectMetadata>();
        TRY(DecodeStruct(meta_v1::PartialObjectMetadata::Describe(), text, FieldValidation::kIgnore,
                         object.get()));
        DropOwners(object->metadata);
        const meta_v1::ObjectMeta* inside = &object->metadata;
        return CachedObject{std::move(object), inside};
      },
      nullptr);
}

InformerCache& InformerFactory::Cache(const Resource& resource, InformerCache::Decode decode,
                                      const Type* type) {
  const MutexLock lock(mutex_);
  auto& cache = caches_[resource];
  if (!cache) {
    ListOptions scope;
    scope.metadata_only = true;
    cache = std::make_unique<InformerCache>(dependencies_, resource, std::move(scope), decode);
    metadata_only_[cache.get()] = true;
  }
  if (type != nullptr && metadata_only_[cache.get()]) {
    CHECK(!started_.contains(cache.get()));  // All ask before the first one starts.
    cache->HoldWhole(std::move(decode), type);
    metadata_only_[cache.get()] = false;
  }
  return *cache;
}

void InformerFactory::Start(Executor& executor) {
  std::vector<InformerCache*> open;  // None while all run: then one may be stopped meanwhile.
  {
    const MutexLock lock(mutex_);
    executor_ = &executor;
    std::ranges::copy_if(started_, std::back_inserter(open), &InformerCache::is_open);
    for (const auto& [path, cache] : caches_) {
      if (started_.insert(cache.get()).second) cache->Start(executor);
    }
  }
  for (InformerCache* cache : open) cache->Admit();
}

void InformerFactory::Open() {
  const MutexLock lock(mutex_);
  for (InformerCache* cache : started_) cache->Open();
}

// Under the lock throughout: after a Stop in between, all would start a second time. Who came to an
// open cache may not be complete yet, and is let in by Start.
void InformerFactory::StartAdded() {
  const MutexLock lock(mutex_);
  if (executor_ == nullptr) return;
  for (const auto& [path, cache] : caches_) {
    if (started_.insert(cache.get()).second) cache->Start(*executor_);
  }
}

void InformerFactory::Stop() {
  std::set<InformerCache*> started;
  Executor* executor = nullptr;
  {
    const MutexLock lock(mutex_);
    std::swap(started, started_);
    std::swap(executor, executor_);
  }
  for (InformerCache* cache : started) cache->Stop(*executor);
}

void InformerFactory::Stop(InformerCache& cache) {
  Executor* executor = nullptr;
  {
    const MutexLock lock(mutex_);
    if (started_.erase(&cache) > 0) executor = executor_;
  }
  if (executor) cache.Stop(*executor);
  const MutexLock lock(mutex_);
  metadata_only_.erase(&cache);
  caches_.erase(cache.resource());
}

}  // namespace skiff
