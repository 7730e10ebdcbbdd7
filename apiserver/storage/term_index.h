// Which keys of a resource have a term. A key knows its places in the lists of its terms, so that a
// write costs as much as it has terms, however many keys share them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apiserver/storage/index_terms.h"

namespace skiff {

struct TermList;

// What is kept of a key.
struct IndexedKey {
  uint64_t modified = 0;
  struct Place {
    TermList* list;
    uint32_t at;
  };
  std::vector<Place> places;
};
using IndexedKeys = std::map<std::string, IndexedKey, std::less<>>;

// Keys with a term, in no order.
struct TermList {
  IndexTerm term = 0;
  std::vector<IndexedKeys::value_type*> keys;
};

// Not thread-safe. Keys stay where they are in memory as long as they are here.
class TermIndex {
 public:
  TermIndex() = default;
  TermIndex(const TermIndex&) = delete;
  TermIndex& operator=(const TermIndex&) = delete;

  // The key has exactly these terms; nullopt: they are not known, and it may have any.
  void Put(IndexedKeys::value_type& key, const std::optional<std::vector<IndexTerm>>& terms);
  void Remove(IndexedKeys::value_type& key);
  // The keys that may have a term of each group, in order; nullopt when those are more than a
  // quarter of all.
  std::optional<std::vector<const IndexedKeys::value_type*>> Find(
      std::span<const std::vector<IndexTerm>> groups) const;
  // Find returns no more than so many.
  size_t FoundMax(std::span<const std::vector<IndexTerm>> groups) const;

 private:
  static bool Has(const IndexedKey& key, const std::vector<IndexTerm>& terms);
  void Leave(IndexedKeys::value_type& key);
  static void Join(IndexedKeys::value_type& key, TermList& list);
  size_t Count(const std::vector<IndexTerm>& group) const;

  std::map<IndexTerm, TermList> lists_;
  TermList unknown_;  // Keys whose terms are not known.
  TermList none_;     // Keys without terms.
  size_t size_ = 0;
};

}  // namespace skiff
