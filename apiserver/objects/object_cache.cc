#include "apiserver/objects/object_cache.h"

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

// What is encrypted by a key that cannot be had now may be readable soon.
void ObjectCacheBase::NoteUnreadable(const Record& record) {
  if (!IsUnreadable(record.value)) return;
  constexpr auto kRetry = std::chrono::seconds(1);
  reload_at_ = std::chrono::steady_clock::now() + kRetry;
}

void ObjectCacheBase::Reload() {
  const auto page = store_.List({.prefix = StorePrefix(kind_.storage_key)});
  if (!page) return;
  ++version_;
  reload_at_.reset();
  objects_.clear();
  for (const RecordPtr& record : page->records) {
    const auto view = ObjectView::Of(*record);
    if (!view) {
      NoteUnreadable(*record);
      continue;
    }
    if (Erased object = Decode(view->body())) objects_[CacheKey(kind_, *record)] = object;
  }
  // Nobody is woken: a lookup asks.
  auto cursor = store_.Watch(StorePrefix(kind_.storage_key), page->revision, [] {});
  if (!cursor) return;
  cursor_ = std::move(*cursor);
  seen_ = page->revision;
}

bool ObjectCacheBase::TakeEvents(ReadPatience& patience) {
  const auto take = [this](const Event& event) REQUIRES(mutex_) {
    ++version_;
    const std::string key = CacheKey(kind_, *event.record);
    if (event.kind == Event::Kind::kDelete) {
      objects_.erase(key);
      return;
    }
    const auto view = ObjectView::Of(*event.record);
    if (!view) NoteUnreadable(*event.record);
    Erased object = view ? Decode(view->body()) : nullptr;
    if (object) objects_[key] = std::move(object);
  };
  return ReadThrough(*cursor_, store_.Current(), take, patience);
}

void ObjectCacheBase::CatchUp() {
  ReadPatience patience;
  CatchUp(patience);
}

void ObjectCacheBase::CatchUp(ReadPatience& patience) {
  const Revision current = store_.Current();
  if (reload_at_ && MayWait() && std::chrono::steady_clock::now() >= *reload_at_) {
    cursor_.reset();
    return Reload();
  }
  if (cursor_ && seen_ == current) return;
  if (cursor_ && TakeEvents(patience)) {
    seen_ = current;
    return;
  }
  if (!MayWait()) return;
  cursor_.reset();
  Reload();
}

ObjectCacheBase::Erased ObjectCacheBase::FindErased(std::string_view namespace_name,
                                                    std::string_view name) {
  const PatientLock lock(mutex_);
  if (!lock) return nullptr;
  CatchUp();
  const auto found = objects_.find(CacheKey(namespace_name, name));
  return found == objects_.end() ? nullptr : found->second;
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

void ObjectCacheBase::CollectErased(std::string_view prefix, std::vector<Erased>& out) {
  const PatientLock lock(mutex_);
  if (!lock) return;
  CatchUp();
  for (auto at = objects_.lower_bound(prefix); at != objects_.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    out.push_back(at->second);
  }
}

}  // namespace skiff
