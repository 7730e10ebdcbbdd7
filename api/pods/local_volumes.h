// How a volume of the built-in provisioner, a directory on one node, is reclaimed. The controllers
// say by a label which node is to do it; that node's own program removes the directory and then the
// PersistentVolume, which it alone may (admission plugin NodeServices).
#pragma once

#include <string>

#include "api/gen/core_v1.h"

namespace skiff {

inline constexpr char kReclaimedBy[] = "skiff.io/reclaimed-by";

// The last part of the path of a volume that was made for a claim: not by chance the name of
// anything else.
std::string LocalVolumeDirectory(const std::string& volume, const core_v1::ObjectReference& claim);

}  // namespace skiff
