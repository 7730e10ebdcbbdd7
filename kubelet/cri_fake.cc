#include "kubelet/cri_fake.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace skiff::cri {
namespace {

constexpr int kKilledExitCode = 137;

Error NoSuch(const char* what, const std::string& id) {
  return {Reason::kNotFound,
          fmt::format("an error occurred when try to find {} \"{}\": not found", what, id)};
}

Error NoStreams() {
  return {Reason::kMethodNotAllowed, "simulated containers have no processes to talk to"};
}

}  // namespace

class FakeRuntime::FakeSubscription final : public Subscription {
 public:
  FakeSubscription(FakeRuntime& runtime, int id) : runtime_(runtime), id_(id) {}
  ~FakeSubscription() override {
    MutexLock lock(runtime_.subscribers_mutex_);
    runtime_.subscribers_.erase(id_);
  }

 private:
  FakeRuntime& runtime_;
  const int id_;
};

FakeRuntime::FakeRuntime(const Clock& clock, Random& random, const std::string& pod_cidr,
                         FakeBehavior* behavior)
    : clock_(clock), random_(random), behavior_(behavior) {
  if (!pod_cidr.empty()) CHECK(UpdateRuntimeConfig(pod_cidr).has_value());
}

void FakeRuntime::FailNext(FakeCall call, Error error) {
  MutexLock lock(mutex_);
  failures_[call] = {std::move(error), std::nullopt};
}

void FakeRuntime::FailUntil(FakeCall call, Error error, Duration until) {
  MutexLock lock(mutex_);
  failures_[call] = {std::move(error), until};
}

void FakeRuntime::SetDown(bool down) {
  MutexLock lock(mutex_);
  down_ = down;
}

void FakeRuntime::SetNetworkReady(bool ready) {
  MutexLock lock(mutex_);
  network_ready_ = ready;
}

void FakeRuntime::LoseImage(const std::string& image) {
  MutexLock lock(mutex_);
  lost_images_.insert(image);
}

Result<> FakeRuntime::CheckUp() {
  if (!down_) return {};
  return Fail(Reason::kServiceUnavailable, "connection error: the runtime is down");
}

Result<> FakeRuntime::Check(FakeCall call) {
  TRY(CheckUp());
  const auto found = failures_.find(call);
  if (found == failures_.end()) return {};
  const Failure failure = found->second;
  const bool is_over = failure.until && clock_.Monotonic() >= *failure.until;
  if (!failure.until || is_over) failures_.erase(found);
  if (is_over) return {};
  return tl::unexpected(failure.error);
}

std::string FakeRuntime::NewId() {
  return fmt::format("{:016x}{:016x}", random_.Next(), random_.Next());
}

Result<std::vector<std::string>> FakeRuntime::NextIps() {
  if (pod_cidrs_.empty()) return Fail(Reason::kUnknown, "cni plugin not initialized");
  uint32_t hosts = UINT32_MAX;
  for (const Cidr& cidr : pod_cidrs_) {
    const int host_bits = static_cast<int>(cidr.address.bit_count()) - cidr.prefix_length;
    // All but the block's first and last address, and never more than anybody counts.
    hosts = std::min(hosts, host_bits < 2 ? 1 : (1U << std::min(host_bits, 16)) - 2);
  }
  last_host_ = last_host_ % hosts + 1;
  std::vector<std::string> ips;
  for (const Cidr& cidr : pod_cidrs_) {
    IpAddress address = cidr.Network();
    uint32_t rest = last_host_;
    for (size_t i = address.bit_count() / 8; rest != 0; rest >>= 8) {
      rest += address.bytes[--i];
      address.bytes[i] = static_cast<uint8_t>(rest);
    }
    ips.push_back(address.Text());
  }
  return ips;
}

void FakeRuntime::Tell(const Event& event) {
  MutexLock lock(subscribers_mutex_);
  for (const auto& [id, callback] : subscribers_) callback(event);
}

void FakeRuntime::End(cri::ContainerStatus& container, int exit_code, const std::string& reason) {
  ++changes_;
  container.state = ContainerState::kExited;
  container.finished_at = clock_.Now();
  container.exit_code = exit_code;
  container.reason = reason;
}

