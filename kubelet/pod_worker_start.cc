// How a worker makes what its plan wants: sandboxes, and containers in them.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <unordered_set>

#include "base/whole_file.h"
#include "kubelet/linux_resources.h"
#include "kubelet/pod_lookup.h"
#include "kubelet/pod_worker.h"
#include "kubelet/post_start_task.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

uint32_t NextAttempt(const core_v1::PodStatus& before, const std::string& name, bool is_init,
                     const ObservedContainer* last) {
  if (last != nullptr) return last->attempt + 1;
  const auto& statuses = is_init ? before.init_container_statuses : before.container_statuses;
  for (const auto& status : statuses) {
    if (status.name != name) continue;
    const bool ran = status.state.running || status.state.terminated;
    return static_cast<uint32_t>(status.restart_count) + (ran ? 1 : 0);
  }
  return 0;
}

// A changed image is tried at once, and so is one with other resources.
std::string BackoffKey(const core_v1::Container& container) {
  return container.name + "\n" + container.image + "\n" + ToJson(container.resources).dump();
}

// Whether the value of a variable is a field of the pod.
bool NamesFields(const core_v1::Container& container) {
  return std::any_of(container.env.begin(), container.env.end(), [](const auto& variable) {
    return variable.value_from && variable.value_from->field_ref;
  });
}

// Names of volumes: looked up, since a pod may have thousands of them, and of mounts.
std::unordered_set<std::string_view> MountedIn(const core_v1::Container& container) {
  std::unordered_set<std::string_view> names;
  for (const auto& mount : container.volume_mounts) names.insert(mount.name);
  return names;
}

// Of a file that containers write, and may have made as long as they like: no more of it is read
// than could be this text.
bool SaysAlready(const std::string& path, const std::string& text) {
  const auto file = OpenRegularFile(path);
  if (!file) return false;
  const auto said = ReadWhole(*file, text.size());
  return said && *said == text;
}

// In place, for containers that run have it as their /etc/hosts. One that says this already is not
// touched: on a full disk they would be left with an empty one.
Result<> WriteHosts(const std::string& path, const std::string& text) {
  if (SaysAlready(path, text)) return {};
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file.fail()) return {};
  return Fail(Reason::kInternalError, fmt::format("failed to write hosts file {}", path));
}

// Of a path in an image, which only the runtime looks up.
Result<> CheckImageSubPath(const std::string& path) {
  const fs::path parts = path;
  if (parts.is_absolute()) {
    return Fail(Reason::kInvalid,
                fmt::format("error SubPath `{}` must not be an absolute path", path));
  }
  if (std::find(parts.begin(), parts.end(), "..") != parts.end()) {
    return Fail(Reason::kInvalid,
                fmt::format("unable to provision SubPath `{}`: must not contain '..'", path));
  }
  return {};
}

}  // namespace

std::string PodWorker::LogDirectory(const core_v1::Pod& pod) const {
  return fmt::format("{}/{}_{}_{}", context_.log_root, pod.metadata.namespace_, pod.metadata.name,
                     pod.metadata.uid);
}

cri::SandboxConfig PodWorker::SandboxConfigOf(const core_v1::Pod& pod, uint32_t attempt) const {
  auto config =
      MakeSandboxConfig({pod, attempt, LogDirectory(pod), ReadNodeDns(context_.dns),
                         context_.cgroup_root.empty()
                             ? ""
                             : PodCgroup(pod, context_.cgroup_root, context_.cgroup_driver)});
  // Who cannot have them has no sandbox either.
  if (auto users = UsersOf(pod)) config.security.namespaces.user = std::move(*users);
  return config;
}

