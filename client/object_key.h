// Which object of a kind: its namespace ("" for cluster-scoped kinds) and name.
#pragma once

#include <fmt/format.h>

#include <compare>
#include <string>

namespace skiff {

struct ObjectKey {
  std::string namespace_;
  std::string name;
  // "namespace/name", or "name".
  std::string Text() const { return namespace_.empty() ? name : namespace_ + "/" + name; }
  auto operator<=>(const ObjectKey&) const = default;
};

template <typename K>
ObjectKey KeyOf(const K& object) {
  return {object.metadata.namespace_, object.metadata.name};
}

}  // namespace skiff

template <>
struct fmt::formatter<skiff::ObjectKey> : fmt::formatter<std::string> {
  template <typename Context>
  auto format(const skiff::ObjectKey& key, Context& context) const {
    return fmt::formatter<std::string>::format(key.Text(), context);
  }
};
