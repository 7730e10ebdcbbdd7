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
  return FindLocked(modified);
}

std::vector<RecordPtr> RecordCache::FindMany(std::span<const Revision> modified) {
  std::vector<RecordPtr> found;
  found.reserve(modified.size());
  MutexLock lock(mutex_);
  for (const Revision revision : modified) found.push_back(FindLocked(revision));
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

void RecordCache::Erase(Revision modified) {
  RecordPtr erased;  // Let go of after the lock.
  MutexLock lock(mutex_);
  const auto found = records_.find(modified.value);
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

RecordPtr RecordCache::FindLocked(Revision modified) {
  const auto found = records_.find(modified.value);
  if (found == records_.end()) return nullptr;
  order_.splice(order_.begin(), order_, found->second);
  found->second->used = age_;
  return found->second->record;
}

void RecordCache::InsertLocked(const RecordPtr& record) {
  if (IsUnreadable(record->value)) return;  // Perhaps it can be read the next time.
  const auto [place, inserted] = records_.try_emplace(record->modified.value);
  if (!inserted) return;
  order_.push_front({record, age_});
  place->second = order_.begin();
  bytes_ += RecordBytes(*record);
}

void RecordCache::EvictOldest() {
  const RecordPtr& oldest = order_.back().record;
  bytes_ -= RecordBytes(*oldest);
  records_.erase(oldest->modified.value);
  order_.pop_back();
}

}  // namespace skiff
