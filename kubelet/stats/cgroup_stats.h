// What a cgroup has used and may use, as the kernel tells it in files, of cgroup v1 and v2 alike.
//
//   CgroupReader reader;
//   const auto stats = reader.Read("/kubepods/burstable/pod1234");   // nullopt: there is none
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace skiff::kubelet {

// Of one resource: the share of the time, in percent, for which it was waited for.
struct Pressure {
  struct Line {
    double avg10 = 0, avg60 = 0, avg300 = 0;
    uint64_t total_us = 0;
  };
  Line some, full;
};

struct DeviceIo {
  int64_t major = 0, minor = 0;
  std::string device;  // "/dev/sda"; "8:0" where that is not known.
  uint64_t read_bytes = 0, written_bytes = 0;
  uint64_t reads = 0, writes = 0;
};

// What the kernel does not tell is unset.
struct CgroupStats {
  TimePoint at{};
  TimePoint created_at{};
  struct {
    std::optional<uint64_t> total_ns, user_ns, system_ns;
    std::optional<uint64_t> periods, throttled_periods, throttled_ns;
    std::optional<uint64_t> shares, period_us;
    std::optional<int64_t> quota_us;  // Unset: there is no limit.
  } cpu;
  struct {
    std::optional<uint64_t> usage, working_set, max_usage, rss, cache, swap, mapped_file, kernel;
    std::optional<uint64_t> active_file, inactive_file, failures;
    std::optional<uint64_t> page_faults, major_page_faults;  // With all cgroups below.
    std::optional<uint64_t> limit, reservation, swap_limit;  // Unset: there is none.
    std::optional<uint64_t> oom_kills;
  } memory;
  std::optional<uint64_t> processes, threads, threads_max;
  std::vector<DeviceIo> io;
  std::optional<Pressure> cpu_pressure, memory_pressure, io_pressure;
};

// Thread-safe.
class CgroupReader {
 public:
  explicit CgroupReader(std::string mount = "/sys/fs/cgroup");
  // `path` begins with a slash. `at` is when this is.
  std::optional<CgroupStats> Read(const std::string& path, TimePoint at) const;
  // A process in it, or nothing.
  std::optional<int64_t> ProcessOf(const std::string& path) const;

 private:
  // Where a hierarchy of v1 has the cgroup; of v2 always the same.
  std::string Directory(const char* controller, const std::string& path) const;
  void ReadCpu(const std::string& path, CgroupStats& stats) const;
  void ReadCpuOne(const std::string& path, CgroupStats& stats) const;
  void ReadMemory(const std::string& path, CgroupStats& stats) const;
  void ReadMemoryOne(const std::string& path, CgroupStats& stats) const;
  void ReadProcesses(const std::string& path, CgroupStats& stats) const;
  void ReadIo(const std::string& path, CgroupStats& stats) const;

  const std::string mount_;
  const bool is_unified_;
};

// What cpu.shares of cgroup v1 has for a weight of v2.
uint64_t SharesOfWeight(uint64_t weight);

// Of io.stat of v2; and of a file blkio.throttle.io_service_bytes or io_serviced of v1, which adds
// to what there is.
std::vector<DeviceIo> IoFrom(const std::string& io_stat);
void AddIoOne(const std::string& text, bool is_bytes, std::vector<DeviceIo>& io);
// Of a file cpu.pressure and the like; nullopt: it says nothing.
std::optional<Pressure> PressureFrom(const std::string& text);

}  // namespace skiff::kubelet
