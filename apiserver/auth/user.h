// Who makes a request, as authentication found out.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace skiff {

inline constexpr std::string_view kGroupMasters = "system:masters";
inline constexpr std::string_view kGroupAuthenticated = "system:authenticated";
inline constexpr std::string_view kGroupUnauthenticated = "system:unauthenticated";
inline constexpr std::string_view kGroupNodes = "system:nodes";
inline constexpr std::string_view kUserAnonymous = "system:anonymous";
inline constexpr std::string_view kNodeUserPrefix = "system:node:";

struct User {
  std::string name;
  std::string uid;
  std::vector<std::string> groups;
  std::map<std::string, std::vector<std::string>> extra;

  bool InGroup(std::string_view group) const {
    return std::find(groups.begin(), groups.end(), group) != groups.end();
  }
  bool operator==(const User&) const = default;
};

// Whoever shows nothing that says who he is.
inline User AnonymousUser() {
  return {.name = std::string(kUserAnonymous), .groups = {std::string(kGroupUnauthenticated)}};
}

// The server's own hand: start-up objects and in-process parts that may do everything.
inline User LoopbackUser() {
  return {.name = "system:apiserver",
          .groups = {std::string(kGroupMasters), std::string(kGroupAuthenticated)}};
}

}  // namespace skiff