Result<std::optional<cri::NamespaceOptions::User>> PodWorker::UsersOf(
    const core_v1::Pod& pod) const {
  if (pod.spec.host_users.value_or(true)) return std::optional<cri::NamespaceOptions::User>();
  if (context_.user_namespaces == nullptr) {
    return Fail(Reason::kConflict,
                "can't set `spec.hostUsers: false`, runtime does not support user namespaces");
  }
  TRY(context_.volumes.MakePodDirectory(pod.metadata.uid));
  auto users = TRY(context_.user_namespaces->Of(pod.metadata.uid));
  return std::optional(std::move(users));
}

Result<> PodWorker::CheckUsers(const core_v1::Pod& pod, const std::string& handler) const {
  if (pod.spec.host_users.value_or(true)) return {};
  const auto status = TRY(context_.runtime.Status());
  const auto found = std::find_if(status.handlers.begin(), status.handlers.end(),
                                  [&](const auto& each) { return each.name == handler; });
  if (found == status.handlers.end() || !found->user_namespaces) {
    const std::string who =
        handler.empty() ? "runtime" : fmt::format("RuntimeClass handler \"{}\"", handler);
    return Fail(Reason::kConflict,
                fmt::format("can't set `spec.hostUsers: false`, {} does not support user "
                            "namespaces",
                            who));
  }
  TRY(UsersOf(pod));
  return {};
}

Result<> PodWorker::PrepareClaims(const core_v1::Pod& pod) {
  if (context_.devices != nullptr) return context_.devices->Prepare(pod);
  if (pod.spec.resource_claims.empty()) return {};
  return Fail(Reason::kConflict,
              fmt::format("resource claim \"{}\": no DRA driver can register with this node",
                          pod.spec.resource_claims.front().name));
}

bool PodWorker::MakeSandbox(const core_v1::Pod& pod, const ObservedPod& observed, PodPlan& plan,
                            ObservedPod& fresh) {
  if (!observed.sandboxes.empty()) {
    context_.events.Normal(pod, "SandboxChanged",
                           "Pod sandbox changed, it will be killed and re-created.");
  }
  // A pod with two that run would be made anew for that, again and again.
  if (!StopSandboxes(pod, observed)) return false;
  if (context_.writes_files) {
    std::error_code ignored;
    fs::create_directories(LogDirectory(pod), ignored);
    std::vector<DnsWarning> warnings;  // The configuration itself is made below.
    (void)PodDns(pod, ReadNodeDns(context_.dns), &warnings);
    for (const DnsWarning& warning : warnings) {
      context_.events.Warning(pod, warning.reason, warning.message);
    }
  }
  const bool has_users = !pod.spec.host_users.value_or(true);
  const auto fail = [&](const std::string& why) {
    if (MustEnd()) return false;  // It was deleted meanwhile, which is no failure.
    if (context_.metrics != nullptr) context_.metrics->started_pod_errors.Add({});
    if (context_.metrics != nullptr && has_users) {
      context_.metrics->started_user_pod_errors.Add({});
    }
    context_.events.Warning(pod, "FailedCreatePodSandBox", "Failed to create pod sandbox: " + why);
    return false;
  };
  if (context_.metrics != nullptr) context_.metrics->started_pods.Add({});
  if (context_.metrics != nullptr && has_users) context_.metrics->started_user_pods.Add({});
  const auto handler = context_.runtime_handler(pod);
  if (!handler) return fail(handler.error().message);
  if (const auto users = CheckUsers(pod, *handler); !users) return fail(users.error().message);
  if (const auto prepared = PrepareClaims(pod); !prepared) {
    context_.events.Warning(pod, "FailedPrepareDynamicResources",
                            "Failed to prepare dynamic resources: " + prepared.error().message);
    return false;
  }
  if (const auto made = context_.cgroups.Make(pod); !made) {
    log_.Info("cgroup of the pod not set",
              {{"pod", PodText(pod)}, {"error", made.error().message}});
    context_.events.Warning(pod, "FailedCreatePodContainer",
                            "unable to ensure pod container exists: " + made.error().message);
    return false;
  }
  const auto hostname = KernelHostname(pod, context_.dns.cluster_domain);
  // On the host's network it has the host's.
  if (!hostname && !pod.spec.host_network) return fail(hostname.error().message);
  const auto id =
      context_.runtime.RunPodSandbox(SandboxConfigOf(pod, plan.sandbox_attempt), *handler);
  if (!id) return fail(cri::RpcErrorText(id.error()));
  Own(*id);
  auto status = context_.runtime.PodSandboxStatus(*id);
  if (!status) {
    context_.events.Warning(
        pod, "FailedPodSandBoxStatus",
        "Unable to get pod sandbox status: " + cri::RpcErrorText(status.error()));
    return false;
  }
  plan.sandbox_id = *id;
  fresh.sandboxes.insert(fresh.sandboxes.begin(), std::move(*status));
  return true;
}

