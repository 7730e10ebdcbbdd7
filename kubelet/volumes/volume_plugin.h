// One kind of volume.
#pragma once

#include <string>
#include <vector>

#include "kubelet/volumes/volume_manager.h"

namespace skiff::kubelet {

struct VolumeInput {
  const core_v1::Pod& pod;
  const core_v1::Volume& volume;
  // <root>/pods/<uid>/volumes/<plugin>/<name>; made by plugins that keep something there.
  std::string directory;
  const VolumeSources& sources;
  const Clock& clock;
};

struct VolumePlugin {
  // Part of the directory name: "kubernetes.io~empty-dir".
  std::string_view name;
  bool (*handles)(const core_v1::Volume& volume);
  // Makes the volume, or brings it up to date; returns the host path to mount.
  Result<std::string> (*set_up)(const VolumeInput& input);
};

// In the order in which they are asked.
const std::vector<VolumePlugin>& VolumePlugins();

Result<std::string> SetUpEmptyDir(const VolumeInput& input);
Result<std::string> SetUpHostPath(const VolumeInput& input);
Result<std::string> SetUpConfigMap(const VolumeInput& input);
Result<std::string> SetUpSecret(const VolumeInput& input);
Result<std::string> SetUpDownwardApi(const VolumeInput& input);
Result<std::string> SetUpProjected(const VolumeInput& input);
Result<std::string> SetUpClaim(const VolumeInput& input);

// The checks and creations of hostPath.type; shared with volumes of type hostPath and local.
Result<> CheckHostPath(const std::string& path, const std::string& type);

// Makes the volume's root writable for the pod's fsGroup. Does nothing without one.
void ApplyFsGroup(const core_v1::Pod& pod, const std::string& path, bool read_only);

}  // namespace skiff::kubelet
