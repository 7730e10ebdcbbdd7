// The volumes of the pods on this node: made before their containers start, removed after they are
// gone. Each kind of volume is a VolumePlugin in a file of its own, in one explicit list.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mutex.h"
#include "client/recorder.h"
#include "kubelet/kubelet_metrics.h"
#include "kubelet/volumes/device_maps.h"
#include "kubelet/volumes/volume_mounts.h"
#include "kubelet/volumes/volume_path.h"

namespace skiff::kubelet {

namespace csi {
class CsiVolumes;
}

// What plugins look things up with. Each lookup asks the API and may block; nullptr results are
// errors with Kubernetes' text ("configmap \"x\" not found").
struct VolumeSources {
  std::function<Result<std::shared_ptr<const core_v1::ConfigMap>>(const std::string& namespace_,
                                                                  const std::string& name)>
      config_map;
  std::function<Result<std::shared_ptr<const core_v1::Secret>>(const std::string& namespace_,
                                                               const std::string& name)>
      secret;
  std::function<Result<std::shared_ptr<const core_v1::PersistentVolumeClaim>>(
      const std::string& namespace_, const std::string& name)>
      claim;
  std::function<Result<std::shared_ptr<const core_v1::PersistentVolume>>(const std::string& name)>
      volume;
  // A token of the pod's service account, bound to the pod; made anew when its time is nearly over.
  // Empty where nobody would use it.
  std::function<Result<std::string>(const core_v1::Pod& pod, const std::string& audience,
                                    int64_t expiration_seconds)>
      token;
  std::map<std::string, Quantity> node_allocatable;
  csi::CsiVolumes* csi = nullptr;   // nullptr: no driver can register here.
  EventRecorder* events = nullptr;  // nullptr: nobody is told.
};

// Thread-safe; calls for one pod come one at a time.
class VolumeManager {
 public:
  // Pods' files live under `root`: <root>/pods/<uid>/volumes/<plugin>/<name>.
  VolumeManager(std::string root, VolumeSources sources, const Clock& clock,
                VolumeMounts& mounts = VolumeMounts::OfKernel(), KubeletMetrics* metrics = nullptr,
                DeviceMaps::Kinds devices = DeviceMaps::Kinds::kBlock);
  ~VolumeManager();

  // Makes every volume that the pod's containers mount, or brings its contents up to date; again
  // and again does no harm. Returns where they are. What was made before stays as it is
  // when the API does not answer. The error is what the FailedMount event says:
  // `MountVolume.SetUp failed for volume "v" : configmap "x" not found`; of a device it begins with
  // "MapVolume.", and the event is FailedMapVolume. Reason kTimeout: nothing failed, a volume is
  // not attached yet.
  // Reason kRequestEntityTooLarge: the node takes no more volumes of the driver. Its details name
  // the pod's volume. One that fails keeps no other from being made; what failed beside the error
  // is added to `more`.
  Result<VolumePaths> SetUp(const core_v1::Pod& pod, std::vector<Error>* more = nullptr);
  // Whether the API has what SetUp needs: fails for want of it as SetUp does, in its words, and
  // makes nothing. What this machine may have, or not, is taken to be there.
  Result<> Find(const core_v1::Pod& pod);
  // Mounts a part of the volume of the container's mount `index`, made if it is missing, and
  // returns where: nothing outside of the volume, whatever its containers do meanwhile. The error
  // is Kubernetes' text, which tells nothing of the host.
  Result<std::string> SubPath(const core_v1::Pod& pod, const core_v1::Container& container,
                              size_t index, const std::string& volume_path,
                              const std::string& sub_path);
  // Where those volumes of the pod lie that its use of disks is measured by. Waits for nobody: a
  // claim's are told once they have been set up.
  struct MeasuredPlace {
    std::string volume;
    std::string claim;  // "": it is no claim's, and what lies in the directory is what counts.
    std::string path;
    bool in_memory = false;
    bool is_device = false;
    // Of a CSI driver, which is asked; `published` is VolumeInput's directory.
    std::string driver = {}, handle = {}, published = {};
  };
  std::vector<MeasuredPlace> MeasuredPlaces(const core_v1::Pod& pod) const;
  // Unmounts and removes everything of a pod, its directory as well. Works after a restart too,
  // from what lies on disk alone. Fails while a driver does not take its volume back.
  Result<> TearDown(const std::string& pod_uid);
  // Uids of pods that have a directory.
  std::vector<std::string> Pods() const;
  std::string PodDirectory(const std::string& pod_uid) const;
  // Makes the directory, which is for the kubelet alone.
  Result<> MakePodDirectory(const std::string& pod_uid) const;

 private:
  using Bound = std::shared_ptr<const core_v1::PersistentVolume>;
  // What the claim of the volume is bound to, or what the volume is to the CSI driver that has its
  // kind now; nullptr for any other.
  Result<Bound> BoundOf(const core_v1::Pod& pod, const core_v1::Volume& volume);
  Result<VolumePath> SetUpVolume(const core_v1::Pod& pod, const core_v1::Volume& volume,
                                 const VolumeSources& sources);
  Result<> FindVolume(const core_v1::Pod& pod, const core_v1::Volume& volume,
                      const VolumeSources& sources);
  // Whether another pod has the volume, which one at a time may have, and this one has not; if not,
  // it is this one's until that is torn down. The path is in the pod's directory.
  bool IsElsewhere(const std::string& pod_uid, const std::string& path);
  // Says how the volume's CSI driver is asked.
  void MeasureByDriver(const core_v1::Pod& pod, const core_v1::Volume& volume,
                       const core_v1::PersistentVolume* bound, MeasuredPlace& place) const;

  const std::string root_;
  const VolumeSources sources_;
  const Clock& clock_;
  VolumeMounts& mounts_;
  DeviceMaps devices_;
  KubeletMetrics* const metrics_;
  const Log log_{"volumes"};
  mutable Mutex mutex_;
  // What BoundOf has found, by uid of the pod and name of its volume.
  std::map<std::string, std::map<std::string, Bound>> bound_ GUARDED_BY(mutex_);
  // Who has a volume, or is about to have it, that one pod at a time may: its uid, by the path in
  // its directory.
  std::map<std::string, std::string> alone_ GUARDED_BY(mutex_);
};

}  // namespace skiff::kubelet