// Told once, when it is first seen: a clock that is set afterwards changes nothing.
Duration PodWorker::EndOf(const ObservedContainer& container) {
  End& end = ends_[container.status.metadata.name];
  if (end.container_id != container.status.id) {
    end = {container.status.id, context_.clock.Monotonic() - Age(container.status.finished_at)};
  }
  return end.at;
}

bool PodWorker::BacksOff(const core_v1::Pod& pod, const core_v1::Container& container,
                         const ObservedContainer* last) {
  if (last == nullptr || !last->IsExited()) return false;
  const std::string key = BackoffKey(container);
  const Duration now = context_.clock.Monotonic();
  const Duration ended_at = EndOf(*last);
  const Duration left = backoff_.Left(key, ended_at, now);
  if (left == 0ns) return false;
  const std::string text =
      fmt::format("back-off {} restarting failed container={} pod={}",
                  GoDuration(backoff_.Delay(key)), container.name, PodText(pod));
  waiting_[container.name] = {"CrashLoopBackOff", text};
  context_.events.Report(ContainerReference(pod, container.name), EventType::kWarning, "BackOff",
                         fmt::format("Back-off restarting failed container {} in pod {}",
                                     container.name, PodText(pod)));
  retry_after_ = std::min(retry_after_, left);
  return true;
}

std::optional<PodWorker::VolumesPulled> PodWorker::PullVolumes(const core_v1::Pod& pod,
                                                               const core_v1::Container& container,
                                                               const cri::SandboxConfig& sandbox) {
  bool waits = false;
  std::optional<WaitingReason> problem;
  const auto mounted = MountedIn(container);
  for (const core_v1::Volume& volume : pod.spec.volumes) {
    if (!volume.image || !mounted.contains(volume.name)) continue;
    const auto known = volume_images_.find(volume.name);
    if (known != volume_images_.end()) {
      if (!known->second.given.contains(container.name)) continue;
      volume_images_.erase(known);
    }
    const auto pulled = context_.images.Ensure(pod, volume, sandbox);
    if (!pulled) {
      waits = true;
    } else if (!*pulled) {
      problem = pulled->error();
    } else {
      volume_images_[volume.name].spec = {
          .image = (*pulled)->ref,
          .annotations = pod.metadata.annotations,
          .user_specified_image = volume.image->reference,
          .runtime_handler = context_.runtime_handler(pod).value_or("")};
    }
  }
  if (problem) return VolumesPulled(tl::unexpected(std::move(*problem)));
  if (waits) return std::nullopt;
  return VolumesPulled();
}

std::map<std::string, cri::ImageSpec> PodWorker::GiveVolumeImages(
    const core_v1::Container& container) {
  std::map<std::string, cri::ImageSpec> images;
  const auto mounted = MountedIn(container);
  for (auto& [name, image] : volume_images_) {
    if (!mounted.contains(name)) continue;
    image.given.insert(container.name);
    images[name] = image.spec;
  }
  return images;
}

