// How many keys lie between two, without a walk over all of them: the keys of an index in blocks
// of neighbours, each with its count. Whoever counts passes whole blocks, and walks only in the
// first and the last.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "apiserver/storage/term_index.h"

namespace skiff {

// Not thread-safe. Told of every key that comes and goes.
class KeyCounts {
 public:
  // `keys` has `key` now.
  void Add(const IndexedKeys& keys, std::string_view key);
  // It has it no more.
  void Remove(std::string_view key);
  // How many keys there are from `first` on that begin with `prefix`, as `first` does if it is one.
  uint64_t CountFrom(const IndexedKeys& keys, IndexedKeys::const_iterator first,
                     std::string_view prefix) const;
  // Two neighbours have more than half a block's keys together.
  size_t blocks() const { return blocks_.size(); }

 private:
  static constexpr size_t kBlockKeysMax = 128;

  // By where each begins; it ends where the next one does. There need not be a key where it begins.
  using Blocks = std::map<std::string, size_t, std::less<>>;
  void Split(const IndexedKeys& keys, Blocks::iterator block);
  // If they are small.
  void JoinWithNext(Blocks::iterator block);

  Blocks blocks_{{"", 0}};
};

}  // namespace skiff
