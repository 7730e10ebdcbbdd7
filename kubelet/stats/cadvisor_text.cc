#include "kubelet/stats/cadvisor_text.h"

#include <fmt/format.h>

#include <map>

namespace skiff::kubelet {
namespace {

constexpr double kNs = 1e9, kUs = 1e6;

// A row of every family: a cgroup, and what it is.
struct Row {
  std::string labels;  // container, id, image, name, namespace, pod: inside the braces.
  const CgroupStats* stats = nullptr;
  TimePoint started_at{};
  bool is_container = false;
  const FsUse* fs = nullptr;
  const std::vector<InterfaceStats>* interfaces = nullptr;
};

std::string EscapedLabel(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

// Families in order of name, each with the lines that it has.
class Families {
 public:
  explicit Families(TimePoint at)
      : time_(fmt::format(" {}", std::chrono::duration_cast<std::chrono::milliseconds>(
                                     at.time_since_epoch())
                                     .count())) {}
  template <typename Number>
  void Add(const char* name, const char* type, const std::string& labels, Number value) {
    std::string& text = families_[name];
    if (text.empty()) {
      text = fmt::format("# HELP {0} [ALPHA] Of a cgroup, as cAdvisor names it\n# TYPE {0} {1}\n",
                         name, type);
    }
    text += fmt::format("{}{{{}}} {}{}\n", name, labels, value, time_);
  }
  // Those that are not of one moment.
  void AddTimeless(const char* name, const std::string& labels, double value) {
    families_[name] = fmt::format(
        "# HELP {0} [ALPHA] Of the machine, as cAdvisor names it\n# TYPE {0} gauge\n{0}{{{1}}} "
        "{2}\n",
        name, labels, value);
  }
  std::string Text() const {
    std::string all;
    for (const auto& [name, text] : families_) all += text;
    return all;
  }

 private:
  const std::string time_;
  std::map<std::string, std::string> families_;
};

class RowWriter {
 public:
  RowWriter(Families& families, const Row& row) : families_(families), row_(row) {}

  void WriteCpu() {
    const auto& cpu = row_.stats->cpu;
    Counter("container_cpu_usage_seconds_total", Scaled(cpu.total_ns, kNs), "cpu=\"total\"");
    Counter("container_cpu_user_seconds_total", Scaled(cpu.user_ns, kNs));
    Counter("container_cpu_system_seconds_total", Scaled(cpu.system_ns, kNs));
    if (cpu.quota_us) {
      Counter("container_cpu_cfs_periods_total", cpu.periods);
      Counter("container_cpu_cfs_throttled_periods_total", cpu.throttled_periods);
      Counter("container_cpu_cfs_throttled_seconds_total", Scaled(cpu.throttled_ns, kNs));
      Gauge("container_spec_cpu_quota", cpu.quota_us);
    }
    Gauge("container_spec_cpu_period", cpu.period_us);
    Gauge("container_spec_cpu_shares", cpu.shares);
    Gauge("container_cpu_load_average_10s", std::optional(0));
    for (const char* state :
         {"iowaiting", "running", "sleeping", "stopped", "uninterruptible"}) {
      // Nobody counts them: the kubelet runs cAdvisor without it.
      Gauge("container_tasks_state", std::optional(0), fmt::format("state=\"{}\"", state));
    }
  }

  void WriteMemory() {
    const auto& memory = row_.stats->memory;
    Gauge("container_memory_usage_bytes", memory.usage);
    Gauge("container_memory_working_set_bytes", memory.working_set);
    Gauge("container_memory_max_usage_bytes", memory.max_usage);
    Gauge("container_memory_rss", memory.rss);
    Gauge("container_memory_cache", memory.cache);
    Gauge("container_memory_swap", memory.swap);
    Gauge("container_memory_mapped_file", memory.mapped_file);
    Gauge("container_memory_kernel_usage", memory.kernel);
    Gauge("container_memory_total_active_file_bytes", memory.active_file);
    Gauge("container_memory_total_inactive_file_bytes", memory.inactive_file);
    Counter("container_memory_failcnt", memory.failures);
    for (const char* scope : {"container", "hierarchy"}) {
      const auto labels = [scope](const char* type) {
        return fmt::format("failure_type=\"{}\",scope=\"{}\"", type, scope);
      };
      Counter("container_memory_failures_total", memory.page_faults, labels("pgfault"));
      Counter("container_memory_failures_total", memory.major_page_faults, labels("pgmajfault"));
    }
    Counter("container_oom_events_total", memory.oom_kills);
    // 0 says that there is none.
    Gauge("container_spec_memory_limit_bytes", std::optional(memory.limit.value_or(0)));
    Gauge("container_spec_memory_reservation_limit_bytes",
          std::optional(memory.reservation.value_or(0)));
    Gauge("container_spec_memory_swap_limit_bytes", std::optional(memory.swap_limit.value_or(0)));
  }

  void WriteProcesses() {
    Gauge("container_processes", row_.stats->processes);
    Gauge("container_threads", row_.stats->threads);
    Gauge("container_threads_max", row_.stats->threads_max);
  }

  void WriteDisk() {
    for (const DeviceIo& io : row_.stats->io) {
      const std::string device = fmt::format("device=\"{}\"", EscapedLabel(io.device));
      Counter("container_fs_reads_bytes_total", std::optional(io.read_bytes), device);
      Counter("container_fs_writes_bytes_total", std::optional(io.written_bytes), device);
      Counter("container_fs_reads_total", std::optional(io.reads), device);
      Counter("container_fs_writes_total", std::optional(io.writes), device);
      for (const auto& [operation, bytes] :
           {std::pair("Read", io.read_bytes), std::pair("Write", io.written_bytes)}) {
        Counter("container_blkio_device_usage_total", std::optional(bytes),
                fmt::format("{},major=\"{}\",minor=\"{}\",operation=\"{}\"", device, io.major,
                            io.minor, operation));
      }
    }
    if (row_.fs == nullptr) return;
    const std::string device = fmt::format("device=\"{}\"", EscapedLabel(row_.fs->device));
    Gauge("container_fs_usage_bytes", row_.fs->used_bytes, device);
    Gauge("container_fs_limit_bytes", row_.fs->capacity_bytes, device);
    Gauge("container_fs_inodes_free", row_.fs->inodes_free, device);
    Gauge("container_fs_inodes_total", row_.fs->inodes, device);
  }

  void WriteNetwork() {
    if (row_.interfaces == nullptr) return;
    for (const InterfaceStats& each : *row_.interfaces) {
      WriteWay("receive", each.received, each.name);
      WriteWay("transmit", each.sent, each.name);
    }
  }

  void WritePressure() {
    const auto write = [this](const char* resource, const std::optional<Pressure>& pressure) {
      if (!pressure) return;
      const std::string name = fmt::format("container_pressure_{}_", resource);
      Counter(name + "waiting_seconds_total",
              std::optional(static_cast<double>(pressure->some.total_us) / kUs));
      Counter(name + "stalled_seconds_total",
              std::optional(static_cast<double>(pressure->full.total_us) / kUs));
    };
    write("cpu", row_.stats->cpu_pressure);
    write("memory", row_.stats->memory_pressure);
    write("io", row_.stats->io_pressure);
  }

  void WriteTimes() {
    const auto seconds = [](TimePoint at) {
      return std::optional(
          std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count());
    };
    Gauge("container_last_seen", seconds(row_.stats->at));
    Gauge("container_start_time_seconds", seconds(row_.started_at));
  }

 private:
  static std::optional<double> Scaled(std::optional<uint64_t> value, double unit) {
    if (!value) return std::nullopt;
    return static_cast<double>(*value) / unit;
  }
  void WriteWay(const char* way, const InterfaceStats::Way& counts, const std::string& name) {
    const std::string labels = fmt::format("interface=\"{}\"", EscapedLabel(name));
    const std::string prefix = fmt::format("container_network_{}_", way);
    Counter(prefix + "bytes_total", std::optional(counts.bytes), labels);
    Counter(prefix + "packets_total", std::optional(counts.packets), labels);
    Counter(prefix + "packets_dropped_total", std::optional(counts.dropped), labels);
    Counter(prefix + "errors_total", std::optional(counts.errors), labels);
  }
  template <typename Value>
  void Counter(const std::string& name, const std::optional<Value>& value,
               const std::string& more = "") {
    Write(name, "counter", value, more);
  }
  template <typename Value>
  void Gauge(const std::string& name, const std::optional<Value>& value,
             const std::string& more = "") {
    Write(name, "gauge", value, more);
  }
  template <typename Value>
  void Write(const std::string& name, const char* type, const std::optional<Value>& value,
             const std::string& more) {
    if (!value) return;
    families_.Add(name.c_str(), type, more.empty() ? row_.labels : row_.labels + "," + more,
                  *value);
  }

  Families& families_;
  const Row& row_;
};

std::string Labels(const std::string& container, const std::string& id, const std::string& image,
                   const std::string& name, const MeasuredPod* pod) {
  return fmt::format("container=\"{}\",id=\"{}\",image=\"{}\",name=\"{}\",namespace=\"{}\","
                     "pod=\"{}\"",
                     container, id, EscapedLabel(image), name,
                     pod == nullptr ? "" : pod->name_space, pod == nullptr ? "" : pod->name);
}

Row CgroupRow(const MeasuredCgroup& cgroup, const MeasuredPod* pod) {
  return {.labels = Labels("", cgroup.path, "", "", pod),
          .stats = &cgroup.stats,
          .started_at = cgroup.stats.created_at};
}

std::vector<Row> RowsOf(const MeasuredNode& node) {
  std::vector<Row> rows;
  rows.push_back(CgroupRow(node.root, nullptr));
  rows.back().started_at = node.started_at;
  rows.back().interfaces = &node.interfaces;
  if (node.fs) rows.back().fs = &*node.fs;
  for (const MeasuredCgroup& group : node.groups) rows.push_back(CgroupRow(group, nullptr));
  for (const MeasuredPod& pod : node.pods) {
    if (pod.cgroup) rows.push_back(CgroupRow(*pod.cgroup, &pod));
    if (pod.sandbox) {
      rows.push_back({.labels = Labels("", pod.sandbox->path, pod.sandbox_image, pod.sandbox_id,
                                       &pod),
                      .stats = &pod.sandbox->stats,
                      .started_at = pod.sandbox->stats.created_at,
                      .interfaces = &pod.interfaces});
    }
    for (const MeasuredContainer& each : pod.containers) {
      rows.push_back({.labels = Labels(each.name, each.cgroup.path, each.image, each.id, &pod),
                      .stats = &each.cgroup.stats,
                      .started_at = each.started_at,
                      .is_container = true,
                      .fs = each.rootfs ? &*each.rootfs : nullptr});
    }
  }
  return rows;
}

void AddMachine(const MeasuredNode& node, Families& families) {
  const MeasuredMachine& machine = node.machine;
  const std::string ids =
      fmt::format("boot_id=\"{}\",machine_id=\"{}\",system_uuid=\"{}\"", machine.boot_id,
                  machine.machine_id, machine.system_uuid);
  const auto add = [&](const char* name, uint64_t value) {
    families.AddTimeless(name, ids, static_cast<double>(value));
  };
  add("machine_cpu_cores", machine.cores);
  add("machine_cpu_physical_cores", machine.physical_cores);
  add("machine_cpu_sockets", machine.sockets);
  add("machine_memory_bytes", machine.memory_bytes);
  add("machine_swap_bytes", machine.swap_bytes);
  add("machine_nvm_avg_power_budget_watts", 0);
  families.AddTimeless(
      "cadvisor_version_info",
      fmt::format("cadvisorRevision=\"\",cadvisorVersion=\"\",dockerVersion=\"\",kernelVersion="
                  "\"{}\",osVersion=\"{}\"",
                  EscapedLabel(machine.kernel_version), EscapedLabel(machine.os_image)),
      1);
  families.AddTimeless("container_scrape_error", "", 0);
}

}  // namespace

std::string CadvisorText(const MeasuredNode& node) {
  Families families(node.at);
  for (const Row& row : RowsOf(node)) {
    RowWriter writer(families, row);
    writer.WriteCpu();
    writer.WriteMemory();
    if (row.is_container) writer.WriteProcesses();
    writer.WriteDisk();
    writer.WriteNetwork();
    writer.WritePressure();
    writer.WriteTimes();
  }
  AddMachine(node, families);
  return families.Text();
}

}  // namespace skiff::kubelet