void PodWorker::CountVolumeImages(const core_v1::Container& container) {
  if (context_.metrics == nullptr) return;
  // A runtime begins with this when that is what it could not do.
  const auto waiting = waiting_.find(container.name);
  const bool has_failed =
      waiting != waiting_.end() && waiting->second.message.starts_with("ImageVolumeMountFailed");
  const auto mounted = MountedIn(container);
  for (const auto& [name, image] : volume_images_) {
    if (mounted.contains(name)) context_.metrics->requested_image_volumes.Add({});
  }
  for (const auto& mount : container.volume_mounts) {
    if (!volume_images_.contains(mount.name)) continue;
    auto& counter = has_failed ? context_.metrics->image_volume_errors
                               : context_.metrics->mounted_image_volumes;
    counter.Add({});
  }
}

bool PodWorker::Start(const core_v1::Pod& pod, const core_v1::Container& container, bool is_init,
                      const std::string& sandbox_id, const ObservedPod& observed) {
  const ObservedContainer* last = observed.Newest(container.name);
  if (BacksOff(pod, container, last)) return false;
  const uint32_t sandbox_attempt = observed.sandboxes.front().metadata.attempt;
  const auto sandbox = SandboxConfigOf(pod, sandbox_attempt);
  const auto volumes = PullVolumes(pod, container, sandbox);
  if (!volumes) return false;  // Woken when they are there.
  std::optional<ImagePuller::Outcome> pulled;
  if (*volumes) {
    pulled = context_.images.Ensure(pod, container, sandbox);
  } else {
    pulled = ImagePuller::Outcome(tl::unexpected(volumes->error()));
  }
  if (!pulled) return false;  // The same.
  // Only now: a wait for the image is a part of this try, and no failure that the next one follows.
  if (last != nullptr && last->IsExited()) {
    backoff_.Next(BackoffKey(container), EndOf(*last), context_.clock.Monotonic());
  }
  const auto& image = *pulled;
  if (!image) {
    waiting_[container.name] = image.error();
    context_.events.Report(ContainerReference(pod, container.name), EventType::kWarning, "Failed",
                           "Error: " + image.error().reason);
    retry_after_ = std::min(retry_after_, Duration(kRetry));
    return false;
  }
  const uint32_t attempt =
      NextAttempt(status_ ? *status_ : pod.status, container.name, is_init, last);
  const auto& ephemeral = pod.spec.ephemeral_containers;
  const bool is_ephemeral = std::any_of(ephemeral.begin(), ephemeral.end(), [&](const auto& each) {
    return each.name == container.name;
  });
  const char* type = is_init        ? "init_container"
                     : is_ephemeral ? "ephemeral_container"
                                    : "container";
  if (context_.metrics != nullptr) context_.metrics->started_containers.Add({type});
  const auto started =
      CreateAndStart(pod, container, {sandbox_id, sandbox}, attempt, *image, observed);
  CountVolumeImages(container);
  if (started) return true;
  if (context_.metrics != nullptr) {
    context_.metrics->started_container_errors.Add({waiting_[container.name].reason, type});
  }
  retry_after_ = std::min(retry_after_, Duration(kRetry));
  return false;
}

Result<std::string> PodWorker::TargetOf(const core_v1::Pod& pod, const std::string& container,
                                        const ObservedPod& observed) const {
  const auto& list = pod.spec.ephemeral_containers;
  const auto found = std::find_if(list.begin(), list.end(),
                                  [&](const auto& each) { return each.name == container; });
  if (found == list.end() || found->target_container_name.empty()) return "";
  const ObservedContainer* target = observed.Newest(found->target_container_name);
  if (target == nullptr) {
    return Fail(Reason::kNotFound,
                "unable to find target container " + found->target_container_name);
  }
  // Where all processes of the pod see each other, there is nothing to join.
  const bool is_shared = pod.spec.host_pid || pod.spec.share_process_namespace.value_or(false);
  return is_shared ? "" : target->status.id;
}

