#include "kubelet/simulation/simulated_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "kubelet/simulation/script.h"

namespace skiff::kubelet {
namespace {

constexpr double kNano = 1e9;

struct Used {
  double core_seconds = 0;
  int64_t nano_cores = 0;
  int64_t memory_bytes = 0;

  void Add(const Used& other) {
    core_seconds += other.core_seconds;
    nano_cores += other.nano_cores;
    memory_bytes += other.memory_bytes;
  }
};

double SecondsOf(Duration span) {
  return std::chrono::duration<double>(std::max<Duration>(span, 0ns)).count();
}

Used UsedBy(const SimulatedContainer& container, TimePoint now) {
  const SimulatedUsage usage = UsageOf(*container.pod, container.name);
  const double seconds = SecondsOf(now - container.started_at);
  return {static_cast<double>(usage.nano_cores) / kNano * seconds, usage.nano_cores,
          usage.memory_bytes};
}

std::string ImageOf(const core_v1::Pod& pod, const std::string& name) {
  for (const auto* list : {&pod.spec.containers, &pod.spec.init_containers}) {
    for (const auto& each : *list) {
      if (each.name == name) return each.image;
    }
  }
  return "";
}

// A metric with its head; samples follow.
class Family {
 public:
  Family(std::string name, const char* type, const char* help)
      : name_(std::move(name)),
        text_(fmt::format("# HELP {0} [STABLE] {1}\n# TYPE {0} {2}\n", name_, help, type)) {}
  template <typename Number>
  void Add(const std::string& labels, Number value) {
    text_ += fmt::format("{}{} {}\n", name_, labels, value);
  }
  const std::string& text() const { return text_; }

