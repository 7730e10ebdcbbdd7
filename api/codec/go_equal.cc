#include "api/codec/go_equal.h"

#include <algorithm>
#include <string>

namespace skiff {

bool IsGoInt(const Json& value) {
  if (value.is_number_unsigned()) return value.get<uint64_t>() <= uint64_t{INT64_MAX};
  return value.is_number_integer();
}

bool EqualInGo(const Json& a, const Json& b) {
  return EqualInGo(a, b, [](size_t, size_t) { return true; });
}

bool EqualInGo(const Json& a, const Json& b, LookInGo look) {
  if (!look(1, 0)) return false;
  if (a.is_number() && b.is_number()) {
    const bool is_int = IsGoInt(a);
    if (is_int != IsGoInt(b)) return false;
    return is_int ? a == b : a.get<double>() == b.get<double>();
  }
  if (a.type() != b.type()) return false;
  if (a.is_string()) {
    const auto &mine = a.get_ref<const std::string&>(), &other = b.get_ref<const std::string&>();
    return mine.size() == other.size() && look(0, mine.size()) && mine == other;
  }
  if (!a.is_structured()) return a == b;
  if (a.size() != b.size()) return false;
  if (a.is_array()) {
    return std::equal(a.begin(), a.end(), b.begin(), [&](const Json& mine, const Json& other) {
      return EqualInGo(mine, other, look);
    });
  }
  const auto& others = b.get_ref<const Json::object_t&>();
  return std::ranges::all_of(a.get_ref<const Json::object_t&>(), [&](const auto& member) {
    if (!look(2, 0)) return false;
    const auto found = others.find(member.first);
    return found != others.end() && EqualInGo(member.second, found->second, look);
  });
}

}  // namespace skiff
