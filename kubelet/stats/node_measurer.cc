#include "kubelet/stats/node_measurer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "kubelet/pod_observed.h"
#include "kubelet/stats/device_name.h"
#include "kubelet/stats/host_stats.h"
#include "kubelet/stats/stat_files.h"

namespace skiff::kubelet {
namespace {

std::string LabelIn(const cri::StringMap& labels, const char* key) {
  const auto found = labels.find(key);
  return found == labels.end() ? std::string() : found->second;
}

}  // namespace

uint64_t RecentRates::Take(const std::string& key, TimePoint at, uint64_t used_ns,
                           TimePoint since) {
  const auto rate_since = [&](TimePoint from, uint64_t used_before) -> uint64_t {
    const double seconds = std::chrono::duration<double>(at - from).count();
    if (seconds <= 0 || used_ns < used_before) return 0;
    return static_cast<uint64_t>(static_cast<double>(used_ns - used_before) / seconds);
  };
  const MutexLock lock(mutex_);
  const auto [found, is_new] = looks_.try_emplace(key);
  Look& look = found->second;
  // One who looked before may come later.
  if (at < look.last && look.last - at < kApart) return look.rate;
  look.last = at;
  if (is_new || used_ns < look.used_ns) {
    look.rate = rate_since(since, 0);
  } else if (at - look.at >= kApart) {
    look.rate = rate_since(look.at, look.used_ns);
  } else if (at >= look.at) {
    return look.rate;
  }
  look.at = at;
  look.used_ns = used_ns;
  return look.rate;
}

void RecentRates::Forget(TimePoint now) {
  const MutexLock lock(mutex_);
  std::erase_if(looks_, [&](const auto& each) { return now - each.second.last >= kKeptFor; });
}

// What the runtime has, by uid of the pod.
struct NodeMeasurer::Running {
  std::map<std::string, cri::Sandbox> sandboxes;  // The newest that is ready.
  std::multimap<std::string, cri::Container> containers;
  std::map<std::string, cri::ContainerStats> stats;  // By id.
  std::optional<FsUse> image_fs;
};

NodeMeasurer::NodeMeasurer(Settings settings, Parts parts)
    : settings_(std::move(settings)),
      parts_(std::move(parts)),
      cgroups_(settings_.cgroup_mount),
      disks_({.log_root = settings_.log_root,
              .walk =
                  [stop = end_.get_token()](const std::string& path) {
                    return UsageOfDirectoryWithin(path, {.stop = stop});
                  },
              .of_driver = parts_.of_driver}) {}

Result<MeasuredNode> NodeMeasurer::Measure(Extent extent) {
  const Running running = TRY(WhatRuns());
  MeasuredNode node;
  node.name = settings_.node_name;
  node.at = parts_.clock.Now();
  AddHost(node);
  AddGroups(node);
  const auto pods = parts_.pods();
  for (const auto& pod : pods) {
    if (!running.sandboxes.contains(pod->metadata.uid)) continue;
    MeasuredPod& measured = node.pods.emplace_back(MeasurePod(*pod, running, node.at));
    if (extent >= Extent::kFileSystems) AddLayers(running, node.at, measured);
    if (extent >= Extent::kDirectories) AddDirectories(*pod, node.at, measured);
  }
  if (extent >= Extent::kFileSystems) {
    node.fs = FileSystemAt(settings_.root, node.at);
    node.image_fs = node.container_fs = running.image_fs;
  }
  disks_.Keep(pods);
  rates_.Forget(node.at);
  return node;
}

Result<NodeMeasurer::Running> NodeMeasurer::WhatRuns() {
  Running running;
  for (cri::Sandbox& sandbox :
       TRY(parts_.runtime.ListPodSandboxes({.state = cri::SandboxState::kReady}))) {
    cri::Sandbox& newest = running.sandboxes[LabelIn(sandbox.labels, kPodUidLabel)];
    if (newest.id.empty() || IsLater(sandbox, newest)) newest = std::move(sandbox);
  }
  for (cri::Container& container :
       TRY(parts_.runtime.ListContainers({.state = cri::ContainerState::kRunning}))) {
    const std::string uid = LabelIn(container.labels, kPodUidLabel);
    running.containers.emplace(uid, std::move(container));
  }
  for (cri::ContainerStats& each : TRY(parts_.runtime.ListContainerStats({}))) {
    running.stats[each.id] = std::move(each);
  }
  const auto images = parts_.runtime.ImageFsInfo();
  if (!images || images->image_filesystems.empty()) return running;
  const cri::FilesystemUsage& first = images->image_filesystems.front();
  running.image_fs = FileSystemAt(first.mountpoint, parts_.clock.Now());
  if (running.image_fs && first.used_bytes) {
    running.image_fs->used_bytes = first.used_bytes;
    running.image_fs->inodes_used = first.inodes_used;
  }
  return running;
}

std::optional<MeasuredCgroup> NodeMeasurer::MeasureCgroup(const std::string& path, TimePoint at) {
  auto stats = cgroups_.Read(path, at);
  if (!stats) return std::nullopt;
  for (DeviceIo& io : stats->io) io.device = DeviceName(io.major, io.minor);
  MeasuredCgroup cgroup{.path = path, .stats = std::move(*stats), .nano_cores = {}};
  if (const auto used = cgroup.stats.cpu.total_ns) {
    cgroup.nano_cores = rates_.Take(path, at, *used, cgroup.stats.created_at);
  }
  return cgroup;
}

// As containerd names them.
std::string NodeMeasurer::CgroupOf(const core_v1::Pod& pod, const std::string& id) const {
  const std::string parent = PodCgroup(pod, settings_.cgroup_root, settings_.cgroup_driver);
  return settings_.cgroup_driver == CgroupDriver::kSystemd
             ? fmt::format("{}/cri-containerd-{}.scope", parent, id)
             : fmt::format("{}/{}", parent, id);
}

std::vector<InterfaceStats> NodeMeasurer::InterfacesOf(const std::string& cgroup) const {
  const auto process = cgroups_.ProcessOf(cgroup);
  if (!process) return {};
  return InterfacesFrom(
      ReadStatFile(fmt::format("{}/{}/net/dev", settings_.proc, *process)));
}

MeasuredPod NodeMeasurer::MeasurePod(const core_v1::Pod& pod, const Running& running,
                                     TimePoint at) {
  MeasuredPod measured;
  measured.name = pod.metadata.name;
  measured.name_space = pod.metadata.namespace_;
  measured.uid = pod.metadata.uid;
  const cri::Sandbox& sandbox = running.sandboxes.at(pod.metadata.uid);
  measured.started_at = sandbox.created_at;
  measured.cgroup =
      MeasureCgroup(PodCgroup(pod, settings_.cgroup_root, settings_.cgroup_driver), at);
  measured.sandbox_id = sandbox.id;
  measured.sandbox = MeasureCgroup(CgroupOf(pod, sandbox.id), at);
  if (measured.sandbox) measured.interfaces = InterfacesOf(measured.sandbox->path);
  AddContainers(pod, running, at, measured);
  return measured;
}

void NodeMeasurer::AddContainers(const core_v1::Pod& pod, const Running& running, TimePoint at,
                                 MeasuredPod& measured) {
  const auto [first, last] = running.containers.equal_range(pod.metadata.uid);
  for (auto each = first; each != last; ++each) {
    const cri::Container& container = each->second;
    auto cgroup = MeasureCgroup(CgroupOf(pod, container.id), at);
    if (!cgroup) continue;  // It has just ended.
    measured.containers.push_back({.name = container.metadata.name,
                                   .id = container.id,
                                   .image = container.image.image,
                                   .started_at = container.created_at,
                                   .cgroup = std::move(*cgroup),
                                   .rootfs = {},
                                   .logs = {}});
  }
}

void NodeMeasurer::AddLayers(const Running& running, TimePoint at, MeasuredPod& measured) {
  for (MeasuredContainer& container : measured.containers) {
    const auto stats = running.stats.find(container.id);
    if (stats == running.stats.end()) continue;
    const cri::FilesystemUsage& layer = stats->second.writable_layer;
    container.rootfs = running.image_fs.value_or(FsUse{.at = at, .device = {}});
    container.rootfs->used_bytes = layer.used_bytes;
    container.rootfs->inodes_used = layer.inodes_used;
  }
}

// Of a pod with its layers.
void NodeMeasurer::AddDirectories(const core_v1::Pod& pod, TimePoint at, MeasuredPod& measured) {
  PodDiskUse use = disks_.Of(pod, parts_.volumes(pod), at);
  if (use.at == TimePoint()) return;  // Nothing is known yet.
  measured.volumes = std::move(use.volumes);
  uint64_t bytes = use.local_bytes, inodes = use.local_inodes;
  for (MeasuredContainer& container : measured.containers) {
    const auto logs = use.logs.find(container.name);
    if (logs != use.logs.end()) container.logs = logs->second;
    if (!container.rootfs) continue;
    bytes += container.rootfs->used_bytes.value_or(0);
    inodes += container.rootfs->inodes_used.value_or(0);
  }
  measured.ephemeral = FileSystemAt(settings_.root, at).value_or(FsUse{.at = at, .device = {}});
  measured.ephemeral->used_bytes = bytes;
  measured.ephemeral->inodes_used = inodes;
}

void NodeMeasurer::AddHost(MeasuredNode& node) {
  const auto text = [this](const char* name) { return ReadStatFile(settings_.proc + name); };
  const HostText host{text("/stat"), text("/meminfo"), text("/vmstat")};
  node.started_at = BootTimeFrom(host.stat);
  node.root.stats = HostStatsFrom(host, sysconf(_SC_CLK_TCK), node.at);
  node.root.stats.created_at = node.started_at;
  node.root.stats.cpu_pressure = PressureFrom(text("/pressure/cpu"));
  node.root.stats.memory_pressure = PressureFrom(text("/pressure/memory"));
  node.root.stats.io_pressure = PressureFrom(text("/pressure/io"));
  if (const auto used = node.root.stats.cpu.total_ns) {
    node.root.nano_cores = rates_.Take("/", node.at, *used, node.started_at);
  }
  node.interfaces = InterfacesFrom(text("/self/net/dev"));
  const std::string load = text("/loadavg");  // "0.1 0.2 0.3 2/345 6789"
  if (const size_t slash = load.find('/'); slash != std::string::npos) {
    node.processes = LeadingNumber(std::string_view(load).substr(slash + 1));
  }
  const auto pids = LeadingNumber(text("/sys/kernel/pid_max"));
  const auto threads = LeadingNumber(text("/sys/kernel/threads-max"));
  if (pids && threads) node.processes_max = std::min(*pids, *threads);
  const Processors processors = ProcessorsFrom(text("/cpuinfo"));
  const NodeFacts& facts = settings_.facts;
  constexpr int64_t kMilli = 1000;
  node.machine = {.cores = static_cast<uint64_t>(facts.milli_cpu / kMilli),
                  .physical_cores = processors.physical_cores,
                  .sockets = processors.sockets,
                  .memory_bytes = MemoryNamed(host.meminfo, "MemTotal").value_or(0),
                  .swap_bytes = MemoryNamed(host.meminfo, "SwapTotal").value_or(0),
                  .machine_id = facts.machine_id,
                  .system_uuid = facts.system_uuid,
                  .boot_id = facts.boot_id,
                  .kernel_version = facts.kernel_version,
                  .os_image = facts.os_image};
}

void NodeMeasurer::AddGroups(MeasuredNode& node) {
  const std::string own = OwnCgroupFrom(ReadStatFile(settings_.proc + "/self/cgroup"));
  if (!own.empty() && own != "/") {
    if (auto kubelet = MeasureCgroup(own, node.at)) {
      node.system.push_back({"kubelet", std::move(*kubelet)});
    }
  }
  const std::string all = PodsCgroup(settings_.cgroup_root, settings_.cgroup_driver);
  if (auto pods = MeasureCgroup(all, node.at)) {
    node.system.push_back({"pods", *pods});
    node.groups.push_back(std::move(*pods));
  }
  const bool is_systemd = settings_.cgroup_driver == CgroupDriver::kSystemd;
  for (const std::string word : {"besteffort", "burstable"}) {
    // "/kubepods.slice/kubepods-burstable.slice"
    const std::string name = all.substr(all.rfind('/') + 1);
    const std::string path = is_systemd ? fmt::format("{}/{}-{}.slice", all,
                                                      name.substr(0, name.rfind('.')), word)
                                        : all + "/" + word;
    if (auto group = MeasureCgroup(path, node.at)) node.groups.push_back(std::move(*group));
  }
}

}  // namespace skiff::kubelet
