// The keys that exist now and the revision of each one's newest version: the only part of the store
// that grows with the number of objects (about 150 bytes a key). Values and history are elsewhere.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/storage/store.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe. Every reader sees the state after some Publish, never part of one.
class KeyIndex {
 public:
  struct Change {
    std::string_view key;
    Revision modified;  // 0: the key was deleted.
  };
  struct Range {
    std::vector<Revision> versions;  // In key order.
    uint64_t remaining = 0;          // Keys of the prefix after these.
    Revision revision;               // What was read.
  };

  explicit KeyIndex(Revision current) : current_(current) {}

  // The newest version of the key; nullopt when it does not exist.
  std::optional<Revision> Find(std::string_view key) const;
  // Up to `limit` (0: all) keys under `prefix` after `start_after`; counts the rest if asked to.
  Range Collect(std::string_view prefix, std::string_view start_after, size_t limit,
                bool count_remaining) const;
  // Makes the changes visible at once, together with `current`. One caller at a time.
  void Publish(std::span<const Change> changes, Revision current);
  // Exactly these keys, as of `current`.
  void Replace(std::map<std::string, Revision, std::less<>> keys, Revision current);
  Revision Current() const;

 private:
  mutable Mutex mutex_;
  std::map<std::string, Revision, std::less<>> keys_ GUARDED_BY(mutex_);
  Revision current_ GUARDED_BY(mutex_);
};

}  // namespace skiff
