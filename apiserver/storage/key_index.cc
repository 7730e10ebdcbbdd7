#include "apiserver/storage/key_index.h"

#include "base/at_once.h"

namespace skiff {
namespace {

// The index of the resource that a key belongs to: of the last prefix that is not behind the key,
// since none lies within another. nullptr: there is none.
template <typename Indexes>
auto* IndexOf(Indexes& by_terms, std::string_view key) {
  auto index = by_terms.upper_bound(key);
  const bool found = index != by_terms.begin() && key.starts_with((--index)->first);
  return found ? &index->second : nullptr;
}

}  // namespace

std::optional<Revision> KeyIndex::Find(std::string_view key) const {
  // Who lists a hundred thousand keys holds it for some milliseconds.
  const PatientLock lock(mutex_);
  if (!lock) return std::nullopt;
  const auto found = places_.find(key);
  if (found == places_.end()) return std::nullopt;
  return Revision{found->second->second.modified};
}

KeyIndex::Range KeyIndex::Collect(std::string_view prefix, std::string_view start_after,
                                  size_t limit, bool count_remaining) const {
  MutexLock lock(mutex_);
  return CollectHeld(prefix, start_after, limit, count_remaining);
}

uint64_t KeyIndex::Count(std::string_view prefix) const {
  MutexLock lock(mutex_);
  return counts_.CountFrom(keys_, keys_.lower_bound(prefix), prefix);
}

KeyIndex::Range KeyIndex::CollectHeld(std::string_view prefix, std::string_view start_after,
                                      size_t limit, bool count_remaining) const {
  Range range;
  range.revision = Current();
  const bool from_start = start_after.empty() || start_after < prefix;
  auto next = from_start ? keys_.lower_bound(prefix) : keys_.upper_bound(start_after);
  for (; next != keys_.end() && next->first.starts_with(prefix); ++next) {
    if (limit != 0 && range.versions.size() == limit) {
      range.remaining = count_remaining ? counts_.CountFrom(keys_, next, prefix) : 1;
      break;
    }
    Add(*next, range);
    if (range.versions.size() == limit) range.last_key = next->first;
  }
  return range;
}

std::optional<KeyIndex::Range> KeyIndex::CollectByTerms(const ListRequest::Terms& terms,
                                                        std::string_view prefix,
                                                        std::string_view start_after) const {
  MutexLock lock(mutex_);
  const auto index = by_terms_.find(terms.resource);
  if (index == by_terms_.end()) return std::nullopt;
  const auto found = index->second.Find(terms.groups);
  if (!found) return std::nullopt;
  return RangeOf(*found, prefix, start_after);
}

KeyIndex::Range KeyIndex::RangeOf(const std::vector<const IndexedKeys::value_type*>& found,
                                  std::string_view prefix, std::string_view start_after) const {
  Range range{.revision = Current()};
  range.versions.reserve(found.size());
  for (const auto* key : found) {
    if (!key->first.starts_with(prefix) || key->first <= start_after) continue;
    Add(*key, range);
  }
  return range;
}

void KeyIndex::Add(const IndexedKeys::value_type& key, Range& range) const {
  range.versions.push_back(Revision{key.second.modified});
  if (gives_keys_) range.keys.Add(key.first);
}

std::optional<KeyIndex::Range> KeyIndex::CollectFew(const ListRequest& request,
                                                    size_t keys_max) const {
  const PatientLock lock(mutex_);
  if (!lock) return std::nullopt;
  if (!request.terms.groups.empty()) {
    const auto index = by_terms_.find(request.terms.resource);
    if (index == by_terms_.end()) return std::nullopt;
    if (index->second.FoundMax(request.terms.groups) > keys_max) return std::nullopt;
    const auto found = index->second.Find(request.terms.groups);
    if (!found) return std::nullopt;
    return RangeOf(*found, request.prefix, request.start_after);
  }
  const bool is_page = !request.filter && request.limit != 0 && request.limit <= keys_max;
  Range range = CollectHeld(request.prefix, request.start_after, is_page ? request.limit : keys_max,
                            request.count_remaining);
  if (!is_page && range.remaining > 0) return std::nullopt;
  return range;
}

bool KeyIndex::FindsByTerms(std::string_view key) const {
  MutexLock lock(mutex_);
  return IndexOf(by_terms_, key) != nullptr;
}

std::vector<Revision> KeyIndex::BeginTerms(std::string_view resource) {
  std::vector<Revision> there;
  MutexLock lock(mutex_);
  if (by_terms_.contains(resource)) return there;
  TermIndex& index = by_terms_[std::string(resource)];
  for (auto next = keys_.lower_bound(resource);
       next != keys_.end() && next->first.starts_with(resource); ++next) {
    index.Put(*next, std::nullopt);
    there.push_back(Revision{next->second.modified});
  }
  return there;
}

void KeyIndex::LearnTerms(const Record& record) {
  const auto terms = IndexTermsOf(record.value);
  if (!terms) return;
  MutexLock lock(mutex_);
  const auto place = places_.find(record.key);
  if (place == places_.end()) return;
  const auto found = place->second;
  if (found->second.modified != record.modified.value) return;
  if (TermIndex* index = IndexOf(by_terms_, record.key)) index->Put(*found, terms);
}

// Of the key, which is made where it is not there.
IndexedKeys::iterator KeyIndex::Place(std::string_view key) {
  if (const auto place = places_.find(key); place != places_.end()) return place->second;
  const auto made = keys_.emplace(key, IndexedKey{}).first;
  places_.emplace(made->first, made);
  counts_.Add(keys_, key);
  return made;
}

void KeyIndex::Erase(IndexedKeys::iterator place) {
  counts_.Remove(place->first);
  places_.erase(place->first);
  keys_.erase(place);
}

void KeyIndex::Publish(std::span<const Change> changes, Revision current) {
  MutexLock lock(mutex_);
  for (const auto& change : changes) {
    TermIndex* const index = IndexOf(by_terms_, change.key);
    if (change.modified.value == 0) {
      const auto place = places_.find(change.key);
      if (place == places_.end()) continue;
      if (index != nullptr) index->Remove(*place->second);
      Erase(place->second);
      continue;
    }
    const auto found = Place(change.key);
    found->second.modified = change.modified.value;
    if (index != nullptr) index->Put(*found, change.terms);
  }
  current_ = current.value;
}

void KeyIndex::Replace(std::map<std::string, Revision, std::less<>> keys, Revision current) {
  IndexedKeys replaced;
  KeyCounts counts;
  for (const auto& [key, modified] : keys) {
    const IndexedKey entry{.modified = modified.value, .places = {}};
    replaced.emplace_hint(replaced.end(), key, entry);
    counts.Add(replaced, key);
  }
  std::unordered_map<std::string_view, IndexedKeys::iterator> places;
  places.reserve(replaced.size());
  for (auto place = replaced.begin(); place != replaced.end(); ++place) {
    places.emplace(place->first, place);
  }
  MutexLock lock(mutex_);
  by_terms_.clear();
  keys_.swap(replaced);
  places_.swap(places);
  counts_ = std::move(counts);
  current_ = current.value;
}

Revision KeyIndex::Current() const {
  return Revision{current_.load()};
}

}  // namespace skiff
