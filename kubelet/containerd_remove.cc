// RemoveContainerd: in good order through CRI first, so that runc, the shims and the CNI plugins
// undo what they did; then by force whatever a crash left.
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <latch>
#include <set>

#include "api/values.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "base/process.h"
#include "base/whole_file.h"
#include "kubelet/containerd.h"
#include "kubelet/containerd_host.h"
#include "kubelet/containerd_paths.h"
#include "kubelet/cri_grpc.h"
#include "kubelet/mount_table.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

constexpr int kPodsAtOnce = 8;
constexpr Duration kContainerdGrace = 10s;
// Every pod that a kubelet made has this label.
constexpr char kPodLabel[] = "io.kubernetes.pod.uid";
// Where containerd's shims keep their sockets, whatever its own state directory is.
constexpr char kShimSockets[] = "/run/containerd/s";

const Log& Logger() {
  static const Log log("containerd");
  return log;
}

// Stops and removes one sandbox.
class PodRemoval final : public ControlLoop {
 public:
  PodRemoval(cri::ContainerRuntime& runtime, std::string id, std::latch& done)
      : runtime_(runtime), id_(std::move(id)), done_(done) {}
  Duration Step() override {
    result = runtime_.StopPodSandbox(id_);
    if (result) result = runtime_.RemovePodSandbox(id_);
    done_.count_down();
    return kNever;
  }
  Result<> result;

 private:
  cri::ContainerRuntime& runtime_;
  const std::string id_;
  std::latch& done_;
};

Result<> RemovePods(const std::string& endpoint, bool only_labelled) {
  const auto runtime = cri::MakeGrpcRuntime({.endpoint = endpoint});
  const auto sandboxes = TRY(runtime->ListPodSandboxes({}));
  std::vector<std::string> ids;
  for (const cri::Sandbox& sandbox : sandboxes) {
    if (!only_labelled || sandbox.labels.contains(kPodLabel)) ids.push_back(sandbox.id);
  }
  std::latch done(static_cast<std::ptrdiff_t>(ids.size()));
  std::vector<std::unique_ptr<PodRemoval>> removals;
  ThreadExecutor executor("remove", kPodsAtOnce);
  for (std::string& id : ids) {
    removals.push_back(std::make_unique<PodRemoval>(*runtime, std::move(id), done));
    executor.Add(*removals.back());
  }
  done.wait();
  Result<> result;
  for (const auto& removal : removals) {
    executor.Remove(*removal);
    if (!removal->result) result = removal->result;
  }
  return result;
}

// What the bundle of a task tells about it.
struct Leftover {
  std::string id;
  std::string shim_socket;
  std::string network_namespace;
};

std::vector<Leftover> Leftovers(const ContainerdPaths& paths) {
  std::vector<Leftover> leftovers;
  std::error_code error;
  for (const auto& bundle : fs::directory_iterator(paths.Tasks(), error)) {
    Leftover leftover{.id = bundle.path().filename()};
    std::getline(std::ifstream(bundle.path() / "address"), leftover.shim_socket);
    const std::string text = ReadWholeFile(bundle.path() / "config.json").value_or("");
    const Json config = Json::parse(text, nullptr, false);
    const Json::json_pointer namespaces("/linux/namespaces");
    if (config.is_object() && config.contains(namespaces)) {
      for (const Json& entry : config[namespaces]) {
        if (entry.value("type", "") == "network") {
          leftover.network_namespace = entry.value("path", "");
        }
      }
    }
    leftovers.push_back(std::move(leftover));
  }
  return leftovers;
}

// In a container that shares its host's processes one sees the shims of others, whose directory may
// have the same name: ours are those that see the same files, or whose bundle lies in ours.
bool IsOurShim(const std::string& pid, const std::string& command,
               const std::vector<Leftover>& leftovers) {
  std::error_code error;
  const fs::path mounts = fs::read_symlink("/proc/" + pid + "/ns/mnt", error);
  if (!error && mounts == fs::read_symlink("/proc/self/ns/mnt", error)) return true;
  return std::any_of(leftovers.begin(), leftovers.end(), [&](const Leftover& leftover) {
    return command.find(leftover.id) != std::string::npos;
  });
}

