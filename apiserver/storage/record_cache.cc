#include "apiserver/storage/record_cache.h"

#include "apiserver/storage/record_header.h"

namespace skiff {

size_t RecordBytes(const Record& record) {
  // The node of the list, the entry of the map and the heap's own words.
  constexpr size_t kBookkeeping = 160;
  return sizeof(Record) + kBookkeeping + record.key.capacity() + record.value.capacity();
}

RecordPtr RecordCache::Find(Revision modified) {
  MutexLock lock(mutex_);
  return Use(records_.find(modified.value));
}

RecordPtr RecordCache::Find(Revision modified, std::string_view key) {
  MutexLock lock(mutex_);
  return Use(Place(modified, key));
}

std::vector<RecordPtr> RecordCache::FindMany(std::span<const Revision> modified) {
  std::vector<RecordPtr> found;
  found.reserve(modified.size());
  MutexLock lock(mutex_);
  for (const Revision revision : modified) found.push_back(Use(records_.find(revision.value)));
  return found;
}

std::vector<RecordPtr> RecordCache::FindMany(std::span<const Revision> modified,
                                             const KeyTexts& keys) {
  CHECK(keys.size() == modified.size());
  std::vector<RecordPtr> found;
  found.reserve(modified.size());
  MutexLock lock(mutex_);
  for (size_t i = 0; i < modified.size(); ++i) found.push_back(Use(Place(modified[i], keys[i])));
  return found;
}

void RecordCache::Insert(const RecordPtr& record) {
  Insert(record, clears());
}

uint64_t RecordCache::clears() const {
  MutexLock lock(mutex_);
  return clears_;
}

void RecordCache::Insert(const RecordPtr& record, uint64_t clears) {
  auto attached = record->value.size() <= kAttachedBytesMax ? record->attached.lock() : nullptr;
  std::shared_ptr<const Attached> oldest;  // Let go of after the lock.
  MutexLock lock(mutex_);
  if (clears != clears_) return;
  InsertLocked(record);
  if (attached) attached_.push_back(std::move(attached));
  if (attached_.size() > kAttachedMax) {
    oldest = std::move(attached_.front());
    attached_.pop_front();
  }
  while (bytes_ > bytes_max_) EvictOldest();
}

void RecordCache::InsertIfRoom(const RecordPtr& record, uint64_t clears) {
  MutexLock lock(mutex_);
  if (clears == clears_ && bytes_ + RecordBytes(*record) <= bytes_max_) InsertLocked(record);
}

void RecordCache::Erase(const Record& record) {
  RecordPtr erased;  // Let go of after the lock.
  MutexLock lock(mutex_);
  const auto found = Place(record.modified, record.key);
  if (found == records_.end()) return;
  erased = std::move(found->second->record);
  bytes_ -= RecordBytes(*erased);
  order_.erase(found->second);
  records_.erase(found);
}

void RecordCache::Age() {
  constexpr size_t kSlice = 256;  // Readers wait meanwhile.
  std::deque<std::shared_ptr<const Attached>> attached;
  {
    MutexLock lock(mutex_);
    attached.swap(attached_);
  }
  std::vector<RecordPtr> old;
  do {
    old.clear();
    MutexLock lock(mutex_);
    while (old.size() < kSlice && bytes_ > bytes_max_ / 4 && order_.back().used < age_) {
      old.push_back(order_.back().record);
      EvictOldest();
    }
    if (old.size() < kSlice) ++age_;
  } while (old.size() == kSlice);
}

void RecordCache::Clear() {
  constexpr size_t kSlice = 256;
  {
    MutexLock lock(mutex_);
    ++clears_;
  }
  std::vector<RecordPtr> old;
  do {
    old.clear();
    MutexLock lock(mutex_);
    while (old.size() < kSlice && !order_.empty()) {
      old.push_back(order_.back().record);
      EvictOldest();
    }
  } while (old.size() == kSlice);
}

size_t RecordCache::bytes() const {
  MutexLock lock(mutex_);
  return bytes_;
}

RecordCache::Places::iterator RecordCache::Place(Revision modified, std::string_view key) {
  const auto [first, last] = records_.equal_range(modified.value);
  for (auto at = first; at != last; ++at) {
    if (at->second->record->key == key) return at;
  }
  return records_.end();
}

RecordPtr RecordCache::Use(Places::iterator place) {
  if (place == records_.end()) return nullptr;
  order_.splice(order_.begin(), order_, place->second);
  place->second->used = age_;
  return place->second->record;
}

void RecordCache::InsertLocked(const RecordPtr& record) {
  if (IsUnreadable(record->value)) return;  // Perhaps it can be read the next time.
  if (Place(record->modified, record->key) != records_.end()) return;
  order_.push_front({record, age_});
  records_.emplace(record->modified.value, order_.begin());
  bytes_ += RecordBytes(*record);
}

void RecordCache::EvictOldest() {
  const RecordPtr& oldest = order_.back().record;
  bytes_ -= RecordBytes(*oldest);
  records_.erase(Place(oldest->modified, oldest->key));
  order_.pop_back();
}

}  // namespace skiff
