#include "api/pods/local_volumes.h"

namespace skiff {

std::string LocalVolumeDirectory(const std::string& volume, const core_v1::ObjectReference& claim) {
  return volume + "_" + claim.namespace_ + "_" + claim.name;
}

}  // namespace skiff