// Whether the process is a shim of ours or runs in a container of ours.
bool BelongsToUs(const std::string& pid, const ContainerdPaths& paths,
                 const std::vector<Leftover>& leftovers) {
  const std::string command = ReadWholeFile("/proc/" + pid + "/cmdline").value_or("");
  if (command.find("containerd-shim") != std::string::npos &&
      command.find(paths.Socket()) != std::string::npos) {
    return IsOurShim(pid, command, leftovers);
  }
  const std::string cgroups = ReadWholeFile("/proc/" + pid + "/cgroup").value_or("");
  for (const Leftover& leftover : leftovers) {
    if (cgroups.find("/" + leftover.id + "\n") != std::string::npos) return true;
  }
  return false;
}

void KillProcesses(const ContainerdPaths& paths, const std::vector<Leftover>& leftovers) {
  std::vector<ProcessId> killed;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string pid = entry.path().filename();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto process = IdentifyProcess(std::atoi(pid.c_str()));
    if (!process || !BelongsToUs(pid, paths, leftovers)) continue;
    SignalProcess(*process, SIGKILL);
    killed.push_back(*process);
  }
  for (const ProcessId& process : killed) WaitUntilGone(process, 5s);
}

void Unmount(const std::string& path) {
  for (const std::string& mount : MountsBelow(path)) umount2(mount.c_str(), MNT_DETACH);
}

void RemoveNetworkNamespace(const std::string& path) {
  for (const char* folder : {"/run/netns/", "/var/run/netns/"}) {
    if (!path.starts_with(folder)) continue;
    const std::string real = "/run/netns/" + fs::path(path).filename().string();
    Unmount(real);
    unlink(real.c_str());
  }
}

// Removes the cgroup and all below it that hold no process.
void RemoveCgroupTree(const fs::path& cgroup) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(cgroup, error)) {
    if (entry.is_directory(error) && !entry.is_symlink(error)) RemoveCgroupTree(entry.path());
  }
  rmdir(cgroup.c_str());
}

void RemoveCgroups(std::vector<std::string> names) {
  // CRI's own default parent, and ours.
  names.insert(names.end(), {"/k8s.io", kContainerdCgroup});
  for (const std::string& mount : CgroupMounts()) {
    for (const std::string& name : names) RemoveCgroupTree(mount + name);
    rmdir((mount + "/skiff").c_str());
  }
}

// The orderly part. A containerd that crashed is started once more to undo what it did.
void RemoveInOrder(const ContainerdOptions& options, const ContainerdPaths& paths) {
  ContainerdOptions ours = options;
  ours.endpoint.clear();
  ours.use_system = false;
  const auto containerd = EnsureContainerd(ours);
  const auto removed =
      containerd ? RemovePods(containerd->endpoint, false) : Result<>(Fail(containerd.error()));
  if (!removed) {
    Logger().Info("pods are removed by force", {{"error", removed.error().message}});
  }
  if (const auto process = ReadPidFile(paths.PidFile())) StopProcess(*process, kContainerdGrace);
}

}  // namespace

Result<> RemoveContainerd(const ContainerdOptions& options, const RemoveContainerdOptions& how) {
  const ContainerdPaths paths(options.directory);
  if (!fs::exists(paths.ConfigFile())) {
    // Never started here: what ran was somebody else's.
    if (!options.endpoint.empty()) return RemovePods(options.endpoint, true);
    std::error_code error;
    fs::remove_all(paths.directory, error);
    return {};
  }
  RemoveInOrder(options, paths);
  const std::vector<Leftover> leftovers = Leftovers(paths);
  KillProcesses(paths, leftovers);
  Unmount(paths.directory);
  for (const Leftover& leftover : leftovers) {
    RemoveNetworkNamespace(leftover.network_namespace);
    const std::string prefix = "unix://";
    if (leftover.shim_socket.starts_with(prefix + kShimSockets)) {
      unlink(leftover.shim_socket.c_str() + prefix.size());
    }
  }
  // Only what is empty goes: others may use these, too.
  rmdir("/run/netns");
  rmdir(kShimSockets);
  rmdir(fs::path(kShimSockets).parent_path().c_str());
  rmdir("/run/netns");  // Which stays while anybody has a namespace in it.
  RemoveCgroups(how.cgroups);
  const auto mounts = MountsBelow(paths.directory);
  if (!mounts.empty()) {
    return Fail(Reason::kConflict, mounts.front() + " is still mounted");
  }
  std::error_code error;
  if (how.keep_images) {
    for (const std::string& path :
         {paths.Run(), paths.Cni(), paths.ConfigFile(), paths.PidFile()}) {
      fs::remove_all(path, error);
    }
  } else {
    fs::remove_all(paths.directory, error);
  }
  if (error) return Fail(Reason::kConflict, paths.directory + ": " + error.message());
  return {};
}

}  // namespace skiff
