#include "kubelet/pod_worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "kubelet/linux_resources.h"
#include "kubelet/pod_lookup.h"
#include "kubelet/stop_task.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kDefaultGraceSeconds = 30;

std::string PodText(const core_v1::Pod& pod) {
  return fmt::format("{}_{}({})", pod.metadata.name, pod.metadata.namespace_, pod.metadata.uid);
}

bool IsTerminal(const core_v1::Pod& pod) {
  return pod.status.phase == "Succeeded" || pod.status.phase == "Failed";
}

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

core_v1::Container AsContainer(const core_v1::EphemeralContainer& ephemeral) {
  auto made = FromJson<core_v1::Container>(ToJson(ephemeral));
  CHECK(made);
  return std::move(*made);
}

std::map<std::string, std::string> NoPaths(const core_v1::Pod& pod) {
  std::map<std::string, std::string> paths;
  for (const auto& volume : pod.spec.volumes) paths[volume.name] = "/dev/null";
  return paths;
}

Duration Age(TimePoint then, const Clock& clock) {
  return std::max(Duration::zero(), Duration(clock.Now() - then));
}

}  // namespace

PodWorker::PodWorker(PodWorkerContext& context, Ptr<core_v1::Pod> pod)
    : context_(context), pod_(std::move(pod)) {}

PodWorker::~PodWorker() {
  for (auto& [id, stop] : stops_) context_.executor.Remove(*stop);
}

void PodWorker::Update(Ptr<core_v1::Pod> pod) {
  {
    MutexLock lock(mutex_);
    pod_ = std::move(pod);
  }
  Wake();
}

void PodWorker::Refresh(Ptr<core_v1::Pod> pod) {
  MutexLock lock(mutex_);
  pod_ = std::move(pod);
}

bool PodWorker::Concerns(const cri::Event& event) const {
  MutexLock lock(mutex_);
  return event.id.empty() || ids_.contains(event.id);
}

Result<ObservedPod> PodWorker::Observe(const core_v1::Pod& pod) {
  auto observed = TRY(ObservePod(context_.runtime, pod.metadata.uid));
  std::set<std::string> ids;
  for (const auto& sandbox : observed.sandboxes) ids.insert(sandbox.id);
  for (const auto& [name, attempts] : observed.containers) {
    for (const auto& container : attempts) ids.insert(container.status.id);
  }
  MutexLock lock(mutex_);
  ids_ = std::move(ids);
  return observed;
}

void PodWorker::Terminate(std::optional<WaitingReason> failure, std::optional<int64_t> grace_s) {
  {
    MutexLock lock(mutex_);
    terminate_ = true;
    if (failure) failure_ = std::move(failure);
    if (grace_s && (!grace_s_ || *grace_s < *grace_s_)) grace_s_ = grace_s;
  }
  Wake();
}

void PodWorker::Dispose() {
  {
    MutexLock lock(mutex_);
    terminate_ = dispose_ = true;
  }
  Wake();
}

bool PodWorker::disposing() const {
  MutexLock lock(mutex_);
  return dispose_;
}

Ptr<core_v1::Pod> PodWorker::pod() const {
  MutexLock lock(mutex_);
  return pod_;
}

Duration PodWorker::Step() {
  const Ptr<core_v1::Pod> pod = this->pod();
  bool terminate = false;
  {
    MutexLock lock(mutex_);
    terminate = terminate_;
  }
  if (state_ == State::kSyncing &&
      (terminate || pod->metadata.deletion_timestamp || IsTerminal(*pod))) {
    Enter(State::kTerminating);
  }
  switch (state_) {
    case State::kSyncing: {
      const Duration delay = Sync(*pod);
      return std::max<Duration>(0ns, std::min(delay, UntilDeadline(*pod)));
    }
    case State::kTerminating:
      return StepTerminating(*pod);
    case State::kTerminated:
      return StepTerminated(*pod);
    case State::kFinished:
      return disposing() ? StepDisposing(*pod) : kNever;
    case State::kGone:
      break;
  }
  return kNever;
}

void PodWorker::Enter(State state) {
  state_ = state;
  if (state == State::kTerminating) {
    waiting_.clear();
    context_.probes.Terminating(pod()->metadata.uid);
  }
}

Duration PodWorker::UntilDeadline(const core_v1::Pod& pod) const {
  const auto& started = status_ ? status_->start_time : pod.status.start_time;
  if (!pod.spec.active_deadline_seconds || !started) return kNever;
  return std::chrono::seconds(*pod.spec.active_deadline_seconds) -
         Age(started->point(), context_.clock);
}

