// What each resource has whatever its schema says of it.
#pragma once

#include <string_view>

namespace skiff::crd {

constexpr bool IsOwnMember(std::string_view name) {
  return name == "apiVersion" || name == "kind" || name == "metadata";
}

}  // namespace skiff::crd