void FakeRuntime::Exit(const std::string& container_id, int exit_code) {
  {
    MutexLock lock(mutex_);
    const auto found = containers_.find(container_id);
    if (found == containers_.end() || found->second.state != ContainerState::kRunning) return;
    End(found->second, exit_code, exit_code == 0 ? "Completed" : "Error");
  }
  Tell({Event::What::kExited, container_id, static_cast<uint32_t>(exit_code)});
}

std::vector<std::string> FakeRuntime::RunningNamed(const std::string& container_name) const {
  MutexLock lock(mutex_);
  std::vector<std::string> ids;
  for (const auto& [id, container] : containers_) {
    if (container.metadata.name == container_name && container.state == ContainerState::kRunning) {
      ids.push_back(id);
    }
  }
  return ids;
}

uint64_t FakeRuntime::changes() const {
  MutexLock lock(mutex_);
  return changes_;
}

Result<cri::Version> FakeRuntime::Version() {
  return cri::Version{"fake", "1.0", "v1"};
}

Result<RuntimeStatus> FakeRuntime::Status() {
  MutexLock lock(mutex_);
  TRY(CheckUp());
  RuntimeStatus status;
  status.conditions = {{"RuntimeReady", true, "", ""}, {"NetworkReady", true, "", ""}};
  if (!network_ready_) {
    status.conditions[1] = {"NetworkReady", false, "NetworkPluginNotReady", "no network yet"};
  }
  return status;
}

Result<> FakeRuntime::UpdateRuntimeConfig(const std::string& pod_cidr) {
  std::vector<Cidr> parsed;
  std::istringstream texts(pod_cidr);
  for (std::string text; std::getline(texts, text, ',');) {
    const auto cidr = ParseCidr(text);
    if (!cidr) return Fail(Reason::kInvalid, "invalid CIDR address: " + text);
    parsed.push_back(*cidr);
  }
  if (parsed.empty()) return Fail(Reason::kInvalid, "invalid CIDR address: ");
  MutexLock lock(mutex_);
  if (pod_cidr != pod_cidr_text_) last_host_ = 0;
  pod_cidr_text_ = pod_cidr;
  pod_cidrs_ = std::move(parsed);
  return {};
}

Result<std::string> FakeRuntime::RunPodSandbox(const SandboxConfig& config,
                                               const std::string& handler) {
  MutexLock lock(mutex_);
  TRY(Check(FakeCall::kRunPodSandbox));
  SandboxStatus sandbox;
  sandbox.id = NewId();
  sandbox.metadata = config.metadata;
  sandbox.created_at = clock_.Now();
  sandbox.labels = config.labels;
  sandbox.annotations = config.annotations;
  sandbox.runtime_handler = handler;
  sandbox.namespaces = config.security.namespaces;
  if (config.security.namespaces.network != NamespaceMode::kNode) {
    sandbox.ips = TRY(NextIps());
  }
  const std::string id = sandbox.id;
  sandboxes_.Add(std::move(sandbox));
  return id;
}

Result<> FakeRuntime::StopPodSandbox(const std::string& id) {
  std::vector<std::string> ended;
  {
    MutexLock lock(mutex_);
    TRY(CheckUp());
    const auto found = sandboxes_.find(id);
    if (found == sandboxes_.end()) return {};
    found->second.state = SandboxState::kNotReady;
    for (auto& [container_id, container] : containers_) {
      if (container.sandbox_id != id || container.state != ContainerState::kRunning) continue;
      End(container, 137, "Error");
      ended.push_back(container_id);
    }
  }
  for (const std::string& container_id : ended) {
    Tell({Event::What::kExited, container_id, 137});
  }
  return {};
}

Result<> FakeRuntime::RemovePodSandbox(const std::string& id) {
  TRY(StopPodSandbox(id));
  MutexLock lock(mutex_);
  ++changes_;
  std::vector<std::string> inside;
  for (const auto& [container_id, container] : containers_) {
    if (container.sandbox_id == id) inside.push_back(container_id);
  }
  for (const std::string& container_id : inside) containers_.Remove(container_id);
  sandboxes_.Remove(id);
  return {};
}

