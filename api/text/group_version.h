// What stands in an apiVersion: "apps/v1" is version v1 of the group apps, "v1" one of the core
// group, which is "".
#pragma once

#include <string_view>

namespace skiff {

// "apps" of "apps/v1", "" of "v1". Looks no further than the first slash; lives as long as what is
// given.
constexpr std::string_view GroupPart(std::string_view api_version) {
  const size_t slash = api_version.find('/');
  return slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
}

// "v1" of both, likewise.
constexpr std::string_view VersionPart(std::string_view api_version) {
  return api_version.substr(api_version.find('/') + 1);
}

}  // namespace skiff
