// What the kubelet asks of a container runtime: the Container Runtime Interface v1 as plain C++.
//
// cri_grpc speaks it to containerd or CRI-O; cri_fake keeps it in memory. Names and meanings are
// CRI's; a field that CRI leaves unset has its zero value here. Times are UTC, and the epoch itself
// means "has not happened".
//
//   const auto sandbox = TRY(runtime.RunPodSandbox(config, ""));
//   const auto id = TRY(runtime.CreateContainer(sandbox, container_config, config));
//   TRY(runtime.StartContainer(id));
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace skiff::cri {

using StringMap = std::map<std::string, std::string>;

// --- Parts shared by sandboxes and containers ---

enum class Protocol { kTcp = 0, kUdp = 1, kSctp = 2 };
enum class Propagation { kPrivate = 0, kHostToContainer = 1, kBidirectional = 2 };
enum class NamespaceMode { kPod = 0, kContainer = 1, kNode = 2, kTarget = 3 };

struct IdMapping {
  uint32_t host_id = 0;
  uint32_t container_id = 0;
  uint32_t length = 0;
};

struct NamespaceOptions {
  NamespaceMode network = NamespaceMode::kPod;
  NamespaceMode pid = NamespaceMode::kPod;
  NamespaceMode ipc = NamespaceMode::kPod;
  std::string target_id;  // The container whose PID namespace is joined; with pid = kTarget.
  struct User {
    NamespaceMode mode = NamespaceMode::kPod;
    std::vector<IdMapping> uids;
    std::vector<IdMapping> gids;
  };
  std::optional<User> user;
};

struct SelinuxOptions {
  std::string user, role, type, level;
};

// Seccomp or AppArmor.
struct SecurityProfile {
  enum class Type { kRuntimeDefault = 0, kUnconfined = 1, kLocalhost = 2 };
  Type type = Type::kRuntimeDefault;
  std::string localhost_ref;  // Path or name; with kLocalhost.
};

struct LinuxResources {
  int64_t cpu_period = 0;  // Microseconds.
  int64_t cpu_quota = 0;   // Microseconds of CPU in each period; 0: unset, -1: no limit.
  int64_t cpu_shares = 0;
  int64_t memory_limit_bytes = 0;
  int64_t oom_score_adj = 0;
  std::string cpuset_cpus;
  std::string cpuset_mems;
  std::vector<std::pair<std::string, uint64_t>> hugepage_limits;  // Page size ("2MB"), bytes.
  StringMap unified;  // cgroup v2 files: {"memory.oom.group", "1"}.
  int64_t memory_swap_limit_bytes = 0;
};

// --- Sandboxes ---

struct SandboxMetadata {
  std::string name;
  std::string uid;
  std::string name_space;
  uint32_t attempt = 0;
};

struct DnsConfig {
  std::vector<std::string> servers;
  std::vector<std::string> searches;
  std::vector<std::string> options;
};

struct PortMapping {
  Protocol protocol = Protocol::kTcp;
  int32_t container_port = 0;
  int32_t host_port = 0;
  std::string host_ip;
};

struct SandboxSecurity {
  NamespaceOptions namespaces;
  std::optional<SelinuxOptions> selinux;
  std::optional<int64_t> run_as_user;
  std::optional<int64_t> run_as_group;
  bool readonly_rootfs = false;
  std::vector<int64_t> supplemental_groups;
  bool strict_supplemental_groups = false;
  bool privileged = false;
  std::optional<SecurityProfile> seccomp;
  std::optional<SecurityProfile> apparmor;
};

struct SandboxConfig {
  SandboxMetadata metadata;
  std::string hostname;
  std::string log_directory;
  std::optional<DnsConfig> dns;  // Unset: the runtime copies the host's resolv.conf.
  std::vector<PortMapping> port_mappings;
  StringMap labels;
  StringMap annotations;
  std::string cgroup_parent;
  SandboxSecurity security;
  StringMap sysctls;
  std::optional<LinuxResources> overhead;
  std::optional<LinuxResources> resources;
};

enum class SandboxState { kReady = 0, kNotReady = 1 };

struct Sandbox {
  std::string id;
  SandboxMetadata metadata;
  SandboxState state = SandboxState::kReady;
  TimePoint created_at{};
  StringMap labels;
  StringMap annotations;
  std::string runtime_handler;
};

struct SandboxStatus : Sandbox {
  std::vector<std::string> ips;  // Primary first; none with the host's network.
  NamespaceOptions namespaces;
};

// Empty members match everything.
struct SandboxFilter {
  std::string id;
  std::optional<SandboxState> state;
  StringMap labels;
};

// --- Containers ---

struct ImageSpec {
  std::string image;  // Name or id.
  StringMap annotations;
  std::string user_specified_image;
  std::string runtime_handler;
};

struct ContainerMetadata {
  std::string name;
  uint32_t attempt = 0;
};

struct Mount {
  std::string container_path;
  std::string host_path;
  bool readonly = false;
  bool selinux_relabel = false;
  Propagation propagation = Propagation::kPrivate;
  bool recursive_read_only = false;
  std::optional<ImageSpec> image;  // Mount this image instead of host_path.
  std::string image_sub_path;
  // Whose files these are in the container's user namespace; empty: whose they are.
  std::vector<IdMapping> uids = {};
  std::vector<IdMapping> gids = {};
};

struct Device {
  std::string container_path;
  std::string host_path;
  std::string permissions;  // Some of "rwm".
};

struct Capabilities {
  std::vector<std::string> add;
  std::vector<std::string> drop;
};

struct ContainerSecurity {
  Capabilities capabilities;
  bool privileged = false;
  NamespaceOptions namespaces;
  std::optional<SelinuxOptions> selinux;
  std::optional<int64_t> run_as_user;
  std::optional<int64_t> run_as_group;
  std::string run_as_username;
  bool readonly_rootfs = false;
  std::vector<int64_t> supplemental_groups;
  bool strict_supplemental_groups = false;
  bool no_new_privs = false;
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::optional<SecurityProfile> seccomp;
  std::optional<SecurityProfile> apparmor;
};

struct ContainerConfig {
  ContainerMetadata metadata;
  ImageSpec image;
  std::vector<std::string> command;  // Replaces the image's entrypoint.
  std::vector<std::string> args;     // Replaces the image's command.
  std::string working_dir;
  std::vector<std::pair<std::string, std::string>> envs;  // In order; later ones win.
  std::vector<Mount> mounts;
  std::vector<Device> devices;
  StringMap labels;
  StringMap annotations;
  std::string log_path;  // Below the sandbox's log_directory.
  bool stdin = false;
  bool stdin_once = false;
  bool tty = false;
  LinuxResources resources;
  ContainerSecurity security;
  std::vector<std::string> cdi_devices;
  std::string stop_signal;  // "SIGUSR1"; empty: the image's.
};

enum class ContainerState { kCreated = 0, kRunning = 1, kExited = 2, kUnknown = 3 };

struct Container {
  std::string id;
  std::string sandbox_id;
  ContainerMetadata metadata;
  ImageSpec image;
  std::string image_ref;
  std::string image_id;
  ContainerState state = ContainerState::kCreated;
  TimePoint created_at{};
  StringMap labels;
  StringMap annotations;
};

// The user that the first process really runs as.
struct ContainerUser {
  int64_t uid = 0;
  int64_t gid = 0;
  std::vector<int64_t> supplemental_groups;
};

// `sandbox_id` is empty here: CRI's status does not say it.
struct ContainerStatus : Container {
  TimePoint started_at{};
  TimePoint finished_at{};
  int32_t exit_code = 0;
  std::string reason;  // "Completed", "Error", "OOMKilled", "StartError", ...
  std::string message;
  std::vector<Mount> mounts;
  std::string log_path;  // Absolute.
  std::optional<LinuxResources> resources;
  std::optional<ContainerUser> user;
  std::string stop_signal;
};

struct ContainerFilter {
  std::string id;
  std::optional<ContainerState> state;
  std::string sandbox_id;
  StringMap labels;
};

struct ExecResult {
  std::string stdout_text;  // Raw bytes; at most 16 MiB each.
  std::string stderr_text;
  int32_t exit_code = 0;
};

struct StreamOptions {
  bool tty = false;
  bool stdin = false;
  bool stdout = false;
  bool stderr = false;
};

// Unset: the runtime could not tell.
struct FilesystemUsage {
  TimePoint timestamp{};
  std::string mountpoint;
  std::optional<uint64_t> used_bytes;
  std::optional<uint64_t> inodes_used;
};

struct ContainerStats {
  std::string id;
  ContainerMetadata metadata;
  StringMap labels;
  StringMap annotations;
  TimePoint cpu_timestamp{};
  std::optional<uint64_t> cpu_usage_core_ns;  // Since the start of the container.
  std::optional<uint64_t> cpu_usage_nano_cores;
  TimePoint memory_timestamp{};
  std::optional<uint64_t> memory_working_set_bytes;
  std::optional<uint64_t> memory_available_bytes;
  std::optional<uint64_t> memory_usage_bytes;
  std::optional<uint64_t> memory_rss_bytes;
  std::optional<uint64_t> memory_page_faults;
  std::optional<uint64_t> memory_major_page_faults;
  FilesystemUsage writable_layer;
  TimePoint swap_timestamp{};
  std::optional<uint64_t> swap_usage_bytes;
  std::optional<uint64_t> swap_available_bytes;  // Of its limit.
};

// --- Images ---

struct Image {
  std::string id;  // "sha256:...", of its config.
  std::vector<std::string> repo_tags;
  std::vector<std::string> repo_digests;
  uint64_t size_bytes = 0;
  std::optional<int64_t> uid;  // The user the image asks for: a number,
  std::string username;        // or a name.
  bool pinned = false;         // Not to be collected.
};

struct RegistryAuth {
  std::string username;
  std::string password;
  std::string auth;
  std::string server_address;
  std::string identity_token;
  std::string registry_token;
};

struct ImageFsInfo {
  std::vector<FilesystemUsage> image_filesystems;
  std::vector<FilesystemUsage> container_filesystems;
};

// --- The runtime itself ---

struct Version {
  std::string runtime_name;     // "containerd"; also the scheme of a container id in the API.
  std::string runtime_version;  // "1.6.20"
  std::string api_version;      // "v1"
};

// Why the runtime mounts no image as a volume: a containerd before 2.1 takes such a mount for one
// of a directory without a name. "": it may, or says itself that it does not.
std::string ImageVolumesFault(const Version& version);

struct Condition {
  std::string type;  // "RuntimeReady", "NetworkReady"
  bool status = false;
  std::string reason;
  std::string message;
};

struct RuntimeHandler {
  std::string name;  // "": the default one.
  bool recursive_read_only_mounts = false;
  bool user_namespaces = false;
};

struct RuntimeStatus {
  std::vector<Condition> conditions;
  std::vector<RuntimeHandler> handlers;
  std::optional<bool> supplemental_groups_policy;     // Unset: it does not tell.
  bool Ready(std::string_view condition_type) const;  // False when it is not listed.
};

struct Event {
  enum class What {
    kResync,  // Events may have been lost: list everything. Also the first event of a subscription.
    kCreated,
    kStarted,
    kExited,  // ContainerStatus or PodSandboxStatus shows it when this is delivered.
    kOom,     // The kernel killed a process in it; kExited follows if that was the first process.
    kDeleted,
  };
  What what = What::kResync;
  std::string id;          // Of a container or a sandbox; "" for kResync.
  uint32_t exit_code = 0;  // With kExited.
};


// While alive, the callback may run; the destructor returns when it no longer runs and never will.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

// A container runtime. Thread-safe. Calls block until the runtime answers or the implementation's
// deadline passes, so they belong on worker threads. All but the Create, Run and Pull calls can be
// repeated: stopping what is stopped and removing what is gone succeed.
//
// An error's Reason tells the gRPC code:
//   NotFound kNotFound · AlreadyExists kAlreadyExists · InvalidArgument kInvalid ·
//   FailedPrecondition, Aborted kConflict · Unavailable kServiceUnavailable · DeadlineExceeded
//   kTimeout · ResourceExhausted kTooManyRequests · PermissionDenied kForbidden · Unauthenticated
//   kUnauthorized · Unimplemented kMethodNotAllowed · OutOfRange kBadRequest · Cancelled
//   kServerTimeout · Internal, DataLoss kInternalError · Unknown kUnknown
// and its message is the runtime's own, as statuses and events of pods show it.
class ContainerRuntime {
 public:
  virtual ~ContainerRuntime() = default;

  virtual Result<cri::Version> Version() = 0;
  virtual Result<RuntimeStatus> Status() = 0;
  // Who makes its cgroups, "systemd" or "cgroupfs": a kubelet has to name those of pods alike. "":
  // it does not say.
  virtual Result<std::string> CgroupDriver() { return std::string(); }
  // What it makes sandboxes from, by the name that it is configured with; "": it does not say, and
  // marks the image as pinned where it keeps it.
  virtual Result<std::string> SandboxImage() { return std::string(); }
  // Tells the runtime the node's pod CIDR(s), comma-separated. containerd fills in its CNI template
  // if it has one.
  virtual Result<> UpdateRuntimeConfig(const std::string& pod_cidr) = 0;

  // Creates and starts a sandbox, with its network. Returns its id. `handler` "": the default one.
  virtual Result<std::string> RunPodSandbox(const SandboxConfig& config,
                                            const std::string& handler) = 0;
  // Kills its containers and gives its network back.
  virtual Result<> StopPodSandbox(const std::string& id) = 0;
  virtual Result<> RemovePodSandbox(const std::string& id) = 0;
  virtual Result<SandboxStatus> PodSandboxStatus(const std::string& id) = 0;
  virtual Result<std::vector<Sandbox>> ListPodSandboxes(const SandboxFilter& filter) = 0;

  // `sandbox` is what RunPodSandbox was given. Returns the container's id.
  virtual Result<std::string> CreateContainer(const std::string& sandbox_id,
                                              const ContainerConfig& config,
                                              const SandboxConfig& sandbox) = 0;
  virtual Result<> StartContainer(const std::string& id) = 0;
  // Sends the stop signal, and SIGKILL after `grace` (whole seconds, rounded up; 0: at once).
  // Returns when it has stopped.
  virtual Result<> StopContainer(const std::string& id, Duration grace) = 0;
  // Kills it first if it runs.
  virtual Result<> RemoveContainer(const std::string& id) = 0;
  virtual Result<std::vector<Container>> ListContainers(const ContainerFilter& filter) = 0;
  virtual Result<cri::ContainerStatus> ContainerStatus(const std::string& id) = 0;
  virtual Result<> UpdateContainerResources(const std::string& id,
                                            const LinuxResources& resources) = 0;
  // Goes on in a new file at the log path; the old one has been moved away.
  virtual Result<> ReopenContainerLog(const std::string& id) = 0;

  // Runs a command to its end. kTimeout when it took longer than `timeout` (whole seconds, rounded
  // up; 0: no limit) and was killed.
  virtual Result<ExecResult> ExecSync(const std::string& id,
                                      const std::vector<std::string>& command,
                                      Duration timeout) = 0;
  // URLs of a streaming server (SPDY/3.1 or WebSocket v4), each good for one use within a minute.
  virtual Result<std::string> Exec(const std::string& id, const std::vector<std::string>& command,
                                   const StreamOptions& options) = 0;
  virtual Result<std::string> Attach(const std::string& id, const StreamOptions& options) = 0;
  virtual Result<std::string> PortForward(const std::string& sandbox_id,
                                          const std::vector<int32_t>& ports) = 0;

  virtual Result<cri::ContainerStats> ContainerStats(const std::string& id) = 0;
  virtual Result<std::vector<cri::ContainerStats>> ListContainerStats(
      const ContainerFilter& filter) = 0;

  // With `image`, only images of that name or id.
  virtual Result<std::vector<Image>> ListImages(const std::string& image) = 0;
  // Unset when the image is not there.
  virtual Result<std::optional<Image>> ImageStatus(const std::string& image) = 0;
  // Returns the image's reference, good for ContainerConfig::image. Has no deadline; `stop` ends
  // it, with kServerTimeout.
  virtual Result<std::string> PullImage(const std::string& image, const RegistryAuth& auth,
                                        const SandboxConfig& sandbox,
                                        const std::stop_token& stop) = 0;
  virtual Result<> RemoveImage(const std::string& image) = 0;
  virtual Result<cri::ImageFsInfo> ImageFsInfo() = 0;

  // Calls `callback` from a thread of the runtime's, one event after the other, first of all with
  // kResync. A callback must not block and must not end its own subscription: it marks what to look
  // at and wakes whoever looks.
  virtual std::unique_ptr<Subscription> Subscribe(std::function<void(const Event&)> callback) = 0;

  // Ends the calls under way and refuses new ones, with kServerTimeout. For shutting down, before
  // subscriptions are ended: a runtime that hangs would hold their thread until a call's deadline.
  virtual void Shutdown() {}
};

// An error as gRPC clients print it, which is how it stands in events of pods:
// "rpc error: code = NotFound desc = ...".
std::string RpcErrorText(const Error& error);

}  // namespace skiff::cri

namespace skiff {
using cri::ContainerRuntime;
}  // namespace skiff
