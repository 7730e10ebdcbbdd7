#include "kubelet/stats/summary.h"

#include <algorithm>

#include "api/values.h"

namespace skiff::kubelet {
namespace {

std::string TimeText(TimePoint at) {
  return Time(std::chrono::floor<std::chrono::seconds>(at)).Rfc3339();
}

template <typename Value>
void Put(Json& object, const char* name, const std::optional<Value>& value) {
  if (value) object[name] = *value;
}

void PutTime(Json& object, const char* name, TimePoint at) {
  if (at > TimePoint()) object[name] = TimeText(at);
}

Json PressureDocument(const Pressure& pressure) {
  const auto line = [](const Pressure::Line& from) {
    constexpr uint64_t kNsPerUs = 1000;
    return Json{{"total", from.total_us * kNsPerUs},
                {"avg10", from.avg10},
                {"avg60", from.avg60},
                {"avg300", from.avg300}};
  };
  return {{"full", line(pressure.full)}, {"some", line(pressure.some)}};
}

void PutPressure(Json& object, const std::optional<Pressure>& pressure) {
  if (pressure) object["psi"] = PressureDocument(*pressure);
}

Json CpuDocument(const MeasuredCgroup& cgroup) {
  Json cpu = {{"time", TimeText(cgroup.stats.at)}};
  Put(cpu, "usageNanoCores", cgroup.nano_cores);
  Put(cpu, "usageCoreNanoSeconds", cgroup.stats.cpu.total_ns);
  PutPressure(cpu, cgroup.stats.cpu_pressure);
  return cpu;
}

Json MemoryDocument(const CgroupStats& stats) {
  const auto& from = stats.memory;
  Json memory = {{"time", TimeText(stats.at)}};
  // Of what has no limit nothing can be said to be left.
  if (from.limit && from.working_set) {
    memory["availableBytes"] = *from.limit - std::min(*from.limit, *from.working_set);
  }
  Put(memory, "usageBytes", from.usage);
  Put(memory, "workingSetBytes", from.working_set);
  Put(memory, "rssBytes", from.rss);
  Put(memory, "pageFaults", from.page_faults);
  Put(memory, "majorPageFaults", from.major_page_faults);
  PutPressure(memory, stats.memory_pressure);
  return memory;
}

void PutIo(Json& object, const CgroupStats& stats) {
  if (!stats.io_pressure) return;
  object["io"] = {{"time", TimeText(stats.at)}};
  PutPressure(object["io"], stats.io_pressure);
}

// It is memory: who asks for that alone is told of it, too.
void PutSwap(Json& object, const CgroupStats& stats) {
  if (!stats.memory.swap) return;
  Json swap = {{"time", TimeText(stats.at)}, {"swapUsageBytes", *stats.memory.swap}};
  if (const auto limit = stats.memory.swap_limit) {
    swap["swapAvailableBytes"] = *limit - std::min(*limit, *stats.memory.swap);
  }
  object["swap"] = std::move(swap);
}

Json FsDocument(const FsUse& use) {
  Json fs = Json::object();
  PutTime(fs, "time", use.at);
  Put(fs, "availableBytes", use.available_bytes);
  Put(fs, "capacityBytes", use.capacity_bytes);
  Put(fs, "usedBytes", use.used_bytes);
  Put(fs, "inodesFree", use.inodes_free);
  Put(fs, "inodes", use.inodes);
  Put(fs, "inodesUsed", use.inodes_used);
  return fs;
}

void PutFs(Json& object, const char* name, const std::optional<FsUse>& use) {
  if (use) object[name] = FsDocument(*use);
}

Json InterfaceDocument(const InterfaceStats& from) {
  return {{"name", from.name},
          {"rxBytes", from.received.bytes},
          {"rxErrors", from.received.errors},
          {"txBytes", from.sent.bytes},
          {"txErrors", from.sent.errors}};
}

void PutNetwork(Json& object, const std::vector<InterfaceStats>& interfaces, TimePoint at) {
  const InterfaceStats* first = DefaultInterface(interfaces);
  if (first == nullptr) return;
  Json network = InterfaceDocument(*first);
  network["time"] = TimeText(at);
  for (const auto& each : interfaces) network["interfaces"].push_back(InterfaceDocument(each));
  object["network"] = std::move(network);
}

Json ContainerDocument(const MeasuredContainer& container, bool is_short) {
  const CgroupStats& stats = container.cgroup.stats;
  Json document = {{"name", container.name},
                   {"startTime", TimeText(container.started_at)},
                   {"cpu", CpuDocument(container.cgroup)},
                   {"memory", MemoryDocument(stats)}};
  PutSwap(document, stats);
  if (is_short) return document;
  PutIo(document, stats);
  PutFs(document, "rootfs", container.rootfs);
  PutFs(document, "logs", container.logs);
  return document;
}

Json PodDocument(const MeasuredPod& pod, TimePoint at, bool is_short) {
  Json document = {
      {"podRef", {{"name", pod.name}, {"namespace", pod.name_space}, {"uid", pod.uid}}},
      {"startTime", TimeText(pod.started_at)},
      {"containers", Json::array()}};
  for (const MeasuredContainer& container : pod.containers) {
    document["containers"].push_back(ContainerDocument(container, is_short));
  }
  if (pod.cgroup) {
    document["cpu"] = CpuDocument(*pod.cgroup);
    document["memory"] = MemoryDocument(pod.cgroup->stats);
    PutSwap(document, pod.cgroup->stats);
  }
  if (is_short) return document;
  PutNetwork(document, pod.interfaces, at);
  for (const MeasuredVolume& volume : pod.volumes) {
    Json& added = document["volume"].emplace_back(FsDocument(volume.use));
    added["name"] = volume.name;
    if (volume.claim.empty()) continue;
    added["pvcRef"] = {{"name", volume.claim}, {"namespace", pod.name_space}};
  }
  PutFs(document, "ephemeral-storage", pod.ephemeral);
  if (!pod.cgroup) return document;
  PutIo(document, pod.cgroup->stats);
  document["process_stats"] = Json::object();
  Put(document["process_stats"], "process_count",
      pod.cgroup->stats.threads ? pod.cgroup->stats.threads : pod.cgroup->stats.processes);
  return document;
}

Json NodeDocument(const MeasuredNode& node, bool is_short) {
  Json document = {{"nodeName", node.name},
                   {"startTime", TimeText(node.started_at)},
                   {"cpu", CpuDocument(node.root)},
                   {"memory", MemoryDocument(node.root.stats)},
                   {"systemContainers", Json::array()}};
  PutSwap(document, node.root.stats);
  for (const SystemContainer& each : node.system) {
    Json system = {{"name", each.name},
                   {"startTime", TimeText(each.cgroup.stats.created_at)},
                   {"cpu", CpuDocument(each.cgroup)},
                   {"memory", MemoryDocument(each.cgroup.stats)}};
    PutSwap(system, each.cgroup.stats);
    if (!is_short) PutIo(system, each.cgroup.stats);
    document["systemContainers"].push_back(std::move(system));
  }
  if (is_short) return document;
  PutIo(document, node.root.stats);
  PutNetwork(document, node.interfaces, node.at);
  PutFs(document, "fs", node.fs);
  document["runtime"] = Json::object();
  PutFs(document["runtime"], "imageFs", node.image_fs);
  PutFs(document["runtime"], "containerFs", node.container_fs);
  Json limits = {{"time", TimeText(node.at)}};
  Put(limits, "maxpid", node.processes_max);
  Put(limits, "curproc", node.processes);
  document["rlimit"] = std::move(limits);
  return document;
}

}  // namespace

Json SummaryOf(const MeasuredNode& node, SummaryOptions options) {
  Json summary = {{"node", NodeDocument(node, options.only_cpu_and_memory)},
                  {"pods", Json::array()}};
  for (const MeasuredPod& pod : node.pods) {
    summary["pods"].push_back(PodDocument(pod, node.at, options.only_cpu_and_memory));
  }
  return summary;
}

}  // namespace skiff::kubelet
