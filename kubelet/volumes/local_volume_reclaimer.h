// Removes directories of this node that the built-in provisioner made for claims which are gone:
// the node's end of api/local_volumes. What a node that is down has to remove waits for it.
#pragma once

#include <map>
#include <string>

#include "base/control_loop.h"
#include "base/log.h"
#include "client/informer.h"
#include "client/recorder.h"

namespace skiff::kubelet {

// The directory that is to be removed for a volume. Pure. Fails when the volume does not look in
// every respect like one that `node` was told to reclaim: nothing else may ever be removed.
Result<std::string> DirectoryToReclaim(const core_v1::PersistentVolume& volume,
                                       const std::string& node);

class LocalVolumeReclaimer final : public ControlLoop {
 public:
  // A volume that could not be removed is tried again after this.
  static constexpr Duration kRetryPeriod = 10s;

  struct Dependencies {
    Informer<core_v1::PersistentVolume> volumes;  // Those that are labelled for this node.
    Client& client;
    EventRecorder& events;
  };
  // Informers are started by the caller, afterwards.
  LocalVolumeReclaimer(Dependencies dependencies, std::string node);
  Duration Step() override;

 private:
  Result<> Reclaim(const core_v1::PersistentVolume& volume);
  // Its directory is gone: nothing of ours holds it any more.
  Result<> LetGo(const core_v1::PersistentVolume& volume);

  const Dependencies dependencies_;
  const std::string node_;
  const Log log_{"volumes"};
  std::map<std::string, std::string> told_;  // Why a volume, by its name, is still there.
};

}  // namespace skiff::kubelet
