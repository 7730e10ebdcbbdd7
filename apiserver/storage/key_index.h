// The keys that exist now and the revision of each one's newest version: the only part of the store
// that grows with the number of objects (about 230 bytes a key, and 24 for each term that it is
// found by). Values and history are elsewhere.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apiserver/storage/key_counts.h"
#include "apiserver/storage/key_texts.h"
#include "apiserver/storage/store.h"
#include "apiserver/storage/term_index.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe. Every reader sees the state after some Publish, never part of one.
class KeyIndex {
 public:
  struct Change {
    std::string_view key;
    Revision modified;  // 0: the key was deleted.
    // Of what is found by terms (FindsByTerms); nullopt: they are not known.
    std::optional<std::vector<IndexTerm>> terms = {};
  };
  struct Range {
    std::vector<Revision> versions;  // In key order.
    uint64_t remaining = 0;          // Keys of the prefix after these.
    Revision revision;               // What was read.
    std::string last_key;            // Of the versions, where there are as many as the limit.
    KeyTexts keys = {};              // One a version, where the index gives them.
  };

  // Whether a range is given its keys: where one revision may have changed several of them.
  enum class Keys : uint8_t { kLeftOut, kGiven };
  explicit KeyIndex(Revision current, Keys keys = Keys::kLeftOut)
      : gives_keys_(keys == Keys::kGiven), current_(current.value) {}

  // The newest version of the key; nullopt when it does not exist.
  std::optional<Revision> Find(std::string_view key) const;
  // Up to `limit` (0: all) keys under `prefix` after `start_after`; counts the rest if asked to.
  Range Collect(std::string_view prefix, std::string_view start_after, size_t limit,
                bool count_remaining) const;
  // How many keys there are under `prefix`.
  uint64_t Count(std::string_view prefix) const;
  // All keys under `prefix` after `start_after` that may have a term of each group; nullopt where
  // nothing is found by terms, or that would be no shorter way than Collect.
  std::optional<Range> CollectByTerms(const ListRequest::Terms& terms, std::string_view prefix,
                                      std::string_view start_after) const;
  // What CollectByTerms, where the request has terms, or else Collect finds; nullopt: that may be
  // more than `keys_max`, or is not known yet. Takes hardly any time.
  std::optional<Range> CollectFew(const ListRequest& request, size_t keys_max) const;

  // Whether the key is one of a resource that is found by terms.
  bool FindsByTerms(std::string_view key) const;
  // From now on what has this prefix is found by terms: by those that changes bring and, for what
  // is there already, which this returns, by those that LearnTerms brings; until then it may have
  // any. Empty when it is so already. Prefixes do not lie within each other.
  std::vector<Revision> BeginTerms(std::string_view resource);
  // What the record says of itself; nothing when it is not the key's newest version any more.
  void LearnTerms(const Record& record);

  // Makes the changes visible at once, together with `current`. One caller at a time.
  void Publish(std::span<const Change> changes, Revision current);
  // Exactly these keys, as of `current`; nothing is found by terms.
  void Replace(std::map<std::string, Revision, std::less<>> keys, Revision current);
  Revision Current() const;

 private:
  IndexedKeys::iterator Place(std::string_view key) REQUIRES(mutex_);
  void Erase(IndexedKeys::iterator place) REQUIRES(mutex_);
  Range CollectHeld(std::string_view prefix, std::string_view start_after, size_t limit,
                    bool count_remaining) const REQUIRES(mutex_);
  Range RangeOf(const std::vector<const IndexedKeys::value_type*>& found, std::string_view prefix,
                std::string_view start_after) const REQUIRES(mutex_);

  void Add(const IndexedKeys::value_type& key, Range& range) const;

  const bool gives_keys_;
  mutable Mutex mutex_;
  IndexedKeys keys_ GUARDED_BY(mutex_);
  // Where each is among keys_, whose names these are: keys begin alike, and to compare them on the
  // way down a tree of a hundred thousand costs ten times a hash.
  std::unordered_map<std::string_view, IndexedKeys::iterator> places_ GUARDED_BY(mutex_);
  KeyCounts counts_ GUARDED_BY(mutex_);
  std::map<std::string, TermIndex, std::less<>> by_terms_ GUARDED_BY(mutex_);  // By resource.
  // Of what keys_ has; set while the mutex is held, so that who has seen it finds them so.
  std::atomic<uint64_t> current_;
};

}  // namespace skiff