Duration PodWorker::Sync(const core_v1::Pod& pod) {
  if (UntilDeadline(pod) <= 0ns) {
    Terminate(WaitingReason{"DeadlineExceeded",
                            "Pod was active on the node longer than the specified deadline"},
              std::nullopt);
    return 0ns;
  }
  const auto observed = Observe(pod);
  if (!observed) {
    log_.Info("runtime does not answer",
              {{"pod", PodText(pod)}, {"error", observed.error().message}});
    return kRetry;
  }
  // Simulated containers mount nothing.
  auto paths = context_.writes_files ? context_.volumes.SetUp(pod)
                                     : Result<std::map<std::string, std::string>>(NoPaths(pod));
  if (!paths) {
    WriteStatus(pod, *observed);
    context_.events.Warning(pod, "FailedMount", paths.error().message);
    return kRetry;
  }
  volume_paths_ = std::move(*paths);
  WatchProbes(pod, *observed);
  retry_after_ = kResync;
  const PodPlan plan = PlanPod({pod, *observed, context_.probes.States(pod.metadata.uid)});
  if (plan.kill_pod) {
    // All containers have come to their natural end; the status says how.
    WriteStatus(pod, *observed);
    Enter(State::kTerminating);
    return 0ns;
  }
  if (plan.Empty()) {
    waiting_.clear();
    WriteStatus(pod, *observed);
    return kResync;
  }
  if (observed->sandboxes.empty()) WriteStatus(pod, *observed);
  if (plan.create_sandbox && !pod.spec.host_network) {
    if (const std::string problem = context_.network_problem(); !problem.empty()) {
      context_.events.Warning(pod, "NetworkNotReady", "network is not ready: " + problem);
      return kNetworkRetry;
    }
  }
  const Duration delay = Act(pod, *observed, plan);
  const auto after = Observe(pod);
  if (after) {
    WatchProbes(pod, *after);
    WriteStatus(pod, *after);
  }
  return delay;
}

Duration PodWorker::Act(const core_v1::Pod& pod, const ObservedPod& observed,
                        const PodPlan& given) {
  PodPlan plan = given;
  if (!KillContainers(pod, plan)) return kNever;  // Woken when they have stopped.
  ObservedPod fresh = observed;
  if (plan.create_sandbox && !MakeSandbox(pod, observed, plan, fresh)) return kRetry;
  waiting_.clear();
  for (const size_t index : plan.start_ephemeral) {
    Start(pod, AsContainer(pod.spec.ephemeral_containers[index]), false, plan.sandbox_id, fresh);
  }
  for (const size_t index : plan.start_init) {
    const auto& container = pod.spec.init_containers[index];
    if (!Start(pod, container, true, plan.sandbox_id, fresh) && !IsSidecar(container)) {
      return retry_after_;
    }
  }
  for (const size_t index : plan.start_regular) {
    Start(pod, pod.spec.containers[index], false, plan.sandbox_id, fresh);
  }
  return retry_after_;
}

bool PodWorker::KillContainers(const core_v1::Pod& pod, const PodPlan& plan) {
  std::erase_if(stops_, [&](const auto& entry) {
    if (!entry.second->done()) return false;
    context_.executor.Remove(*entry.second);
    return true;
  });
  for (const ContainerKill& kill : plan.kills) {
    if (stops_.contains(kill.id)) continue;
    const int64_t grace = kill.grace_s.value_or(GraceSeconds(pod));
    auto task = std::make_unique<StopTask>(*this, pod, kill, std::chrono::seconds(grace));
    context_.executor.Add(*task);
    stops_.emplace(kill.id, std::move(task));
  }
  return plan.kills.empty();
}

std::string PodWorker::LogDirectory(const core_v1::Pod& pod) const {
  return fmt::format("{}/{}_{}_{}", context_.log_root, pod.metadata.namespace_, pod.metadata.name,
                     pod.metadata.uid);
}

cri::SandboxConfig PodWorker::SandboxConfigOf(const core_v1::Pod& pod, uint32_t attempt) const {
  return MakeSandboxConfig({pod, attempt, LogDirectory(pod), ReadNodeDns(context_.dns),
                            context_.cgroup_root.empty()
                                ? ""
                                : PodCgroup(pod, context_.cgroup_root, context_.cgroup_driver)});
}

