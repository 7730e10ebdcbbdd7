#include "kubelet/cri_grpc_encode.h"

namespace skiff::cri {
namespace {

template <typename Map>
void Fill(const StringMap& from, Map* to) {
  for (const auto& [key, value] : from) (*to)[key] = value;
}

template <typename From, typename To>
void FillList(const From& from, To* to) {
  for (const auto& entry : from) *to->Add() = entry;
}

void FillSpec(const ImageSpec& from, pb::ImageSpec* to) {
  to->set_image(from.image);
  Fill(from.annotations, to->mutable_annotations());
  to->set_user_specified_image(from.user_specified_image);
  to->set_runtime_handler(from.runtime_handler);
}

void FillIds(const std::vector<IdMapping>& from,
             google::protobuf::RepeatedPtrField<pb::IDMapping>* to) {
  for (const IdMapping& mapping : from) {
    pb::IDMapping* added = to->Add();
    added->set_host_id(mapping.host_id);
    added->set_container_id(mapping.container_id);
    added->set_length(mapping.length);
  }
}

void FillNamespaces(const NamespaceOptions& from, pb::NamespaceOption* to) {
  to->set_network(static_cast<pb::NamespaceMode>(from.network));
  to->set_pid(static_cast<pb::NamespaceMode>(from.pid));
  to->set_ipc(static_cast<pb::NamespaceMode>(from.ipc));
  to->set_target_id(from.target_id);
  if (!from.user) return;
  auto* user = to->mutable_userns_options();
  user->set_mode(static_cast<pb::NamespaceMode>(from.user->mode));
  FillIds(from.user->uids, user->mutable_uids());
  FillIds(from.user->gids, user->mutable_gids());
}

// What the security contexts of sandboxes and containers have in common.
template <typename Security, typename Proto>
void FillSecurity(const Security& from, Proto* to) {
  FillNamespaces(from.namespaces, to->mutable_namespace_options());
  if (from.selinux) {
    auto* selinux = to->mutable_selinux_options();
    selinux->set_user(from.selinux->user);
    selinux->set_role(from.selinux->role);
    selinux->set_type(from.selinux->type);
    selinux->set_level(from.selinux->level);
  }
  if (from.run_as_user) to->mutable_run_as_user()->set_value(*from.run_as_user);
  if (from.run_as_group) to->mutable_run_as_group()->set_value(*from.run_as_group);
  to->set_readonly_rootfs(from.readonly_rootfs);
  FillList(from.supplemental_groups, to->mutable_supplemental_groups());
  to->set_supplemental_groups_policy(from.strict_supplemental_groups ? pb::Strict : pb::Merge);
  to->set_privileged(from.privileged);
  const auto fill_profile = [](const SecurityProfile& profile, pb::SecurityProfile* out) {
    out->set_profile_type(static_cast<pb::SecurityProfile::ProfileType>(profile.type));
    out->set_localhost_ref(profile.localhost_ref);
  };
  if (from.seccomp) fill_profile(*from.seccomp, to->mutable_seccomp());
  if (from.apparmor) fill_profile(*from.apparmor, to->mutable_apparmor());
}

void FillMount(const Mount& from, pb::Mount* to) {
  to->set_container_path(from.container_path);
  to->set_host_path(from.host_path);
  to->set_readonly(from.readonly);
  to->set_selinux_relabel(from.selinux_relabel);
  to->set_propagation(static_cast<pb::MountPropagation>(from.propagation));
  to->set_recursive_read_only(from.recursive_read_only);
  if (from.image) FillSpec(*from.image, to->mutable_image());
  to->set_image_sub_path(from.image_sub_path);
  FillIds(from.uids, to->mutable_uidmappings());
  FillIds(from.gids, to->mutable_gidmappings());
}

// "SIGRTMIN+1" has the value SIGNAL_RTMINPLUS1; empty or unknown is the runtime's default.
pb::Signal SignalFromText(std::string_view text) {
  std::string name = "SIGNAL_";
  for (const char c : text.substr(text.starts_with("SIG") ? 3 : 0)) {
    name += c == '+' ? "PLUS" : c == '-' ? "MINUS" : std::string(1, c);
  }
  pb::Signal signal = pb::SIGNAL_RUNTIME_DEFAULT;
  return pb::Signal_Parse(name, &signal) ? signal : pb::SIGNAL_RUNTIME_DEFAULT;
}

}  // namespace

pb::LinuxContainerResources ToProto(const LinuxResources& resources) {
  pb::LinuxContainerResources to;
  to.set_cpu_period(resources.cpu_period);
  to.set_cpu_quota(resources.cpu_quota);
  to.set_cpu_shares(resources.cpu_shares);
  to.set_memory_limit_in_bytes(resources.memory_limit_bytes);
  to.set_oom_score_adj(resources.oom_score_adj);
  to.set_cpuset_cpus(resources.cpuset_cpus);
  to.set_cpuset_mems(resources.cpuset_mems);
  for (const auto& [size, limit] : resources.hugepage_limits) {
    auto* added = to.add_hugepage_limits();
    added->set_page_size(size);
    added->set_limit(limit);
  }
  Fill(resources.unified, to.mutable_unified());
  to.set_memory_swap_limit_in_bytes(resources.memory_swap_limit_bytes);
  return to;
}

pb::PodSandboxConfig ToProto(const SandboxConfig& config) {
  pb::PodSandboxConfig to;
  auto* metadata = to.mutable_metadata();
  metadata->set_name(config.metadata.name);
  metadata->set_uid(config.metadata.uid);
  metadata->set_namespace_(config.metadata.name_space);
  metadata->set_attempt(config.metadata.attempt);
  to.set_hostname(config.hostname);
  to.set_log_directory(config.log_directory);
  if (config.dns) {
    auto* dns = to.mutable_dns_config();
    FillList(config.dns->servers, dns->mutable_servers());
    FillList(config.dns->searches, dns->mutable_searches());
    FillList(config.dns->options, dns->mutable_options());
  }
  for (const PortMapping& mapping : config.port_mappings) {
    auto* added = to.add_port_mappings();
    added->set_protocol(static_cast<pb::Protocol>(mapping.protocol));
    added->set_container_port(mapping.container_port);
    added->set_host_port(mapping.host_port);
    added->set_host_ip(mapping.host_ip);
  }
  Fill(config.labels, to.mutable_labels());
  Fill(config.annotations, to.mutable_annotations());
  auto* on_linux = to.mutable_on_linux();
  on_linux->set_cgroup_parent(config.cgroup_parent);
  FillSecurity(config.security, on_linux->mutable_security_context());
  Fill(config.sysctls, on_linux->mutable_sysctls());
  if (config.overhead) *on_linux->mutable_overhead() = ToProto(*config.overhead);
  if (config.resources) *on_linux->mutable_resources() = ToProto(*config.resources);
  return to;
}

pb::ContainerConfig ToProto(const ContainerConfig& config) {
  pb::ContainerConfig to;
  to.mutable_metadata()->set_name(config.metadata.name);
  to.mutable_metadata()->set_attempt(config.metadata.attempt);
  FillSpec(config.image, to.mutable_image());
  FillList(config.command, to.mutable_command());
  FillList(config.args, to.mutable_args());
  to.set_working_dir(config.working_dir);
  for (const auto& [key, value] : config.envs) {
    auto* added = to.add_envs();
    added->set_key(key);
    added->set_value(value);
  }
  for (const Mount& mount : config.mounts) FillMount(mount, to.add_mounts());
  for (const Device& device : config.devices) {
    auto* added = to.add_devices();
    added->set_container_path(device.container_path);
    added->set_host_path(device.host_path);
    added->set_permissions(device.permissions);
  }
  Fill(config.labels, to.mutable_labels());
  Fill(config.annotations, to.mutable_annotations());
  to.set_log_path(config.log_path);
  to.set_stdin(config.stdin);
  to.set_stdin_once(config.stdin_once);
  to.set_tty(config.tty);
  auto* on_linux = to.mutable_on_linux();
  *on_linux->mutable_resources() = ToProto(config.resources);
  auto* security = on_linux->mutable_security_context();
  FillSecurity(config.security, security);
  FillList(config.security.capabilities.add,
           security->mutable_capabilities()->mutable_add_capabilities());
  FillList(config.security.capabilities.drop,
           security->mutable_capabilities()->mutable_drop_capabilities());
  security->set_run_as_username(config.security.run_as_username);
  security->set_no_new_privs(config.security.no_new_privs);
  FillList(config.security.masked_paths, security->mutable_masked_paths());
  FillList(config.security.readonly_paths, security->mutable_readonly_paths());
  for (const std::string& name : config.cdi_devices) to.add_cdi_devices()->set_name(name);
  to.set_stop_signal(SignalFromText(config.stop_signal));
  return to;
}

pb::PodSandboxFilter ToProto(const SandboxFilter& filter) {
  pb::PodSandboxFilter to;
  to.set_id(filter.id);
  if (filter.state) {
    to.mutable_state()->set_state(static_cast<pb::PodSandboxState>(*filter.state));
  }
  Fill(filter.labels, to.mutable_label_selector());
  return to;
}

pb::ContainerFilter ToProto(const ContainerFilter& filter) {
  pb::ContainerFilter to;
  to.set_id(filter.id);
  if (filter.state) {
    to.mutable_state()->set_state(static_cast<pb::ContainerState>(*filter.state));
  }
  to.set_pod_sandbox_id(filter.sandbox_id);
  Fill(filter.labels, to.mutable_label_selector());
  return to;
}

pb::AuthConfig ToProto(const RegistryAuth& auth) {
  pb::AuthConfig to;
  to.set_username(auth.username);
  to.set_password(auth.password);
  to.set_auth(auth.auth);
  to.set_server_address(auth.server_address);
  to.set_identity_token(auth.identity_token);
  to.set_registry_token(auth.registry_token);
  return to;
}

}  // namespace skiff::cri
