#include "apiserver/storage/key_index.h"

namespace skiff {

std::optional<Revision> KeyIndex::Find(std::string_view key) const {
  MutexLock lock(mutex_);
  const auto found = keys_.find(key);
  if (found == keys_.end()) return std::nullopt;
  return found->second;
}

KeyIndex::Range KeyIndex::Collect(std::string_view prefix, std::string_view start_after,
                                  size_t limit, bool count_remaining) const {
  Range range;
  MutexLock lock(mutex_);
  range.revision = current_;
  const bool from_start = start_after.empty() || start_after < prefix;
  auto next = from_start ? keys_.lower_bound(prefix) : keys_.upper_bound(start_after);
  for (; next != keys_.end() && next->first.starts_with(prefix); ++next) {
    if (limit != 0 && range.versions.size() == limit) {
      ++range.remaining;
      if (!count_remaining) break;
    } else {
      range.versions.push_back(next->second);
    }
  }
  return range;
}

void KeyIndex::Publish(std::span<const Change> changes, Revision current) {
  MutexLock lock(mutex_);
  for (const auto& change : changes) {
    const auto found = keys_.lower_bound(change.key);
    const bool exists = found != keys_.end() && found->first == change.key;
    if (change.modified.value == 0) {
      if (exists) keys_.erase(found);
    } else if (exists) {
      found->second = change.modified;
    } else {
      keys_.emplace_hint(found, change.key, change.modified);
    }
  }
  current_ = current;
}

void KeyIndex::Replace(std::map<std::string, Revision, std::less<>> keys, Revision current) {
  MutexLock lock(mutex_);
  keys_.swap(keys);
  current_ = current;
}

Revision KeyIndex::Current() const {
  MutexLock lock(mutex_);
  return current_;
}

}  // namespace skiff
