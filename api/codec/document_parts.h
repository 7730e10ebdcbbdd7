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
#include <vector>

#include "api/type.h"
#include "api/values.h"

namespace skiff {

struct DocumentParts {
  bool whole = false;
  // Neither members nor items: that it is there. Not looked at where it is whole.
  std::map<std::string, DocumentParts, std::less<>> members = {};
  std::vector<DocumentParts> items = {};  // Of a list: one, for all of its items; or none.

  // Members of members; an empty path is all of it.
  void Add(std::span<const std::string_view> path);
  bool Covers(const DocumentParts& other) const;
};

// A value of a table, with no members but those, as far as it shows them. What turns out to be
// something else than the parts say, and a map some of whose values are asked for, is whole.
Json PartsToJson(const Type& type, const void* value, const DocumentParts& parts);
Json PartsOf(const Json& document, const DocumentParts& parts);

}  // namespace skiff