bool PodWorker::MakeSandbox(const core_v1::Pod& pod, const ObservedPod& observed, PodPlan& plan,
                            ObservedPod& fresh) {
  if (!observed.sandboxes.empty()) {
    context_.events.Normal(pod, "SandboxChanged",
                           "Pod sandbox changed, it will be killed and re-created.");
  }
  for (const cri::SandboxStatus& old : observed.sandboxes) {
    (void)context_.runtime.StopPodSandbox(old.id);  // It is replaced whether that works or not.
  }
  if (context_.writes_files) {
    std::error_code ignored;
    fs::create_directories(LogDirectory(pod), ignored);
  }
  std::vector<DnsWarning> warnings;  // The configuration itself is made below.
  (void)PodDns(pod, ReadNodeDns(context_.dns), &warnings);
  for (const DnsWarning& warning : warnings) {
    if (context_.writes_files) context_.events.Warning(pod, warning.reason, warning.message);
  }
  const auto fail = [&](const Error& error) {
    context_.events.Warning(pod, "FailedCreatePodSandBox",
                            "Failed to create pod sandbox: " + cri::RpcErrorText(error));
    return false;
  };
  const auto id = context_.runtime.RunPodSandbox(SandboxConfigOf(pod, plan.sandbox_attempt), "");
  if (!id) return fail(id.error());
  auto status = context_.runtime.PodSandboxStatus(*id);
  if (!status) return fail(status.error());
  plan.sandbox_id = *id;
  fresh.sandboxes.insert(fresh.sandboxes.begin(), std::move(*status));
  return true;
}

bool PodWorker::BacksOff(const core_v1::Pod& pod, const core_v1::Container& container, bool is_init,
                         const ObservedContainer* last) {
  if (last == nullptr || !last->IsExited()) return false;
  // A changed image is tried at once.
  const std::string key = container.name + "\n" + container.image;
  const Duration now = context_.clock.Monotonic();
  const Duration ended_at = now - Age(last->status.finished_at, context_.clock);
  const Duration left = backoff_.Left(key, ended_at, now);
  if (left == 0ns) {
    backoff_.Next(key, ended_at);
    return false;
  }
  const std::string text =
      fmt::format("back-off {} restarting failed container={} pod={}",
                  GoDuration(backoff_.Delay(key)), container.name, PodText(pod));
  waiting_[container.name] = {"CrashLoopBackOff", text};
  context_.events.Report(ContainerReference(pod, container.name, is_init), EventType::kWarning,
                         "BackOff",
                         fmt::format("Back-off restarting failed container {} in pod {}",
                                     container.name, PodText(pod)));
  retry_after_ = std::min(retry_after_, left);
  return true;
}

bool PodWorker::Start(const core_v1::Pod& pod, const core_v1::Container& container, bool is_init,
                      const std::string& sandbox_id, const ObservedPod& observed) {
  const ObservedContainer* last = observed.Newest(container.name);
  if (BacksOff(pod, container, is_init, last)) return false;
  const uint32_t sandbox_attempt = observed.sandboxes.front().metadata.attempt;
  auto image = context_.images.Ensure(pod, container, SandboxConfigOf(pod, sandbox_attempt));
  if (!image) {
    waiting_[container.name] = image.error();
    context_.events.Report(ContainerReference(pod, container.name, is_init), EventType::kWarning,
                           "Failed", "Error: " + image.error().reason);
    retry_after_ = std::min(retry_after_, Duration(kRetry));
    return false;
  }
  const uint32_t attempt =
      NextAttempt(status_ ? *status_ : pod.status, container.name, is_init, last);
  const auto started =
      CreateAndStart(pod, container, is_init, sandbox_id, attempt, *image, observed);
  if (started) return true;
  retry_after_ = std::min(retry_after_, Duration(kRetry));
  return false;
}

