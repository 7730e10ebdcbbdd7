#include "kubelet/container_config.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <unordered_set>

#include "kubelet/huge_pages.h"
#include "kubelet/linux_resources.h"
#include "kubelet/pod_observed.h"

namespace skiff::kubelet {
namespace {

const std::vector<std::string>& MaskedPaths() {
  static const std::vector<std::string> kPaths = {
      "/proc/asound",     "/proc/acpi",        "/proc/interrupts",
      "/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
      "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
      "/proc/scsi",       "/sys/firmware",     "/sys/devices/virtual/powercap"};
  return kPaths;
}

const std::vector<std::string>& ReadonlyPaths() {
  static const std::vector<std::string> kPaths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                                  "/proc/sysrq-trigger"};
  return kPaths;
}

cri::NamespaceOptions Namespaces(const core_v1::PodSpec& spec) {
  cri::NamespaceOptions out;
  if (spec.host_network) out.network = cri::NamespaceMode::kNode;
  if (spec.host_ipc) out.ipc = cri::NamespaceMode::kNode;
  out.pid = spec.host_pid                                  ? cri::NamespaceMode::kNode
            : spec.share_process_namespace.value_or(false) ? cri::NamespaceMode::kPod
                                                           : cri::NamespaceMode::kContainer;
  return out;
}

// Also of an AppArmor profile: both are named alike.
template <typename Profile>
cri::SecurityProfile ProfileOf(const Profile& profile, const std::string& directory) {
  using Type = cri::SecurityProfile::Type;
  if (profile.type == "Unconfined") return {Type::kUnconfined, ""};
  if (profile.type == "RuntimeDefault") return {Type::kRuntimeDefault, ""};
  return {Type::kLocalhost, directory + profile.localhost_profile.value_or("")};
}

cri::SecurityProfile Seccomp(const core_v1::SecurityContext* container,
                             const core_v1::PodSecurityContext* pod,
                             const ContainerPolicy& policy) {
  using Type = cri::SecurityProfile::Type;
  const std::string directory = policy.seccomp_root + "/";
  if (container != nullptr && container->seccomp_profile) {
    return ProfileOf(*container->seccomp_profile, directory);
  }
  if (pod != nullptr && pod->seccomp_profile) return ProfileOf(*pod->seccomp_profile, directory);
  return {policy.seccomp_default ? Type::kRuntimeDefault : Type::kUnconfined, ""};
}

// A runtime on a machine without SELinux takes no notice of them, as with the kubelet.
std::optional<cri::SelinuxOptions> Selinux(const core_v1::SecurityContext* container,
                                           const core_v1::PodSecurityContext* pod) {
  const core_v1::SELinuxOptions* options = nullptr;
  if (container != nullptr && container->se_linux_options) {
    options = &*container->se_linux_options;
  } else if (pod != nullptr && pod->se_linux_options) {
    options = &*pod->se_linux_options;
  }
  if (options == nullptr) return std::nullopt;
  return cri::SelinuxOptions{options->user, options->role, options->type, options->level};
}

bool WantsStrictGroups(const core_v1::PodSecurityContext* pod) {
  return pod != nullptr && pod->supplemental_groups_policy.value_or("") == "Strict";
}

std::vector<int64_t> SupplementalGroups(const core_v1::PodSecurityContext* pod) {
  std::vector<int64_t> groups;
  if (pod == nullptr) return groups;
  if (pod->fs_group) groups.push_back(*pod->fs_group);
  groups.insert(groups.end(), pod->supplemental_groups.begin(), pod->supplemental_groups.end());
  return groups;
}

bool AnyPrivileged(const core_v1::PodSpec& spec) {
  for (const auto* list : {&spec.containers, &spec.init_containers}) {
    for (const auto& each : *list) {
      if (each.security_context && each.security_context->privileged.value_or(false)) return true;
    }
  }
  return false;
}

cri::StringMap PodLabels(const core_v1::Pod& pod) {
  return {{kPodNameLabel, pod.metadata.name},
          {kPodNamespaceLabel, pod.metadata.namespace_},
          {kPodUidLabel, pod.metadata.uid}};
}

cri::Protocol ProtocolOf(const std::string& text) {
  if (text == "UDP") return cri::Protocol::kUdp;
  return text == "SCTP" ? cri::Protocol::kSctp : cri::Protocol::kTcp;
}

const core_v1::PodSecurityContext* PodSecurity(const core_v1::Pod& pod) {
  return pod.spec.security_context ? &*pod.spec.security_context : nullptr;
}

// The container's own runAsUser, else the pod's.
std::optional<int64_t> UserAskedFor(const ContainerInput& input) {
  const auto& own = input.container.security_context;
  if (own && own->run_as_user) return own->run_as_user;
  const auto* pod = PodSecurity(input.pod);
  return pod == nullptr ? std::nullopt : pod->run_as_user;
}

// The container's own runAsNonRoot, else the pod's, checked against who the image runs as.
Result<> CheckNonRoot(const ContainerInput& input) {
  const auto* own = input.container.security_context ? &*input.container.security_context : nullptr;
  const auto* pod = PodSecurity(input.pod);
  std::optional<bool> non_root = pod != nullptr ? pod->run_as_non_root : std::nullopt;
  if (own != nullptr && own->run_as_non_root) non_root = own->run_as_non_root;
  if (!non_root.value_or(false)) return {};
  const std::string where =
      fmt::format("(pod: \"{}_{}({})\", container: {})", input.pod.metadata.name,
                  input.pod.metadata.namespace_, input.pod.metadata.uid, input.container.name);
  if (const auto user = UserAskedFor(input)) {
    if (*user != 0) return {};
    return Fail(Reason::kInvalid, "container's runAsUser breaks non-root policy " + where);
  }
  if (input.image == nullptr) return {};
  if (!input.image->uid && !input.image->username.empty()) {
    return Fail(
        Reason::kInvalid,
        fmt::format("container has runAsNonRoot and image has non-numeric user ({}), cannot "
                    "verify user is non-root {}",
                    input.image->username, where));
  }
  // Runtimes keep the low bits of a number that is no user's: of 4294967296 those of root.
  const int64_t user = input.image->uid.value_or(0);
  if (user <= 0 || user > INT32_MAX) {
    return Fail(Reason::kInvalid, "container has runAsNonRoot and image will run as root " + where);
  }
  return {};
}

cri::ContainerSecurity Security(const ContainerInput& input) {
  cri::ContainerSecurity out;
  const auto* pod = PodSecurity(input.pod);
  out.namespaces = Namespaces(input.pod.spec);
  out.namespaces.user = input.user;
  if (!input.target_container_id.empty()) {
    out.namespaces.pid = cri::NamespaceMode::kTarget;
    out.namespaces.target_id = input.target_container_id;
  }
  out.supplemental_groups = SupplementalGroups(pod);
  out.run_as_user = UserAskedFor(input);
  if (pod != nullptr) out.run_as_group = pod->run_as_group;
  std::string proc_mount;
  const core_v1::SecurityContext* own = nullptr;
  if (input.container.security_context) {
    own = &*input.container.security_context;
    if (own->run_as_group) out.run_as_group = own->run_as_group;
    out.privileged = own->privileged.value_or(false);
    out.readonly_rootfs = own->read_only_root_filesystem.value_or(false);
    out.no_new_privs = !own->allow_privilege_escalation.value_or(true);
    if (own->capabilities) out.capabilities = {own->capabilities->add, own->capabilities->drop};
    proc_mount = own->proc_mount.value_or("");
  }
  if (!out.run_as_user && input.image != nullptr && input.image->uid) {
    out.run_as_user = input.image->uid;
  } else if (!out.run_as_user && input.image != nullptr) {
    out.run_as_username = input.image->username;
  }
  if (!out.privileged && proc_mount != "Unmasked") {
    out.masked_paths = MaskedPaths();
    const auto& more = input.policy.masked_paths;
    out.masked_paths.insert(out.masked_paths.end(), more.begin(), more.end());
    out.readonly_paths = ReadonlyPaths();
  }
  out.seccomp = Seccomp(own, pod, input.policy);
  out.selinux = Selinux(own, pod);
  out.strict_supplemental_groups = WantsStrictGroups(pod);
  if (const auto profile = AppArmorProfileOf(input.pod, input.container)) {
    out.apparmor = ProfileOf(*profile, "");
  }
  return out;
}

cri::Propagation PropagationOf(const core_v1::VolumeMount& mount) {
  const std::string mode = mount.mount_propagation.value_or("None");
  if (mode == "Bidirectional") return cri::Propagation::kBidirectional;
  return mode == "HostToContainer" ? cri::Propagation::kHostToContainer
                                   : cri::Propagation::kPrivate;
}

// What the kubelet writes, and what a claim gives for reading, no container writes.
bool IsReadOnly(const core_v1::Volume& volume) {
  if (volume.persistent_volume_claim) return volume.persistent_volume_claim->read_only;
  return volume.config_map || volume.secret || volume.projected || volume.downward_api ||
         volume.image;
}

// By name. Gone through once: a pod may have thousands of both volumes and mounts.
std::unordered_set<std::string_view> ReadOnlyVolumes(const core_v1::PodSpec& spec) {
  std::unordered_set<std::string_view> names;
  for (const auto& volume : spec.volumes) {
    if (IsReadOnly(volume)) names.insert(volume.name);
  }
  return names;
}

Result<bool> RecursiveReadOnly(const core_v1::VolumeMount& mount, const ContainerPolicy& policy) {
  const std::string mode = mount.recursive_read_only.value_or("Disabled");
  if (mode == "Disabled") return false;
  if (policy.recursive_read_only) return true;
  if (mode == "IfPossible") return false;
  return Fail(Reason::kInvalid,
              fmt::format("volume \"{}\" requested recursive read-only mode, but it is not "
                          "supported by the runtime",
                          mount.name));
}

Result<std::vector<cri::Mount>> Mounts(const ContainerInput& input) {
  std::vector<cri::Mount> out;
  bool mounts_hosts = false;
  const auto read_only = ReadOnlyVolumes(input.pod.spec);
  for (const auto& mount : input.container.volume_mounts) {
    cri::Mount made;
    made.container_path = mount.mount_path;
    if (!made.container_path.starts_with('/')) made.container_path.insert(0, "/");
    const auto prepared = input.sub_paths.find(mount.mount_path);
    const auto volume = input.volumes.find(mount.name);
    const bool is_found = volume != input.volumes.end();
    if (is_found ? volume->second.is_device : prepared == input.sub_paths.end()) {
      return Fail(Reason::kInvalid, fmt::format("cannot find volume \"{}\" to mount into container "
                                                "\"{}\"",
                                                mount.name, input.container.name));
    }
    const auto image = input.volume_images.find(mount.name);
    if (image != input.volume_images.end()) {
      if (!input.policy.image_volumes_fault.empty()) {
        return Fail(Reason::kInvalid,
                    fmt::format("volume \"{}\": {}", mount.name, input.policy.image_volumes_fault));
      }
      made.image = image->second;
      if (prepared != input.sub_paths.end()) made.image_sub_path = prepared->second;
    } else {
      made.host_path = prepared != input.sub_paths.end() ? prepared->second : volume->second.path;
    }
    made.readonly = mount.read_only || read_only.contains(mount.name);
    made.recursive_read_only = TRY(RecursiveReadOnly(mount, input.policy));
    made.propagation = PropagationOf(mount);
    mounts_hosts |= made.container_path == "/etc/hosts";
    out.push_back(std::move(made));
  }
  if (!mounts_hosts && !input.etc_hosts.empty()) {
    out.push_back({.container_path = "/etc/hosts", .host_path = input.etc_hosts});
  }
  if (!input.termination_log.empty()) {
    out.push_back({.container_path = input.container.termination_message_path,
                   .host_path = input.termination_log});
  }
  return out;
}

Result<std::vector<cri::Device>> Devices(const ContainerInput& input) {
  std::vector<cri::Device> out;
  const auto read_only = ReadOnlyVolumes(input.pod.spec);
  for (const auto& device : input.container.volume_devices) {
    const auto volume = input.volumes.find(device.name);
    // Of a directory a runtime would pass in every device that the pod has made there.
    if (volume == input.volumes.end() || !volume->second.is_device) {
      return Fail(Reason::kInvalid,
                  fmt::format("cannot find volume \"{}\" to pass into container \"{}\"",
                              device.name, input.container.name));
    }
    out.push_back({.container_path = device.device_path,
                   .host_path = volume->second.path,
                   .permissions = read_only.contains(device.name) ? "r" : "mrw"});
  }
  return out;
}

}  // namespace

