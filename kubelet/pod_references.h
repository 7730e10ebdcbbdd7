// Which objects of its namespace a pod's volumes and environment name. Pure.
#pragma once

#include <set>
#include <string>

#include "api/gen/core_v1.h"

namespace skiff::kubelet {

struct PodReferences {
  std::set<std::string> config_maps;
  std::set<std::string> secrets;
  std::set<std::string> claims;
};

PodReferences ReferencesOf(const core_v1::Pod& pod);

}  // namespace skiff::kubelet
