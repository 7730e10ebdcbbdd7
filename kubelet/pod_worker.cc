#include "kubelet/pod_worker.h"

#include <algorithm>

#include "api/pods/pod_phase.h"
#include "api/rules/devices/resource_names.h"
#include "base/seconds.h"
#include "kubelet/pod_conditions.h"
#include "kubelet/pod_lookup.h"
#include "kubelet/post_start_task.h"
#include "kubelet/static_pod.h"
#include "kubelet/stop_task.h"

namespace skiff::kubelet {
namespace {

const core_v1::ContainerStatus* FindStatus(const core_v1::PodStatus& status,
                                           const std::string& container_id) {
  for (const auto* list : {&status.container_statuses, &status.init_container_statuses}) {
    for (const auto& each : *list) {
      if (each.container_id == container_id) return &each;
    }
  }
  return nullptr;
}

core_v1::Container AsContainer(const core_v1::EphemeralContainer& ephemeral) {
  auto made = FromJson<core_v1::Container>(ToJson(ephemeral));
  CHECK(made);
  return std::move(*made);
}

// What a pod needs is often made right after it: the first tries are soon.
Duration VolumeRetry(int failures) {
  constexpr Duration kFirst = 500ms;
  constexpr Duration kMax = PodWorker::kResync;
  constexpr int kDoublingsMax = 7;
  return std::min(kMax, kFirst * (1 << std::min(failures, kDoublingsMax)));
}

// A simulated node has neither devices nor files: what is wanted as a device is taken for one.
VolumePaths NoPaths(const core_v1::Pod& pod) {
  VolumePaths paths;
  for (const auto& volume : pod.spec.volumes) paths[volume.name].path = "/dev/null";
  for (const auto& container : pod.spec.containers) {
    for (const auto& device : container.volume_devices) paths[device.name].is_device = true;
  }
  for (const auto& container : pod.spec.init_containers) {
    for (const auto& device : container.volume_devices) paths[device.name].is_device = true;
  }
  for (const auto& container : pod.spec.ephemeral_containers) {
    for (const auto& device : container.volume_devices) paths[device.name].is_device = true;
  }
  return paths;
}

// Claims, or resources that device plugins may have.
bool HasDevices(const core_v1::PodSpec& spec) {
  const auto asks = [](const core_v1::Container& container) {
    const auto& limits = container.resources.limits;
    return std::any_of(limits.begin(), limits.end(),
                       [](const auto& limit) { return IsExtendedResource(limit.first); });
  };
  return !spec.resource_claims.empty() ||
         std::any_of(spec.containers.begin(), spec.containers.end(), asks) ||
         std::any_of(spec.init_containers.begin(), spec.init_containers.end(), asks);
}

}  // namespace

PodWorker::PodWorker(PodWorkerContext& context, Ptr<core_v1::Pod> pod)
    : context_(context),
      backoff_(std::min(RestartBackoff::kFirst, context.policy.restart_period_max),
               context.policy.restart_period_max),
      seen_at_(context.clock.Monotonic()),
      seen_(context.clock.Now()),
      pod_(std::move(pod)) {}

PodWorker::~PodWorker() {
  for (auto& [id, stop] : stops_) context_.blocking.Remove(*stop);
  if (post_start_) context_.blocking.Remove(*post_start_);
}

void PodWorker::BeginAfter(std::vector<std::string> uids, Duration patience) {
  awaited_ = std::move(uids);
  awaited_until_ = seen_at_ + patience;
}

Duration PodWorker::UntilRoom() {
  if (awaited_.empty()) return 0ns;
  const Duration left = awaited_until_ - context_.clock.Monotonic();
  if (left <= 0ns) awaited_.clear();
  std::erase_if(awaited_, context_.has_ended);
  return awaited_.empty() ? 0ns : std::min(left, kRoomCheck);
}

void PodWorker::Update(Ptr<core_v1::Pod> pod) {
  {
    MutexLock lock(mutex_);
    pod_ = std::move(pod);
    updated_ = true;
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

void PodWorker::Own(const std::string& id) {
  MutexLock lock(mutex_);
  ids_.insert(id);
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
    if (pod_->metadata.deletion_timestamp) grace_s_ = 0;
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
  if (context_.metrics == nullptr) return StepOnce();
  const State before = state_;
  const Duration begun = context_.clock.Monotonic();
  const Duration delay = StepOnce();
  Measure(before, begun);
  return delay;
}

void PodWorker::Measure(State before, Duration begun) {
  const bool is_first = !std::exchange(has_stepped_, true);
  bool updated = false;
  {
    MutexLock lock(mutex_);
    updated = std::exchange(updated_, false);
  }
  if (is_first) {
    context_.metrics->worker_start_seconds.Observe({}, InSeconds(begun - seen_at_));
    const auto containers = static_cast<double>(pod()->spec.containers.size());
    context_.metrics->containers_per_pod.Observe({}, containers);
  }
  const char* operation = before >= State::kTerminated ? "terminated"
                          : is_first                   ? "create"
                          : updated                    ? "update"
                                                       : "sync";
  context_.metrics->worker_seconds.Observe({operation},
                                           InSeconds(context_.clock.Monotonic() - begun));
}

Duration PodWorker::StepOnce() {
  const Ptr<core_v1::Pod> pod = this->pod();
  if (!std::exchange(has_recalled_, true)) RecallFailure(*pod);
  if (state_ == State::kSyncing && (MustEnd() || HasEnded(pod->status.phase))) {
    Enter(State::kTerminating);
  }
  switch (state_) {
    case State::kSyncing: {
      const Duration delay = Sync(*pod);
      return std::max<Duration>(0ns, std::min(delay, UntilDeadline(*pod)));
    }
    case State::kTerminating:
      return StepTerminating(context_.resizes.Allotted(*pod));
    case State::kTerminated:
      return StepTerminated(context_.resizes.Allotted(*pod));
    case State::kFinished:
      if (disposing()) return StepDisposing(*pod);
      // Deleted only after it had ended: nothing is left to stop.
      if (pod->metadata.deletion_timestamp) context_.statuses.Finish(pod);
      return kNever;
    case State::kGone:
      break;
  }
  return kNever;
}

bool PodWorker::MustEnd() const {
  MutexLock lock(mutex_);
  return terminate_ || pod_->metadata.deletion_timestamp;
}

void PodWorker::Enter(State state) {
  state_ = state;
  if (state == State::kTerminating) {
    RememberFailure(*pod());
    waiting_.clear();
    // The container stops with the pod: of the hook nothing is begun any more, nor told.
    if (post_start_) post_start_->Abandon();
    context_.probes.Terminating(pod()->metadata.uid);
    context_.images.Forget(pod()->metadata.uid);
  }
}

Duration PodWorker::Age(TimePoint then) const {
  return std::max(Duration::zero(), Between(then, context_.clock.Now()));
}

Duration PodWorker::UntilDeadline(const core_v1::Pod& pod) const {
  const auto& started = status_ ? status_->start_time : pod.status.start_time;
  if (!pod.spec.active_deadline_seconds || !started) return kNever;
  return Seconds(*pod.spec.active_deadline_seconds) - Age(started->point());
}

Result<VolumePaths> PodWorker::PathsOfVolumes(const core_v1::Pod& pod, std::vector<Error>& more) {
  if (MakesVolumes()) return context_.volumes.SetUp(pod, &more);
  // Containers of a simulated node mount nothing, but wait for what they would.
  if (context_.simulation != nullptr && !volumes_made_) TRY(context_.volumes.Find(pod));
  return NoPaths(pod);
}

void PodWorker::TellOfVolume(const core_v1::Pod& pod, const std::string& why) {
  context_.events.Warning(pod, why.starts_with("MapVolume.") ? "FailedMapVolume" : "FailedMount",
                          why);
}

bool PodWorker::MakeVolumes(const core_v1::Pod& pod) {
  std::vector<Error> more;
  auto paths = PathsOfVolumes(pod, more);
  if (paths) {
    volume_paths_ = std::move(*paths);
    volume_failures_ = 0;
    volume_retry_at_ = Duration::zero();
    return volumes_made_ = true;
  }
  // As a kubelet that waits for an attacher: nothing has failed yet.
  if (paths.error().reason == Reason::kTimeout) {
    log_.Info("waits for a volume", {{"pod", PodText(pod)}, {"error", paths.error().message}});
    retry_after_ = std::min(retry_after_, kAttachmentCheck);
    return volumes_made_;
  }
  TellOfVolume(pod, paths.error().message);
  for (const Error& each : more) TellOfVolume(pod, each.message);
  const bool is_full = paths.error().reason == Reason::kRequestEntityTooLarge;
  if (is_full && !volumes_made_ && context_.clock.Monotonic() - seen_at_ >= kAttachmentPatience) {
    RejectForVolumes(pod, paths.error());
    return false;
  }
  // Whoever is woken meanwhile tries as well, which is not to lengthen the wait.
  const Duration now = context_.clock.Monotonic();
  if (now >= volume_retry_at_) volume_retry_at_ = now + VolumeRetry(volume_failures_++);
  retry_after_ = std::min(retry_after_, volume_retry_at_ - now);
  // What was made is still there: old contents are better than a container that stays down.
  return volumes_made_;
}

void PodWorker::RejectForVolumes(const core_v1::Pod& pod, const Error& why) {
  constexpr char kReason[] = "VolumeAttachmentLimitExceeded";
  const std::string text = fmt::format(
      "Node has reached its volume attachment limit, rejecting pod. unmounted "
      "volumes=[{0}], unattached volumes=[{0}], failed to process volumes=[]: {1}",
      why.details ? why.details->name : "", why.message);
  if (context_.metrics != nullptr) context_.metrics->refusals.Add({kReason});
  context_.events.Warning(pod, kReason, text);
  Terminate(WaitingReason{kReason, "Pod was rejected: " + text}, std::nullopt);
}

PodPlan PodWorker::Plan(const core_v1::Pod& pod, const ObservedPod& observed,
                        const std::vector<ContainerResize>& resizes) {
  PlanInput input{pod, observed, context_.probes.States(pod.metadata.uid)};
  for (const auto& resize : resizes) {
    if (resize.restarts) input.resize_restarts.insert(resize.name);
  }
  input.killed_to_restart = KilledToRestart(observed);
  PodPlan plan = PlanPod(input);
  for (const ContainerKill& kill : plan.kills) {
    if (kill.restarts) killed_to_restart_[kill.name] = kill.id;
  }
  return plan;
}

std::set<std::string> PodWorker::KilledToRestart(const ObservedPod& observed) const {
  std::set<std::string> names;
  for (const auto& [name, id] : killed_to_restart_) {
    const ObservedContainer* newest = observed.Newest(name);
    if (newest != nullptr && newest->status.id == id) names.insert(name);
  }
  return names;
}

std::optional<core_v1::Pod> PodWorker::AsRun(const core_v1::Pod& given) {
  std::optional<core_v1::Pod> pod = Allot(given);
  if (context_.simulation != nullptr || IsStaticPod(given)) return pod;  // Those bring it along.
  if (!pod) pod = given;
  pod->metadata.annotations[kConfigSource] = "api";
  pod->metadata.annotations[kConfigSeen] = Time(seen_).Rfc3339();
  return pod;
}

Duration PodWorker::Sync(const core_v1::Pod& given) {
  if (UntilDeadline(given) <= 0ns) {
    context_.events.Normal(given, "DeadlineExceeded",
                           "Pod was active on the node longer than the specified deadline");
    Terminate(WaitingReason{"DeadlineExceeded",
                            "Pod was active on the node longer than the specified deadline"},
              std::nullopt);
    return 0ns;
  }
  if (const Duration wait = UntilRoom(); wait > 0ns) return wait;
  // All that follows sees the pod with what it is allotted, not with what its spec may ask for, and
  // with what the kubelet knows of where it is from.
  const std::optional<core_v1::Pod> made = AsRun(given);
  const core_v1::Pod& pod = made ? *made : given;
  if (context_.simulation != nullptr) {
    if (const Duration wait = context_.simulation->StartsIn(pod); wait > 0ns) return wait;
  }
  StopHooked(pod);
  // Before: of a hook that ends meanwhile it is not known what it has left behind.
  const bool is_in_hook = IsInPostStart();
  const auto observed = Observe(pod);
  if (!observed) {
    log_.Info("runtime does not answer",
              {{"pod", PodText(pod)}, {"error", observed.error().message}});
    return kRetry;
  }
  // It may have been made by a kubelet that ran before this one.
  if (!status_ && !observed->sandboxes.empty()) TakeOverCgroup(pod, *observed);
  if (is_in_hook) return TellBesideHook(pod, *observed);
  TakeFailedPostStart(pod);
  WatchProbes(pod, *observed);
  retry_after_ = kResync;
  if (!MakeVolumes(pod)) {
    WriteStatus(pod, *observed);
    return retry_after_;
  }
  const auto resizes =
      PlanResizes(pod.spec, *observed, context_.resizes.Actuated(pod.metadata.uid));
  PodPlan plan = Plan(pod, *observed, resizes);
  retry_after_ = std::min(retry_after_, KeepHookErrors(pod, plan));
  if (plan.kill_pod) {
    // All containers have come to their natural end; the status says how.
    WriteStatus(pod, *observed);
    Enter(State::kTerminating);
    return 0ns;
  }
  if (!plan.create_sandbox) {
    if (resize_.in_progress) WriteStatus(pod, *observed);
    ActuateResizes(pod, resizes);
  }
  if (plan.Empty()) {
    ForgetWaiting();
    WriteStatus(pod, *observed);
    // What the runtime says of a resize is seen by looking again.
    if (!resizes.empty() && resize_.error.empty()) return 0ns;
    const bool rests = context_.simulation != nullptr && retry_after_ == kResync;
    return rests ? kSimulatedResync : retry_after_;
  }
  const bool needs_network = plan.create_sandbox && !pod.spec.host_network;
  const std::string problem = needs_network ? context_.network_problem() : "";
  // What a simulated runtime is told it has done at once: the status after it says all.
  const bool takes_time = context_.simulation == nullptr || !problem.empty();
  if (observed->sandboxes.empty() && takes_time) WriteStatus(pod, *observed);
  if (!problem.empty()) {
    context_.events.Warning(pod, "NetworkNotReady", "network is not ready: " + problem);
    return kNetworkRetry;
  }
  return ActAndTell(pod, *observed, plan);
}

Duration PodWorker::ActAndTell(const core_v1::Pod& pod, const ObservedPod& observed,
                               const PodPlan& plan) {
  const Duration delay = Act(pod, observed, plan);
  const auto after = Observe(pod);
  if (after && post_start_ != nullptr) return TellBesideHook(pod, *after);
  if (after) {
    WatchProbes(pod, *after);
    if (resize_.in_progress) {
      ActuateResizes(pod,
                     PlanResizes(pod.spec, *after, context_.resizes.Actuated(pod.metadata.uid)));
    }
    WriteStatus(pod, *after);
  }
  return delay;
}

Duration PodWorker::Act(const core_v1::Pod& pod, const ObservedPod& observed,
                        const PodPlan& given) {
  PodPlan plan = given;
  // Woken when they have stopped.
  if (!KillContainers(pod, plan, [](const auto&) { return true; })) return kNever;
  ObservedPod fresh = observed;
  if (plan.create_sandbox && !MakeSandbox(pod, observed, plan, fresh)) return kRetry;
  ForgetWaiting();
  for (const size_t index : plan.start_ephemeral) {
    Start(pod, AsContainer(pod.spec.ephemeral_containers[index]), false, plan.sandbox_id, fresh);
  }
  for (const size_t index : plan.start_init) {
    const auto& container = pod.spec.init_containers[index];
    const bool started = Start(pod, container, true, plan.sandbox_id, fresh);
    if (post_start_ != nullptr) return kNever;  // Woken when its hook has ended.
    if (!IsSidecar(container)) {
      if (!started) return retry_after_;
      continue;
    }
    // No event tells that it runs, and what comes after it has waited for that.
    if (started) retry_after_ = 0ns;
  }
  for (const size_t index : plan.start_regular) {
    Start(pod, pod.spec.containers[index], false, plan.sandbox_id, fresh);
    if (post_start_ != nullptr) return kNever;  // Woken when its hook has ended.
  }
  return retry_after_;
}

Duration PodWorker::TellBesideHook(const core_v1::Pod& pod, const ObservedPod& observed) {
  WatchProbes(pod, observed);
  WriteStatus(pod, observed);
  return kNever;  // Woken when it has ended.
}

bool PodWorker::IsHooked(const std::string& container) const {
  return state_ == State::kSyncing && post_start_ != nullptr &&
         post_start_->container() == container;
}

void PodWorker::WatchProbes(const core_v1::Pod& pod, const ObservedPod& observed) {
  std::vector<std::string> ips;
  if (!observed.sandboxes.empty()) ips = observed.sandboxes.front().ips;
  if (ips.empty()) ips = context_.node_ips();
  const std::string ip = ips.empty() ? "" : ips.front();
  const Ptr<core_v1::Pod> object = status_ ? nullptr : context_.statuses.ObjectOf(this->pod());
  const core_v1::PodStatus& before = status_ ? *status_ : object ? object->status : pod.status;
  const auto watch = [&](const core_v1::Container& container) {
    const ObservedContainer* newest = observed.Newest(container.name);
    if (newest == nullptr || !newest->IsRunning() || IsHooked(container.name)) return;
    ProbeTarget target{newest->status.id, ip, newest->status.started_at};
    const auto* shown = FindStatus(before, context_.runtime_name + "://" + target.container_id);
    if (shown != nullptr) {
      target.has_started = shown->started.value_or(false);
      target.was_ready = shown->ready;
    }
    context_.probes.Observe(pod, container, target);
  };
  for (const auto& container : pod.spec.containers) watch(container);
  for (const auto& container : pod.spec.init_containers) {
    if (IsSidecar(container)) watch(container);
  }
}

ObservedPod PodWorker::WithoutHooked(ObservedPod observed) const {
  for (auto& [name, attempts] : observed.containers) {
    if (IsHooked(name) && !attempts.empty()) attempts.erase(attempts.begin());
  }
  std::erase_if(observed.containers, [](const auto& entry) { return entry.second.empty(); });
  return observed;
}

void PodWorker::WriteStatus(const core_v1::Pod& pod, const ObservedPod& observed) {
  std::optional<ObservedPod> told;
  if (post_start_ != nullptr) told = WithoutHooked(observed);
  StatusInput input{pod, told ? *told : observed};
  input.probes = context_.probes.States(pod.metadata.uid);
  input.ready = context_.probes.Ready(pod.metadata.uid);
  input.waiting = waiting_;
  input.node_ips = context_.node_ips();
  input.runtime_name = context_.runtime_name;
  input.recursive_read_only = context_.policy.recursive_read_only;
  input.runtime_forgets = context_.simulation != nullptr;
  input.now = context_.clock.Now();
  input.terminating = state_ != State::kSyncing;
  input.terminated = state_ == State::kTerminated || state_ == State::kFinished;
  {
    MutexLock lock(mutex_);
    input.failure = failure_;
  }
  input.actuated = context_.resizes.Actuated(pod.metadata.uid);
  input.killed_to_restart = KilledToRestart(observed);
  if (state_ == State::kSyncing) input.resize = resize_;
  // What others ended stays ended.
  if (status_ && !HasEnded(pod.status.phase)) input.last = &*status_;
  core_v1::PodStatus status = ComputePodStatus(input);
  // Whoever hears of the end gives its claims to others, whose driver may still have them prepared,
  // and its place to a pod whose devices are not free yet.
  const bool has_devices = context_.devices != nullptr && HasDevices(pod.spec);
  const bool may_run = state_ < State::kTerminated && (observed.AnyRunning() || has_devices);
  const bool is_terminal = HasEnded(status.phase);
  const core_v1::PodStatus& before = input.Before();
  if (is_terminal && may_run && !before.phase.empty()) {
    // Nobody may take a pod for ended while something of it still runs or is in use.
    HoldBackEnd(before, status);
  }
  if (context_.metrics != nullptr && status.phase == "Running" && before.phase == "Pending") {
    context_.metrics->pod_start_seconds.Observe({},
                                                InSeconds(context_.clock.Monotonic() - seen_at_));
  }
  status_ = std::make_shared<const core_v1::PodStatus>(std::move(status));
  context_.statuses.Set(this->pod(), status_);
}

}  // namespace skiff::kubelet
