#include "kubelet/resource_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "kubelet/pod_observed.h"

namespace skiff::kubelet {
namespace {

// A metric with its head; samples follow.
class MetricText {
 public:
  MetricText(std::string name, const char* type, const char* help, const char* level = "STABLE")
      : name_(std::move(name)),
        text_(fmt::format("# HELP {0} [{1}] {2}\n# TYPE {0} {3}\n", name_, level, help, type)) {}
  template <typename Number>
  void Add(const std::string& labels, Number value, TimePoint at) {
    text_ += fmt::format("{}{} {}", name_, labels, value);
    if (at > TimePoint()) {
      const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(
          at.time_since_epoch());
      text_ += fmt::format(" {}", since.count());
    }
    text_ += '\n';
  }
  const std::string& text() const { return text_; }

 private:
  const std::string name_;
  std::string text_;
};

std::string LabelAt(const cri::StringMap& labels, const char* key) {
  const auto found = labels.find(key);
  return found == labels.end() ? std::string() : found->second;
}

constexpr double kNanoseconds = 1e9;

// What the containers of a pod have used together.
struct PodUse {
  double cpu_seconds = 0;
  uint64_t memory_bytes = 0;
  TimePoint at{};
};

std::string PodLabelsOf(const cri::ContainerStats& stats) {
  return fmt::format("namespace=\"{}\",pod=\"{}\"", LabelAt(stats.labels, kPodNamespaceLabel),
                     LabelAt(stats.labels, kPodNameLabel));
}

std::string ContainerLabelsOf(const cri::ContainerStats& stats) {
  return fmt::format("{{container=\"{}\",{}}}", stats.metadata.name, PodLabelsOf(stats));
}

// Of the containers whose runtime says it, their pods and the node.
std::string SwapText(const NodeUse& node, const std::vector<cri::ContainerStats>& stats) {
  constexpr char kLevel[] = "ALPHA";
  MetricText of_node(
      "node_swap_usage_bytes", "gauge",
      "Current swap usage of the node in bytes. Reported only on non-windows systems", kLevel);
  MetricText used("container_swap_usage_bytes", "gauge",
                  "Current amount of the container swap usage in bytes. Reported only on "
                  "non-windows systems",
                  kLevel);
  MetricText limit("container_swap_limit_bytes", "gauge",
                   "Current amount of the container swap limit in bytes. Reported only on "
                   "non-windows systems",
                   kLevel);
  MetricText of_pod("pod_swap_usage_bytes", "gauge",
                    "Current amount of the pod swap usage in bytes. Reported only on non-windows "
                    "systems",
                    kLevel);
  std::map<std::string, std::pair<uint64_t, TimePoint>> pods;  // By their labels.
  bool has_limits = false;
  for (const cri::ContainerStats& each : stats) {
    if (!each.swap_usage_bytes) continue;
    used.Add(ContainerLabelsOf(each), *each.swap_usage_bytes, each.swap_timestamp);
    auto& [bytes, at] = pods["{" + PodLabelsOf(each) + "}"];
    bytes += *each.swap_usage_bytes;
    at = each.swap_timestamp;
    if (!each.swap_available_bytes) continue;
    has_limits = true;
    limit.Add(ContainerLabelsOf(each), *each.swap_available_bytes + *each.swap_usage_bytes,
              each.swap_timestamp);
  }
  for (const auto& [labels, use] : pods) of_pod.Add(labels, use.first, use.second);
  std::string text;
  if (has_limits) text += limit.text();
  if (!pods.empty()) text += used.text() + of_pod.text();
  if (!node.swap_bytes) return text;
  of_node.Add("", *node.swap_bytes, node.at);
  return text + of_node.text();
}

}  // namespace

std::string ResourceMetricsText(const NodeUse& node, const std::vector<cri::Container>& running,
                                const std::vector<cri::ContainerStats>& stats) {
  MetricText cpu("container_cpu_usage_seconds_total", "counter",
                 "Cumulative cpu time consumed by the container in core-seconds");
  MetricText memory("container_memory_working_set_bytes", "gauge",
                    "Current working set of the container in bytes");
  MetricText started("container_start_time_seconds", "gauge",
                     "Start time of the container since unix epoch in seconds");
  MetricText node_cpu("node_cpu_usage_seconds_total", "counter",
                      "Cumulative cpu time consumed by the node in core-seconds");
  MetricText node_memory("node_memory_working_set_bytes", "gauge",
                         "Current working set of the node in bytes");
  MetricText pod_cpu("pod_cpu_usage_seconds_total", "counter",
                     "Cumulative cpu time consumed by the pod in core-seconds");
  MetricText pod_memory("pod_memory_working_set_bytes", "gauge",
                        "Current working set of the pod in bytes");
  MetricText failed("resource_scrape_error", "gauge",
                    "1 if there was an error while getting container metrics, 0 otherwise");
  std::map<std::string, TimePoint> starts;  // By id.
  for (const cri::Container& each : running) starts[each.id] = each.created_at;
  std::map<std::string, PodUse> pods;  // By their labels.
  std::vector<cri::ContainerStats> measured;
  for (const cri::ContainerStats& each : stats) {
    const auto start = starts.find(each.id);
    if (start == starts.end() || !each.cpu_usage_core_ns || !each.memory_working_set_bytes) {
      continue;
    }
    measured.push_back(each);
    const std::string labels = ContainerLabelsOf(each);
    const double seconds = static_cast<double>(*each.cpu_usage_core_ns) / kNanoseconds;
    cpu.Add(labels, seconds, each.cpu_timestamp);
    memory.Add(labels, *each.memory_working_set_bytes, each.memory_timestamp);
    started.Add(labels, std::chrono::duration<double>(start->second.time_since_epoch()).count(),
                TimePoint());
    PodUse& pod = pods["{" + PodLabelsOf(each) + "}"];
    pod.cpu_seconds += seconds;
    pod.memory_bytes += *each.memory_working_set_bytes;
    pod.at = each.cpu_timestamp;
  }
  for (const auto& [labels, use] : pods) {
    pod_cpu.Add(labels, use.cpu_seconds, use.at);
    pod_memory.Add(labels, use.memory_bytes, use.at);
  }
  if (node.cpu_seconds) node_cpu.Add("", *node.cpu_seconds, node.at);
  if (node.memory_bytes) node_memory.Add("", *node.memory_bytes, node.at);
  failed.Add("", 0, TimePoint());
  return cpu.text() + memory.text() + started.text() + node_cpu.text() + node_memory.text() +
         pod_cpu.text() + pod_memory.text() + SwapText(node, measured) + failed.text();
}

std::optional<double> CpuSecondsFrom(std::string_view proc_stat, long ticks_per_second) {
  constexpr std::string_view kAll = "cpu ";
  if (!proc_stat.starts_with(kAll) || ticks_per_second <= 0) return std::nullopt;
  std::string_view line = proc_stat.substr(kAll.size(), proc_stat.find('\n') - kAll.size());
  // user nice system idle iowait irq softirq steal; guests' time is in that of users.
  constexpr int kIdle = 3, kWaiting = 4, kFields = 8;
  uint64_t worked = 0;
  for (int field = 0; field < kFields; ++field) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    uint64_t ticks = 0;
    const auto read = std::from_chars(line.data(), line.data() + line.size(), ticks);
    if (read.ec != std::errc()) return std::nullopt;
    line.remove_prefix(read.ptr - line.data());
    if (field != kIdle && field != kWaiting) worked += ticks;
  }
  return static_cast<double>(worked) / static_cast<double>(ticks_per_second);
}

}  // namespace skiff::kubelet