Result<ContainerInput> PodWorker::Prepare(const core_v1::Pod& pod,
                                          const core_v1::Container& container, uint32_t attempt,
                                          const ObservedPod& observed, Environment& environment) {
  // The spec's own status may be older than the sandbox: the environment must see its address.
  core_v1::Pod current = pod;
  if (!observed.sandboxes.empty() && !observed.sandboxes.front().ips.empty()) {
    current.status.pod_ip = observed.sandboxes.front().ips.front();
    current.status.pod_ips.clear();
    for (const auto& ip : observed.sandboxes.front().ips) {
      current.status.pod_ips.emplace_back().ip = ip;
    }
  }
  if (!context_.node_ips.empty()) current.status.host_ip = context_.node_ips.front();
  environment = TRY(MakeEnvironment(current, container, context_.environment(pod)));
  ContainerInput input{.pod = pod, .container = container, .attempt = attempt};
  input.environment = environment;
  input.volumes = volume_paths_;
  input.node_memory_bytes = context_.node_memory_bytes;
  if (!context_.writes_files) return input;
  const std::map<std::string, std::string> variables(environment.begin(), environment.end());
  for (const auto& mount : container.volume_mounts) {
    const std::string sub_path =
        mount.sub_path_expr.empty() ? mount.sub_path : Expand(mount.sub_path_expr, variables);
    const auto volume = volume_paths_.find(mount.name);
    if (sub_path.empty() || volume == volume_paths_.end()) continue;
    const auto path = context_.volumes.SubPath(pod, container.name, volume->second, sub_path);
    if (!path) {
      return Fail(
          Reason::kInvalid,
          fmt::format("failed to prepare subPath for volumeMount \"{}\" of container \"{}\"",
                      mount.name, container.name));
    }
    input.sub_paths[mount.mount_path] = *path;
  }
  const std::string directory = context_.volumes.PodDirectory(pod.metadata.uid);
  std::error_code ignored;
  fs::create_directories(directory + "/containers/" + container.name, ignored);
  std::string node_hosts;
  if (pod.spec.host_network) {
    std::ifstream file("/etc/hosts");
    node_hosts.assign(std::istreambuf_iterator<char>(file), {});
  }
  std::vector<std::string> ips;
  for (const auto& ip : current.status.pod_ips) ips.push_back(ip.ip);
  input.etc_hosts = directory + "/etc-hosts";
  std::ofstream(input.etc_hosts) << EtcHosts(pod, ips, context_.dns.cluster_domain, node_hosts);
  input.termination_log = fmt::format("{}/containers/{}/{:08x}", directory, container.name,
                                      context_.random.Next() & 0xFFFFFFFF);
  std::ofstream(input.termination_log).flush();
  fs::permissions(input.termination_log, fs::perms(0666), ignored);
  return input;
}

Result<> PodWorker::CreateAndStart(const core_v1::Pod& pod, const core_v1::Container& container,
                                   bool is_init, const std::string& sandbox_id, uint32_t attempt,
                                   const PulledImage& image, const ObservedPod& observed) {
  const auto reference = ContainerReference(pod, container.name, is_init);
  const auto fail = [&](std::string reason, const std::string& text) {
    waiting_[container.name] = {std::move(reason), text};
    context_.events.Report(reference, EventType::kWarning, "Failed", "Error: " + text);
    return Fail(Reason::kUnknown, text);
  };
  Environment environment;
  auto input = Prepare(pod, container, attempt, observed, environment);
  if (!input) return fail("CreateContainerConfigError", input.error().message);
  input->image_ref = image.ref;
  input->image = &image.image;
  const auto config = MakeContainerConfig(*input);
  if (!config) return fail("CreateContainerConfigError", config.error().message);
  const auto sandbox = SandboxConfigOf(pod, observed.sandboxes.front().metadata.attempt);
  const auto id = context_.runtime.CreateContainer(sandbox_id, *config, sandbox);
  if (!id) return fail("CreateContainerError", id.error().message);
  context_.events.Report(reference, EventType::kNormal, "Created", "Container created");
  const auto started = context_.runtime.StartContainer(*id);
  if (!started) return fail("RunContainerError", started.error().message);
  context_.events.Report(reference, EventType::kNormal, "Started", "Container started");
  if (!container.lifecycle || !container.lifecycle->post_start) return {};
  const std::string pod_ip =
      observed.sandboxes.front().ips.empty() ? "" : observed.sandboxes.front().ips.front();
  const auto hooked =
      context_.hooks.Run(*container.lifecycle->post_start, pod, container, *id, pod_ip, 0ns);
  if (hooked) return {};
  context_.events.Report(reference, EventType::kWarning, "FailedPostStartHook",
                         "PostStartHook failed");
  (void)context_.runtime.StopContainer(*id, std::chrono::seconds(GraceSeconds(pod)));
  return fail("PostStartHookError", hooked.error().message);
}

void PodWorker::WatchProbes(const core_v1::Pod& pod, const ObservedPod& observed) {
  const std::string ip = observed.sandboxes.empty() || observed.sandboxes.front().ips.empty()
                             ? (context_.node_ips.empty() ? "" : context_.node_ips.front())
                             : observed.sandboxes.front().ips.front();
  const auto watch = [&](const core_v1::Container& container) {
    const ObservedContainer* newest = observed.Newest(container.name);
    if (newest == nullptr || !newest->IsRunning()) return;
    context_.probes.Observe(pod, container, {newest->status.id, ip, newest->status.started_at});
  };
  for (const auto& container : pod.spec.containers) watch(container);
  for (const auto& container : pod.spec.init_containers) {
    if (IsSidecar(container)) watch(container);
  }
}

