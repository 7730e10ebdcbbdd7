// Slices of systemd. A runtime that has systemd make the cgroups of its containers names the slice
// of their pod, which systemd makes as well, and keeps for ever.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "kubelet/systemd/system_bus.h"

namespace skiff::kubelet {

// Thread-safe. A call may wait for its answer for some seconds.
class Slices {
 public:
  virtual ~Slices() = default;
  // Ends the slice and whatever is in it, as "kubepods-pod1.slice". One that is not there is as
  // well.
  virtual Result<> Stop(const std::string& name) = 0;
};

struct SlicesPaths {
  std::string bus_socket = kSystemBusSocket;
  // Of systemd itself, for root; where there is no bus.
  std::string own_socket = "/run/systemd/private";
};
// Connects when there is something to stop. The clock outlives it.
std::unique_ptr<Slices> MakeSlices(const Clock& clock, SlicesPaths paths = {});

}  // namespace skiff::kubelet
