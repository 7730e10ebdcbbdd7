// Looks at all that a node can be measured by: cgroups, file systems, interfaces, /proc and the
// runtime. Each look is for whoever asks; nothing looks by itself.
#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "kubelet/cri.h"
#include "kubelet/linux_resources.h"
#include "kubelet/node_status.h"
#include "kubelet/stats/disk_use.h"
#include "kubelet/stats/measured.h"

namespace skiff::kubelet {

// How much of a processor something used of late: between two looks that are not too close.
// Thread-safe.
class RecentRates {
 public:
  // `used_ns` since `since`; of what has never been looked at, on average since then.
  uint64_t Take(const std::string& key, TimePoint at, uint64_t used_ns, TimePoint since);
  // Forgets what was not looked at for a while. Others look at the same time, a little earlier.
  void Forget(TimePoint now);

 private:
  // Two looks that are closer say more of the kernel's clock than of what runs.
  static constexpr Duration kApart = 5s;
  static constexpr Duration kKeptFor = 2min;
  struct Look {
    TimePoint at{};       // The one that a rate is counted from,
    uint64_t used_ns = 0;
    TimePoint last{};     // and the last one of all.
    uint64_t rate = 0;
  };
  Mutex mutex_;
  std::map<std::string, Look> looks_ GUARDED_BY(mutex_);
};

// Thread-safe.
class NodeMeasurer {
 public:
  struct Settings {
    std::string node_name;
    std::string root, log_root;
    std::string cgroup_root;
    CgroupDriver cgroup_driver = CgroupDriver::kCgroupfs;
    NodeFacts facts;
    std::string proc = "/proc";
    std::string cgroup_mount = "/sys/fs/cgroup";
  };
  struct Parts {  // All outlive it.
    ContainerRuntime& runtime;
    const Clock& clock;
    std::function<std::vector<Ptr<core_v1::Pod>>()> pods;
    std::function<std::vector<VolumeManager::MeasuredPlace>(const core_v1::Pod&)> volumes;
    // As DiskUses asks it.
    std::function<std::optional<FsUse>(const VolumeManager::MeasuredPlace&, TimePoint)> of_driver =
        nullptr;
  };
  NodeMeasurer(Settings settings, Parts parts);

  // How much is looked at: each is more than the one before it.
  enum class Extent : uint8_t { kProcessorsAndMemory, kFileSystems, kDirectories };
  // Asks the runtime, and blocks on it. Directories of pods may be walked.
  Result<MeasuredNode> Measure(Extent extent);
  // Whoever walks a directory comes back, with less than it takes.
  void End() { end_.request_stop(); }

 private:
  struct Running;
  Result<Running> WhatRuns();
  std::optional<MeasuredCgroup> MeasureCgroup(const std::string& path, TimePoint at);
  std::string CgroupOf(const core_v1::Pod& pod, const std::string& id) const;
  std::vector<InterfaceStats> InterfacesOf(const std::string& cgroup) const;
  MeasuredPod MeasurePod(const core_v1::Pod& pod, const Running& running, TimePoint at);
  void AddContainers(const core_v1::Pod& pod, const Running& running, TimePoint at,
                     MeasuredPod& measured);
  static void AddLayers(const Running& running, TimePoint at, MeasuredPod& measured);
  void AddDirectories(const core_v1::Pod& pod, TimePoint at, MeasuredPod& measured);
  void AddHost(MeasuredNode& node);
  void AddGroups(MeasuredNode& node);

  const Settings settings_;
  const Parts parts_;
  const CgroupReader cgroups_;
  std::stop_source end_;
  DiskUses disks_;
  RecentRates rates_;
};

}  // namespace skiff::kubelet
