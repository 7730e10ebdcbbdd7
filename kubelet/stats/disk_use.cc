#include "kubelet/stats/disk_use.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include <chrono>
#include <set>

#include "kubelet/stats/device_name.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {

std::optional<FsUse> FileSystemAt(const std::string& path, TimePoint now) {
  struct statvfs disk {};
  struct stat entry {};
  if (statvfs(path.c_str(), &disk) != 0 || stat(path.c_str(), &entry) != 0) return std::nullopt;
  const uint64_t block = disk.f_frsize;
  FsUse use{.at = now, .device = DeviceName(major(entry.st_dev), minor(entry.st_dev))};
  use.available_bytes = disk.f_bavail * block;
  use.capacity_bytes = disk.f_blocks * block;
  use.used_bytes = (disk.f_blocks - disk.f_bfree) * block;
  use.inodes_free = disk.f_ffree;
  use.inodes = disk.f_files;
  use.inodes_used = disk.f_files - disk.f_ffree;
  return use;
}

std::optional<FsUse> DeviceAt(const std::string& path, TimePoint now) {
  const Descriptor device(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  uint64_t bytes = 0;
  if (!device.is_open() || ioctl(device.number(), BLKGETSIZE64, &bytes) != 0) return std::nullopt;
  FsUse use{.at = now, .device = {}};
  use.capacity_bytes = bytes;
  return use;
}

PodDiskUse DiskUses::Of(const core_v1::Pod& pod,
                        const std::vector<VolumeManager::MeasuredPlace>& volumes,
                        TimePoint now) {
  const std::string& uid = pod.metadata.uid;
  {
    const MutexLock lock(mutex_);
    const auto found = known_.find(uid);
    const bool is_known = found != known_.end();
    // Also where the clock was set back.
    const bool counts = is_known && std::chrono::abs(now - found->second.at) < kCountsFor;
    if (counts || !walked_.insert(uid).second) return is_known ? found->second : PodDiskUse();
  }
  PodDiskUse use = Measure(pod, volumes, now);
  const MutexLock lock(mutex_);
  walked_.erase(uid);
  known_[uid] = use;
  return use;
}

void DiskUses::Keep(const std::vector<Ptr<core_v1::Pod>>& pods) {
  std::set<std::string> uids;
  for (const auto& pod : pods) uids.insert(pod->metadata.uid);
  const MutexLock lock(mutex_);
  std::erase_if(known_, [&](const auto& each) { return !uids.contains(each.first); });
}

PodDiskUse DiskUses::Measure(const core_v1::Pod& pod,
                             const std::vector<VolumeManager::MeasuredPlace>& volumes,
                             TimePoint now) const {
  PodDiskUse all{.at = now, .logs = {}, .volumes = {}};
  const auto measure = [&](const std::string& path, bool is_local) {
    FsUse use = FileSystemAt(path, now).value_or(FsUse{.at = now, .device = {}});
    const DirectoryUsage used = settings_.walk(path);
    use.used_bytes = static_cast<uint64_t>(used.bytes);
    use.inodes_used = static_cast<uint64_t>(used.inodes);
    if (is_local) all.local_bytes += *use.used_bytes;
    if (is_local) all.local_inodes += *use.inodes_used;
    return use;
  };
  const std::string logs = fmt::format("{}/{}_{}_{}", settings_.log_root, pod.metadata.namespace_,
                                       pod.metadata.name, pod.metadata.uid);
  const auto add_logs = [&](const auto& containers) {
    for (const auto& each : containers) {
      all.logs[each.name] = measure(logs + "/" + each.name, true);
    }
  };
  add_logs(pod.spec.init_containers);
  add_logs(pod.spec.containers);
  add_logs(pod.spec.ephemeral_containers);
  for (const auto& place : volumes) {
    std::optional<FsUse> use;
    if (!place.driver.empty()) {
      if (settings_.of_driver) use = settings_.of_driver(place, now);
    } else if (place.is_device) {
      use = DeviceAt(place.path, now);
    } else if (place.claim.empty()) {
      use = measure(place.path, !place.in_memory);
    } else {
      // A claim has its file system to itself.
      use = FileSystemAt(place.path, now);
    }
    if (use) all.volumes.push_back({place.volume, place.claim, std::move(*use)});
  }
  return all;
}

}  // namespace skiff::kubelet
