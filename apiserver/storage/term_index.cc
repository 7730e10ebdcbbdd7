#include "apiserver/storage/term_index.h"

#include <algorithm>

namespace skiff {

void TermIndex::Put(IndexedKeys::value_type& key,
                    const std::optional<std::vector<IndexTerm>>& terms) {
  if (terms && Has(key.second, *terms)) return;
  if (key.second.places.empty()) ++size_;
  Leave(key);
  if (!terms || terms->empty()) {
    // What has no term is kept in a list of its own, so that a key that is here has a place.
    Join(key, terms ? none_ : unknown_);
    return;
  }
  key.second.places.reserve(terms->size());
  for (const IndexTerm term : *terms) {
    TermList& list = lists_[term];
    list.term = term;
    Join(key, list);
  }
}

void TermIndex::Remove(IndexedKeys::value_type& key) {
  if (key.second.places.empty()) return;
  --size_;
  Leave(key);
}

std::optional<std::vector<const IndexedKeys::value_type*>> TermIndex::Find(
    std::span<const std::vector<IndexTerm>> groups) const {
  const std::vector<IndexTerm>* best = nullptr;
  size_t fewest = size_ / 4 + 1;
  for (const auto& group : groups) {
    const size_t count = Count(group) + unknown_.keys.size();
    if (count >= fewest) continue;
    fewest = count;
    best = &group;
  }
  if (best == nullptr) return std::nullopt;
  std::vector<const IndexedKeys::value_type*> found(unknown_.keys.begin(), unknown_.keys.end());
  for (const IndexTerm term : *best) {
    const auto list = lists_.find(term);
    if (list == lists_.end()) continue;
    found.insert(found.end(), list->second.keys.begin(), list->second.keys.end());
  }
  std::ranges::sort(found, {}, [](const auto* key) { return std::string_view(key->first); });
  found.erase(std::ranges::unique(found).begin(), found.end());
  return found;
}

bool TermIndex::Has(const IndexedKey& key, const std::vector<IndexTerm>& terms) {
  return !terms.empty() &&
         std::ranges::equal(key.places, terms, {}, [](const IndexedKey::Place& place) {
           return place.list->term;
         });
}

void TermIndex::Leave(IndexedKeys::value_type& key) {
  for (const auto [list, at] : key.second.places) {
    // The last one of the list takes the place.
    IndexedKeys::value_type* last = list->keys.back();
    list->keys[at] = last;
    list->keys.pop_back();
    if (last != &key) {
      std::ranges::find(last->second.places, list, &IndexedKey::Place::list)->at = at;
    }
    if (list->keys.empty() && list != &unknown_ && list != &none_) lists_.erase(list->term);
  }
  key.second.places.clear();
}

void TermIndex::Join(IndexedKeys::value_type& key, TermList& list) {
  key.second.places.push_back({&list, static_cast<uint32_t>(list.keys.size())});
  list.keys.push_back(&key);
}

size_t TermIndex::FoundMax(std::span<const std::vector<IndexTerm>> groups) const {
  size_t least = size_;
  for (const auto& group : groups) least = std::min(least, Count(group) + unknown_.keys.size());
  return least;
}

size_t TermIndex::Count(const std::vector<IndexTerm>& group) const {
  size_t count = 0;
  for (const IndexTerm term : group) {
    const auto list = lists_.find(term);
    if (list != lists_.end()) count += list->second.keys.size();
  }
  return count;
}

}  // namespace skiff
