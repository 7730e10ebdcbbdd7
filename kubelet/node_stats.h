// How much of the node is left, and what each pod takes of it: read from /proc, the file systems
// and the container runtime.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "kubelet/cri.h"
#include "kubelet/eviction.h"
#include "kubelet/eviction_rank.h"
#include "kubelet/linux_resources.h"
#include "kubelet/stats/disk_walks.h"

namespace skiff::kubelet {

struct NodeStatsOptions {
  std::string root = "/var/lib/kubelet";  // On nodefs.
  std::string log_root = "/var/log/pods";
  std::string cgroup_root = "/kubepods";
  CgroupDriver cgroup_driver = CgroupDriver::kCgroupfs;
  int64_t pods_memory_bytes = 0;  // What all pods together may use; 0: that is not measured.
};

// Thread-safe.
class NodeStats {
 public:
  // `tasks` as of DiskWalks.
  NodeStats(ContainerRuntime& runtime, NodeStatsOptions options, TaskPool* tasks = nullptr)
      : runtime_(runtime),
        options_(std::move(options)),
        walks_([this](const core_v1::Pod& pod) { return DiskOf(pod); }, tasks) {}
  // What cannot be read is left out. Asks the runtime where its images lie.
  Measurements Measure();
  // Images lie on another file system than the kubelet's directory. As of the last Measure.
  bool has_image_fs() const;
  // Where the images lie, as measured last.
  std::optional<Measurement> ImageFs() const;
  // Asks the runtime for all of them; `with_disk` has the directories of the pods walked as well,
  // and waits for a moment: of those that take longer it is what was found before.
  std::vector<PodUsage> UsageOf(const std::vector<Ptr<core_v1::Pod>>& pods, bool with_disk);
  // No directory is walked any more, and those that are being walked are left.
  void End();

 private:
  PodDisk DiskOf(const core_v1::Pod& pod) const;

  ContainerRuntime& runtime_;
  const NodeStatsOptions options_;
  std::stop_source end_;
  DiskWalks walks_;
  mutable Mutex mutex_;
  bool has_image_fs_ GUARDED_BY(mutex_) = false;
  std::optional<Measurement> image_fs_ GUARDED_BY(mutex_);
};

// Of /proc/meminfo: what could be had without swapping, the page cache that is not in use included.
std::optional<Measurement> MemoryFrom(std::string_view meminfo);
// Of a cgroup's memory.stat, either version's, and the bytes it uses: what it could not do without.
int64_t WorkingSetFrom(int64_t used_bytes, std::string_view memory_stat);
// How many there may be on this machine.
int64_t ProcessesMax();
// Of /proc/loadavg, and the largest number of processes there may be.
std::optional<Measurement> ProcessesFrom(std::string_view loadavg, int64_t processes_max);

}  // namespace skiff::kubelet
