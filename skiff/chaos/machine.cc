#include "skiff/chaos/machine.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <utility>

#include "api/codec/json.h"

namespace skiff::chaos {
namespace {

struct CloseProc {
  void operator()(DIR* proc) const { closedir(proc); }
};
struct FreeAddresses {
  void operator()(ifaddrs* first) const { freeifaddrs(first); }
};

std::string TextOfFile(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string ProcPath(const ProcessId& process, const std::string& name) {
  return fmt::format("/proc/{}/{}", LivingThreadOf(process.pid), name);
}

bool IsSameNetwork(const std::string& a, const std::string& b) {
  struct stat first {
  }, second{};
  return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

std::vector<NetworkFact::Address> OwnAddresses() {
  std::vector<NetworkFact::Address> addresses;
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return addresses;
  const std::unique_ptr<ifaddrs, FreeAddresses> owner(first);
  for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || (each->ifa_flags & IFF_LOOPBACK) != 0) continue;
    char text[INET6_ADDRSTRLEN] = "";
    const int family = each->ifa_addr->sa_family;
    if (family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
      inet_ntop(family, &v4->sin_addr, text, sizeof text);
    } else if (family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(each->ifa_addr);
      inet_ntop(family, &v6->sin6_addr, text, sizeof text);
    }
    if (*text != 0) addresses.push_back({each->ifa_name, text});
  }
  return addresses;
}

}  // namespace

bool IsInGroup(std::string_view cgroups, std::string_view group) {
  return !group.empty() && cgroups.find(group) != std::string_view::npos;
}

bool IsIn(pid_t process, const std::vector<std::string>& groups) {
  const std::string cgroups = TextOfFile(fmt::format("/proc/{}/cgroup", LivingThreadOf(process)));
  return std::any_of(groups.begin(), groups.end(), [&](const std::string& group) {
    return IsInGroup(cgroups, group);
  });
}

namespace {

std::vector<ProcessId> ProcessesThat(const std::function<bool(pid_t)>& are) {
  std::vector<ProcessId> processes;
  const std::unique_ptr<DIR, CloseProc> proc(opendir("/proc"));
  if (!proc) return processes;
  while (const dirent* entry = readdir(proc.get())) {
    const int pid = std::atoi(entry->d_name);
    if (pid <= 0) continue;
    if (!are(pid)) continue;
    if (const auto process = IdentifyProcess(pid)) processes.push_back(*process);
  }
  std::sort(processes.begin(), processes.end(), [](const ProcessId& a, const ProcessId& b) {
    return std::pair(a.start_ticks, a.pid) < std::pair(b.start_ticks, b.pid);
  });
  return processes;
}

}  // namespace

std::vector<ProcessId> ProcessesIn(const std::vector<std::string>& groups) {
  return ProcessesThat([&](pid_t pid) { return IsIn(pid, groups); });
}

std::vector<ProcessId> ProcessesWith(const std::string& variable, const std::string& value) {
  const std::string wanted = fmt::format("{0}{1}={2}{0}", '\0', variable, value);
  return ProcessesThat([&](pid_t pid) {
    const std::string all = '\0' + TextOfFile(fmt::format("/proc/{}/environ", pid));
    return all.find(wanted) != std::string::npos;
  });
}

std::vector<pid_t> ThreadsOf(pid_t process) {
  std::vector<pid_t> threads;
  const std::string path = fmt::format("/proc/{}/task", process);
  const std::unique_ptr<DIR, CloseProc> tasks(opendir(path.c_str()));
  if (!tasks) return threads;
  while (const dirent* entry = readdir(tasks.get())) {
    if (const int thread = std::atoi(entry->d_name); thread > 0) threads.push_back(thread);
  }
  return threads;
}

bool HasThreadEnded(pid_t thread) {
  const std::string stat = TextOfFile(fmt::format("/proc/{}/stat", thread));
  // Behind the name in parentheses, which may hold anything.
  const size_t state = stat.rfind(") ");
  if (state == stat.npos || state + 2 >= stat.size()) return true;
  return stat[state + 2] == 'Z' || stat[state + 2] == 'X';
}

pid_t LivingThreadOf(pid_t process) {
  if (!HasThreadEnded(process)) return process;
  for (const pid_t thread : ThreadsOf(process)) {
    if (!HasThreadEnded(thread)) return thread;
  }
  return process;
}

std::optional<SandboxFact> SandboxIn(const std::string& configuration) {
  const auto json = ParseJson(configuration);
  if (!json || !json->is_object()) return std::nullopt;
  const auto annotations = json->find("annotations");
  if (annotations == json->end() || !annotations->is_object()) return std::nullopt;
  const auto text = [&](const char* name) {
    const auto found = annotations->find(std::string("io.kubernetes.cri.") + name);
    const bool is_text = found != annotations->end() && found->is_string();
    return is_text ? found->get<std::string>() : std::string();
  };
  if (text("container-type") != "sandbox") return std::nullopt;
  return SandboxFact{text("sandbox-namespace"), text("sandbox-name")};
}

std::optional<SandboxFact> ReadSandbox(const ProcessId& process) {
  std::istringstream lines(TextOfFile(ProcPath(process, "status")));
  constexpr std::string_view kParent = "PPid:";
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(kParent)) continue;
    const int parent = std::atoi(line.c_str() + kParent.size());
    const std::string path = fmt::format("/proc/{}/cwd/config.json", parent);
    constexpr uintmax_t kBytesMax = 4 << 20;
    std::error_code error;
    const bool is_file = std::filesystem::is_regular_file(path, error);
    if (!is_file || std::filesystem::file_size(path, error) > kBytesMax) return std::nullopt;
    return SandboxIn(TextOfFile(path));
  }
  return std::nullopt;
}

