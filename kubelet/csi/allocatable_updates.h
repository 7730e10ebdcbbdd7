// How many volumes of a driver a node takes may change while it runs
// (MutableCSINodeAllocatableCount): a driver whose CSIDriver object gives a period is asked again
// each time it is over, and when an attacher has found no room.
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/control_loop.h"
#include "base/log.h"
#include "base/mutex.h"
#include "client/client.h"
#include "kubelet/csi/drivers.h"

namespace skiff::kubelet::csi {

class AllocatableUpdates final : public ControlLoop {
 public:
  // So often the objects are looked at of drivers that need not be asked yet.
  static constexpr Duration kLookEvery = 1min;
  static constexpr Duration kAnswerWithin = 10s;  // The others wait for it.

  AllocatableUpdates(std::string node_name, Client& client, const Clock& clock, Drivers& drivers)
      : node_name_(std::move(node_name)), client_(client), clock_(clock), drivers_(drivers) {}
  Duration Step() override;
  // Any thread.
  void Exhausted(const std::string& driver);

 private:
  struct Asked {
    Duration period{};  // Zero: it gives none.
    Duration looked_at{}, asked_at{};
  };
  Duration Look(const Driver& driver, bool is_exhausted);
  Result<> Ask(const Driver& driver);

  const std::string node_name_;
  Client& client_;
  const Clock& clock_;
  Drivers& drivers_;
  const Log log_{"csi-node"};
  std::map<std::string, Asked> asked_;  // By driver.
  Mutex mutex_;
  std::set<std::string> exhausted_ GUARDED_BY(mutex_);
};

}  // namespace skiff::kubelet::csi
