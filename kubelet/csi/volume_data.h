// vol_data.json: what a kubelet writes beside a volume before it asks the driver for it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace skiff::kubelet::csi {

struct VolumeData {
  std::string driver;
  std::string handle;
  // Of a pod's volume alone.
  std::string spec_name;
  std::string node;
  std::string lifecycle;   // "Persistent" or "Ephemeral".
  std::string attachment;  // "": it is not attached.
};

// All of it, or what was there stays, as on a disk that is full.
Result<> WriteVolumeData(const std::string& directory, const VolumeData& data);
// With what a kubelet left that was ended while it wrote.
void RemoveVolumeData(const std::string& directory);
// Fails with NotFound when the directory has none.
Result<VolumeData> ReadVolumeData(const std::string& directory);
// Directories of the pod's volumes, which may lack the file.
Result<std::vector<std::string>> VolumeDirectories(const std::string& root,
                                                   const std::string& pod_uid);
// Links of volumes that the pod has as devices: named by the volume.
Result<std::vector<std::string>> DeviceLinks(const std::string& root, const std::string& pod_uid);
// Uids of pods with a directory.
Result<std::vector<std::string>> PodDirectories(const std::string& root);

}  // namespace skiff::kubelet::csi