Result<SandboxStatus> FakeRuntime::PodSandboxStatus(const std::string& id) {
  MutexLock lock(mutex_);
  TRY(CheckUp());
  const auto found = sandboxes_.find(id);
  if (found == sandboxes_.end()) return Fail(NoSuch("sandbox", id));
  return found->second;
}

Result<std::vector<Sandbox>> FakeRuntime::ListPodSandboxes(const SandboxFilter& filter) {
  MutexLock lock(mutex_);
  TRY(CheckUp());
  std::vector<Sandbox> out;
  sandboxes_.EachWith(filter.labels, [&](const Sandbox& sandbox) {
    if (!filter.id.empty() && filter.id != sandbox.id) return;
    if (!filter.state || *filter.state == sandbox.state) out.push_back(sandbox);
  });
  return out;
}

Result<std::string> FakeRuntime::CreateContainer(const std::string& sandbox_id,
                                                 const ContainerConfig& config,
                                                 const SandboxConfig&) {
  MutexLock lock(mutex_);
  TRY(Check(FakeCall::kCreateContainer));
  if (!sandboxes_.contains(sandbox_id)) return Fail(NoSuch("sandbox", sandbox_id));
  cri::ContainerStatus container;
  container.id = NewId();
  container.sandbox_id = sandbox_id;
  container.metadata = config.metadata;
  container.image = config.image;
  container.image_ref = config.image.image;
  container.created_at = clock_.Now();
  container.labels = config.labels;
  container.annotations = config.annotations;
  container.mounts = config.mounts;
  const std::string id = container.id;
  ++changes_;
  containers_.Add(std::move(container));
  if (behavior_ != nullptr) behavior_->Created(config);
  return id;
}

Result<> FakeRuntime::StartContainer(const std::string& id) {
  {
    MutexLock lock(mutex_);
    TRY(Check(FakeCall::kStartContainer));
    const auto found = containers_.find(id);
    if (found == containers_.end()) return Fail(NoSuch("container", id));
    ++changes_;
    found->second.state = ContainerState::kRunning;
    found->second.started_at = clock_.Now();
  }
  Tell({Event::What::kStarted, id, 0});
  return {};
}

bool FakeRuntime::IsRunning(const std::string& container_id) const {
  MutexLock lock(mutex_);
  const auto found = containers_.find(container_id);
  return found != containers_.end() && found->second.state == ContainerState::kRunning;
}

Result<bool> FakeRuntime::AwaitEnd(const std::string& container_id, Duration grace) {
  if (behavior_ == nullptr) return false;
  const Duration takes = behavior_->StopTakes(container_id);
  const bool waited =
      behavior_->Wait(std::min(takes, grace), [&] { return !IsRunning(container_id); });
  if (!waited) return Fail(Reason::kUnknown, "context canceled");
  return takes > grace;
}

Result<> FakeRuntime::StopContainer(const std::string& id, Duration grace) {
  if (behavior_ != nullptr) behavior_->Stopping(id);
  {
    MutexLock lock(mutex_);
    TRY(Check(FakeCall::kStopContainer));
  }
  const bool is_killed = IsRunning(id) && TRY(AwaitEnd(id, grace));
  const int exit_code = is_killed ? kKilledExitCode : 0;
  {
    MutexLock lock(mutex_);
    const auto found = containers_.find(id);
    if (found == containers_.end() || found->second.state == ContainerState::kExited) return {};
    End(found->second, exit_code, is_killed ? "Error" : "Completed");
  }
  Tell({Event::What::kExited, id, static_cast<uint32_t>(exit_code)});
  return {};
}

Result<> FakeRuntime::RemoveContainer(const std::string& id) {
  TRY(StopContainer(id, 0ns));
  MutexLock lock(mutex_);
  ++changes_;
  containers_.Remove(id);
  return {};
}

Result<std::vector<Container>> FakeRuntime::ListContainers(const ContainerFilter& filter) {
  MutexLock lock(mutex_);
  TRY(CheckUp());
  std::vector<Container> out;
  containers_.EachWith(filter.labels, [&](const Container& container) {
    if (!filter.id.empty() && filter.id != container.id) return;
    if (filter.state && *filter.state != container.state) return;
    if (!filter.sandbox_id.empty() && filter.sandbox_id != container.sandbox_id) return;
    out.push_back(container);
  });
  return out;
}

