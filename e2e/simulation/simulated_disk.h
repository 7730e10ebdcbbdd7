// The disk of one node of the simulation, and what its volumes mount there: a folder of this
// machine that goes with it. Nothing is mounted: what would be lies in the folder, and is
// remembered.
#pragma once

#include <set>
#include <string>

#include "kubelet/volumes/volume_mounts.h"

namespace skiff {

// On one thread at a time, as all of a simulation.
class SimulatedDisk final : public kubelet::VolumeMounts {
 public:
  SimulatedDisk();
  ~SimulatedDisk() override;
  const std::string& root() const { return root_; }
  // The machine is lost.
  void Wipe();

  Result<> EnsureMemory(const std::string& directory, int64_t bytes_max) override;
  Result<> EnsureHugePages(const std::string& directory, int64_t) override {
    return EnsureMemory(directory, 0);
  }
  bool IsMemory(const std::string& path) override { return in_memory_.contains(path); }
  // A file stays as it is now, as one that is mounted by itself does when another takes its name.
  Result<std::string> SubPath(const kubelet::SubPathInput& input) override;
  Result<> UnmountBelow(const std::string& directory) override;

 private:
  std::string root_;
  std::set<std::string> in_memory_;
};

}  // namespace skiff
