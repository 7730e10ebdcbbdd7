#include "kubelet/container_config.h"

#include <fmt/format.h>

#include <algorithm>

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

std::optional<cri::SecurityProfile> Seccomp(const core_v1::SecurityContext* container,
                                            const core_v1::PodSecurityContext* pod) {
  const core_v1::SeccompProfile* profile = nullptr;
  if (container != nullptr && container->seccomp_profile) {
    profile = &*container->seccomp_profile;
  } else if (pod != nullptr && pod->seccomp_profile) {
    profile = &*pod->seccomp_profile;
  }
  cri::SecurityProfile out{cri::SecurityProfile::Type::kUnconfined, ""};
  if (profile == nullptr || profile->type == "Unconfined") return out;
  if (profile->type == "RuntimeDefault") {
    out.type = cri::SecurityProfile::Type::kRuntimeDefault;
  } else {
    out.type = cri::SecurityProfile::Type::kLocalhost;
    out.localhost_ref = "/var/lib/kubelet/seccomp/" + profile->localhost_profile.value_or("");
  }
  return out;
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

// The container's own runAsNonRoot, else the pod's, checked against who the image runs as.
Result<> CheckNonRoot(const ContainerInput& input, const cri::ContainerSecurity& security) {
  const auto* own = input.container.security_context ? &*input.container.security_context : nullptr;
  const auto* pod = PodSecurity(input.pod);
  std::optional<bool> non_root = pod != nullptr ? pod->run_as_non_root : std::nullopt;
  if (own != nullptr && own->run_as_non_root) non_root = own->run_as_non_root;
  if (!non_root.value_or(false)) return {};
  const std::string where =
      fmt::format("(pod: \"{}_{}({})\", container: {})", input.pod.metadata.name,
                  input.pod.metadata.namespace_, input.pod.metadata.uid, input.container.name);
  if (security.run_as_user) {
    if (*security.run_as_user != 0) return {};
    return Fail(Reason::kInvalid, "container's runAsUser breaks non-root policy " + where);
  }
  if (input.image == nullptr) return {};
  if (!input.image->username.empty()) {
    return Fail(
        Reason::kInvalid,
        fmt::format("container has runAsNonRoot and image has non-numeric user ({}), cannot "
                    "verify user is non-root {}",
                    input.image->username, where));
  }
  if (input.image->uid.value_or(0) == 0) {
    return Fail(Reason::kInvalid, "container has runAsNonRoot and image will run as root " + where);
  }
  return {};
}

cri::ContainerSecurity Security(const ContainerInput& input) {
  cri::ContainerSecurity out;
  const auto* pod = PodSecurity(input.pod);
  out.namespaces = Namespaces(input.pod.spec);
  if (!input.target_container_id.empty()) {
    out.namespaces.pid = cri::NamespaceMode::kTarget;
    out.namespaces.target_id = input.target_container_id;
  }
  out.supplemental_groups = SupplementalGroups(pod);
  if (pod != nullptr) {
    out.run_as_user = pod->run_as_user;
    out.run_as_group = pod->run_as_group;
  }
  std::string proc_mount;
  const core_v1::SecurityContext* own = nullptr;
  if (input.container.security_context) {
    own = &*input.container.security_context;
    if (own->run_as_user) out.run_as_user = own->run_as_user;
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
    out.readonly_paths = ReadonlyPaths();
  }
  out.seccomp = Seccomp(own, pod);
  return out;
}

cri::Propagation PropagationOf(const core_v1::VolumeMount& mount) {
  const std::string mode = mount.mount_propagation.value_or("None");
  if (mode == "Bidirectional") return cri::Propagation::kBidirectional;
  return mode == "HostToContainer" ? cri::Propagation::kHostToContainer
                                   : cri::Propagation::kPrivate;
}

Result<std::vector<cri::Mount>> Mounts(const ContainerInput& input) {
  std::vector<cri::Mount> out;
  bool mounts_hosts = false;
  for (const auto& mount : input.container.volume_mounts) {
    cri::Mount made;
    made.container_path = mount.mount_path;
    if (!made.container_path.starts_with('/')) made.container_path.insert(0, "/");
    const auto prepared = input.sub_paths.find(mount.mount_path);
    const auto volume = input.volumes.find(mount.name);
    if (prepared != input.sub_paths.end()) {
      made.host_path = prepared->second;
    } else if (volume != input.volumes.end()) {
      made.host_path = volume->second;
    } else {
      return Fail(Reason::kInvalid, fmt::format("cannot find volume \"{}\" to mount into container "
                                                "\"{}\"",
                                                mount.name, input.container.name));
    }
    made.readonly = mount.read_only;
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

std::vector<std::string> ExpandAll(const std::vector<std::string>& words,
                                   const std::map<std::string, std::string>& variables) {
  std::vector<std::string> out;
  for (const std::string& word : words) out.push_back(Expand(word, variables));
  return out;
}

}  // namespace

cri::SandboxConfig MakeSandboxConfig(const SandboxInput& input) {
  const core_v1::Pod& pod = input.pod;
  cri::SandboxConfig out;
  out.metadata = {pod.metadata.name, pod.metadata.uid, pod.metadata.namespace_, input.attempt};
  if (!pod.spec.host_network) out.hostname = Hostname(pod);
  out.log_directory = input.log_directory;
  out.dns = PodDns(pod, input.dns);
  for (const auto& container : pod.spec.containers) {
    for (const auto& port : container.ports) {
      out.port_mappings.push_back({ProtocolOf(port.protocol), port.container_port,
                                   pod.spec.host_network ? port.container_port : port.host_port,
                                   port.host_ip});
    }
  }
  out.labels = pod.metadata.labels;
  out.labels.merge(PodLabels(pod));
  out.annotations = pod.metadata.annotations;
  out.cgroup_parent = input.cgroup_parent;
  out.security.namespaces = Namespaces(pod.spec);
  out.security.privileged = AnyPrivileged(pod.spec);
  out.security.seccomp = cri::SecurityProfile{};
  if (const auto* security = PodSecurity(pod)) {
    out.security.run_as_user = security->run_as_user;
    out.security.run_as_group = security->run_as_group;
    out.security.supplemental_groups = SupplementalGroups(security);
    for (const auto& sysctl : security->sysctls) {
      std::string name = sysctl.name;
      std::replace(name.begin(), name.end(), '/', '.');
      out.sysctls[name] = sysctl.value;
    }
  }
  out.resources = PodResources(pod.spec);
  return out;
}

Result<cri::ContainerConfig> MakeContainerConfig(const ContainerInput& input) {
  const core_v1::Container& container = input.container;
  cri::ContainerConfig out;
  out.metadata = {container.name, input.attempt};
  out.image.image = input.image_ref;
  out.image.user_specified_image = container.image;
  std::map<std::string, std::string> variables(input.environment.begin(), input.environment.end());
  out.command = ExpandAll(container.command, variables);
  out.args = ExpandAll(container.args, variables);
  out.working_dir = container.working_dir;
  out.envs = input.environment;
  out.mounts = TRY(Mounts(input));
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
  out.resources.unified = input.cgroup_files;
  out.security = Security(input);
  TRY(CheckNonRoot(input, out.security));
  return out;
}

}  // namespace skiff::kubelet
