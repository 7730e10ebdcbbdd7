#include "apiserver/storage/rocksdb_write_times.h"

#include <rocksdb/db.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

namespace skiff {
namespace {

constexpr std::string_view kMark = "time";
constexpr size_t kEntryBytes = 8;

std::string EntryNumber(uint64_t number) {
  std::string text(kEntryBytes, '\0');
  for (size_t i = kEntryBytes; i-- > 0; number >>= 8) text[i] = static_cast<char>(number);
  return text;
}

uint64_t EntryNumberIn(std::string_view text) {
  uint64_t number = 0;
  for (const char byte : text) number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

std::string KeyOf(TimePoint at) {
  const int64_t nanoseconds = std::max<int64_t>(0, at.time_since_epoch().count());
  return std::string(kMark) + EntryNumber(static_cast<uint64_t>(nanoseconds));
}

// Behind all of them.
std::string EndKey() {
  return std::string(kMark) + EntryNumber(std::numeric_limits<uint64_t>::max());
}

// What the iterator stands on; nullopt where that is none.
std::optional<WriteTimes::Entry> EntryAt(const rocksdb::Iterator& place) {
  if (!place.Valid()) return std::nullopt;
  const std::string_view key(place.key().data(), place.key().size());
  const std::string_view value(place.value().data(), place.value().size());
  if (!key.starts_with(kMark) || key.size() != kMark.size() + kEntryBytes ||
      value.size() != kEntryBytes) {
    return std::nullopt;
  }
  const auto nanoseconds = static_cast<int64_t>(EntryNumberIn(key.substr(kMark.size())));
  return WriteTimes::Entry{TimePoint(Duration(nanoseconds)), Revision{EntryNumberIn(value)}};
}

std::unique_ptr<rocksdb::Iterator> Walk(const WriteTimes::Place& place) {
  return std::unique_ptr<rocksdb::Iterator>(
      place.db->NewIterator(rocksdb::ReadOptions(), place.family));
}

}  // namespace

rocksdb::Status WriteTimes::Load(const Place& place) {
  const auto last = Walk(place);
  last->SeekForPrev(EndKey());
  const auto entry = EntryAt(*last);
  newest_ = entry ? entry->at : TimePoint{};
  return last->status();
}

rocksdb::Status WriteTimes::Add(const Place& place, Revision first, TimePoint now,
                                rocksdb::WriteBatch& batch) {
  if (now >= newest_ && now < newest_ + kStep) return rocksdb::Status::OK();
  if (now < newest_) {
    const auto dropped = batch.DeleteRange(place.family, KeyOf(now), EndKey());
    if (!dropped.ok()) return dropped;
  }
  newest_ = now;
  return batch.Put(place.family, KeyOf(now), EntryNumber(first.value));
}

rocksdb::Status WriteTimes::Find(const Place& place, TimePoint moment, Around& found) {
  const auto walk = Walk(place);
  walk->SeekForPrev(KeyOf(moment));
  found.before = EntryAt(*walk);
  if (!walk->status().ok()) return walk->status();
  walk->Seek(KeyOf(moment) + '\0');
  found.after = EntryAt(*walk);
  return walk->status();
}

rocksdb::Status WriteTimes::DropBefore(const Place& place, Revision oldest,
                                       rocksdb::WriteBatch& batch) {
  const auto walk = Walk(place);
  std::optional<Entry> kept;  // The last one that is not younger.
  for (walk->Seek(std::string(kMark)); const auto entry = EntryAt(*walk); walk->Next()) {
    if (entry->first > oldest) break;
    kept = entry;
  }
  if (!walk->status().ok() || !kept) return walk->status();
  return batch.DeleteRange(place.family, std::string(kMark), KeyOf(kept->at));
}

rocksdb::Status WriteTimes::DropAll(const Place& place, rocksdb::WriteBatch& batch) {
  return batch.DeleteRange(place.family, std::string(kMark), EndKey());
}

}  // namespace skiff
