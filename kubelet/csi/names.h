// Names and paths that kubelets, attachers and drivers of CSI agree on.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/hash.h"

namespace skiff::kubelet::csi {

inline constexpr char kPlugin[] = "kubernetes.io~csi";  // In the path of a pod's volumes.
inline constexpr char kVolumeData[] = "vol_data.json";

// As in volumesAttached and volumesInUse.
inline std::string UniqueName(const std::string& driver, const std::string& handle) {
  return fmt::format("kubernetes.io/csi/{}^{}", driver, handle);
}

inline std::string AttachmentName(const std::string& driver, const std::string& handle,
                                  const std::string& node) {
  return "csi-" + Hex(Sha256(handle + driver + node));
}

// What a driver knows a volume as that a pod describes itself.
inline std::string InlineHandle(const std::string& pod_uid, const std::string& volume) {
  return "csi-" + Hex(Sha256(pod_uid + volume));
}

// Holds vol_data.json and "globalmount", the staging path.
inline std::string StagingDirectory(const std::string& root, const std::string& driver,
                                    const std::string& handle) {
  return fmt::format("{}/plugins/kubernetes.io/csi/{}/{}", root, driver, Hex(Sha256(handle)));
}

// Beside the drivers' own directories.
inline constexpr char kDeviceDirectory[] = "volumeDevices";

// Whether a volume of this name has a directory to itself as a device: all others have these.
inline bool MayNameDevice(std::string_view volume) {
  return volume != "staging" && volume != "publish";
}

// Of a volume that pods have as a device.
struct DevicePlaces {
  std::string volume;   // Holds data and mounts, and goes when it is unstaged.
  std::string data;     // Holds vol_data.json.
  std::string mounts;   // Holds the device for each pod, by its uid.
  std::string staging;  // The staging path.
  std::string publish;  // Holds a target path for each pod, by its uid.
};
inline DevicePlaces DevicePlacesOf(const std::string& root, const std::string& volume) {
  const std::string all = fmt::format("{}/plugins/kubernetes.io/csi/{}/", root, kDeviceDirectory);
  return {all + volume, all + volume + "/data", all + volume + "/dev", all + "staging/" + volume,
          all + "publish/" + volume};
}

}  // namespace skiff::kubelet::csi
