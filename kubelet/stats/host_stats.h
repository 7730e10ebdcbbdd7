// What the machine as a whole tells below /proc, as if it were a cgroup: that of all has no files
// of its own in cgroup v2.
#pragma once

#include <string>
#include <string_view>

#include "kubelet/stats/cgroup_stats.h"
#include "kubelet/stats/measured.h"

namespace skiff::kubelet {

struct HostText {
  std::string stat, meminfo, vmstat;  // Those files of /proc.
};
// Pure; `at` is when they were read.
CgroupStats HostStatsFrom(const HostText& text, long ticks_per_second, TimePoint at);

// When it was started, by /proc/stat.
TimePoint BootTimeFrom(std::string_view proc_stat);
// Bytes of a line of /proc/meminfo.
std::optional<uint64_t> MemoryNamed(std::string_view meminfo, std::string_view name);
// The sockets and physical cores of /proc/cpuinfo; zeros: it does not say.
struct Processors {
  uint64_t sockets = 0, physical_cores = 0;
};
Processors ProcessorsFrom(std::string_view cpuinfo);
// The cgroup that a process is in, by its /proc/PID/cgroup, in the hierarchy that counts memory.
std::string OwnCgroupFrom(std::string_view proc_cgroup);

}  // namespace skiff::kubelet
