// Parts of an object's document, for who looks at no others: to make one costs what it holds.
//
//   DocumentParts parts;
//   parts.Add(std::array<std::string_view, 2>{"spec", "replicas"});
//   PartsToJson(deployment_type, &deployment, parts)    // {"spec":{"replicas":3}}
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "api/type.h"
#include "api/values.h"

namespace skiff {

struct DocumentParts {
  bool whole = false;
  std::map<std::string, DocumentParts, std::less<>> members = {};  // None where it is whole.

  // Members of members; an empty path is all of it.
  void Add(std::span<const std::string_view> path);
  bool Covers(const DocumentParts& other) const;
};

// A value of a table, with no members but those, as far as it shows them. Below what is no
// structure everything is one part.
Json PartsToJson(const Type& type, const void* value, const DocumentParts& parts);
Json PartsOf(const Json& document, const DocumentParts& parts);

}  // namespace skiff