Result<std::map<std::string, std::string>> PodWorker::MakeSubPaths(
    const core_v1::Pod& pod, const core_v1::Container& container, const Environment& environment) {
  const std::map<std::string, std::string> variables(environment.begin(), environment.end());
  std::map<std::string, std::string> made;
  for (size_t i = 0; i < container.volume_mounts.size(); ++i) {
    const auto& mount = container.volume_mounts[i];
    const std::string sub_path = TRY(SubPathOf(mount, variables));
    const auto volume = volume_paths_.find(mount.name);
    if (sub_path.empty() || volume == volume_paths_.end() || volume->second.is_device) continue;
    if (volume->second.path.empty()) {
      TRY(CheckImageSubPath(sub_path));
      made[mount.mount_path] = sub_path;
      continue;
    }
    made[mount.mount_path] =
        TRY(context_.volumes.SubPath(pod, container, i, volume->second.path, sub_path));
  }
  return made;
}

Result<EnvFile> PodWorker::EnvFileOf(const core_v1::Pod& pod, const std::string& volume,
                                     const std::string& path, size_t bytes_max) const {
  const auto directory = volume_paths_.find(volume);
  if (directory == volume_paths_.end() || directory->second.is_device ||
      directory->second.path.empty()) {
    return Fail(Reason::kInvalid,
                fmt::format("cannot find the volume \"{}\" referenced by FileKeyRef", volume));
  }
  auto file = ReadEnvFile(directory->second.path, path, bytes_max);
  const std::string& problem = file ? file->problem : file.error().message;
  if (!problem.empty()) {
    log_.Info("env file not read", {{"pod", PodText(pod)}, {"volume", volume}, {"error", problem}});
  }
  if (!file) return Fail(file.error().reason, kBadEnvFile);
  return file;
}

EnvironmentSources PodWorker::Sources(const core_v1::Pod& pod) const {
  EnvironmentSources sources = context_.environment(pod);
  if (!MakesVolumes()) return sources;
  sources.env_file = [this, &pod](const std::string& volume, const std::string& path,
                                  size_t bytes_max) {
    return EnvFileOf(pod, volume, path, bytes_max);
  };
  return sources;
}

// The spec's own status may be older than the sandbox: the environment must see its address, or the
// node's, if that is the pod's as well.
core_v1::Pod PodWorker::WithAddresses(const core_v1::Pod& pod, const ObservedPod& observed) const {
  core_v1::Pod current = pod;
  const std::vector<std::string> node_ips = context_.node_ips();
  std::vector<std::string> addresses;
  if (!observed.sandboxes.empty()) addresses = observed.sandboxes.front().ips;
  if (pod.spec.host_network) addresses = node_ips;
  if (!addresses.empty()) {
    current.status.pod_ip = addresses.front();
    current.status.pod_ips.clear();
    for (const auto& ip : addresses) current.status.pod_ips.emplace_back().ip = ip;
  }
  if (!node_ips.empty()) current.status.host_ip = node_ips.front();
  current.status.host_ips.clear();
  for (const auto& ip : node_ips) current.status.host_ips.emplace_back().ip = ip;
  return current;
}

