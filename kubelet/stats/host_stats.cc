#include "kubelet/stats/host_stats.h"

#include <algorithm>
#include <set>

#include "kubelet/stats/stat_files.h"

namespace skiff::kubelet {
namespace {

// "name:  value kB"
std::string_view ValueOf(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return "";
  line.remove_prefix(colon + 1);
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return line;
}

}  // namespace

std::optional<uint64_t> MemoryNamed(std::string_view meminfo, std::string_view name) {
  constexpr uint64_t kKib = 1024;
  std::optional<uint64_t> found;
  ForEachLine(meminfo, [&](std::string_view line) {
    if (found || !line.starts_with(name) || line.substr(name.size(), 1) != ":") return;
    found = LeadingNumber(ValueOf(line));
    if (found) *found *= kKib;
  });
  return found;
}

CgroupStats HostStatsFrom(const HostText& text, long ticks_per_second, TimePoint at) {
  CgroupStats stats;
  stats.at = at;
  const auto words = WordsOf(std::string_view(text.stat).substr(0, text.stat.find('\n')));
  // cpu user nice system idle iowait irq softirq steal
  constexpr size_t kUser = 1, kNice = 2, kSystem = 3, kIrq = 6, kSoftIrq = 7, kSteal = 8;
  if (words.size() > kSteal && words[0] == "cpu" && ticks_per_second > 0) {
    const uint64_t tick_ns = 1'000'000'000 / static_cast<uint64_t>(ticks_per_second);
    const auto ns = [&](size_t i) { return LeadingNumber(words[i]).value_or(0) * tick_ns; };
    stats.cpu.user_ns = ns(kUser) + ns(kNice);
    stats.cpu.system_ns = ns(kSystem) + ns(kIrq) + ns(kSoftIrq);
    stats.cpu.total_ns = *stats.cpu.user_ns + *stats.cpu.system_ns + ns(kSteal);
  }
  auto& memory = stats.memory;
  const auto total = MemoryNamed(text.meminfo, "MemTotal");
  const auto free = MemoryNamed(text.meminfo, "MemFree");
  memory.cache = MemoryNamed(text.meminfo, "Cached");
  memory.rss = MemoryNamed(text.meminfo, "AnonPages");
  memory.mapped_file = MemoryNamed(text.meminfo, "Mapped");
  memory.active_file = MemoryNamed(text.meminfo, "Active(file)");
  memory.inactive_file = MemoryNamed(text.meminfo, "Inactive(file)");
  if (total && free) {
    memory.usage = *total - std::min(*total, *free);
    memory.working_set =
        *memory.usage - std::min(*memory.usage, memory.inactive_file.value_or(0));
    memory.limit = total;
  }
  const auto swap = MemoryNamed(text.meminfo, "SwapTotal");
  const auto swap_free = MemoryNamed(text.meminfo, "SwapFree");
  if (swap && swap_free) {
    memory.swap = *swap - std::min(*swap, *swap_free);
    memory.swap_limit = swap;
  }
  memory.page_faults = NumberNamed(text.vmstat, "pgfault");
  memory.major_page_faults = NumberNamed(text.vmstat, "pgmajfault");
  memory.oom_kills = NumberNamed(text.vmstat, "oom_kill");
  return stats;
}

TimePoint BootTimeFrom(std::string_view proc_stat) {
  return TimePoint(std::chrono::seconds(NumberNamed(proc_stat, "btime").value_or(0)));
}

Processors ProcessorsFrom(std::string_view cpuinfo) {
  std::set<std::string_view> sockets;
  std::set<std::pair<std::string_view, std::string_view>> cores;
  std::string_view socket;
  ForEachLine(cpuinfo, [&](std::string_view line) {
    if (line.starts_with("physical id")) sockets.insert(socket = ValueOf(line));
    if (line.starts_with("core id")) cores.insert({socket, ValueOf(line)});
  });
  return {sockets.size(), cores.size()};
}

std::string OwnCgroupFrom(std::string_view proc_cgroup) {
  std::string found;
  ForEachLine(proc_cgroup, [&](std::string_view line) {
    const size_t names = line.find(':');
    const size_t path = line.find(':', names + 1);
    if (names == std::string_view::npos || path == std::string_view::npos) return;
    const std::string_view controllers = line.substr(names + 1, path - names - 1);
    // "4:memory:/a", or "0::/a" of cgroup v2, which counts where the other is not there.
    if (controllers == "memory" || (controllers.empty() && found.empty())) {
      found = line.substr(path + 1);
    }
  });
  return found;
}

}  // namespace skiff::kubelet
