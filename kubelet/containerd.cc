#include "kubelet/containerd.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/folders.h"
#include "base/lock_within.h"
#include "base/log.h"
#include "base/process.h"
#include "base/whole_file.h"
#include "kubelet/cgroup_room.h"
#include "kubelet/containerd_config.h"
#include "kubelet/containerd_host.h"
#include "kubelet/containerd_paths.h"
#include "kubelet/cri_grpc.h"
#include "kubelet/cri_grpc_import.h"
#include "kubelet/cri_grpc_settings.h"
#include "kubelet/pause_image.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

constexpr char kSystemSocket[] = "/run/containerd/containerd.sock";
constexpr size_t kSocketPathMax = sizeof(sockaddr_un::sun_path) - 1;
// How often a containerd that listens but still recovers its pods is asked again.
constexpr Duration kRecoveryStep = 20ms;
constexpr size_t kLogShown = 1500;  // Of its end, where it does not come up.

const Log& Logger() {
  static const Log log("containerd");
  return log;
}

bool Listens(const std::string& socket_path) {
  sockaddr_un address{.sun_family = AF_UNIX};
  if (socket_path.size() >= sizeof address.sun_path) return false;
  socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

// One process at a time starts a containerd. The lock ends with its owner.
class DirectoryLock {
 public:
  // Another's start may take as long as ours. kTimeout: it took longer, or ours was given up.
  static Result<DirectoryLock> Take(const ContainerdPaths& paths,
                                    const ContainerdOptions& options) {
    const std::string path = paths.LockFile();
    DirectoryLock lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (lock.fd_ < 0) return Fail(Reason::kForbidden, path + ": " + std::strerror(errno));
    const auto locked = LockWithin(
        options.start_timeout, [&lock] { return flock(lock.fd_, LOCK_EX | LOCK_NB) == 0; },
        options.stop);
    if (locked) return lock;
    if (locked.error().reason != Reason::kConflict) {
      return Fail(Reason::kForbidden, path + ": " + locked.error().message);
    }
    return Fail(Reason::kTimeout, "another process starts a containerd in " + paths.directory +
                                      " for too long: " + path +
                                      " is locked (lslocks says by whom)");
  }
  DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~DirectoryLock() {
    if (fd_ >= 0) close(fd_);
  }

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

std::string BootId() {
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  return id;
}

// State of an earlier boot names processes and mounts that are gone.
Result<> PrepareFolders(const ContainerdPaths& paths) {
  std::error_code error;
  std::string boot;
  std::ifstream(paths.BootFile()) >> boot;
  if (boot != BootId()) fs::remove_all(paths.Run(), error);
  error = MakePrivateFolder(paths.directory);
  if (error) return Fail(Reason::kForbidden, paths.directory + ": " + error.message());
  for (const std::string& folder :
       {paths.Root(), paths.Run(), paths.CniConf(), paths.directory + "/certs.d"}) {
    fs::create_directories(folder, error);
    if (error) return Fail(Reason::kForbidden, folder + ": " + error.message());
  }
  fs::permissions(paths.directory, fs::perms::owner_all, error);
  std::ofstream(paths.BootFile()) << BootId() << '\n';
  return {};
}

// The cgroup of our service or login would take containerd with it when it ends. In the hierarchy
// by which process managers do that, it gets a cgroup of its own; where we are in the root already
// nobody will.
std::vector<std::string> OwnCgroup() {
  std::vector<std::string> procs;
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const bool unified = line.starts_with("0::");
    if (!unified && line.find(":name=systemd:") == std::string::npos) continue;
    if (line.ends_with(":/")) continue;
    const auto mount = CgroupMount(unified ? "" : "name=systemd");
    if (!mount) continue;
    const std::string cgroup = *mount + kContainerdCgroup;
    std::error_code error;
    fs::create_directories(cgroup, error);
    if (!error) procs.push_back(cgroup + "/cgroup.procs");
  }
  return procs;
}

// Where limits are set in cgroup v2, pods' cgroups need its controllers.
void PrepareCgroups() {
  const auto unified = CgroupMount("");
  if (!unified || CgroupMount("memory")) return;
  const auto made = MakeRoomForCgroups(*unified);
  if (!made) Logger().Error("pods may have no limits", {{"error", made.error().message}});
}

// Wakes when something happens in the folder, or after `step`.
void WaitForChange(int inotify, Duration step) {
  pollfd file{inotify, POLLIN, 0};
  poll(&file, 1, static_cast<int>(step / 1ms));
  char events[4096];
  while (read(inotify, events, sizeof events) > 0) {
  }
}

Result<> WaitUntilServing(const ContainerdPaths& paths, const ProcessId& process,
                          const ContainerdOptions& options) {
  SystemClock clock;
  const Duration deadline = clock.Monotonic() + options.start_timeout;
  const int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  inotify_add_watch(inotify, paths.Run().c_str(), IN_CREATE | IN_ATTRIB | IN_MOVED_TO);
  Result<> result;
  while (true) {
    if (Listens(paths.Socket())) {
      const auto status = cri::MakeGrpcRuntime({.endpoint = paths.Socket()})->Status();
      if (status && status->Ready("RuntimeReady")) break;
    }
    if (!IsAlive(process)) {
      result =
          Fail(Reason::kInternalError, "containerd ended while it started; its log ends with:\n" +
                                           ReadEndOfFile(paths.Log(), kLogShown));
      break;
    }
    if (options.stop.stop_requested()) {
      result = Fail(Reason::kTimeout, "the start of containerd was given up");
      break;
    }
    if (clock.Monotonic() > deadline) {
      result = Fail(Reason::kTimeout, "containerd did not come up in time; its log ends with:\n" +
                                          ReadEndOfFile(paths.Log(), kLogShown));
      break;
    }
    WaitForChange(inotify, kRecoveryStep);
  }
  close(inotify);
  return result;
}

Error Problem(const std::vector<std::string>& problems) {
  Error error{.reason = Reason::kNotFound, .message = "containers cannot run on this machine:"};
  for (const std::string& problem : problems) error.message += "\n  " + problem;
  return error;
}

Result<Containerd> Describe(const std::string& endpoint, bool is_ours) {
  const auto settings = TRY(cri::ReadContainerdSettings(endpoint));
  return Containerd{.endpoint = endpoint,
                    .is_ours = is_ours,
                    .cni_conf_directory = settings.cni_conf_directory,
                    .cni_bin_directory = settings.cni_bin_directory,
                    .sandbox_image = settings.sandbox_image,
                    .snapshotter = settings.snapshotter,
                    .cgroup_driver = settings.cgroup_driver};
}

// A machine without a registry has no other way to its sandbox image.
Result<> EnsureSandboxImage(const Containerd& containerd) {
  const auto runtime = cri::MakeGrpcRuntime({.endpoint = containerd.endpoint});
  if (TRY(runtime->ImageStatus(containerd.sandbox_image))) return {};
  const std::string archive = TRY(PackPauseImage(containerd.sandbox_image));
  TRY(cri::ImportImageBytes(containerd.endpoint, *runtime, archive, /*pinned=*/true));
  return {};
}

Result<> StartOurs(const ContainerdPaths& paths, const ContainerdHost& host,
                   const ContainerdOptions& options) {
  TRY(PrepareFolders(paths));
  PrepareCgroups();
  const ContainerdConfig config{.directory = paths.directory,
                                .runc = *host.runc,
                                .cni_bin = *host.cni_bin,
                                .sandbox_image = kPauseImage,
                                .snapshotter = host.snapshotter,
                                .restrict_oom_score_adj = !host.may_raise_priority,
                                .app_armor = host.app_armor};
  std::ofstream file(paths.ConfigFile(), std::ios::trunc);
  file << ContainerdConfigText(config);
  if (!file.flush()) return Fail(Reason::kForbidden, paths.ConfigFile() + ": cannot be written");
  const ProcessId process =
      TRY(SpawnDaemon({.argv = {*host.containerd, "--config", paths.ConfigFile()},
                       .log_path = paths.Log(),
                       .pid_path = paths.PidFile(),
                       // Where runc gets what to run in a container: our login's ends with that.
                       .environment = {{"XDG_RUNTIME_DIR", paths.Run()}},
                       .cgroup_procs_paths = OwnCgroup()}));
  const auto serving = WaitUntilServing(paths, process, options);
  if (!serving) {
    StopProcess(process, 5s);
    return serving;
  }
  Logger().Info("containerd started", {{"pid", process.pid}, {"socket", paths.Socket()}});
  return {};
}

Result<Containerd> Found(const std::string& endpoint, bool is_ours) {
  Containerd containerd = TRY(Describe(endpoint, is_ours));
  TRY(EnsureSandboxImage(containerd));
  return containerd;
}

}  // namespace

