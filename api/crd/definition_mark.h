// Tells whether a definition that was written anew says the same of its kinds.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "api/crd/definition_text.h"
#include "base/mutex.h"

namespace skiff::crd {

// Thread-safe. One for all versions of a kind.
class DefinitionMark {
 public:
  explicit DefinitionMark(const DefinitionText& definition);
  // Whether `text`, which is the definition at that revision, has the spec and the accepted names
  // of the one that this was made of. A large one is read once for all who ask, also where some of
  // them are several revisions behind others.
  bool IsOf(uint64_t revision, std::string_view text) const;

 private:
  // Of the answers that are remembered, those of the newest revisions.
  static constexpr size_t kAnswersMax = 64;

  const std::string digest_;
  mutable Mutex mutex_;
  mutable std::map<uint64_t, bool> answers_ GUARDED_BY(mutex_);  // By revision.
};

}  // namespace skiff::crd
