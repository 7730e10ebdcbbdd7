#include "kubelet/containerd_host.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/capabilities.h"
#include "base/process.h"
#include "kubelet/mount_table.h"
#include "kubelet/network/cni_config.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

bool HasOption(std::string_view list, std::string_view option) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    if (list.substr(0, comma) == option) return true;
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return false;
}

std::optional<std::string> FindPlugins(std::vector<std::string>& problems) {
  const CniPlugins plugins = FindCniPlugins();
  if (plugins.missing.empty()) return plugins.folder;
  std::string lacks;
  if (!plugins.folder.empty()) {
    lacks = fmt::format(" ({} lacks {})", plugins.folder, fmt::join(plugins.missing, " "));
  }
  problems.push_back("the CNI plugins are not installed" + lacks +
                     ": install the package containernetworking-plugins");
  return std::nullopt;
}

void CheckCgroups(std::vector<std::string>& problems) {
  const auto memory = CgroupMount("memory");
  const auto unified = CgroupMount("");
  const auto mount = memory ? memory : unified;
  if (!mount) {
    problems.push_back(
        "no cgroups are mounted: mount -t cgroup2 none /sys/fs/cgroup; in a container, share the "
        "host's with -v /sys/fs/cgroup:/sys/fs/cgroup:rw");
    return;
  }
  const std::string probe = *mount + "/skiff-probe-" + std::to_string(getpid());
  std::error_code error;
  if (fs::create_directory(probe, error)) {
    fs::remove(probe, error);
    return;
  }
  problems.push_back("no cgroup can be made in " + *mount + " (" + error.message() +
                     "): in a container, run it --privileged or with --cgroupns host -v "
                     "/sys/fs/cgroup:/sys/fs/cgroup:rw");
}

// Whether an overlay can be mounted in `directory`; why not otherwise.
std::optional<std::string> OverlayProblem(const std::string& directory) {
  const fs::path probe = fs::path(directory) / (".overlay-probe-" + std::to_string(getpid()));
  std::error_code error;
  for (const char* name : {"lower", "upper", "work", "merged"}) {
    fs::create_directories(probe / name, error);
    if (error) return directory + ": " + error.message();
  }
  const std::string options = "lowerdir=" + (probe / "lower").string() +
                              ",upperdir=" + (probe / "upper").string() +
                              ",workdir=" + (probe / "work").string();
  std::optional<std::string> problem;
  const std::string merged = probe / "merged";
  if (mount("overlay", merged.c_str(), "overlay", 0, options.c_str()) != 0) {
    problem = std::strerror(errno);
  } else {
    umount2(merged.c_str(), MNT_DETACH);
  }
  fs::remove_all(probe, error);
  return problem;
}

}  // namespace

ContainerdHost InspectHost(const std::string& directory) {
  ContainerdHost host;
  host.containerd = FindProgram("containerd");
  if (!host.containerd) {
    host.problems.push_back("containerd is not installed: install the package containerd");
  }
  host.runc = FindProgram("runc");
  if (!host.runc) host.problems.push_back("runc is not installed: install the package runc");
  host.cni_bin = FindPlugins(host.problems);
  if (!FindProgram("iptables")) {
    host.problems.push_back("iptables is not installed: install the package iptables");
  }
  host.snapshotter = "overlayfs";
  if (geteuid() != 0 || !HasCapability(Capability::kSysAdmin)) {
    host.problems.push_back(geteuid() != 0
                                ? "containers need root: start skiff as root or with sudo"
                                : "this root may not mount (no CAP_SYS_ADMIN): in a container, run "
                                  "it --privileged");
    return host;
  }
  CheckCgroups(host.problems);
  if (const auto problem = OverlayProblem(directory)) {
    host.snapshotter = "native";
    host.notes.push_back("overlayfs does not work in " + directory + " (" + *problem +
                         "): images are copied for each container instead; put the data directory "
                         "on a volume of its own");
  }
  host.app_armor = HasAppArmor();
  host.may_raise_priority = HasCapability(Capability::kSysResource);
  if (!host.may_raise_priority) {
    host.notes.push_back(
        "no CAP_SYS_RESOURCE: the kernel's choice of whom to kill when memory runs out does not "
        "spare system pods");
  }
  return host;
}

std::optional<std::string> CgroupMount(const std::string& controller) {
  for (const MountInfo& mount : Mounts()) {
    if (controller.empty() ? mount.type == "cgroup2"
                           : mount.type == "cgroup" && HasOption(mount.super_options, controller)) {
      return mount.path;
    }
  }
  return std::nullopt;
}

bool HasAppArmor() {
  std::error_code error;
  // In a container the host's profiles are out of reach, which its engine says by this variable.
  if (std::getenv("container") != nullptr) return false;
  if (!fs::exists("/sys/kernel/security/apparmor", error)) return false;
  if (!FindProgram("apparmor_parser")) return false;
  std::ifstream enabled("/sys/module/apparmor/parameters/enabled");
  char first = 0;
  return enabled.get(first) && first == 'Y';
}

std::map<std::string, std::string> ContainerCgroupFiles() {
  const auto mount = CgroupMount("");
  if (!mount || CgroupMount("memory")) return {};
  std::map<std::string, std::string> files;
  std::ifstream own("/proc/self/cgroup");
  for (std::string line; std::getline(own, line);) {
    if (!line.starts_with("0::")) continue;
    const std::string folder = *mount + line.substr(3);
    if (fs::exists(folder + "/memory.oom.group")) files["memory.oom.group"] = "1";
    if (fs::exists(folder + "/memory.swap.max")) files["memory.swap.max"] = "0";
  }
  return files;
}

std::vector<std::string> CgroupMounts() {
  std::vector<std::string> paths;
  for (const MountInfo& mount : Mounts()) {
    if (mount.type == "cgroup" || mount.type == "cgroup2") paths.push_back(mount.path);
  }
  return paths;
}

}  // namespace skiff