 private:
  const std::string name_;
  std::string text_;
};

// What a container does not do, it is said to have done so much of.
constexpr double kReceivedPerSecond = 1200, kSentPerSecond = 800, kPacketBytes = 100;
constexpr uint64_t kLogBytes = 4096, kLayerBytes = 16384, kVolumeInodes = 1;
constexpr uint64_t kSimulatedDiskBytes = uint64_t{100} << 30, kSimulatedDiskInodes = 1 << 20;

CgroupStats StatsOf(const Used& used, TimePoint now, TimePoint since) {
  CgroupStats stats;
  stats.at = now;
  stats.created_at = since;
  constexpr double kNanosMax = 1e19;
  stats.cpu.total_ns = static_cast<uint64_t>(std::clamp(used.core_seconds * kNano, 0.0, kNanosMax));
  stats.cpu.user_ns = *stats.cpu.total_ns / 4 * 3;
  stats.cpu.system_ns = *stats.cpu.total_ns - *stats.cpu.user_ns;
  stats.cpu.period_us = 100'000;
  const auto bytes = static_cast<uint64_t>(used.memory_bytes);
  stats.memory.usage = stats.memory.working_set = stats.memory.rss = bytes;
  stats.memory.max_usage = bytes;
  stats.memory.cache = stats.memory.swap = stats.memory.mapped_file = 0;
  stats.memory.failures = stats.memory.oom_kills = stats.memory.major_page_faults = 0;
  constexpr uint64_t kPageBytes = 4096;
  stats.memory.page_faults = bytes / kPageBytes;
  stats.processes = stats.threads = 1;
  return stats;
}

MeasuredCgroup CgroupOf(std::string path, const Used& used, TimePoint now, TimePoint since) {
  return {.path = std::move(path),
          .stats = StatsOf(used, now, since),
          .nano_cores = static_cast<uint64_t>(used.nano_cores)};
}

FsUse DiskUse(TimePoint now, uint64_t used_bytes, uint64_t inodes_used) {
  FsUse use{.at = now, .device = "/dev/vda1"};
  use.capacity_bytes = kSimulatedDiskBytes;
  use.available_bytes = kSimulatedDiskBytes - used_bytes;
  use.used_bytes = used_bytes;
  use.inodes = kSimulatedDiskInodes;
  use.inodes_free = kSimulatedDiskInodes - inodes_used;
  use.inodes_used = inodes_used;
  return use;
}

InterfaceStats InterfaceOf(Duration lived) {
  const auto way = [&](double per_second) {
    const double bytes = per_second * SecondsOf(lived);
    return InterfaceStats::Way{.bytes = static_cast<uint64_t>(bytes),
                               .packets = static_cast<uint64_t>(bytes / kPacketBytes)};
  };
  return {"eth0", way(kReceivedPerSecond), way(kSentPerSecond)};
}

// One that has no container yet.
MeasuredPod PodOf(const core_v1::Pod& pod, TimePoint started_at, TimePoint now) {
  MeasuredPod measured;
  measured.name = pod.metadata.name;
  measured.name_space = pod.metadata.namespace_;
  measured.uid = pod.metadata.uid;
  measured.started_at = started_at;
  measured.cgroup = CgroupOf(PodCgroup(pod), {}, now, started_at);
  measured.sandbox_id = "sandbox-" + pod.metadata.uid;
  measured.sandbox = CgroupOf(measured.cgroup->path + "/" + measured.sandbox_id, {}, now,
                              started_at);
  measured.interfaces.push_back(InterfaceOf(now - started_at));
  for (const auto& volume : pod.spec.volumes) {
    if (volume.host_path) continue;
    const auto& claim = volume.persistent_volume_claim;
    measured.volumes.push_back({volume.name, claim ? claim->claim_name : "",
                                DiskUse(now, kLogBytes, kVolumeInodes)});
  }
  measured.ephemeral = DiskUse(now, 0, 0);
  return measured;
}

void AddContainer(const SimulatedContainer& container, const Used& used, TimePoint now,
                  MeasuredPod& pod) {
  const std::string id = fmt::format("{}-{}", container.name, pod.uid);
  pod.containers.push_back(
      {.name = container.name,
       .id = id,
       .image = ImageOf(*container.pod, container.name),
       .started_at = container.started_at,
       .cgroup = CgroupOf(pod.cgroup->path + "/" + id, used, now, container.started_at),
       .rootfs = DiskUse(now, kLayerBytes, 1),
       .logs = DiskUse(now, kLogBytes, 1)});
  *pod.ephemeral->used_bytes += kLayerBytes + kLogBytes;
  *pod.ephemeral->inodes_used += 2;
}

}  // namespace

double SimulatedNodeUse::CoreSeconds(const std::vector<SimulatedContainer>& containers,
                                     TimePoint now) {
  for (const SimulatedContainer& container : containers) {
    const double cores =
        static_cast<double>(UsageOf(*container.pod, container.name).nano_cores) / kNano;
    core_seconds_ += cores * SecondsOf(now - std::max(at_, container.started_at));
  }
  at_ = std::max(at_, now);
  return core_seconds_;
}

std::string ResourceMetrics(const std::vector<SimulatedContainer>& containers, TimePoint now,
                            double core_seconds) {
  Family cpu("container_cpu_usage_seconds_total", "counter",
             "Cumulative cpu time consumed by the container in core-seconds");
  Family memory("container_memory_working_set_bytes", "gauge",
                "Current working set of the container in bytes");
  Family started("container_start_time_seconds", "gauge",
                 "Start time of the container since unix epoch in seconds");
  Family pod_cpu("pod_cpu_usage_seconds_total", "counter",
                 "Cumulative cpu time consumed by the pod in core-seconds");
  Family pod_memory("pod_memory_working_set_bytes", "gauge",
                    "Current working set of the pod in bytes");
  Family node_cpu("node_cpu_usage_seconds_total", "counter",
                  "Cumulative cpu time consumed by the node in core-seconds");
  Family node_memory("node_memory_working_set_bytes", "gauge",
                     "Current working set of the node in bytes");
  Used node;
  std::map<std::string, Used> pods;  // By their labels.
  for (const SimulatedContainer& container : containers) {
    const auto& metadata = container.pod->metadata;
    const Used used = UsedBy(container, now);
    const std::string labels = fmt::format("{{container=\"{}\",namespace=\"{}\",pod=\"{}\"}}",
                                           container.name, metadata.namespace_, metadata.name);
    cpu.Add(labels, used.core_seconds);
    memory.Add(labels, used.memory_bytes);
    started.Add(labels, SecondsOf(container.started_at.time_since_epoch()));
    pods[fmt::format("{{namespace=\"{}\",pod=\"{}\"}}", metadata.namespace_, metadata.name)].Add(
        used);
    node.Add(used);
  }
  for (const auto& [labels, used] : pods) {
    pod_cpu.Add(labels, used.core_seconds);
    pod_memory.Add(labels, used.memory_bytes);
  }
  node_cpu.Add("", core_seconds);
  node_memory.Add("", node.memory_bytes);
  Family failed("resource_scrape_error", "gauge",
                "1 if there was an error while getting container metrics, 0 otherwise");
  failed.Add("", 0);
  return cpu.text() + memory.text() + started.text() + node_cpu.text() + node_memory.text() +
         pod_cpu.text() + pod_memory.text() + failed.text();
}

MeasuredNode MeasureSimulated(const KubeletOptions& options,
                              const std::vector<SimulatedContainer>& containers, TimePoint now,
                              double core_seconds) {
  MeasuredNode node;
  node.name = options.node_name;
  node.at = node.started_at = now;
  std::map<std::string, MeasuredPod> pods;  // By uid.
  std::map<std::string, Used> pods_use;
  Used all;
  for (const SimulatedContainer& container : containers) {
    const std::string& uid = container.pod->metadata.uid;
    auto pod = pods.find(uid);
    if (pod == pods.end()) {
      pod = pods.emplace(uid, PodOf(*container.pod, container.started_at, now)).first;
    }
    const Used used = UsedBy(container, now);
    AddContainer(container, used, now, pod->second);
    pods_use[uid].Add(used);
    all.Add(used);
    node.started_at = std::min(node.started_at, container.started_at);
  }
  uint64_t disk_bytes = 0, inodes = 0;
  for (auto& [uid, pod] : pods) {
    pod.cgroup = CgroupOf(pod.cgroup->path, pods_use[uid], now, pod.started_at);
    disk_bytes += *pod.ephemeral->used_bytes;
    inodes += *pod.ephemeral->inodes_used;
    node.pods.push_back(std::move(pod));
  }
  all.core_seconds = core_seconds;
  node.root = CgroupOf("/", all, now, node.started_at);
  const NodeFacts& facts = options.facts;
  const auto memory_bytes = static_cast<uint64_t>(facts.memory_bytes);
  node.root.stats.memory.limit = memory_bytes;
  node.groups.push_back(CgroupOf("/kubepods", all, now, node.started_at));
  node.system.push_back({"pods", node.groups.back()});
  node.interfaces.push_back(InterfaceOf(now - node.started_at));
  node.fs = node.image_fs = node.container_fs = DiskUse(now, disk_bytes, inodes);
  node.processes = node.pods.size() + 1;
  constexpr uint64_t kProcessesMax = 32768;
  node.processes_max = kProcessesMax;
  constexpr int64_t kMilli = 1000;
  const auto cores = static_cast<uint64_t>(facts.milli_cpu / kMilli);
  node.machine = {.cores = cores,
                  .physical_cores = cores,
                  .sockets = 1,
                  .memory_bytes = memory_bytes,
                  .swap_bytes = 0,
                  .machine_id = facts.machine_id,
                  .system_uuid = facts.system_uuid,
                  .boot_id = facts.boot_id,
                  .kernel_version = facts.kernel_version,
                  .os_image = facts.os_image};
  return node;
}

}  // namespace skiff::kubelet
