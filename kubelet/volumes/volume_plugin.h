// One kind of volume.
#pragma once

#include <string>
#include <vector>

#include "kubelet/volumes/device_maps.h"
#include "kubelet/volumes/volume_manager.h"

namespace skiff::kubelet {

struct VolumeInput {
  const core_v1::Pod& pod;
  const core_v1::Volume& volume;
  // What the volume's claim is bound to; nullptr for a volume that the pod itself describes.
  const core_v1::PersistentVolume* bound = nullptr;
  std::string pod_directory;  // <root>/pods/<uid>
  // <pod_directory>/volumes/<plugin>/<name>; made by plugins that keep something there. Of a
  // device: DeviceMaps::Link.
  std::string directory;
  const VolumeSources& sources;
  const Clock& clock;
  VolumeMounts& mounts;
  DeviceMaps& devices;
};

// What the event of a failure says: "MountVolume.SetUp failed for volume "pv" : ...".
Error PhaseFailed(std::string_view phase, const std::string& volume, const Error& why);

struct VolumePlugin {
  // Part of the directory name: "kubernetes.io~empty-dir".
  std::string_view name;
  bool (*handles)(const core_v1::Volume& volume, const core_v1::PersistentVolume* bound);
  // Makes the volume, or brings it up to date; returns the host path to mount.
  Result<std::string> (*set_up)(const VolumeInput& input);
  // Fails as set_up does for want of objects that the volume is made from, and makes nothing;
  // nullptr: it is made from none.
  Result<> (*find)(const VolumeInput& input) = nullptr;
  // As set_up, of a claim's volume that is a device (volumeMode Block); returns the device's path.
  // nullptr: it makes none.
  Result<std::string> (*set_up_device)(const VolumeInput& input) = nullptr;
};

// In the order in which they are asked.
const std::vector<VolumePlugin>& VolumePlugins();

Result<std::string> SetUpEmptyDir(const VolumeInput& input);
Result<std::string> SetUpHostPath(const VolumeInput& input);
Result<std::string> SetUpLocal(const VolumeInput& input);
Result<std::string> SetUpLocalDevice(const VolumeInput& input);
Result<std::string> SetUpCsi(const VolumeInput& input);
Result<std::string> SetUpConfigMap(const VolumeInput& input);
Result<std::string> SetUpSecret(const VolumeInput& input);
Result<std::string> SetUpDownwardApi(const VolumeInput& input);
Result<std::string> SetUpProjected(const VolumeInput& input);
Result<> FindConfigMap(const VolumeInput& input);
Result<> FindSecret(const VolumeInput& input);
Result<> FindDownwardApi(const VolumeInput& input);
Result<> FindProjected(const VolumeInput& input);

// Maps a device for the pod, and tells of it, and returns the path for its containers.
Result<std::string> MapDevice(const VolumeInput& input, const std::string& plugin,
                              const std::string& device);

// Whether the volume is a device.
bool IsBlock(const core_v1::PersistentVolume* volume);

// The checks and creations of hostPath.type.
Result<> CheckHostPath(const std::string& path, const std::string& type);

// The volume that a pod's claim is bound to. Fails in the kubelet's words when it is not, when the
// claim is another pod's own, or when its mode is not what the pod's containers expect.
Result<std::shared_ptr<const core_v1::PersistentVolume>> VolumeOfClaim(
    const core_v1::Pod& pod, const core_v1::Volume& volume, const VolumeSources& sources);
// What a pod's volume without a claim, of a kind that a CSI driver serves by now, is to the driver.
// Its name may be any text: it lies in the directory of DirectoryOf.
Result<std::shared_ptr<const core_v1::PersistentVolume>> VolumeOfOwn(const core_v1::Pod& pod,
                                                                     const core_v1::Volume& volume);
// The last part of the paths of a volume of that name.
std::string DirectoryOf(std::string volume);

}  // namespace skiff::kubelet
