#include "kubelet/node_status.h"

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "api/gen/coordination_v1.h"
#include "base/version.h"

namespace skiff::kubelet {
namespace {

constexpr char kLeaseNamespace[] = "kube-node-lease";

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string OsImage() {
  std::ifstream file("/etc/os-release");
  constexpr std::string_view kKey = "PRETTY_NAME=\"";
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kKey)) return line.substr(kKey.size(), line.size() - kKey.size() - 1);
  }
  return "Linux";
}

std::string GoArchitecture(const std::string& machine) {
  if (machine == "x86_64") return "amd64";
  return machine == "aarch64" ? "arm64" : machine;
}

Quantity Kibibytes(int64_t bytes) {
  auto parsed = Quantity::Parse(std::to_string(bytes / 1024) + "Ki");
  return parsed ? *parsed : Quantity();
}

core_v1::NodeCondition Condition(const char* type, bool holds, const char* reason,
                                 const std::string& message) {
  core_v1::NodeCondition condition;
  condition.type = type;
  condition.status = holds ? "True" : "False";
  condition.reason = reason;
  condition.message = message;
  return condition;
}

core_v1::NodeCondition ReadyCondition(ContainerRuntime& runtime) {
  const auto status = runtime.Status();
  if (!status) return Condition("Ready", false, "KubeletNotReady", "container runtime is down");
  for (const cri::Condition& condition : status->conditions) {
    if (condition.status || condition.type == "RuntimeReady") continue;
    if (condition.type != "NetworkReady") continue;
    return Condition("Ready", false, "KubeletNotReady",
                     fmt::format("container runtime network not ready: NetworkReady=false "
                                 "reason:{} message:{}",
                                 condition.reason, condition.message));
  }
  if (!status->Ready("RuntimeReady")) {
    return Condition("Ready", false, "KubeletNotReady", "container runtime is down");
  }
  return Condition("Ready", true, "KubeletReady", "kubelet is posting ready status");
}

bool IsTrue(const core_v1::NodeStatus& status, const std::string& type) {
  return std::any_of(status.conditions.begin(), status.conditions.end(),
                     [&](const auto& each) { return each.type == type && each.status == "True"; });
}

}  // namespace

std::map<std::string, Quantity> NodeFacts::Capacity() const {
  return {{"cpu", Quantity::FromMilli(milli_cpu)},
          {"memory", Kibibytes(memory_bytes)},
          {"ephemeral-storage", Kibibytes(ephemeral_storage_bytes)},
          {"pods", Quantity::FromValue(pods_max)}};
}

std::map<std::string, Quantity> NodeFacts::Allocatable() const {
  constexpr int64_t kMemoryReserve = 100LL * 1024 * 1024;
  auto out = Capacity();
  out["memory"] = Kibibytes(std::max<int64_t>(0, memory_bytes - kMemoryReserve));
  out["ephemeral-storage"] =
      Quantity::FromValue(ephemeral_storage_bytes - ephemeral_storage_bytes / 10);
  return out;
}

NodeFacts ReadNodeFacts(const std::string& node_name, const std::string& disk_path) {
  NodeFacts facts;
  facts.hostname = node_name;
  facts.milli_cpu = sysconf(_SC_NPROCESSORS_ONLN) * 1000;
  struct sysinfo memory {};
  if (sysinfo(&memory) == 0) {
    facts.memory_bytes = static_cast<int64_t>(memory.totalram) * memory.mem_unit;
  }
  struct statvfs disk {};
  if (statvfs(disk_path.c_str(), &disk) == 0) {
    facts.ephemeral_storage_bytes = static_cast<int64_t>(disk.f_blocks * disk.f_frsize);
  }
  utsname system{};
  uname(&system);
  facts.kernel_version = system.release;
  facts.architecture = GoArchitecture(system.machine);
  facts.os_image = OsImage();
  facts.machine_id = FirstLine("/etc/machine-id");
  facts.system_uuid = FirstLine("/sys/class/dmi/id/product_uuid");
  if (facts.system_uuid.empty()) facts.system_uuid = facts.machine_id;
  facts.boot_id = FirstLine("/proc/sys/kernel/random/boot_id");
  return facts;
}

NodeStatusLoop::NodeStatusLoop(std::string node_name, NodeFacts facts, Dependencies dependencies)
    : node_name_(std::move(node_name)), facts_(std::move(facts)), dependencies_(dependencies) {}

Duration NodeStatusLoop::Step() {
  const Duration now = dependencies_.clock.Monotonic();
  auto node = Register();
  if (!node) {
    log_.Info("node not registered", {{"node", node_name_}, {"error", node.error().message}});
    return kRetry;
  }
  if (const auto reported = Report(**node); !reported) {
    log_.Info("node status not written", {{"error", reported.error().message}});
    return kRetry;
  }
  if (now >= next_lease_) {
    if (const auto renewed = RenewLease(); !renewed) {
      log_.Info("node lease not renewed", {{"error", renewed.error().message}});
      return kRetry;
    }
    next_lease_ = now + kLeaseRenewal;
  }
  // A node that is not ready yet is looked at more often: pods wait for it.
  return IsTrue(node_->status, "Ready") ? kCheckPeriod : kRetry;
}

