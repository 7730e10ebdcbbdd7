// Volumes of CSI drivers in pods: waits until they are attached, has their driver stage them once
// for the node and publish them once for each pod, and both taken back. What a kubelet that is
// started anew must know lies on disk, as Kubernetes' own keeps it: vol_data.json.
//
// Not here: devices (volumeMode Block) and growing file systems.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/gen/storage_v1.h"
#include "base/log.h"
#include "base/mutex.h"
#include "client/client.h"
#include "kubelet/csi/drivers.h"
#include "kubelet/csi_grpc.h"

namespace skiff::kubelet {
struct VolumeInput;
}

namespace skiff::kubelet::csi {

// Thread-safe; calls for one volume come one at a time.
class CsiVolumes {
 public:
  static constexpr Duration kRepublishEvery = 1min;

  // Each lookup asks the API and may block.
  struct Sources {
    // The path by which drivers know the root, of which they mount parts; "": by its own.
    std::string known_root;
    std::function<Result<Ptr<storage_v1::CSIDriver>>(const std::string& name)> driver;
    std::function<Result<Ptr<storage_v1::VolumeAttachment>>(const std::string& name)> attachment;
    // InUse() has changed.
    std::function<void()> use_changed;
  };
  CsiVolumes(std::string root, std::string node_name, const Drivers& drivers, Sources sources);

  // As VolumePlugin::set_up. Reason kTimeout: it is not attached yet, of which no event tells.
  Result<std::string> SetUp(const VolumeInput& input);
  // Of all volumes that the pod has had made.
  Result<> TearDown(const std::string& pod_uid);
  // What the node's status calls volumesInUse, sorted.
  std::vector<std::string> InUse() const;

 private:
  struct Volume;
  class Turn;
  Result<Volume> Look(const VolumeInput& input) const;
  // Whether it has to be attached first; and then what its attacher said.
  Result<> AwaitAttachment(const VolumeInput& input, Volume& volume);
  Result<> Stage(const VolumeInput& input, const NodeClient& client, const Capabilities& able,
                 const Volume& volume);
  Result<> Publish(const VolumeInput& input, const NodeClient& client, const Capabilities& able,
                   const Volume& volume);
  Result<> TearDownVolume(const std::string& directory);
  Result<> UnstageUnlessUsed(const NodeClient& client, const std::string& driver,
                             const std::string& handle);
  void SetInUse(const std::string& pod_uid, const std::string& name);
  // A path below the root, as drivers know it.
  std::string Known(const std::string& path) const;

  const std::string root_;
  const std::string node_name_;
  const Drivers& drivers_;
  const Sources sources_;
  const Log log_{"csi"};
  mutable Mutex mutex_;
  CondVar turn_ended_;
  std::set<std::string> busy_ GUARDED_BY(mutex_);                 // Unique names of volumes.
  std::map<std::string, Duration> published_ GUARDED_BY(mutex_);  // Target path: when. Monotonic.
  std::set<std::string> staged_ GUARDED_BY(mutex_);               // Staging paths.
  std::map<std::string, std::set<std::string>> in_use_ GUARDED_BY(mutex_);  // By uid of the pod.
};

}  // namespace skiff::kubelet::csi
