#include "api/pods/local_volumes.h"

namespace skiff {

std::string LocalVolumeDirectory(const std::string& volume, const core_v1::ObjectReference& claim) {
  return volume + "_" + claim.namespace_ + "_" + claim.name;
}

bool LetsGoOfVolumes(const core_v1::Node& node) {
  const auto found = node.metadata.annotations.find(kLetsGoOfVolumes);
  return found != node.metadata.annotations.end() && found->second == "true";
}

}  // namespace skiff
