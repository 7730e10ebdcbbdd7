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

namespace skiff::kubelet {

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
  std::function<Result<std::string>(const core_v1::Pod& pod, const std::string& audience,
                                    int64_t expiration_seconds)>
      token;
  std::map<std::string, Quantity> node_allocatable;
};

// Thread-safe; calls for one pod come one at a time.
class VolumeManager {
 public:
  // Pods' files live under `root`: <root>/pods/<uid>/volumes/<plugin>/<name>.
  VolumeManager(std::string root, VolumeSources sources, const Clock& clock);
  ~VolumeManager();

  // Makes every volume that the pod's containers mount, or brings its contents up to date; again
  // and again does no harm. Returns host paths by volume name. The error names the volume:
  // `MountVolume.SetUp failed for volume "v" : configmap "x" not found`.
  Result<std::map<std::string, std::string>> SetUp(const core_v1::Pod& pod);
  // Makes the host path of a mount's subPath below its volume; never outside of it.
  Result<std::string> SubPath(const core_v1::Pod& pod, const std::string& container,
                              const std::string& volume_path, const std::string& sub_path);
  // Unmounts and removes everything of a pod, its directory as well. Works after a restart too,
  // from what lies on disk alone.
  Result<> TearDown(const std::string& pod_uid);
  // Uids of pods that have a directory.
  std::vector<std::string> Pods() const;
  std::string PodDirectory(const std::string& pod_uid) const;

 private:
  const std::string root_;
  const VolumeSources sources_;
  const Clock& clock_;
};

}  // namespace skiff::kubelet
