#include "kubelet/cri_grpc_decode.h"

#include <fmt/format.h>

#include <algorithm>

namespace skiff::cri {
namespace {

TimePoint FromNanos(int64_t nanos) {
  return TimePoint(std::chrono::nanoseconds(nanos));
}

template <typename Map>
StringMap FromMap(const Map& from) {
  return StringMap(from.begin(), from.end());
}

ImageSpec FromProto(const pb::ImageSpec& from) {
  return {.image = from.image(),
          .annotations = FromMap(from.annotations()),
          .user_specified_image = from.user_specified_image(),
          .runtime_handler = from.runtime_handler()};
}

NamespaceOptions FromProto(const pb::NamespaceOption& from) {
  return {.network = static_cast<NamespaceMode>(from.network()),
          .pid = static_cast<NamespaceMode>(from.pid()),
          .ipc = static_cast<NamespaceMode>(from.ipc()),
          .target_id = from.target_id()};
}

Mount FromProto(const pb::Mount& from) {
  Mount mount{.container_path = from.container_path(),
              .host_path = from.host_path(),
              .readonly = from.readonly(),
              .selinux_relabel = from.selinux_relabel(),
              .propagation = static_cast<Propagation>(from.propagation()),
              .recursive_read_only = from.recursive_read_only(),
              .image_sub_path = from.image_sub_path()};
  if (from.has_image()) mount.image = FromProto(from.image());
  return mount;
}

std::string TextFromSignal(pb::Signal signal) {
  if (signal == pb::SIGNAL_RUNTIME_DEFAULT) return "";
  std::string text = pb::Signal_Name(signal);
  if (text.empty()) return "";
  text.erase(3, 4);  // SIGNAL_TERM -> SIGTERM
  for (const auto& [word, sign] : {std::pair("PLUS", "+"), std::pair("MINUS", "-")}) {
    const size_t at = text.find(word);
    if (at != std::string::npos) text.replace(at, std::string_view(word).size(), sign);
  }
  return text;
}

SandboxMetadata FromProto(const pb::PodSandboxMetadata& from) {
  return {.name = from.name(),
          .uid = from.uid(),
          .name_space = from.namespace_(),
          .attempt = from.attempt()};
}

ContainerMetadata FromProto(const pb::ContainerMetadata& from) {
  return {.name = from.name(), .attempt = from.attempt()};
}

LinuxResources FromProto(const pb::LinuxContainerResources& from) {
  LinuxResources resources{.cpu_period = from.cpu_period(),
                           .cpu_quota = from.cpu_quota(),
                           .cpu_shares = from.cpu_shares(),
                           .memory_limit_bytes = from.memory_limit_in_bytes(),
                           .oom_score_adj = from.oom_score_adj(),
                           .cpuset_cpus = from.cpuset_cpus(),
                           .cpuset_mems = from.cpuset_mems(),
                           .unified = FromMap(from.unified()),
                           .memory_swap_limit_bytes = from.memory_swap_limit_in_bytes()};
  for (const auto& limit : from.hugepage_limits()) {
    resources.hugepage_limits.emplace_back(limit.page_size(), limit.limit());
  }
  return resources;
}

// The fields that Sandbox and its status share.
template <typename Proto>
void FillSandbox(const Proto& from, Sandbox& to) {
  to.id = from.id();
  to.metadata = FromProto(from.metadata());
  to.state = static_cast<SandboxState>(from.state());
  to.created_at = FromNanos(from.created_at());
  to.labels = FromMap(from.labels());
  to.annotations = FromMap(from.annotations());
  to.runtime_handler = from.runtime_handler();
}

template <typename Proto>
void FillContainer(const Proto& from, Container& to) {
  to.id = from.id();
  to.metadata = FromProto(from.metadata());
  to.image = FromProto(from.image());
  to.image_ref = from.image_ref();
  to.image_id = from.image_id();
  to.state = static_cast<ContainerState>(from.state());
  to.created_at = FromNanos(from.created_at());
  to.labels = FromMap(from.labels());
  to.annotations = FromMap(from.annotations());
}

}  // namespace

Sandbox FromProto(const pb::PodSandbox& sandbox) {
  Sandbox to;
  FillSandbox(sandbox, to);
  return to;
}

SandboxStatus FromProto(const pb::PodSandboxStatus& status) {
  SandboxStatus to;
  FillSandbox(status, to);
  if (!status.network().ip().empty()) to.ips.push_back(status.network().ip());
  for (const auto& additional : status.network().additional_ips()) {
    to.ips.push_back(additional.ip());
  }
  to.namespaces = FromProto(status.on_linux().namespaces().options());
  return to;
}

Container FromProto(const pb::Container& container) {
  Container to;
  FillContainer(container, to);
  to.sandbox_id = container.pod_sandbox_id();
  return to;
}

ContainerStatus FromProto(const pb::ContainerStatus& status) {
  ContainerStatus to;
  FillContainer(status, to);
  to.started_at = FromNanos(status.started_at());
  to.finished_at = FromNanos(status.finished_at());
  to.exit_code = status.exit_code();
  to.reason = status.reason();
  to.message = status.message();
  for (const auto& mount : status.mounts()) to.mounts.push_back(FromProto(mount));
  to.log_path = status.log_path();
  if (status.has_resources()) to.resources = FromProto(status.resources().on_linux());
  if (status.user().has_on_linux()) {
    const auto& user = status.user().on_linux();
    to.user = ContainerUser{user.uid(),
                            user.gid(),
                            {user.supplemental_groups().begin(), user.supplemental_groups().end()}};
  }
  to.stop_signal = TextFromSignal(status.stop_signal());
  return to;
}

FilesystemUsage FromProto(const pb::FilesystemUsage& usage) {
  FilesystemUsage to{.timestamp = FromNanos(usage.timestamp()),
                     .mountpoint = usage.fs_id().mountpoint()};
  if (usage.has_used_bytes()) to.used_bytes = usage.used_bytes().value();
  if (usage.has_inodes_used()) to.inodes_used = usage.inodes_used().value();
  return to;
}

ContainerStats FromProto(const pb::ContainerStats& stats) {
  ContainerStats to;
  to.id = stats.attributes().id();
  to.metadata = FromProto(stats.attributes().metadata());
  to.labels = FromMap(stats.attributes().labels());
  to.annotations = FromMap(stats.attributes().annotations());
  const auto& cpu = stats.cpu();
  to.cpu_timestamp = FromNanos(cpu.timestamp());
  if (cpu.has_usage_core_nano_seconds()) {
    to.cpu_usage_core_ns = cpu.usage_core_nano_seconds().value();
  }
  if (cpu.has_usage_nano_cores()) to.cpu_usage_nano_cores = cpu.usage_nano_cores().value();
  const auto& memory = stats.memory();
  to.memory_timestamp = FromNanos(memory.timestamp());
  if (memory.has_working_set_bytes()) {
    to.memory_working_set_bytes = memory.working_set_bytes().value();
  }
  if (memory.has_available_bytes()) to.memory_available_bytes = memory.available_bytes().value();
  if (memory.has_usage_bytes()) to.memory_usage_bytes = memory.usage_bytes().value();
  if (memory.has_rss_bytes()) to.memory_rss_bytes = memory.rss_bytes().value();
  if (memory.has_page_faults()) to.memory_page_faults = memory.page_faults().value();
  if (memory.has_major_page_faults()) {
    to.memory_major_page_faults = memory.major_page_faults().value();
  }
  to.writable_layer = FromProto(stats.writable_layer());
  const auto& swap = stats.swap();
  to.swap_timestamp = FromNanos(swap.timestamp());
  if (swap.has_swap_usage_bytes()) to.swap_usage_bytes = swap.swap_usage_bytes().value();
  if (swap.has_swap_available_bytes()) {
    to.swap_available_bytes = swap.swap_available_bytes().value();
  }
  return to;
}

Image FromProto(const pb::Image& image) {
  Image to{.id = image.id(),
           .repo_tags = {image.repo_tags().begin(), image.repo_tags().end()},
           .repo_digests = {image.repo_digests().begin(), image.repo_digests().end()},
           .size_bytes = image.size()};
  if (image.has_uid()) to.uid = image.uid().value();
  to.username = image.username();
  to.pinned = image.pinned();
  return to;
}

RuntimeStatus FromProto(const pb::StatusResponse& response) {
  RuntimeStatus to;
  for (const auto& condition : response.status().conditions()) {
    to.conditions.push_back({.type = condition.type(),
                             .status = condition.status(),
                             .reason = condition.reason(),
                             .message = condition.message()});
  }
  for (const auto& handler : response.runtime_handlers()) {
    to.handlers.push_back(
        {.name = handler.name(),
         .recursive_read_only_mounts = handler.features().recursive_read_only_mounts(),
         .user_namespaces = handler.features().user_namespaces()});
  }
  // Runtimes give them in another order each time, which is no change.
  std::ranges::sort(to.handlers, {}, &RuntimeHandler::name);
  if (response.has_features()) {
    to.supplemental_groups_policy = response.features().supplemental_groups_policy();
  }
  return to;
}

Result<std::string> CgroupDriverIn(const pb::RuntimeConfigResponse& response) {
  // The enum's 0 is a driver, so that a message that is not there must not be asked.
  if (!response.has_on_linux()) return std::string();
  const int driver = response.on_linux().cgroup_driver();
  if (driver == pb::SYSTEMD) return std::string("systemd");
  if (driver == pb::CGROUPFS) return std::string("cgroupfs");
  return Fail(Reason::kInvalid,
              fmt::format("runtime returned an unknown cgroup driver {}", driver));
}

}  // namespace skiff::cri
