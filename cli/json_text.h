// Reading documents whose shape is known but not checked: what is missing reads as empty.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"
#include "base/text.h"

namespace skiff::cli {

// The member; a null when `value` is no object or has none of that name.
const Json& At(const Json& value, std::string_view name);
template <typename... Names>
const Json& At(const Json& value, std::string_view first, Names... rest) {
  return At(At(value, first), rest...);
}

inline std::string TextOf(const Json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}
inline int64_t IntOf(const Json& value, int64_t otherwise = 0) {
  return value.is_number_integer() ? value.get<int64_t>() : otherwise;
}
template <typename... Names>
std::string TextAt(const Json& value, Names... names) {
  return TextOf(At(value, names...));
}
template <typename... Names>
int64_t IntAt(const Json& value, Names... names) {
  return IntOf(At(value, names...));
}
inline bool IsTrue(const Json& value) {
  return value.is_boolean() && value.get<bool>();
}
// The strings of a list.
std::vector<std::string> TextsAt(const Json& value, std::string_view name);

inline std::string NameOf(const Json& object) {
  return TextAt(object, "metadata", "name");
}
inline std::string NamespaceOf(const Json& object) {
  return TextAt(object, "metadata", "namespace");
}

std::vector<std::string> Split(std::string_view text, char separator);
std::string Join(const std::vector<std::string>& parts, std::string_view separator);
// A scalar as people write it; documents as compact JSON.
std::string PlainText(const Json& value);
// As kubectl prints JSON: four spaces a level unless `step` says otherwise, numbers and texts as Go
// writes them, a newline at the end.
std::string PrettyJson(const Json& value);
// Some members of objects before all others, as the types of Go have them; of what stands deeper
// than `levels` they are sorted.
struct MemberOrder {
  std::vector<std::string_view> first;
  int levels = 1;
};
std::string PrettyJson(const Json& value, const MemberOrder& order, size_t step = 4);

}  // namespace skiff::cli