std::vector<std::string> ThermalPaths(const std::string& root) {
  std::vector<std::string> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(root, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!entry->path().filename().string().starts_with("cpu")) continue;
    std::string path = entry->path() / "thermal_throttle";
    if (access(path.c_str(), F_OK) == 0) paths.push_back(std::move(path));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

cri::SandboxConfig MakeSandboxConfig(const SandboxInput& input) {
  const core_v1::Pod& pod = input.pod;
  cri::SandboxConfig out;
  out.metadata = {pod.metadata.name, pod.metadata.uid, pod.metadata.namespace_, input.attempt};
  if (!pod.spec.host_network) {
    out.hostname = KernelHostname(pod, input.dns.cluster_domain).value_or(Hostname(pod));
  }
  out.log_directory = input.log_directory;
  out.dns = PodDns(pod, input.dns);
  for (const auto& container : pod.spec.containers) {
    for (const auto& port : container.ports) {
      out.port_mappings.push_back({ProtocolOf(port.protocol), port.container_port,
                                   pod.spec.host_network ? port.container_port : port.host_port,
                                   port.host_ip});
    }
  }
  // By these it is found again: a pod's own label of such a name would make it another pod's.
  out.labels = PodLabels(pod);
  out.labels.insert(pod.metadata.labels.begin(), pod.metadata.labels.end());
  out.annotations = pod.metadata.annotations;
  out.cgroup_parent = input.cgroup_parent;
  out.security.namespaces = Namespaces(pod.spec);
  out.security.privileged = AnyPrivileged(pod.spec);
  out.security.seccomp = cri::SecurityProfile{};
  if (const auto* security = PodSecurity(pod)) {
    out.security.run_as_user = security->run_as_user;
    out.security.run_as_group = security->run_as_group;
    out.security.supplemental_groups = SupplementalGroups(security);
    out.security.selinux = Selinux(nullptr, security);
    out.security.strict_supplemental_groups = WantsStrictGroups(security);
    for (const auto& sysctl : security->sysctls) {
      out.sysctls[SysctlInDots(sysctl.name)] = sysctl.value;
    }
  }
  out.resources = PodResources(pod.spec);
  out.overhead = PodOverhead(pod.spec);
  return out;
}

Result<cri::ContainerConfig> MakeContainerConfig(const ContainerInput& input) {
  const core_v1::Container& container = input.container;
  cri::ContainerConfig out;
  out.metadata = {container.name, input.attempt};
  out.image.image = input.image_ref;
  out.image.user_specified_image = container.image;
  std::map<std::string, std::string> variables(input.environment.begin(), input.environment.end());
  out.command = TRY(ExpandAll(container.command, variables));
  out.args = TRY(ExpandAll(container.args, variables));
  out.working_dir = container.working_dir;
  out.envs = input.environment;
  out.mounts = TRY(Mounts(input));
  out.devices = TRY(Devices(input));
  out.labels = PodLabels(input.pod);
  out.labels[kContainerNameLabel] = container.name;
  out.annotations[kContainerHashAnnotation] = ContainerHash(container);
  out.annotations[kRestartCountAnnotation] = std::to_string(input.attempt);
  out.annotations["io.kubernetes.container.terminationMessagePath"] =
      container.termination_message_path;
  out.annotations["io.kubernetes.container.terminationMessagePolicy"] =
      container.termination_message_policy;
  if (input.pod.spec.termination_grace_period_seconds) {
    out.annotations["io.kubernetes.pod.terminationGracePeriod"] =
        std::to_string(*input.pod.spec.termination_grace_period_seconds);
  }
  out.log_path = fmt::format("{}/{}.log", container.name, input.attempt);
  out.stdin = container.stdin;
  out.stdin_once = container.stdin_once;
  out.tty = container.tty;
  out.resources = ContainerResources(input.pod, container, input.node_memory_bytes);
  out.resources.hugepage_limits =
      HugePageLimits(container.resources.limits, input.node_huge_pages);
  if (!input.policy.limits_cpu) out.resources.cpu_quota = 0;
  out.resources.unified = input.cgroup_files;
  out.security = Security(input);
  TRY(CheckNonRoot(input));
  return out;
}

}  // namespace skiff::kubelet
