// From a pod's spec to what the runtime is asked to make. Pure: everything that has to be looked up
// or prepared comes in as an argument.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/error.h"
#include "kubelet/cri.h"
#include "kubelet/environment.h"
#include "kubelet/pod_admission.h"
#include "kubelet/pod_dns.h"
#include "kubelet/pod_files.h"
#include "kubelet/restart_backoff.h"
#include "kubelet/volumes/volume_path.h"

namespace skiff::kubelet {

struct SandboxInput {
  const core_v1::Pod& pod;
  uint32_t attempt = 0;
  std::string log_directory;
  DnsSettings dns;
  std::string cgroup_parent;  // "": the runtime's own.
};
cri::SandboxConfig MakeSandboxConfig(const SandboxInput& input);

// What the kubelet was told about all containers.
struct ContainerPolicy {
  std::string seccomp_root = "/var/lib/kubelet/seccomp";  // Where Localhost profiles lie.
  bool seccomp_default = false;      // A container without a profile gets the runtime's own.
  bool recursive_read_only = false;  // The runtime can make what is mounted in a mount read-only.
  std::string image_volumes_fault;   // Why the runtime mounts no image as a volume; "": it may.
  bool limits_cpu = true;            // Containers are held to their limits of CPU.
  Duration restart_period_max = RestartBackoff::kMax;
  std::vector<std::string> masked_paths;  // Beside those that are the same everywhere.
};

// What processors tell of their heat, from which others learn what runs on them: of those of `root`
// that do.
std::vector<std::string> ThermalPaths(const std::string& root = "/sys/devices/system/cpu");

struct ContainerInput {
  const core_v1::Pod& pod;
  const core_v1::Container& container;
  uint32_t attempt = 0;
  Environment environment;
  std::string image_ref;                         // What the image resolved to.
  const cri::Image* image = nullptr;             // For non-root checks; may be absent.
  VolumePaths volumes;
  std::map<std::string, cri::ImageSpec> volume_images;  // Of the image volumes, by their names.
  // Mount path -> prepared host path, or path in the image.
  std::map<std::string, std::string> sub_paths;
  std::string etc_hosts;                         // "": none.
  std::string termination_log;                   // Host file of the termination message; "": none.
  int64_t node_memory_bytes = 0;
  std::map<std::string, int64_t> node_huge_pages;  // As NodeFacts has them.
  cri::StringMap cgroup_files;      // Beside its limits: {"memory.oom.group", "1"}.
  std::string target_container_id;  // Ephemeral containers that join another's PID namespace.
  std::optional<cri::NamespaceOptions::User> user = {};  // Of the pod's users, if it has its own.
  ContainerPolicy policy = {};
};
// Fails with the text of CreateContainerConfigError.
Result<cri::ContainerConfig> MakeContainerConfig(const ContainerInput& input);

}  // namespace skiff::kubelet