Result<ContainerInput> PodWorker::Prepare(const core_v1::Pod& pod,
                                          const core_v1::Container& container, uint32_t attempt,
                                          const ObservedPod& observed, Environment& environment) {
  // Without a variable that names a field, and without files, nobody looks at what it says now.
  std::optional<core_v1::Pod> shown;
  if (context_.writes_files || NamesFields(container)) shown = WithAddresses(pod, observed);
  const core_v1::Pod& current = shown ? *shown : pod;
  environment = TRY(MakeEnvironment(current, container, Sources(pod)));
  ContainerInput input{.pod = pod, .container = container, .attempt = attempt};
  input.environment = environment;
  input.volumes = volume_paths_;
  input.volume_images = GiveVolumeImages(container);
  input.node_memory_bytes = context_.node_memory_bytes;
  input.node_huge_pages = context_.node_huge_pages;
  input.cgroup_files = context_.container_cgroup_files;
  input.target_container_id = TRY(TargetOf(pod, container.name, observed));
  input.user = TRY(UsersOf(pod));
  input.policy = context_.policy;
  if (MakesVolumes()) input.sub_paths = TRY(MakeSubPaths(pod, container, environment));
  if (!context_.writes_files) return input;
  const std::string directory = context_.volumes.PodDirectory(pod.metadata.uid);
  TRY(context_.volumes.MakePodDirectory(pod.metadata.uid));
  std::error_code ignored;
  fs::create_directories(directory + "/containers/" + container.name, ignored);
  std::string node_hosts;
  if (pod.spec.host_network) node_hosts = ReadWholeFile("/etc/hosts").value_or("");
  std::vector<std::string> ips;
  for (const auto& ip : current.status.pod_ips) ips.push_back(ip.ip);
  input.etc_hosts = directory + "/etc-hosts";
  TRY(WriteHosts(input.etc_hosts, EtcHosts(pod, ips, context_.dns.cluster_domain, node_hosts)));
  const std::string last_words = fmt::format("{}/containers/{}/{:08x}", directory, container.name,
                                             context_.random.Next() & 0xFFFFFFFF);
  // Where there is no place for it the container goes without.
  if (std::ofstream(last_words).flush()) input.termination_log = last_words;
  fs::permissions(last_words, fs::perms(0666), ignored);
  return input;
}

Result<> PodWorker::CreateAndStart(const core_v1::Pod& pod, const core_v1::Container& container,
                                   const OwnSandbox& sandbox, uint32_t attempt,
                                   const PulledImage& image, const ObservedPod& observed) {
  const auto reference = ContainerReference(pod, container.name);
  const auto wait = [&](std::string reason, const std::string& text) {
    waiting_[container.name] = {std::move(reason), text};
    return Fail(Reason::kUnknown, text);
  };
  const auto fail = [&](std::string reason, const std::string& text) {
    context_.events.Report(reference, EventType::kWarning, "Failed", "Error: " + text);
    return wait(std::move(reason), text);
  };
  Environment environment;
  auto input = Prepare(pod, container, attempt, observed, environment);
  if (!input) return fail("CreateContainerConfigError", input.error().message);
  input->image_ref = image.ref;
  input->image = &image.image;
  auto config = MakeContainerConfig(*input);
  if (!config) return fail("CreateContainerConfigError", config.error().message);
  if (context_.devices != nullptr) {
    const auto given = context_.devices->Give(pod, container, *config);
    if (!given) return fail("CreateContainerConfigError", given.error().message);
    const auto resolved = context_.devices->Resolve(*config);
    if (!resolved) return fail("CreateContainerError", resolved.error().message);
  }
  if (input->user) {
    for (cri::Mount& mount : config->mounts) {
      mount.uids = input->user->uids;
      mount.gids = input->user->gids;
    }
  }
  const auto id = context_.runtime.CreateContainer(sandbox.id, *config, sandbox.config);
  if (!id) return fail("CreateContainerError", id.error().message);
  Own(*id);
  if (AmountsOf(pod.spec).contains(container.name)) {
    context_.resizes.SetActuated(pod.metadata.uid, container.name, container.resources);
  }
  context_.events.Report(reference, EventType::kNormal, "Created", "Container created");
  const auto started = context_.runtime.StartContainer(*id);
  if (!started) return fail("RunContainerError", started.error().message);
  context_.events.Report(reference, EventType::kNormal, "Started", "Container started");
  if (!container.lifecycle || !container.lifecycle->post_start) return {};
  // Sandboxes on the host's network have no address of their own.
  const auto ips = pod.spec.host_network ? context_.node_ips() : observed.sandboxes.front().ips;
  const std::string pod_ip = ips.empty() ? "" : ips.front();
  post_start_ =
      std::make_unique<PostStartTask>(*this, PostStartTask::Spec{pod, container, *id, pod_ip});
  context_.blocking.Add(*post_start_);
  return {};
}

}  // namespace skiff::kubelet