Result<cri::ContainerStatus> FakeRuntime::ContainerStatus(const std::string& id) {
  MutexLock lock(mutex_);
  TRY(CheckUp());
  const auto found = containers_.find(id);
  if (found == containers_.end()) return Fail(NoSuch("container", id));
  return found->second;
}

Result<> FakeRuntime::UpdateContainerResources(const std::string& id,
                                               const LinuxResources& resources) {
  MutexLock lock(mutex_);
  const auto found = containers_.find(id);
  if (found == containers_.end()) return Fail(NoSuch("container", id));
  found->second.resources = resources;
  return {};
}

Result<> FakeRuntime::ReopenContainerLog(const std::string&) {
  return {};
}

Result<ExecResult> FakeRuntime::ExecSync(const std::string& id,
                                         const std::vector<std::string>& command,
                                         Duration timeout) {
  cri::ContainerStatus container;
  {
    MutexLock lock(mutex_);
    TRY(CheckUp());
    const auto found = containers_.find(id);
    if (found == containers_.end()) return Fail(NoSuch("container", id));
    container = found->second;
  }
  return behavior_ == nullptr ? ExecResult{} : behavior_->Exec(container, command, timeout);
}

Result<std::string> FakeRuntime::Exec(const std::string&, const std::vector<std::string>&,
                                      const StreamOptions&) {
  return Fail(NoStreams());
}

Result<std::string> FakeRuntime::Attach(const std::string&, const StreamOptions&) {
  return Fail(NoStreams());
}

Result<std::string> FakeRuntime::PortForward(const std::string&, const std::vector<int32_t>&) {
  return Fail(NoStreams());
}

Result<cri::ContainerStats> FakeRuntime::ContainerStats(const std::string& id) {
  MutexLock lock(mutex_);
  const auto found = containers_.find(id);
  if (found == containers_.end()) return Fail(NoSuch("container", id));
  cri::ContainerStats stats;
  stats.id = id;
  stats.metadata = found->second.metadata;
  stats.labels = found->second.labels;
  return stats;
}

Result<std::vector<cri::ContainerStats>> FakeRuntime::ListContainerStats(
    const ContainerFilter& filter) {
  std::vector<cri::ContainerStats> out;
  for (const Container& container : TRY(ListContainers(filter))) {
    if (auto stats = ContainerStats(container.id)) out.push_back(std::move(*stats));
  }
  return out;
}

Result<std::vector<Image>> FakeRuntime::ListImages(const std::string&) {
  return std::vector<Image>{};
}

Result<std::optional<Image>> FakeRuntime::ImageStatus(const std::string& image) {
  MutexLock lock(mutex_);
  TRY(CheckUp());
  if (lost_images_.contains(image)) return std::nullopt;
  Image found;
  found.id = image;
  found.repo_tags = {image};
  found.uid = kImageUser;
  return found;
}

Result<std::string> FakeRuntime::PullImage(const std::string& image, const RegistryAuth&,
                                           const SandboxConfig& sandbox, const std::stop_token&) {
  MutexLock lock(mutex_);
  TRY(Check(FakeCall::kPullImage));
  const auto fails = sandbox.annotations.find(kFailPullAnnotation);
  if (fails != sandbox.annotations.end() && fails->second == "true") {
    return Fail(Reason::kNotFound,
                fmt::format("failed to pull and unpack image \"{0}\": failed to resolve reference "
                            "\"{0}\": {0}: not found",
                            image));
  }
  return image;
}

Result<> FakeRuntime::RemoveImage(const std::string&) {
  return {};
}

Result<cri::ImageFsInfo> FakeRuntime::ImageFsInfo() {
  return cri::ImageFsInfo{};
}

std::unique_ptr<Subscription> FakeRuntime::Subscribe(std::function<void(const Event&)> callback) {
  MutexLock lock(subscribers_mutex_);
  callback({Event::What::kResync, "", 0});
  const int id = next_subscriber_++;
  subscribers_.emplace(id, std::move(callback));
  return std::make_unique<FakeSubscription>(*this, id);
}

}  // namespace skiff::cri
