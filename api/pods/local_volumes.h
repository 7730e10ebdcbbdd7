// How a volume of the built-in provisioner, a directory on one node, is reclaimed. The controllers
// say by a label which node is to do it; that node's own program removes the directory and then the
// PersistentVolume with its finalizer, which it alone may (admission plugin NodeServices).
#pragma once

#include <string>
#include <string_view>

#include "api/gen/core_v1.h"

namespace skiff {

inline constexpr char kReclaimedBy[] = "skiff.io/reclaimed-by";

// Holds such a volume until its node has removed the directory, whoever deletes it and when: of one
// that is gone nobody would know where its data is.
inline constexpr std::string_view kLocalVolumeFinalizer = "skiff.io/local-volume";

// An annotation of nodes, "true": the program on it takes that finalizer away when the directory is
// gone. One that is older, or somebody else's, would leave the volume Terminating for ever.
inline constexpr char kLetsGoOfVolumes[] = "skiff.io/lets-go-of-volumes";

// Whether the node says so of itself.
bool LetsGoOfVolumes(const core_v1::Node& node);

// The last part of the path of a volume that was made for a claim: not by chance the name of
// anything else.
std::string LocalVolumeDirectory(const std::string& volume, const core_v1::ObjectReference& claim);

}  // namespace skiff
