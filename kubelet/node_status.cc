#include "kubelet/node_status.h"

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "api/pods/conditions.h"
#include "api/rules/devices/resource_names.h"
#include "base/version.h"
#include "client/informer.h"
#include "kubelet/huge_pages.h"

namespace skiff::kubelet {
namespace {

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

}  // namespace

std::map<std::string, Quantity> NodeFacts::Capacity() const {
  std::map<std::string, Quantity> out = {
      {"cpu", Quantity::FromMilli(milli_cpu)},
      {"memory", Kibibytes(memory_bytes)},
      {"ephemeral-storage", Kibibytes(ephemeral_storage_bytes)},
      {"pods", Quantity::FromValue(pods_max)}};
  for (const auto& [name, bytes] : huge_pages) out[name] = Kibibytes(bytes);
  return out;
}

std::map<std::string, Quantity> NodeFacts::Allocatable() const {
  const auto less = [](int64_t all, int64_t reserved) {
    return std::max<int64_t>(0, all - reserved);
  };
  auto out = Capacity();
  out["cpu"] = Quantity::FromMilli(less(milli_cpu, reserved_milli_cpu));
  // Memory in huge pages is no other.
  int64_t huge = 0;
  for (const auto& [name, bytes] : huge_pages) huge += bytes;
  out["memory"] = Kibibytes(less(memory_bytes, reserved_memory_bytes + huge));
  out["ephemeral-storage"] = Quantity::FromValue(
      less(ephemeral_storage_bytes, reserved_storage_bytes.value_or(ephemeral_storage_bytes / 10)));
  return out;
}

NodeFacts ReadNodeFacts(const std::string& node_name, const std::string& disk_path) {
  NodeFacts facts;
  facts.hostname = node_name;
  facts.milli_cpu = sysconf(_SC_NPROCESSORS_ONLN) * 1000;
  struct sysinfo memory {};
  if (sysinfo(&memory) == 0) {
    facts.memory_bytes = static_cast<int64_t>(memory.totalram) * memory.mem_unit;
    facts.swap_bytes = static_cast<int64_t>(memory.totalswap) * memory.mem_unit;
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
  facts.huge_pages = HugePagesOf("/sys/kernel/mm/hugepages");
  return facts;
}

NodeStatusLoop::NodeStatusLoop(std::string node_name, NodeFacts facts, Settings settings,
                               Dependencies dependencies)
    : node_name_(std::move(node_name)),
      facts_(std::move(facts)),
      settings_(settings),
      dependencies_(std::move(dependencies)),
      answers_([this] { Wake(); }) {}

void NodeStatusLoop::Changed() {
  changed_ = true;
  Wake();
}

Duration NodeStatusLoop::Step() {
  answers_.Deliver();
  if (check_at_ == kNever) return kNever;  // The answer wakes us.
  const Duration now = dependencies_.clock.Monotonic();
  if (!changed_.exchange(false) && now < check_at_) return check_at_ - now;
  if (!started_at_) started_at_ = now;
  // A node that says at first that it is not ready is tainted for it.
  const Duration waited = now - *started_at_;
  if (!dependencies_.health.asked() && waited < kRuntimePatience) return kRuntimePatience - waited;
  Check();
  answers_.Deliver();
  if (check_at_ == kNever) return kNever;
  return std::max(Duration::zero(), check_at_ - dependencies_.clock.Monotonic());
}

void NodeStatusLoop::Check() {
  const auto node = Current();
  const bool registers =
      !node && node.error().reason == Reason::kNotFound && facts_.registers;
  if (!node && !registers) {
    log_.Info("node not registered", {{"node", node_name_}, {"error", node.error().message}});
    return CheckAgain(kRetry);
  }
  if (node && !*node) return CheckAgain(kRetry);
  check_at_ = kNever;
  if (registers) return Register();
  Report(*node);
}

Result<Ptr<core_v1::Node>> NodeStatusLoop::Current() {
  auto found = dependencies_.find();
  if (!found || !*found) {
    // A cache may not have it yet.
    const bool is_fresh =
        written_ && dependencies_.clock.Monotonic() < written_at_ + settings_.check_period;
    if (is_fresh) return written_;
    return found;
  }
  const bool is_seen = !written_ || written_->metadata.uid != (*found)->metadata.uid ||
                       WrittenRevision((*found)->metadata) >= WrittenRevision(written_->metadata);
  if (is_seen) written_ = nullptr;
  return is_seen ? std::move(*found) : written_;
}

void NodeStatusLoop::Register() {
  const auto node = std::make_shared<core_v1::Node>();
  node->metadata.name = node_name_;
  node->metadata.labels = facts_.labels;
  node->metadata.labels["kubernetes.io/hostname"] = facts_.hostname;
  for (const auto& [key, value] : SystemLabels()) {
    node->metadata.labels[key] = node->metadata.labels["beta." + key] = value;
  }
  node->metadata.annotations = facts_.annotations;
  node->metadata.annotations["volumes.kubernetes.io/controller-managed-attach-detach"] = "true";
  node->spec.taints = facts_.taints;
  node->spec.provider_id = facts_.provider_id;
  node->status = Compute({});
  dependencies_.client.CreateLater<core_v1::Node>(
      answers_, node, [this](const Written& created) { Registered(created); });
}

void NodeStatusLoop::Registered(const Written& created) {
  if (!created) {
    log_.Info("node not registered", {{"node", node_name_}, {"error", created.error().message}});
    return CheckAgain(kRetry);
  }
  // Its status has come along.
  Reported({}, created);
  dependencies_.registered();
}

std::vector<core_v1::ContainerImage> NodeStatusLoop::Images() const {
  std::vector<core_v1::ContainerImage> out;
  auto images = dependencies_.runtime.ListImages("");
  if (!images) return out;
  std::sort(images->begin(), images->end(),
            [](const auto& a, const auto& b) { return a.size_bytes > b.size_bytes; });
  const size_t images_max = settings_.images_max.value_or(images->size());
  if (images->size() > images_max) images->resize(images_max);
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

std::string NodeStatusLoop::Problem() const {
  const std::string problem = dependencies_.health.Problem();
  if (!dependencies_.is_shutting_down || !dependencies_.is_shutting_down()) return problem;
  constexpr char kShutdown[] = "node is shutting down";
  return problem.empty() ? kShutdown : fmt::format("[{}, {}]", problem, kShutdown);
}

std::vector<core_v1::NodeCondition> NodeStatusLoop::Conditions() const {
  const std::set<std::string> pressures = dependencies_.pressures();
  const auto pressure = [&](const char* type, const char* reason, const char* text,
                            const char* calm_reason, const char* calm_text) {
    const bool holds = pressures.contains(type);
    return Condition(type, holds, holds ? reason : calm_reason, holds ? text : calm_text);
  };
  const std::string problem = Problem();
  return {
      pressure("MemoryPressure", "KubeletHasInsufficientMemory",
               "kubelet has insufficient memory available", "KubeletHasSufficientMemory",
               "kubelet has sufficient memory available"),
      pressure("DiskPressure", "KubeletHasDiskPressure", "kubelet has disk pressure",
               "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
      pressure("PIDPressure", "KubeletHasInsufficientPID", "kubelet has insufficient PID available",
               "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
      problem.empty() ? Condition("Ready", true, "KubeletReady", "kubelet is posting ready status")
                      : Condition("Ready", false, "KubeletNotReady", problem)};
}

// Others advertise resources of their own ("example.com/dongle") in the capacity; all of those that
// are still there can be allotted.
void NodeStatusLoop::SetAmounts(core_v1::NodeStatus& status) const {
  for (auto& [name, amount] : facts_.Capacity()) status.capacity[name] = amount;
  if (!has_reported_ && dependencies_.forgets_devices && dependencies_.forgets_devices()) {
    for (auto& [name, amount] : status.capacity) {
      if (IsExtendedResource(name)) amount = Quantity::FromValue(0);
    }
  }
  std::erase_if(status.allocatable, [&](const auto& entry) {
    return IsExtendedResource(entry.first) && !status.capacity.contains(entry.first);
  });
  for (const auto& [name, amount] : status.capacity) status.allocatable[name] = amount;
  for (auto& [name, amount] : facts_.Allocatable()) status.allocatable[name] = amount;
  if (!dependencies_.devices) return;
  for (const auto& [name, amounts] : dependencies_.devices()) {
    status.capacity[name] = Quantity::FromValue(amounts.first);
    status.allocatable[name] = Quantity::FromValue(amounts.second);
  }
}

// What it is, and what it says that it can.
void NodeStatusLoop::SetRuntime(core_v1::NodeStatus& status) const {
  const std::string version = dependencies_.health.VersionText();
  if (!version.empty()) status.node_info.container_runtime_version = version;
  const cri::RuntimeStatus runtime = dependencies_.health.Status();
  status.runtime_handlers.clear();
  for (const cri::RuntimeHandler& handler : runtime.handlers) {
    auto& told = status.runtime_handlers.emplace_back();
    told.name = handler.name;
    auto& features = told.features.emplace();
    features.recursive_read_only_mounts = handler.recursive_read_only_mounts;
    features.user_namespaces = handler.user_namespaces;
  }
  const auto groups = runtime.supplemental_groups_policy;
  if (groups) status.features.emplace().supplemental_groups_policy = *groups;
}

core_v1::NodeStatus NodeStatusLoop::Compute(const core_v1::NodeStatus& before) const {
  core_v1::NodeStatus status = before;
  SetAmounts(status);
  status.volumes_in_use.clear();
  if (dependencies_.volumes_in_use) status.volumes_in_use = dependencies_.volumes_in_use();
  status.addresses.clear();
  const auto ips = dependencies_.addresses ? dependencies_.addresses() : std::vector<std::string>();
  for (const std::string& ip : ips) {
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
  info.swap.reset();
  if (facts_.swap_bytes > 0) info.swap.emplace().capacity = facts_.swap_bytes;
  SetRuntime(status);
  status.images = Images();
  std::vector<core_v1::NodeCondition> fresh = Conditions();
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

std::map<std::string, std::string> NodeStatusLoop::SystemLabels() const {
  return {{"kubernetes.io/os", "linux"}, {"kubernetes.io/arch", facts_.architecture}};
}

bool NodeStatusLoop::HasOwnMetadata(const core_v1::Node& node) const {
  const auto has = [](const auto& all, const auto& wanted) {
    return std::ranges::all_of(wanted, [&](const auto& each) {
      const auto found = all.find(each.first);
      return found != all.end() && found->second == each.second;
    });
  };
  return has(node.metadata.labels, SystemLabels()) &&
         has(node.metadata.annotations, facts_.annotations);
}

void NodeStatusLoop::Report(const Ptr<core_v1::Node>& node) {
  TellSchedulable(*node);
  core_v1::NodeStatus status = Compute(node->status);
  core_v1::NodeStatus without_heartbeat = status;
  for (size_t i = 0; i < node->status.conditions.size(); ++i) {
    without_heartbeat.conditions[i].last_heartbeat_time =
        node->status.conditions[i].last_heartbeat_time;
  }
  const bool is_due = next_report_ <= dependencies_.clock.Monotonic();
  if (without_heartbeat == node->status && !is_due && HasOwnMetadata(*node)) {
    TellVolumes(node->status);
    return CheckAgain(settings_.check_period);
  }
  dependencies_.client.PatchStatusLater<core_v1::Node>(
      answers_, node,
      [&](core_v1::Node& changed) {
        changed.status = std::move(status);
        for (auto& [key, value] : SystemLabels()) changed.metadata.labels[key] = value;
        for (auto& [key, value] : facts_.annotations) changed.metadata.annotations[key] = value;
      },
      {}, [this, node](const Written& written) { Reported(node->status, written); });
}

void NodeStatusLoop::Reported(const core_v1::NodeStatus& before, const Written& written) {
  if (!written) {
    log_.Info("node status not written", {{"error", written.error().message}});
    written_ = nullptr;
    return CheckAgain(kRetry);
  }
  has_reported_ = true;
  written_ = *written;
  written_at_ = dependencies_.clock.Monotonic();
  TellVolumes(written_->status);
  TellChanges(before, written_->status);
  next_report_ = written_at_ + settings_.report_period;
  CheckAgain(settings_.check_period);
}

void NodeStatusLoop::TellVolumes(const core_v1::NodeStatus& status) const {
  if (dependencies_.volumes_reported) dependencies_.volumes_reported(status.volumes_in_use);
}

void NodeStatusLoop::TellChanges(const core_v1::NodeStatus& before,
                                 const core_v1::NodeStatus& now) {
  const core_v1::Node self = Self();
  const auto tell = [&](const char* type, const char* when_true, const char* when_false) {
    const core_v1::NodeCondition* old = FindCondition(before.conditions, type);
    const core_v1::NodeCondition* fresh = FindCondition(now.conditions, type);
    if (fresh == nullptr || (old != nullptr && old->status == fresh->status)) return;
    const std::string word = fresh->status == "True" ? when_true : when_false;
    dependencies_.events.Normal(self, word,
                                fmt::format("Node {} status is now: {}", node_name_, word));
  };
  tell("MemoryPressure", "NodeHasInsufficientMemory", "NodeHasSufficientMemory");
  tell("DiskPressure", "NodeHasDiskPressure", "NodeHasNoDiskPressure");
  tell("PIDPressure", "NodeHasInsufficientPID", "NodeHasSufficientPID");
  tell("Ready", "NodeReady", "NodeNotReady");
  const std::string& boot = now.node_info.boot_id;
  if (!before.node_info.boot_id.empty() && before.node_info.boot_id != boot) {
    dependencies_.events.Warning(
        self, "Rebooted", fmt::format("Node {} has been rebooted, boot id: {}", node_name_, boot));
  }
}

void NodeStatusLoop::TellSchedulable(const core_v1::Node& node) {
  const bool before = std::exchange(is_unschedulable_, node.spec.unschedulable);
  if (before == is_unschedulable_) return;
  const std::string word = is_unschedulable_ ? "NodeNotSchedulable" : "NodeSchedulable";
  dependencies_.events.Normal(Self(), word,
                              fmt::format("Node {} status is now: {}", node_name_, word));
}

core_v1::Node NodeStatusLoop::Self() const {
  core_v1::Node self;
  self.metadata.name = self.metadata.uid = node_name_;
  return self;
}

}  // namespace skiff::kubelet