Result<NetworkOf> NetworkOf::Enter(const ProcessId& process) {
  const int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  const int other = open(ProcPath(process, "ns/net").c_str(), O_RDONLY | O_CLOEXEC);
  const bool is_entered = own >= 0 && other >= 0 && setns(other, CLONE_NEWNET) == 0;
  const int error = errno;
  if (other >= 0) close(other);
  if (is_entered) return NetworkOf(own);
  if (own >= 0) close(own);
  return Fail(Reason::kForbidden, fmt::format("the network of process {} cannot be entered: {}",
                                              process.pid, std::strerror(error)));
}

NetworkOf::NetworkOf(NetworkOf&& other) noexcept : own_(std::exchange(other.own_, -1)) {}

NetworkOf::~NetworkOf() {
  if (own_ < 0) return;
  CHECK(setns(own_, CLONE_NEWNET) == 0);
  close(own_);
}

std::string NetworkFact::DeviceOf(const std::vector<std::string>& wanted) const {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@";
  for (const Address& each : addresses) {
    // A pod may call its devices anything, quotes included; rules quote the name.
    if (each.device.find_first_not_of(kPlain) != std::string::npos) continue;
    if (std::find(wanted.begin(), wanted.end(), each.address) != wanted.end()) return each.device;
  }
  return "";
}

Result<NetworkFact> ReadNetwork(const ProcessId& process) {
  NetworkFact fact{
      .is_callers = IsSameNetwork("/proc/thread-self/ns/net", ProcPath(process, "ns/net"))};
  const NetworkOf inside = TRY(NetworkOf::Enter(process));
  // A setting of the kernel as a whole: shown in its first network alone.
  fact.is_hosts = access("/proc/sys/net/core/dev_weight", F_OK) == 0;
  fact.addresses = OwnAddresses();
  return fact;
}

std::optional<MountLine> MountAt(const std::string& mountinfo, const std::string& path) {
  std::optional<MountLine> found;
  std::istringstream lines(mountinfo);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string id, parent;
    MountLine mount;
    if (fields >> id >> parent >> mount.device >> mount.root >> mount.at && mount.at == path) {
      found = mount;
    }
  }
  return found;
}

int OpenInside(const ProcessId& process, const std::string& directory) {
  const int root = open(ProcPath(process, "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return -1;
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const long file = syscall(SYS_openat2, root, directory.c_str(), &how, sizeof how);
  close(root);
  return static_cast<int>(file);
}

namespace {

// As that process sees it; as all do, where that is none.
int OpenDirectory(const ProcessId& seen_by, const std::string& directory) {
  if (seen_by.pid != 0) return OpenInside(seen_by, directory);
  return open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

}  // namespace

std::string ReadAuthority(const ProcessId& seen_by, const std::string& directory) {
  constexpr size_t kBytesMax = 1 << 20;
  const int inside = OpenDirectory(seen_by, directory + "/pki");
  if (inside < 0) return "";
  // Whatever it is: in a container it is somebody else's.
  const int file = openat(inside, "ca.crt", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  close(inside);
  if (file < 0) return "";
  struct stat is {};
  std::string text;
  const bool is_file = fstat(file, &is) == 0 && S_ISREG(is.st_mode);
  if (is_file && static_cast<size_t>(is.st_size) <= kBytesMax) {
    text.resize(static_cast<size_t>(is.st_size));
    const ssize_t size = read(file, text.data(), text.size());
    text.resize(size < 0 ? 0 : static_cast<size_t>(size));
  }
  close(file);
  return text;
}

Result<ClockFile> OpenClock(const ProcessId& seen_by, const std::string& directory) {
  const int inside = OpenDirectory(seen_by, directory);
  if (inside < 0) return Fail(Reason::kNotFound, directory + ": " + std::strerror(errno));
  auto opened = ClockFile::Open(inside);
  close(inside);
  return opened;
}

ClockFact ReadClock(const ProcessId& seen_by, const std::string& directory) {
  const auto file = OpenClock(seen_by, directory);
  if (!file) return {.problem = file.error().message};
  return {.problem = "", .is_followed = file->is_followed(), .node = file->node()};
}

std::optional<DiskFact> ReadDisk(const ProcessId& process, const std::string& directory) {
  const int file = OpenInside(process, directory);
  if (file < 0) return std::nullopt;
  struct statfs system {};
  const bool is_known = fstatfs(file, &system) == 0;
  close(file);
  if (!is_known) return std::nullopt;
  DiskFact fact{.is_memory = system.f_type == TMPFS_MAGIC,
                .free_bytes = static_cast<int64_t>(system.f_bavail) * system.f_bsize};
  const auto mount = MountAt(TextOfFile(ProcPath(process, "mountinfo")), directory);
  const auto own = MountAt(TextOfFile("/proc/self/mountinfo"), "/");
  if (!mount) return fact;
  fact.is_mount = true;
  fact.mount_root = mount->root;
  fact.is_machines_own = own && own->device == mount->device;
  return fact;
}

}  // namespace skiff::chaos
