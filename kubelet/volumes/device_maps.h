// Volumes that pods have as devices (volumeMode Block), where Kubernetes' kubelet has them:
//
//   <root>/plugins/kubernetes.io/csi/volumeDevices/<volume>/dev/<pod uid>     the device, mounted
//   <root>/plugins/kubernetes.io~local-volume/volumeDevices/<volume>/<pod uid>
//   <root>/pods/<pod uid>/volumeDevices/<plugin>/<volume>                     a link to the device
//
// The device is kept open as long as a pod has it, so that no other one gets its name.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/error.h"
#include "base/mutex.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {

struct DevicePlace {
  std::string plugin;  // "kubernetes.io~csi"
  std::string volume;
  std::string pod_uid;
};

// Thread-safe; calls for one pod come one at a time.
class DeviceMaps {
 public:
  // To open another one may do anything, and tests have no others.
  enum class Kinds : uint8_t { kBlock, kAny };
  explicit DeviceMaps(std::string root, Kinds kinds = Kinds::kBlock)
      : root_(std::move(root)), kinds_(kinds) {}

  // What containers get; makes nothing.
  std::string Link(const DevicePlace& place) const;
  // Of the mounts of a volume's device, one a pod.
  std::string GlobalDirectory(const DevicePlace& place) const;
  // Makes the mount and the link, once: the pod keeps the device that it got, wherever the path
  // leads later. False: it has one.
  Result<bool> Map(const std::string& device, const DevicePlace& place);
  // Ends all mounts of the pod's devices. The links stay: they tell who may use a volume until its
  // driver has taken it back.
  Result<> Unmap(const std::string& pod_uid);

 private:
  Result<bool> IsMounted(const std::string& device, const std::string& target) const;

  const std::string root_;
  const Kinds kinds_;
  Mutex mutex_;
  std::map<std::string, Descriptor> open_ GUARDED_BY(mutex_);  // By the path of the mount.
};

}  // namespace skiff::kubelet