Result<Containerd> EnsureContainerd(const ContainerdOptions& options) {
  if (!options.endpoint.empty()) {
    auto given = Found(options.endpoint, false);
    if (given || given.error().reason == Reason::kForbidden) return given;
    return Fail(Reason::kServiceUnavailable, "no container runtime answers CRI at " +
                                                 options.endpoint + ": " + given.error().message);
  }
  const ContainerdPaths paths(options.directory);
  std::error_code error;
  fs::create_directories(paths.directory, error);
  if (error) return Fail(Reason::kForbidden, paths.directory + ": " + error.message());
  const DirectoryLock lock = TRY(DirectoryLock::Take(paths, options));
  if (const auto process = ReadPidFile(paths.PidFile())) {
    TRY(WaitUntilServing(paths, *process, options));
    return TRY(Found("unix://" + paths.Socket(), true));
  }
  if (options.use_system && Listens(kSystemSocket)) {
    auto system = Found(std::string("unix://") + kSystemSocket, false);
    if (system) return system;
    Logger().Info("the system's containerd cannot be used",
                  {{"socket", kSystemSocket}, {"error", system.error().message}});
  }
  if (paths.Socket().size() > kSocketPathMax) {
    return Fail(Reason::kInvalid, "the data directory's path is too long for a socket in it: " +
                                      paths.Socket() + " has more than 107 characters");
  }
  const ContainerdHost host = InspectHost(paths.directory);
  if (!host.problems.empty()) return Fail(Problem(host.problems));
  TRY(StartOurs(paths, host, options));
  Containerd ours = TRY(Found("unix://" + paths.Socket(), true));
  ours.notes = host.notes;
  return ours;
}

std::vector<std::string> ContainerdProblems(const ContainerdOptions& options) {
  if (!options.endpoint.empty()) {
    const auto settings = cri::ReadContainerdSettings(options.endpoint);
    if (settings) return {};
    return {"no container runtime answers CRI at " + options.endpoint + ": " +
            settings.error().message};
  }
  const ContainerdPaths paths(options.directory);
  std::error_code error;
  fs::create_directories(paths.directory, error);
  return InspectHost(paths.directory).problems;
}

}  // namespace skiff
