#include "kubelet/node_stats.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <charconv>

#include "base/whole_file.h"
#include "kubelet/pod_observed.h"
#include "kubelet/stats/directory_usage.h"

namespace skiff::kubelet {
namespace {

std::string ReadText(const std::string& path) {
  return ReadWholeFile(path).value_or("");
}

std::optional<int64_t> NumberAt(std::string_view text) {
  const size_t begin = text.find_first_of("0123456789");
  if (begin == std::string_view::npos) return std::nullopt;
  int64_t value = 0;
  const auto parsed = std::from_chars(text.data() + begin, text.data() + text.size(), value);
  return parsed.ec == std::errc() ? std::optional(value) : std::nullopt;
}

std::optional<int64_t> MeminfoBytes(std::string_view meminfo, std::string_view name) {
  const size_t at = meminfo.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  const auto kibibytes = NumberAt(meminfo.substr(at + name.size(), 40));
  return kibibytes ? std::optional(*kibibytes * 1024) : std::nullopt;
}

struct FileSystem {
  Measurement bytes, inodes;
  uint64_t device = 0;
};

std::optional<FileSystem> StatFileSystem(const std::string& path) {
  struct statvfs disk {};
  struct stat entry {};
  if (statvfs(path.c_str(), &disk) != 0 || stat(path.c_str(), &entry) != 0) return std::nullopt;
  FileSystem out;
  const auto block = static_cast<int64_t>(disk.f_frsize);
  out.bytes = {static_cast<int64_t>(disk.f_bavail) * block,
               static_cast<int64_t>(disk.f_blocks) * block};
  out.inodes = {static_cast<int64_t>(disk.f_favail), static_cast<int64_t>(disk.f_files)};
  out.device = entry.st_dev;
  return out;
}

// Some file systems count no inodes.
void Add(Measurements& to, Signal bytes, Signal inodes, const FileSystem& from) {
  to[bytes] = from.bytes;
  if (from.inodes.capacity > 0) to[inodes] = from.inodes;
}

// Of the pod's cgroup, on a host of either version.
int64_t ProcessesOf(const std::string& cgroup) {
  for (const char* root : {"/sys/fs/cgroup", "/sys/fs/cgroup/pids"}) {
    const auto count = NumberAt(ReadText(root + cgroup + "/pids.current"));
    if (count) return *count;
  }
  return 0;
}

// The memory that a cgroup uses, on a host of either version.
std::optional<int64_t> WorkingSetOf(const std::string& cgroup) {
  const std::pair<const char*, const char*> hierarchies[] = {
      {"/sys/fs/cgroup/memory", "/memory.usage_in_bytes"}, {"/sys/fs/cgroup", "/memory.current"}};
  for (const auto& [root, file] : hierarchies) {
    const std::string directory = root + cgroup;
    if (const auto used = NumberAt(ReadText(directory + file))) {
      return WorkingSetFrom(*used, ReadText(directory + "/memory.stat"));
    }
  }
  return std::nullopt;
}

std::string LabelOf(const cri::StringMap& labels, const char* name) {
  const auto found = labels.find(name);
  return found == labels.end() ? "" : found->second;
}

void AddDisk(PodDisk& disk, PodUsage& usage) {
  usage.disk_bytes += disk.bytes;
  usage.inodes += disk.inodes;
  for (const auto& [container, bytes] : disk.container_bytes) {
    usage.containers[container].disk_bytes += bytes;
  }
  usage.empty_dir_bytes = std::move(disk.empty_dir_bytes);
  usage.is_disk_unbounded = disk.is_unbounded;
  usage.unbounded_empty_dirs = std::move(disk.unbounded_empty_dirs);
}

}  // namespace

int64_t ProcessesMax() {
  const auto pid_max = NumberAt(ReadText("/proc/sys/kernel/pid_max"));
  const auto threads_max = NumberAt(ReadText("/proc/sys/kernel/threads-max"));
  return std::min(pid_max.value_or(32768), threads_max.value_or(32768));
}

std::optional<Measurement> MemoryFrom(std::string_view meminfo) {
  const auto total = MeminfoBytes(meminfo, "MemTotal:");
  const auto free = MeminfoBytes(meminfo, "MemFree:");
  const auto inactive = MeminfoBytes(meminfo, "Inactive(file):");
  if (!total || !free || !inactive) return std::nullopt;
  return Measurement{std::min(*total, *free + *inactive), *total};
}

int64_t WorkingSetFrom(int64_t used_bytes, std::string_view memory_stat) {
  for (const std::string_view name : {"total_inactive_file ", "inactive_file "}) {
    size_t at = memory_stat.find(name);
    // Whole words only: the one name ends the other.
    while (at != std::string_view::npos && at > 0 && memory_stat[at - 1] != '\n') {
      at = memory_stat.find(name, at + 1);
    }
    if (at == std::string_view::npos) continue;
    const int64_t inactive = NumberAt(memory_stat.substr(at + name.size())).value_or(0);
    return std::max<int64_t>(0, used_bytes - inactive);
  }
  return used_bytes;
}

std::optional<Measurement> ProcessesFrom(std::string_view loadavg, int64_t processes_max) {
  const size_t slash = loadavg.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto count = NumberAt(loadavg.substr(slash + 1));
  if (!count) return std::nullopt;
  return Measurement{processes_max - *count, processes_max};
}

Measurements NodeStats::Measure() {
  Measurements measured;
  if (const auto memory = MemoryFrom(ReadText("/proc/meminfo"))) {
    measured[Signal::kMemoryAvailable] = *memory;
  }
  if (options_.pods_memory_bytes > 0) {
    const auto used = WorkingSetOf(PodsCgroup(options_.cgroup_root, options_.cgroup_driver));
    measured[Signal::kAllocatableMemoryAvailable] = {options_.pods_memory_bytes - used.value_or(0),
                                                     options_.pods_memory_bytes};
  }
  if (const auto processes = ProcessesFrom(ReadText("/proc/loadavg"), ProcessesMax())) {
    measured[Signal::kPidAvailable] = *processes;
  }
  const auto node_fs = StatFileSystem(options_.root);
  if (node_fs) Add(measured, Signal::kNodeFsAvailable, Signal::kNodeFsInodesFree, *node_fs);
  const auto info = runtime_.ImageFsInfo();
  if (!info || info->image_filesystems.empty()) return measured;
  const auto image_fs = StatFileSystem(info->image_filesystems.front().mountpoint);
  if (!image_fs) return measured;
  {
    MutexLock lock(mutex_);
    image_fs_ = image_fs->bytes;
    has_image_fs_ = node_fs && node_fs->device != image_fs->device;
  }
  Add(measured, Signal::kImageFsAvailable, Signal::kImageFsInodesFree, *image_fs);
  Add(measured, Signal::kContainerFsAvailable, Signal::kContainerFsInodesFree, *image_fs);
  return measured;
}

bool NodeStats::has_image_fs() const {
  MutexLock lock(mutex_);
  return has_image_fs_;
}

std::optional<Measurement> NodeStats::ImageFs() const {
  MutexLock lock(mutex_);
  return image_fs_;
}

void NodeStats::End() {
  end_.request_stop();
  walks_.End();
}

PodDisk NodeStats::DiskOf(const core_v1::Pod& pod) const {
  PodDisk disk;
  const WalkBounds bounds{.stop = end_.get_token()};
  const std::string logs = fmt::format("{}/{}_{}_{}", options_.log_root, pod.metadata.namespace_,
                                       pod.metadata.name, pod.metadata.uid);
  const auto add = [&](const std::string& path) {
    const DirectoryUsage used = UsageOfDirectoryWithin(path, bounds);
    disk.bytes += used.bytes;
    disk.inodes += used.inodes;
    disk.is_unbounded |= !used.is_complete;
    return used.bytes;
  };
  for (const auto& container : pod.spec.containers) {
    disk.container_bytes[container.name] = add(logs + "/" + container.name);
  }
  // Those have no limits of their own.
  for (const auto& container : pod.spec.init_containers) add(logs + "/" + container.name);
  for (const auto& container : pod.spec.ephemeral_containers) add(logs + "/" + container.name);
  // Files that containers may write on the node's disk though no volume holds them: as long as they
  // like, too.
  const std::string own = fmt::format("{}/pods/{}", options_.root, pod.metadata.uid);
  add(own + "/etc-hosts");
  add(own + "/containers");  // Their last words.
  const std::string volumes =
      fmt::format("{}/pods/{}/volumes/kubernetes.io~empty-dir", options_.root, pod.metadata.uid);
  for (const auto& volume : pod.spec.volumes) {
    if (!volume.empty_dir) continue;
    const DirectoryUsage used = UsageOfDirectoryWithin(volumes + "/" + volume.name, bounds);
    disk.empty_dir_bytes[volume.name] = used.bytes;
    if (!used.is_complete) disk.unbounded_empty_dirs.insert(volume.name);
    if (volume.empty_dir->medium == "Memory") continue;
    disk.is_unbounded |= !used.is_complete;
    disk.bytes += used.bytes;
    disk.inodes += used.inodes;
  }
  return disk;
}

std::vector<PodUsage> NodeStats::UsageOf(const std::vector<Ptr<core_v1::Pod>>& pods,
                                         bool with_disk) {
  std::map<std::string, PodUsage> by_uid;
  for (const auto& pod : pods) by_uid[pod->metadata.uid].pod = pod;
  const auto stats = runtime_.ListContainerStats({});
  if (stats) {
    for (const cri::ContainerStats& each : *stats) {
      const auto found = by_uid.find(LabelOf(each.labels, kPodUidLabel));
      if (found == by_uid.end()) continue;
      PodUsage& usage = found->second;
      usage.is_known = true;
      ContainerUsage& container = usage.containers[LabelOf(each.labels, kContainerNameLabel)];
      container.memory_bytes += static_cast<int64_t>(each.memory_working_set_bytes.value_or(0));
      const auto layer = static_cast<int64_t>(each.writable_layer.used_bytes.value_or(0));
      container.disk_bytes += layer;
      usage.memory_bytes += static_cast<int64_t>(each.memory_working_set_bytes.value_or(0));
      usage.disk_bytes += layer;
      usage.inodes += static_cast<int64_t>(each.writable_layer.inodes_used.value_or(0));
    }
  }
  std::map<std::string, PodDisk> disks;
  if (with_disk) disks = walks_.Of(pods);
  std::vector<PodUsage> out;
  for (auto& [uid, usage] : by_uid) {
    usage.processes =
        ProcessesOf(PodCgroup(*usage.pod, options_.cgroup_root, options_.cgroup_driver));
    if (auto disk = disks.find(uid); disk != disks.end()) AddDisk(disk->second, usage);
    out.push_back(std::move(usage));
  }
  return out;
}

}  // namespace skiff::kubelet
