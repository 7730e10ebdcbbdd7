// By which a watch of one name in all namespaces is woken: it stands at the end of the key.
#pragma once

#include <functional>
#include <string_view>

#include "apiserver/storage/index_terms.h"

namespace skiff {

inline IndexTerm NameIndexTerm(std::string_view name) {
  constexpr IndexTerm kNoLabelNorField = 0x6e616d65;
  return std::hash<std::string_view>()(name) ^ kNoLabelNorField;
}

inline IndexTerm NameIndexTermOfKey(std::string_view key) {
  return NameIndexTerm(key.substr(key.rfind('/') + 1));
}

}  // namespace skiff
