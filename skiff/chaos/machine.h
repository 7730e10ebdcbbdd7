// What this machine shows of the processes, networks and disks of nodes and pods.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/process.h"
#include "skiff/chaos/checks.h"

namespace skiff::chaos {

// Whether /proc/PID/cgroup, so printed, names such a cgroup: "pod1234" names also "pod1234.slice".
bool IsInGroup(std::string_view cgroups, std::string_view group);
// Whether that process lives in any of those groups.
bool IsIn(pid_t process, const std::vector<std::string>& groups);
// Living processes in any of those groups, the oldest first.
std::vector<ProcessId> ProcessesIn(const std::vector<std::string>& groups);
// Those that began with that variable in their environment, as far as we may know.
std::vector<ProcessId> ProcessesWith(const std::string& variable, const std::string& value);
// None: it has ended.
std::vector<pid_t> ThreadsOf(pid_t process);
// One whose process may live on, by others.
bool HasThreadEnded(pid_t thread);
// By which the memory, the mounts and all else of a process are found: the first one, unless it has
// ended before the others. /proc takes its number as it takes the process's.
pid_t LivingThreadOf(pid_t process);

// Whose sandbox a container is, as its runtime was told by who made it.
struct SandboxFact {
  std::string namespace_;
  std::string pod;
  bool operator==(const SandboxFact&) const = default;
};
// In the configuration (OCI's config.json) that containerd keeps beside each container.
std::optional<SandboxFact> SandboxIn(const std::string& configuration);
// Of a container's first process: its parent, containerd's shim, stands where that file is.
std::optional<SandboxFact> ReadSandbox(const ProcessId& process);

// This thread is in the network of that process until this goes.
class NetworkOf {
 public:
  static Result<NetworkOf> Enter(const ProcessId& process);
  NetworkOf(NetworkOf&& other) noexcept;
  ~NetworkOf();

 private:
  explicit NetworkOf(int own) : own_(own) {}
  int own_;  // The network that this thread came from.
};

struct NetworkFact {
  bool is_hosts = false;    // The kernel's first one, in which the machine itself is.
  bool is_callers = false;  // That of this process.
  struct Address {
    std::string device;
    std::string address;
  };
  std::vector<Address> addresses;
  // "": no device has one of these.
  std::string DeviceOf(const std::vector<std::string>& wanted) const;
};
Result<NetworkFact> ReadNetwork(const ProcessId& process);

// A line of /proc/PID/mountinfo.
struct MountLine {
  std::string device;  // "8:1"
  std::string root;    // Which folder of the file system is mounted.
  std::string at;
};
// What is mounted at that very path; the last one, where several are.
std::optional<MountLine> MountAt(const std::string& mountinfo, const std::string& path);

// An open directory as that process sees it, whatever links it has made there. -1: none.
int OpenInside(const ProcessId& process, const std::string& directory);
// The same directory as all see it, where that process is none (pid 0).
Result<ClockFile> OpenClock(const ProcessId& seen_by, const std::string& directory);
// The certificates by which the cluster is known whose node keeps its data there; "": none are.
std::string ReadAuthority(const ProcessId& seen_by, const std::string& directory);
ClockFact ReadClock(const ProcessId& seen_by, const std::string& directory);
std::optional<DiskFact> ReadDisk(const ProcessId& process, const std::string& directory);

}  // namespace skiff::chaos
