// Which class is the default one of its kind: the one annotated so, the newest of several.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace skiff {

// nullptr when none is annotated with one of the keys.
template <typename T>
std::shared_ptr<const T> DefaultAmong(const std::vector<std::shared_ptr<const T>>& classes,
                                      std::initializer_list<const char*> keys) {
  std::shared_ptr<const T> chosen;
  for (const auto& candidate : classes) {  // In order of name: the first of equals stays.
    bool marked = false;
    for (const char* key : keys) {
      const auto found = candidate->metadata.annotations.find(key);
      marked |= found != candidate->metadata.annotations.end() && found->second == "true";
    }
    if (!marked) continue;
    if (!chosen || candidate->metadata.creation_timestamp > chosen->metadata.creation_timestamp) {
      chosen = candidate;
    }
  }
  return chosen;
}

}  // namespace skiff
