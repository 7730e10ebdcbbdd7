// The objects of its namespace that a pod names in its spec. Pure.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "api/gen/core_v1.h"

namespace skiff {

struct PodReferences {
  std::set<std::string, std::less<>> secrets;
  std::set<std::string, std::less<>> config_maps;
  std::set<std::string, std::less<>> claims;  // Persistent volume claims, ephemeral ones included.
  std::set<std::string, std::less<>> resource_claims;
  std::string service_account;
};
PodReferences ReferencesOf(const core_v1::Pod& pod);

// The first thing of the API that a pod's spec refers to, as it is called to a node that makes a
// mirror pod with it: "secrets", "csidrivers (via CSI volumes)". Empty: nothing.
std::string_view ApiReferenceOf(const core_v1::Pod& pod);

}  // namespace skiff