void PodWorker::WriteStatus(const core_v1::Pod& pod, const ObservedPod& observed) {
  StatusInput input{pod, observed};
  input.probes = context_.probes.States(pod.metadata.uid);
  input.ready = context_.probes.Ready(pod.metadata.uid);
  input.waiting = waiting_;
  input.node_ips = context_.node_ips;
  input.runtime_name = context_.runtime_name;
  input.now = context_.clock.Now();
  input.terminating = state_ != State::kSyncing;
  input.terminated = state_ == State::kTerminated || state_ == State::kFinished;
  {
    MutexLock lock(mutex_);
    input.failure = failure_;
  }
  // What others ended stays ended.
  if (status_ && !IsTerminal(pod)) input.last = &*status_;
  core_v1::PodStatus status = ComputePodStatus(input);
  const bool may_run = state_ != State::kTerminated && observed.AnyRunning();
  const bool is_terminal = status.phase == "Succeeded" || status.phase == "Failed";
  const core_v1::PodStatus& before = input.Before();
  if (is_terminal && may_run && !before.phase.empty()) {
    // Nobody may take a pod for ended while something of it still runs.
    status.phase = before.phase;
    status.reason = before.reason;
    status.message = before.message;
  }
  status_ = std::move(status);
  context_.statuses.Set(this->pod(), *status_);
}

int64_t PodWorker::GraceSeconds(const core_v1::Pod& pod) const {
  std::optional<int64_t> grace = pod.metadata.deletion_grace_period_seconds;
  {
    MutexLock lock(mutex_);
    if (grace_s_ && (!grace || *grace_s_ < *grace)) grace = grace_s_;
  }
  if (!grace) grace = pod.spec.termination_grace_period_seconds.value_or(kDefaultGraceSeconds);
  return std::max<int64_t>(*grace, 1);
}

bool PodWorker::StopContainers(const core_v1::Pod& pod, const ObservedPod& observed) {
  PodPlan plan;
  PodPlan sidecars;
  for (const auto& [name, attempts] : observed.containers) {
    for (const ObservedContainer& container : attempts) {
      if (container.IsExited()) continue;
      const auto& inits = pod.spec.init_containers;
      const bool is_sidecar = std::any_of(inits.begin(), inits.end(), [&](const auto& init) {
        return init.name == name && IsSidecar(init);
      });
      (is_sidecar ? sidecars : plan)
          .kills.push_back({container.status.id, name, "Stopping container " + name, std::nullopt});
    }
  }
  // Sidecars serve the others to the last.
  if (plan.kills.empty()) plan = std::move(sidecars);
  return KillContainers(pod, plan);
}

Duration PodWorker::StepTerminating(const core_v1::Pod& pod) {
  const auto observed = Observe(pod);
  if (!observed) return kRetry;
  WriteStatus(pod, *observed);
  if (!StopContainers(pod, *observed)) return kNever;
  for (const cri::SandboxStatus& sandbox : observed->sandboxes) {
    if (sandbox.state != cri::SandboxState::kReady) continue;
    const auto stopped = context_.runtime.StopPodSandbox(sandbox.id);
    if (stopped) continue;
    log_.Info("sandbox not stopped", {{"pod", PodText(pod)}, {"error", stopped.error().message}});
    return kRetry;
  }
  context_.probes.Forget(pod.metadata.uid);
  Enter(State::kTerminated);
  return 0ns;
}

Duration PodWorker::StepTerminated(const core_v1::Pod& pod) {
  const auto observed = Observe(pod);
  if (!observed) return kRetry;
  WriteStatus(pod, *observed);
  if (const auto down = context_.volumes.TearDown(pod.metadata.uid); !down) {
    log_.Info("volumes not removed", {{"pod", PodText(pod)}, {"error", down.error().message}});
    return kRetry;
  }
  if (pod.metadata.deletion_timestamp || IsTerminal(pod)) {
    context_.statuses.Finish(this->pod());
  }
  // What the runtime keeps of a finished pod serves its logs until the object goes.
  Enter(State::kFinished);
  return disposing() ? 0ns : kNever;
}

Duration PodWorker::StepDisposing(const core_v1::Pod& pod) {
  if (const auto removed = RemoveFromRuntime(context_.runtime, pod.metadata.uid); !removed) {
    log_.Info("pod not removed from the runtime",
              {{"pod", PodText(pod)}, {"error", removed.error().message}});
    return kRetry;
  }
  if (context_.writes_files) {
    std::error_code ignored;  // Housekeeping tries again.
    fs::remove_all(LogDirectory(pod), ignored);
  }
  Enter(State::kGone);
  context_.gone();
  return kNever;
}

}  // namespace skiff::kubelet
