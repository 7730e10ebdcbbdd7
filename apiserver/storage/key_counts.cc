#include "apiserver/storage/key_counts.h"

#include <iterator>

namespace skiff {

void KeyCounts::Add(const IndexedKeys& keys, std::string_view key) {
  const auto block = std::prev(blocks_.upper_bound(key));
  if (++block->second > kBlockKeysMax) Split(keys, block);
}

void KeyCounts::Split(const IndexedKeys& keys, Blocks::iterator block) {
  const size_t kept = block->second / 2;
  const auto middle =
      std::next(keys.lower_bound(block->first), static_cast<std::ptrdiff_t>(kept));
  blocks_.emplace_hint(std::next(block), middle->first, block->second - kept);
  block->second = kept;
}

void KeyCounts::Remove(std::string_view key) {
  const auto block = std::prev(blocks_.upper_bound(key));
  --block->second;
  // On either side: keys may go from the last one on, and then it is never the block before that
  // is small.
  JoinWithNext(block);
  if (block != blocks_.begin()) JoinWithNext(std::prev(block));
}

void KeyCounts::JoinWithNext(Blocks::iterator block) {
  const auto next = std::next(block);
  if (next == blocks_.end() || block->second + next->second > kBlockKeysMax / 2) return;
  block->second += next->second;
  blocks_.erase(next);
}

uint64_t KeyCounts::CountFrom(const IndexedKeys& keys, IndexedKeys::const_iterator first,
                              std::string_view prefix) const {
  uint64_t count = 0;
  const auto walk_to = [&](const std::string* end) {
    for (; first != keys.end() && (end == nullptr || first->first < *end); ++first) {
      if (!first->first.starts_with(prefix)) return;
      ++count;
    }
  };
  if (first == keys.end()) return 0;
  auto block = blocks_.upper_bound(first->first);
  walk_to(block == blocks_.end() ? nullptr : &block->first);
  if (block == blocks_.end() || !block->first.starts_with(prefix)) return count;
  for (auto next = std::next(block); next != blocks_.end() && next->first.starts_with(prefix);
       block = next++) {
    count += block->second;
  }
  first = keys.lower_bound(block->first);
  const auto end = std::next(block);
  walk_to(end == blocks_.end() ? nullptr : &end->first);
  return count;
}

}  // namespace skiff
