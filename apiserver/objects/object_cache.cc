#include "apiserver/objects/object_cache.h"

#include <utility>

#include "apiserver/storage/keys.h"
#include "apiserver/storage/record_header.h"
#include "base/at_once.h"

namespace skiff {
namespace {

std::string CacheKey(std::string_view namespace_name, std::string_view name) {
  return std::string(namespace_name) + "/" + std::string(name);
}

std::string CacheKey(const KindInfo& kind, const Record& record) {
  const auto parts = ParseStoreKey(kind.storage_key, record.key);
  return parts ? CacheKey(parts->object_namespace, parts->name) : "";
}

}  // namespace

void ObjectCacheBase::Take(const Record& record, std::string key, Erased known) {
  const auto view = ObjectView::Of(record);
  Erased object = view ? Decode(view->body()) : nullptr;
  // What is encrypted by a key that cannot be had now may be readable soon.
  if (!object && IsUnreadable(record.value)) {
    constexpr Duration kRetry = 1s;
    reload_at_ = pause_->clock().Monotonic() + kRetry;
  }
  if (!object) object = std::move(known);
  if (object) {
    missing_.erase(key);
    objects_[std::move(key)] = std::move(object);
  } else {
    missing_.insert(std::move(key));
  }
}

void ObjectCacheBase::Forget(const std::string& key) {
  objects_.erase(key);
  missing_.erase(key);
}

bool ObjectCacheBase::Reload() {
  const auto page = pause_->List(store_, {.prefix = StorePrefix(kind_.storage_key)});
  if (!page) return false;
  cursor_.reset();
  ++version_;
  reload_at_.reset();
  missing_.clear();
  const auto before = std::exchange(objects_, {});
  for (const RecordPtr& record : page->records) {
    std::string key = CacheKey(kind_, *record);
    const auto known = before.find(key);
    Take(*record, std::move(key), known == before.end() ? nullptr : known->second);
  }
  is_whole_ = missing_.empty();
  // Nobody is woken: a lookup asks.
  auto cursor = store_.Watch(StorePrefix(kind_.storage_key), page->revision, [] {});
  if (!cursor) return true;
  cursor_ = std::move(*cursor);
  seen_ = page->revision;
  return true;
}

bool ObjectCacheBase::TakeEvents(ReadPatience& patience) {
  const auto take = [this](const Event& event) REQUIRES(mutex_) {
    ++version_;
    const std::string key = CacheKey(kind_, *event.record);
    if (event.kind == Event::Kind::kDelete) return Forget(key);
    const auto known = objects_.find(key);
    Take(*event.record, key, known == objects_.end() ? nullptr : known->second);
  };
  const bool read = ReadThrough(*cursor_, store_.Current(), take, patience);
  is_whole_ = missing_.empty();
  return read;
}

void ObjectCacheBase::CatchUp() {
  ReadPatience patience;
  CatchUp(patience);
}

void ObjectCacheBase::CatchUp(ReadPatience& patience) {
  const Revision current = store_.Current();
  const bool reload_is_due = reload_at_ && pause_->clock().Monotonic() >= *reload_at_;
  if (reload_is_due && MayWait() && Reload()) return;
  if (cursor_ && seen_ == current) return;
  if (cursor_ && TakeEvents(patience)) {
    seen_ = current;
    return;
  }
  if (!MayWait()) return;
  cursor_.reset();
  (void)Reload();  // What was known holds on.
}

ObjectCacheBase::Erased ObjectCacheBase::FindErased(std::string_view namespace_name,
                                                    std::string_view name) {
  const PatientLock lock(mutex_);
  if (!lock) return nullptr;
  CatchUp();
  const auto found = objects_.find(CacheKey(namespace_name, name));
  return found == objects_.end() ? nullptr : found->second;
}

Result<ObjectCacheBase::Erased> ObjectCacheBase::FindOrReadErased(std::string_view namespace_name,
                                                                  std::string_view name) {
  if (Erased known = FindErased(namespace_name, name)) return known;
  const auto record = store_.Get(StoreKey(kind_.storage_key, namespace_name, name));
  if (!record && record.error().reason == Reason::kNotFound) return nullptr;
  if (!record) return Fail(record.error());
  const ObjectView view = TRY(ObjectView::Of(**record));
  return Decode(view.body());
}

uint64_t ObjectCacheBase::Version() {
  ReadPatience patience;
  return Version(patience);
}

uint64_t ObjectCacheBase::Version(ReadPatience& patience) {
  const PatientLock lock(mutex_);
  if (!lock) return 0;
  CatchUp(patience);
  return version_;
}

void ObjectCacheBase::CollectErased(std::string_view prefix, std::vector<Erased>& out,
                                    bool* is_whole) {
  const PatientLock lock(mutex_);
  if (!lock) return;
  CatchUp();
  if (is_whole != nullptr) *is_whole = cursor_ && missing_.empty();
  for (auto at = objects_.lower_bound(prefix); at != objects_.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    out.push_back(at->second);
  }
}

}  // namespace skiff
