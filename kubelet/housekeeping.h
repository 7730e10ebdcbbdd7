// Removes what nobody needs any more: pods that the runtime has and no worker knows, dead
// containers of which a newer one is there, volumes, logs, cgroups and allotments of what is gone.
// Runs beside the pods' own work, which never waits for it.
#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "base/mutex.h"
#include "kubelet/cri.h"
#include "kubelet/pod_cgroups.h"
#include "kubelet/resizes.h"
#include "kubelet/user_namespaces.h"
#include "kubelet/volumes/volume_manager.h"

namespace skiff::kubelet {

class Housekeeping final : public ControlLoop {
 public:
  static constexpr Duration kPeriod = 60s;

  // What pods leave behind on the node.
  struct Belongings {
    VolumeManager& volumes;
    PodCgroups& cgroups;
    Resizes& resizes;
    UserNamespaces* user_namespaces = nullptr;  // nullptr: no pod has users of its own.
  };

  // `known` returns the uids of all pods that have a worker; nullopt while they are not all known,
  // as right after the start. `log_root` "": there are no logs.
  Housekeeping(ContainerRuntime& runtime, Belongings belongings, std::string log_root,
               const Clock& clock, std::function<std::optional<std::set<std::string>>()> known)
      : runtime_(runtime),
        belongings_(belongings),
        log_root_(std::move(log_root)),
        clock_(clock),
        known_(std::move(known)) {}
  Duration Step() override;
  // Removes dead containers but the newest of each name, of the pods in `ended` these too, those
  // that were never started before a newer one, and old sandboxes without containers. Returns how
  // many containers went. Any thread.
  Result<int> RemoveDead(const std::set<std::string>& ended);

 private:
  void RemoveOrphans();
  // Of what PodCgroups::Pods has listed, what is of none of the uids.
  void RemoveOrphanedCgroups(const std::vector<std::string>& cgroups,
                             const std::set<std::string>& kept);
  std::vector<std::filesystem::path> LogDirectories() const;
  bool RemoveContainer(const cri::Container& container);
  // `newest`: of the same name.
  static bool IsLeft(const cri::Container& container, const cri::Container& newest);
  // But those in `used`, and the newest of each pod.
  Result<> RemoveOldSandboxes(const std::set<std::string>& used);

  ContainerRuntime& runtime_;
  const Belongings belongings_;
  const std::string log_root_;
  const Clock& clock_;
  const std::function<std::optional<std::set<std::string>>()> known_;
  const Log log_{"housekeeping"};
  Duration next_{};
};

}  // namespace skiff::kubelet
