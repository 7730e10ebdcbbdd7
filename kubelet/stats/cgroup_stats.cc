#include "kubelet/stats/cgroup_stats.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "kubelet/stats/stat_files.h"

namespace skiff::kubelet {
namespace {

constexpr uint64_t kNsPerUs = 1000;
// Limits of v1 are never more than this; who has set none has about the largest number there is.
constexpr uint64_t kLimitBytesMax = uint64_t{1} << 62;

std::optional<uint64_t> CountIn(const std::string& path) {
  return LeadingNumber(ReadStatFile(path));
}

std::optional<uint64_t> LimitIn(const std::string& path) {
  const auto limit = CountIn(path);
  return limit && *limit < kLimitBytesMax ? limit : std::nullopt;
}

std::optional<uint64_t> Times(std::optional<uint64_t> value, uint64_t factor) {
  if (value) *value *= factor;
  return value;
}

uint64_t Minus(uint64_t from, std::optional<uint64_t> what) {
  return from - std::min(from, what.value_or(0));
}

uint64_t LinesOf(const std::string& text) {
  return static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

DeviceIo* DeviceOf(std::string_view numbers, std::vector<DeviceIo>& io) {
  const size_t colon = numbers.find(':');
  if (colon == std::string_view::npos) return nullptr;
  const auto major = LeadingNumber<int64_t>(numbers);
  const auto minor = LeadingNumber<int64_t>(numbers.substr(colon + 1));
  if (!major || !minor) return nullptr;
  const auto known = std::find_if(io.begin(), io.end(), [&](const DeviceIo& each) {
    return each.major == *major && each.minor == *minor;
  });
  if (known != io.end()) return &*known;
  io.push_back({.major = *major, .minor = *minor});
  return &io.back();
}

double DecimalAfter(std::string_view word) {
  double value = 0;
  std::from_chars(word.data() + word.find('=') + 1, word.data() + word.size(), value);
  return value;
}

TimePoint CreatedAt(const std::string& directory) {
  struct stat entry {};
  if (stat(directory.c_str(), &entry) != 0) return {};
  return TimePoint(std::chrono::seconds(entry.st_mtim.tv_sec) +
                   std::chrono::nanoseconds(entry.st_mtim.tv_nsec));
}

}  // namespace

uint64_t SharesOfWeight(uint64_t weight) {
  constexpr uint64_t kSharesMin = 2, kSharesRange = 262142, kWeightRange = 9999;
  return weight == 0 ? 0 : kSharesMin + (weight - 1) * kSharesRange / kWeightRange;
}

std::vector<DeviceIo> IoFrom(const std::string& io_stat) {
  std::vector<DeviceIo> io;
  ForEachLine(io_stat, [&](std::string_view line) {
    const auto words = WordsOf(line);
    DeviceIo* device = words.empty() ? nullptr : DeviceOf(words[0], io);
    if (device == nullptr) return;
    for (const std::string_view word : words) {
      const auto value = LeadingNumber(word.substr(word.find('=') + 1)).value_or(0);
      if (word.starts_with("rbytes=")) device->read_bytes = value;
      if (word.starts_with("wbytes=")) device->written_bytes = value;
      if (word.starts_with("rios=")) device->reads = value;
      if (word.starts_with("wios=")) device->writes = value;
    }
  });
  return io;
}

void AddIoOne(const std::string& text, bool is_bytes, std::vector<DeviceIo>& io) {
  ForEachLine(text, [&](std::string_view line) {
    const auto words = WordsOf(line);  // "8:0 Read 4096"
    if (words.size() != 3) return;
    const auto value = LeadingNumber(words[2]).value_or(0);
    const bool reads = words[1] == "Read";
    if (!reads && words[1] != "Write") return;
    DeviceIo* device = DeviceOf(words[0], io);
    if (device == nullptr) return;
    (is_bytes ? reads ? device->read_bytes : device->written_bytes
     : reads  ? device->reads
              : device->writes) = value;
  });
}

std::optional<Pressure> PressureFrom(const std::string& text) {
  Pressure pressure;
  bool says = false;
  ForEachLine(text, [&](std::string_view line) {
    const auto words = WordsOf(line);  // "some avg10=0.00 avg60=0.00 avg300=0.00 total=0"
    if (words.size() != 5 || (words[0] != "some" && words[0] != "full")) return;
    says = true;
    Pressure::Line& to = words[0] == "some" ? pressure.some : pressure.full;
    to = {DecimalAfter(words[1]), DecimalAfter(words[2]), DecimalAfter(words[3]),
          LeadingNumber(words[4].substr(words[4].find('=') + 1)).value_or(0)};
  });
  return says ? std::optional(pressure) : std::nullopt;
}

CgroupReader::CgroupReader(std::string mount)
    : mount_(std::move(mount)),
      is_unified_(std::filesystem::exists(mount_ + "/cgroup.controllers")) {}

std::string CgroupReader::Directory(const char* controller, const std::string& path) const {
  return is_unified_ ? mount_ + path : mount_ + "/" + controller + path;
}

std::optional<CgroupStats> CgroupReader::Read(const std::string& path, TimePoint at) const {
  CgroupStats stats;
  stats.at = at;
  stats.created_at = CreatedAt(Directory("memory", path));
  if (stats.created_at == TimePoint()) return std::nullopt;
  if (is_unified_) {
    ReadCpu(path, stats);
    ReadMemory(path, stats);
  } else {
    ReadCpuOne(path, stats);
    ReadMemoryOne(path, stats);
  }
  ReadProcesses(path, stats);
  ReadIo(path, stats);
  return stats;
}

void CgroupReader::ReadCpu(const std::string& path, CgroupStats& stats) const {
  const std::string directory = Directory("", path);
  const std::string text = ReadStatFile(directory + "/cpu.stat");
  auto& cpu = stats.cpu;
  cpu.total_ns = Times(NumberNamed(text, "usage_usec"), kNsPerUs);
  cpu.user_ns = Times(NumberNamed(text, "user_usec"), kNsPerUs);
  cpu.system_ns = Times(NumberNamed(text, "system_usec"), kNsPerUs);
  cpu.periods = NumberNamed(text, "nr_periods");
  cpu.throttled_periods = NumberNamed(text, "nr_throttled");
  cpu.throttled_ns = Times(NumberNamed(text, "throttled_usec"), kNsPerUs);
  if (const auto weight = CountIn(directory + "/cpu.weight")) cpu.shares = SharesOfWeight(*weight);
  const std::string limit = ReadStatFile(directory + "/cpu.max");  // "max 100000"
  cpu.quota_us = LeadingNumber<int64_t>(limit);
  if (const size_t space = limit.find(' '); space != std::string::npos) {
    cpu.period_us = LeadingNumber(std::string_view(limit).substr(space + 1));
  }
  stats.cpu_pressure = PressureFrom(ReadStatFile(directory + "/cpu.pressure"));
}

void CgroupReader::ReadCpuOne(const std::string& path, CgroupStats& stats) const {
  const std::string counted = Directory("cpuacct", path);
  const std::string limited = Directory("cpu", path);
  auto& cpu = stats.cpu;
  cpu.total_ns = CountIn(counted + "/cpuacct.usage");
  cpu.user_ns = CountIn(counted + "/cpuacct.usage_user");
  cpu.system_ns = CountIn(counted + "/cpuacct.usage_sys");
  const std::string text = ReadStatFile(limited + "/cpu.stat");
  cpu.periods = NumberNamed(text, "nr_periods");
  cpu.throttled_periods = NumberNamed(text, "nr_throttled");
  cpu.throttled_ns = NumberNamed(text, "throttled_time");
  cpu.shares = CountIn(limited + "/cpu.shares");
  cpu.period_us = CountIn(limited + "/cpu.cfs_period_us");
  const auto quota = LeadingNumber<int64_t>(ReadStatFile(limited + "/cpu.cfs_quota_us"));
  if (quota && *quota > 0) cpu.quota_us = quota;
}

void CgroupReader::ReadMemory(const std::string& path, CgroupStats& stats) const {
  const std::string directory = Directory("", path);
  const std::string text = ReadStatFile(directory + "/memory.stat");
  auto& memory = stats.memory;
  memory.usage = CountIn(directory + "/memory.current");
  memory.max_usage = CountIn(directory + "/memory.peak");
  memory.rss = NumberNamed(text, "anon");
  memory.cache = NumberNamed(text, "file");
  memory.mapped_file = NumberNamed(text, "file_mapped");
  memory.kernel = NumberNamed(text, "kernel");
  memory.active_file = NumberNamed(text, "active_file");
  memory.inactive_file = NumberNamed(text, "inactive_file");
  memory.page_faults = NumberNamed(text, "pgfault");
  memory.major_page_faults = NumberNamed(text, "pgmajfault");
  memory.swap = CountIn(directory + "/memory.swap.current");
  if (memory.usage) memory.working_set = Minus(*memory.usage, memory.inactive_file);
  const std::string events = ReadStatFile(directory + "/memory.events");
  memory.failures = NumberNamed(events, "max");
  memory.oom_kills = NumberNamed(events, "oom_kill");
  memory.limit = CountIn(directory + "/memory.max");
  memory.reservation = CountIn(directory + "/memory.low");
  memory.swap_limit = CountIn(directory + "/memory.swap.max");
  stats.memory_pressure = PressureFrom(ReadStatFile(directory + "/memory.pressure"));
}

void CgroupReader::ReadMemoryOne(const std::string& path, CgroupStats& stats) const {
  const std::string directory = Directory("memory", path);
  const std::string text = ReadStatFile(directory + "/memory.stat");
  auto& memory = stats.memory;
  memory.usage = CountIn(directory + "/memory.usage_in_bytes");
  memory.max_usage = CountIn(directory + "/memory.max_usage_in_bytes");
  memory.kernel = CountIn(directory + "/memory.kmem.usage_in_bytes");
  memory.failures = CountIn(directory + "/memory.failcnt");
  memory.rss = NumberNamed(text, "total_rss");
  memory.cache = NumberNamed(text, "total_cache");
  memory.swap = NumberNamed(text, "total_swap");
  memory.mapped_file = NumberNamed(text, "total_mapped_file");
  memory.active_file = NumberNamed(text, "total_active_file");
  memory.inactive_file = NumberNamed(text, "total_inactive_file");
  memory.page_faults = NumberNamed(text, "total_pgfault");
  memory.major_page_faults = NumberNamed(text, "total_pgmajfault");
  if (memory.usage) memory.working_set = Minus(*memory.usage, memory.inactive_file);
  memory.oom_kills = NumberNamed(ReadStatFile(directory + "/memory.oom_control"), "oom_kill");
  memory.limit = LimitIn(directory + "/memory.limit_in_bytes");
  memory.reservation = LimitIn(directory + "/memory.soft_limit_in_bytes");
  const auto both = LimitIn(directory + "/memory.memsw.limit_in_bytes");
  if (both) memory.swap_limit = Minus(*both, memory.limit);
}

void CgroupReader::ReadProcesses(const std::string& path, CgroupStats& stats) const {
  const std::string directory = Directory("pids", path);
  stats.processes = LinesOf(ReadStatFile(directory + "/cgroup.procs"));
  stats.threads = CountIn(directory + "/pids.current");
  stats.threads_max = CountIn(directory + "/pids.max");
}

void CgroupReader::ReadIo(const std::string& path, CgroupStats& stats) const {
  const std::string directory = Directory("blkio", path);
  if (is_unified_) {
    stats.io = IoFrom(ReadStatFile(directory + "/io.stat"));
    stats.io_pressure = PressureFrom(ReadStatFile(directory + "/io.pressure"));
    return;
  }
  AddIoOne(ReadStatFile(directory + "/blkio.throttle.io_service_bytes"), true, stats.io);
  AddIoOne(ReadStatFile(directory + "/blkio.throttle.io_serviced"), false, stats.io);
}

std::optional<int64_t> CgroupReader::ProcessOf(const std::string& path) const {
  return LeadingNumber<int64_t>(ReadStatFile(Directory("pids", path) + "/cgroup.procs"));
}

}  // namespace skiff::kubelet
