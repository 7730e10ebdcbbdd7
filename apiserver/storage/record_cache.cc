#include "apiserver/storage/record_cache.h"

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
  MutexLock lock(mutex_);
  InsertLocked(record);
  while (bytes_ > bytes_max_) {
    bytes_ -= RecordBytes(*order_.back());
    records_.erase(order_.back()->modified.value);
    order_.pop_back();
  }
}

void RecordCache::InsertIfRoom(const RecordPtr& record) {
  MutexLock lock(mutex_);
  if (bytes_ + RecordBytes(*record) <= bytes_max_) InsertLocked(record);
}

size_t RecordCache::bytes() const {
  MutexLock lock(mutex_);
  return bytes_;
}

RecordPtr RecordCache::FindLocked(Revision modified) {
  const auto found = records_.find(modified.value);
  if (found == records_.end()) return nullptr;
  order_.splice(order_.begin(), order_, found->second);
  return *found->second;
}

void RecordCache::InsertLocked(const RecordPtr& record) {
  const auto [place, inserted] = records_.try_emplace(record->modified.value);
  if (!inserted) return;
  order_.push_front(record);
  place->second = order_.begin();
  bytes_ += RecordBytes(*record);
}

}  // namespace skiff