Result<Ptr<core_v1::Node>> NodeStatusLoop::Register() {
  auto found = dependencies_.client.Get<core_v1::Node>({"", node_name_});
  if (found || found.error().reason != Reason::kNotFound) return found;
  core_v1::Node node;
  node.metadata.name = node_name_;
  node.metadata.labels = facts_.labels;
  node.metadata.labels["kubernetes.io/hostname"] = facts_.hostname;
  for (const char* prefix : {"kubernetes.io/", "beta.kubernetes.io/"}) {
    node.metadata.labels[std::string(prefix) + "os"] = "linux";
    node.metadata.labels[std::string(prefix) + "arch"] = facts_.architecture;
  }
  node.metadata.annotations["volumes.kubernetes.io/controller-managed-attach-detach"] = "true";
  node.spec.taints = facts_.taints;
  node.status = Compute({});
  next_report_ = Duration::zero();
  return dependencies_.client.Create(node);
}

std::vector<core_v1::ContainerImage> NodeStatusLoop::Images() const {
  std::vector<core_v1::ContainerImage> out;
  auto images = dependencies_.runtime.ListImages("");
  if (!images) return out;
  std::sort(images->begin(), images->end(),
            [](const auto& a, const auto& b) { return a.size_bytes > b.size_bytes; });
  if (images->size() > kImagesMax) images->resize(kImagesMax);
  for (const cri::Image& image : *images) {
    auto& made = out.emplace_back();
    made.names = image.repo_digests;
    made.names.insert(made.names.end(), image.repo_tags.begin(), image.repo_tags.end());
    constexpr size_t kNamesMax = 5;
    if (made.names.size() > kNamesMax) made.names.resize(kNamesMax);
    made.size_bytes = static_cast<int64_t>(image.size_bytes);
  }
  return out;
}

core_v1::NodeStatus NodeStatusLoop::Compute(const core_v1::NodeStatus& before) const {
  core_v1::NodeStatus status = before;
  status.capacity = facts_.Capacity();
  status.allocatable = facts_.Allocatable();
  status.addresses.clear();
  for (const std::string& ip : facts_.ips) {
    auto& address = status.addresses.emplace_back();
    address.type = "InternalIP";
    address.address = ip;
  }
  auto& host = status.addresses.emplace_back();
  host.type = "Hostname";
  host.address = facts_.hostname;
  status.daemon_endpoints.kubelet_endpoint.port = facts_.port;
  core_v1::NodeSystemInfo& info = status.node_info;
  info.machine_id = facts_.machine_id;
  info.system_uuid = facts_.system_uuid;
  info.boot_id = facts_.boot_id;
  info.kernel_version = facts_.kernel_version;
  info.os_image = facts_.os_image;
  info.operating_system = "linux";
  info.architecture = facts_.architecture;
  info.kubelet_version = kKubernetesRelease;
  if (const auto version = dependencies_.runtime.Version()) {
    info.container_runtime_version = version->runtime_name + "://" + version->runtime_version;
  }
  status.images = Images();
  std::vector<core_v1::NodeCondition> fresh = {
      Condition("MemoryPressure", false, "KubeletHasSufficientMemory",
                "kubelet has sufficient memory available"),
      Condition("DiskPressure", false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
      Condition("PIDPressure", false, "KubeletHasSufficientPID",
                "kubelet has sufficient PID available"),
      ReadyCondition(dependencies_.runtime)};
  const TimePoint now = dependencies_.clock.Now();
  for (core_v1::NodeCondition& condition : fresh) {
    condition.last_heartbeat_time = condition.last_transition_time = now;
    const auto old = std::find_if(status.conditions.begin(), status.conditions.end(),
                                  [&](const auto& each) { return each.type == condition.type; });
    if (old == status.conditions.end()) {
      status.conditions.push_back(condition);
      continue;
    }
    if (old->status == condition.status) {
      condition.last_transition_time = old->last_transition_time;
    }
    *old = condition;
  }
  return status;
}

Result<> NodeStatusLoop::Report(const core_v1::Node& node) {
  const Duration now = dependencies_.clock.Monotonic();
  core_v1::NodeStatus status = Compute(node.status);
  core_v1::NodeStatus without_heartbeat = status;
  for (size_t i = 0; i < node.status.conditions.size(); ++i) {
    without_heartbeat.conditions[i].last_heartbeat_time =
        node.status.conditions[i].last_heartbeat_time;
  }
  if (without_heartbeat == node.status && now < next_report_) {
    node_ = std::make_shared<const core_v1::Node>(node);
    return {};
  }
  node_ = TRY(dependencies_.client.PatchStatus(
      node, [&](core_v1::Node& changed) { changed.status = status; }));
  next_report_ = now + kReportPeriod;
  return {};
}

Result<> NodeStatusLoop::RenewLease() {
  Client& client = dependencies_.client;
  const ObjectKey key{kLeaseNamespace, node_name_};
  const auto found = client.Get<coordination_v1::Lease>(key);
  if (!found && found.error().reason != Reason::kNotFound) return tl::unexpected(found.error());
  coordination_v1::Lease lease;
  if (found) lease = **found;
  lease.metadata.namespace_ = key.namespace_;
  lease.metadata.name = key.name;
  lease.spec.holder_identity = node_name_;
  lease.spec.lease_duration_seconds = kLeaseSeconds;
  lease.spec.renew_time = dependencies_.clock.Now();
  if (lease.metadata.owner_references.empty() && node_) {
    auto& owner = lease.metadata.owner_references.emplace_back();
    owner.api_version = "v1";
    owner.kind = "Node";
    owner.name = node_name_;
    owner.uid = node_->metadata.uid;
  }
  if (found) {
    TRY(client.Update(lease));
  } else {
    TRY(client.Create(lease));
  }
  return {};
}

}  // namespace skiff::kubelet
