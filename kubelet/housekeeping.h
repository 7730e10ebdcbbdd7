// Removes what nobody needs any more: pods that the runtime has and no worker knows, dead
// containers of which a newer one is there, volumes and logs of what is gone. Runs beside the pods'
// own work, which never waits for it.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "base/mutex.h"
#include "kubelet/cri.h"
#include "kubelet/volumes/volume_manager.h"

namespace skiff::kubelet {

class Housekeeping final : public ControlLoop {
 public:
  static constexpr Duration kPeriod = 60s;

  // `known` returns the uids of all pods that have a worker; nullopt while they are not all known,
  // as right after the start. `log_root` "": there are no logs.
  Housekeeping(ContainerRuntime& runtime, VolumeManager& volumes, std::string log_root,
               const Clock& clock, std::function<std::optional<std::set<std::string>>()> known)
      : runtime_(runtime),
        volumes_(volumes),
        log_root_(std::move(log_root)),
        clock_(clock),
        known_(std::move(known)) {}
  Duration Step() override;
  // Removes dead containers but the newest of each name, of the pods in `ended` these too, and old
  // sandboxes without containers. Returns how many containers went. Any thread.
  Result<int> RemoveDead(const std::set<std::string>& ended);

 private:
  void RemoveOrphans(const std::set<std::string>& known);
  // Logs of pods that are not in `kept`, by uid.
  void RemoveLogs(const std::set<std::string>& kept) const;
  bool RemoveContainer(const cri::Container& container);

  ContainerRuntime& runtime_;
  VolumeManager& volumes_;
  const std::string log_root_;
  const Clock& clock_;
  const std::function<std::optional<std::set<std::string>>()> known_;
  const Log log_{"housekeeping"};
  Duration next_{};
};

}  // namespace skiff::kubelet
