// What pods take of disks: walking their directories costs, so that what was found counts for a
// minute, and longer where the next walk takes its time.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/mutex.h"
#include "client/client.h"
#include "kubelet/stats/directory_usage.h"
#include "kubelet/stats/measured.h"
#include "kubelet/volumes/volume_manager.h"

namespace skiff::kubelet {

// Of the file system that a path lies on; nullopt when that cannot be said.
std::optional<FsUse> FileSystemAt(const std::string& path, TimePoint now);

// How large a block device is; nullopt when that cannot be said.
std::optional<FsUse> DeviceAt(const std::string& path, TimePoint now);

struct PodDiskUse {
  TimePoint at{};
  std::map<std::string, FsUse> logs;  // By container.
  std::vector<MeasuredVolume> volumes;
  // Of the node's file system: logs, and volumes that are no claim's and not in memory.
  uint64_t local_bytes = 0, local_inodes = 0;
};

// Thread-safe.
class DiskUses {
 public:
  struct Settings {
    std::string log_root;  // Below it each pod has a folder for its containers' logs.
    std::function<DirectoryUsage(const std::string&)> walk = UsageOfDirectory;
    // What the driver of the volume says of it, if it does; may block for a while.
    std::function<std::optional<FsUse>(const VolumeManager::MeasuredPlace&, TimePoint)> of_driver =
        nullptr;
  };
  explicit DiskUses(Settings settings) : settings_(std::move(settings)) {}
  // One walks a pod's directories at a time: the others are told what was found before, which is
  // nothing at first, and never wait for a disk that hangs.
  PodDiskUse Of(const core_v1::Pod& pod,
                const std::vector<VolumeManager::MeasuredPlace>& volumes, TimePoint now);
  // Forgets those of pods that are not among these.
  void Keep(const std::vector<Ptr<core_v1::Pod>>& pods);

 private:
  static constexpr Duration kCountsFor = 60s;
  PodDiskUse Measure(const core_v1::Pod& pod,
                     const std::vector<VolumeManager::MeasuredPlace>& volumes,
                     TimePoint now) const;

  const Settings settings_;
  Mutex mutex_;  // Not held while directories are walked.
  std::map<std::string, PodDiskUse> known_ GUARDED_BY(mutex_);  // By uid.
  std::set<std::string> walked_ GUARDED_BY(mutex_);             // Uids: somebody does just now.
};

}  // namespace skiff::kubelet
