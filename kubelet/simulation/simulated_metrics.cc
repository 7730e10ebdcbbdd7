#include "kubelet/simulation/simulated_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "api/values.h"
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

Json CpuOf(const std::string& time, const Used& used) {
  return {{"time", time},
          {"usageNanoCores", used.nano_cores},
          {"usageCoreNanoSeconds", static_cast<int64_t>(used.core_seconds * kNano)}};
}

Json MemoryOf(const std::string& time, const Used& used) {
  return {{"time", time},
          {"usageBytes", used.memory_bytes},
          {"workingSetBytes", used.memory_bytes},
          {"rssBytes", used.memory_bytes}};
}

}  // namespace

std::string ResourceMetrics(const std::vector<SimulatedContainer>& containers, TimePoint now) {
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
  node_cpu.Add("", node.core_seconds);
  node_memory.Add("", node.memory_bytes);
  Family failed("resource_scrape_error", "gauge",
                "1 if there was an error while getting container metrics, 0 otherwise");
  failed.Add("", 0);
  return cpu.text() + memory.text() + started.text() + node_cpu.text() + node_memory.text() +
         pod_cpu.text() + pod_memory.text() + failed.text();
}

Json StatsSummary(const std::string& node_name, int64_t node_memory_bytes,
                  const std::vector<SimulatedContainer>& containers, TimePoint now) {
  struct PodStats {
    Used used;
    Json document;
  };
  const std::string time = Time(now).Rfc3339();
  std::map<std::string, PodStats> pods;  // By uid.
  Used node;
  for (const SimulatedContainer& container : containers) {
    const auto& metadata = container.pod->metadata;
    const Used used = UsedBy(container, now);
    PodStats& pod = pods[metadata.uid];
    if (pod.document.is_null()) {
      pod.document = {{"podRef",
                       {{"name", metadata.name},
                        {"namespace", metadata.namespace_},
                        {"uid", metadata.uid}}},
                      {"startTime", Time(container.started_at).Rfc3339()},
                      {"containers", Json::array()}};
    }
    pod.document["containers"].push_back({{"name", container.name},
                                          {"startTime", Time(container.started_at).Rfc3339()},
                                          {"cpu", CpuOf(time, used)},
                                          {"memory", MemoryOf(time, used)}});
    pod.used.Add(used);
    node.Add(used);
  }
  Json summary = {{"node",
                   {{"nodeName", node_name},
                    {"cpu", CpuOf(time, node)},
                    {"memory", MemoryOf(time, node)}}},
                  {"pods", Json::array()}};
  summary["node"]["memory"]["availableBytes"] =
      std::max<int64_t>(0, node_memory_bytes - node.memory_bytes);
  for (auto& [uid, pod] : pods) {
    pod.document["cpu"] = CpuOf(time, pod.used);
    pod.document["memory"] = MemoryOf(time, pod.used);
    summary["pods"].push_back(std::move(pod.document));
  }
  return summary;
}

}  // namespace skiff::kubelet
