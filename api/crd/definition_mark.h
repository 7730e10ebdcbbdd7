// Tells whether a definition that was written anew says the same of its kinds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "api/crd/definition_text.h"
#include "base/mutex.h"

namespace skiff::crd {

// Thread-safe. One for all versions of a kind.
class DefinitionMark {
 public:
  explicit DefinitionMark(const DefinitionText& definition);
  // Whether `text`, which is the definition at that revision, has the spec and the accepted names
  // of the one that this was made of. The last answer is remembered for all who ask.
  bool IsOf(uint64_t revision, std::string_view text) const;

 private:
  const std::string digest_;
  mutable Mutex mutex_;
  mutable std::optional<std::pair<uint64_t, bool>> last_ GUARDED_BY(mutex_);
};

}  // namespace skiff::crd
