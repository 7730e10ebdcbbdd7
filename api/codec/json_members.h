// Members of documents that may be anything: what is missing or of another sort is nothing.
#pragma once

#include <string>

#include "api/values.h"

namespace skiff {

// null where there is none.
inline const Json& MemberOf(const Json& object, const char* key) {
  static const Json kNull;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() ? *found : kNull;
}

// "" where it is no text.
inline std::string MemberText(const Json& object, const char* key) {
  const Json& value = MemberOf(object, key);
  return value.is_string() ? value.get<std::string>() : "";
}

}  // namespace skiff
