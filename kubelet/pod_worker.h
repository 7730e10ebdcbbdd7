// The life of one pod on this node; pod_worker_{start,hooks,stop,memory}.cc have parts of it.
//
//   kSyncing ---- deleted, evicted, or all done ----> kTerminating ---> kTerminated ---> kFinished
//   plan, act, write the status, again when           containers stop    volumes go,         |
//   something changes                                 within the grace   last status      Dispose
//                                                                                            v
//                              what the runtime still has of it goes, and the worker may:   kGone
//
// It never goes back. Each step reads what the runtime has, decides by pod_plan, acts, and writes
// what has become of it; whatever failed is tried again later. The worker keeps nothing that a
// restarted kubelet could not read again from the runtime, the API and the pod's directory, but
// back-offs and which containers it was about to start anew.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/control_loop.h"
#include "base/id.h"
#include "base/log.h"
#include "client/recorder.h"
#include "kubelet/container_config.h"
#include "kubelet/image_puller.h"
#include "kubelet/lifecycle_hooks.h"
#include "kubelet/linux_resources.h"
#include "kubelet/pod_cgroups.h"
#include "kubelet/pod_devices.h"
#include "kubelet/probes/probe_manager.h"
#include "kubelet/resizes.h"
#include "kubelet/restart_backoff.h"
#include "kubelet/simulation/pod_simulation.h"
#include "kubelet/status_manager.h"
#include "kubelet/thread_room.h"
#include "kubelet/user_namespaces.h"
#include "kubelet/volumes/volume_manager.h"

namespace skiff::kubelet {

// Stops that may take long: a pod may have a thousand containers, and years of grace.
inline constexpr ThreadRoom::Limits kLongStopsMax{.of_pod = 50, .of_all = 300};

// What workers share; outlives them.
struct PodWorkerContext {
  ContainerRuntime& runtime;
  const Clock& clock;
  Random& random;
  Executor& blocking;  // For stops: nothing that must not wait runs on it.
  EventRecorder& events;
  VolumeManager& volumes;
  ImagePuller& images;
  Probes& probes;
  StatusManager& statuses;
  LifecycleHooks& hooks;
  Resizes& resizes;
  PodCgroups& cgroups;
  // Looks up configuration for a pod's environment.
  std::function<EnvironmentSources(const core_v1::Pod&)> environment;
  // Why pods cannot have a network yet; "": they can.
  std::function<std::string()> network_problem;
  // Whether requests come to the pod by a Service; empty: to none.
  std::function<bool(const core_v1::Pod&)> is_led_to;
  // A worker has become kGone. Called on its own step: the worker is removed elsewhere.
  std::function<void()> gone;
  DnsSettings dns;
  // Those of the node now.
  std::function<std::vector<std::string>()> node_ips;
  int64_t node_memory_bytes = 0;
  std::map<std::string, int64_t> node_huge_pages = {};
  cri::StringMap container_cgroup_files;
  std::string runtime_name;  // "containerd"
  std::string log_root;      // "/var/log/pods"
  std::string cgroup_root;   // "/kubepods"; "": the runtime chooses
  CgroupDriver cgroup_driver = CgroupDriver::kCgroupfs;
  bool writes_files = true;  // False on simulated nodes: no directories on this machine.
  bool makes_volumes = false;  // Although it writes no other files.
  ContainerPolicy policy = {};
  // The runtime's handler that a pod's RuntimeClass names; "": its default one.
  std::function<Result<std::string>(const core_v1::Pod&)> runtime_handler;
  PodSimulation* simulation = nullptr;  // Of simulated nodes.
  PodDevices* devices = nullptr;        // nullptr: the node has none to give.
  UserNamespaces* user_namespaces = nullptr;  // nullptr: pods have the machine's users.
  KubeletMetrics* metrics = nullptr;
  // Whether nothing runs any more of the pod with this uid.
  std::function<bool(const std::string& uid)> has_ended = {};
  ThreadRoom* long_stops = nullptr;  // nullptr: as many as there are.
};

class PostStartTask;
class StopTask;

class PodWorker final : public ControlLoop {
 public:
  enum class State : uint8_t { kSyncing, kTerminating, kTerminated, kFinished, kGone };
  static constexpr Duration kResync = 60s;
  // Where all is as it should be on a simulated node: its runtime tells all that happens in it.
  static constexpr Duration kSimulatedResync = 10min;
  static constexpr Duration kRetry = 10s;
  static constexpr Duration kAttachmentCheck = 500ms;
  // Then a pod whose volumes the node has no room for is given up.
  static constexpr Duration kAttachmentPatience = 2min + 3s;
  static constexpr Duration kNetworkRetry = 1s;
  static constexpr Duration kRoomCheck = 500ms;
  // A status that says so is seen before the container is started again.
  static constexpr Duration kHookErrorShown = 1s;

  PodWorker(PodWorkerContext& context, Ptr<core_v1::Pod> pod);
  ~PodWorker() override;

  // Nothing of the pod is made before these pods, which make room for it, have ended, but it waits
  // no longer than that. Before its first step.
  void BeginAfter(std::vector<std::string> uids, Duration patience);
  // The newest version of the pod. Any thread.
  void Update(Ptr<core_v1::Pod> pod);
  // It shall go although nobody deleted it: evicted, rejected, or its object is gone. `failure` is
  // what its status then says; without one the status stays.
  void Terminate(std::optional<WaitingReason> failure, std::optional<int64_t> grace_s);
  // Nobody wants it any more, its logs and exit codes neither: it terminates if it has not yet, and
  // nothing of it is left in the runtime. An object that goes while its grace period still runs was
  // deleted by force, which is a grace period of nothing. Any thread.
  void Dispose();
  bool disposing() const;
  // A newer version that differs in its status alone, which needs no work.
  void Refresh(Ptr<core_v1::Pod> pod);
  // Whether a container or sandbox of the event may be one of this pod's.
  bool Concerns(const cri::Event& event) const;
  State state() const { return state_; }
  Ptr<core_v1::Pod> pod() const;
  Duration Step() override;

 private:
  friend class PostStartTask;
  friend class StopTask;
  Duration StepOnce();
  // `begun`: when the step did, monotonic.
  void Measure(State before, Duration begun);
  Duration Sync(const core_v1::Pod& given);
  // Until it is looked again whether there is room for the pod; 0: there is.
  Duration UntilRoom();
  // The pod with what it is allotted, and with what the kubelet says of it in its annotations;
  // nullopt: that is the pod as it was given.
  std::optional<core_v1::Pod> AsRun(const core_v1::Pod& given);
  void RejectForVolumes(const core_v1::Pod& pod, const Error& why);
  // Whether all volumes are there, made now or before.
  bool MakeVolumes(const core_v1::Pod& pod);
  Result<VolumePaths> PathsOfVolumes(const core_v1::Pod& pod, std::vector<Error>& more);
  void TellOfVolume(const core_v1::Pod& pod, const std::string& why);
  bool MakesVolumes() const { return context_.writes_files || context_.makes_volumes; }
  // Of the container's mounts that show a part of a volume, by where it is mounted.
  Result<std::map<std::string, std::string>> MakeSubPaths(const core_v1::Pod& pod,
                                                          const core_v1::Container& container,
                                                          const Environment& environment);
  // What the environments of the pod's containers are made from.
  EnvironmentSources Sources(const core_v1::Pod& pod) const;
  Result<EnvFile> EnvFileOf(const core_v1::Pod& pod, const std::string& volume,
                            const std::string& path, size_t bytes_max) const;
  PodPlan Plan(const core_v1::Pod& pod, const ObservedPod& observed,
               const std::vector<ContainerResize>& resizes);
  // Names of containers whose newest was killed in order to be started anew, and has not been yet.
  std::set<std::string> KilledToRestart(const ObservedPod& observed) const;
  // Does what is planned, and says what came of it.
  Duration ActAndTell(const core_v1::Pod& pod, const ObservedPod& observed, const PodPlan& plan);
  Duration Act(const core_v1::Pod& pod, const ObservedPod& observed, const PodPlan& plan);
  // True when there is nothing to kill. `turn`: those that may be told to stop now; the others only
  // run their hooks.
  bool KillContainers(const core_v1::Pod& pod, const PodPlan& plan,
                      const std::function<bool(const std::string& name)>& turn);
  bool MakeSandbox(const core_v1::Pod& pod, const ObservedPod& observed, PodPlan& plan,
                   ObservedPod& fresh);
  // Whether the container runs now; else says in waiting_ why not.
  bool Start(const core_v1::Pod& pod, const core_v1::Container& container, bool is_init,
             const std::string& sandbox_id, const ObservedPod& observed);
  using VolumesPulled = tl::expected<void, WaitingReason>;
  // Of the image volumes that the container mounts; unset while one is pulled.
  std::optional<VolumesPulled> PullVolumes(const core_v1::Pod& pod,
                                           const core_v1::Container& container,
                                           const cri::SandboxConfig& sandbox);
  // What those showed when it was made last is not what they show the next time.
  std::map<std::string, cri::ImageSpec> GiveVolumeImages(const core_v1::Container& container);
  // After the container was tried to be made from them.
  void CountVolumeImages(const core_v1::Container& container);
  // Of the container whose processes an ephemeral one shall see; "": none.
  Result<std::string> TargetOf(const core_v1::Pod& pod, const std::string& container,
                               const ObservedPod& observed) const;
  // What a container is made in.
  struct OwnSandbox {
    const std::string& id;
    const cri::SandboxConfig& config;
  };
  Result<> CreateAndStart(const core_v1::Pod& pod, const core_v1::Container& container,
                          const OwnSandbox& sandbox, uint32_t attempt, const PulledImage& image,
                          const ObservedPod& observed);
  // A container's hook runs still, or has failed and its container stops: nothing else is begun for
  // the pod. What becomes of its other containers is told; that this one runs is not, nor is it
  // probed.
  bool IsInPostStart() const;
  // The container whose hook has failed, with its preStop hook.
  void StopHooked(const core_v1::Pod& pod);
  bool IsHooked(const std::string& container) const;
  // As it was before the attempt whose hook runs.
  ObservedPod WithoutHooked(ObservedPod observed) const;
  // Of the hook that ran last, if it has failed: waiting_ says how, and is kept for a while.
  void TakeFailedPostStart(const core_v1::Pod& pod);
  // Takes from the plan, for how long, what would hide that; the others start meanwhile. kNever:
  // nothing.
  Duration KeepHookErrors(const core_v1::Pod& pod, PodPlan& plan);
  void ForgetWaiting();
  // When an attempt that has ended did; monotonic.
  Duration EndOf(const ObservedContainer& container);
  bool BacksOff(const core_v1::Pod& pod, const core_v1::Container& container,
                const ObservedContainer* last);
  core_v1::Pod WithAddresses(const core_v1::Pod& pod, const ObservedPod& observed) const;
  Result<ContainerInput> Prepare(const core_v1::Pod& pod, const core_v1::Container& container,
                                 uint32_t attempt, const ObservedPod& observed,
                                 Environment& environment);
  Result<ObservedPod> Observe(const core_v1::Pod& pod);
  // Events of what was just made concern it even before it is observed.
  void Own(const std::string& id);
  // pod_resize.cc: the pod as it is allotted, where that is not what it asks for, and what follows
  // when it changed.
  std::optional<core_v1::Pod> Allot(const core_v1::Pod& pod);
  void TakeOverCgroup(const core_v1::Pod& pod, const ObservedPod& observed);
  void ActuateResizes(const core_v1::Pod& pod, const std::vector<ContainerResize>& resizes);
  Result<> ResizeContainer(const core_v1::Pod& pod, const ContainerResize& resize);
  Result<> CheckUsage(const core_v1::Container& container, const std::string& id) const;
  void WatchProbes(const core_v1::Pod& pod, const ObservedPod& observed);
  void WriteStatus(const core_v1::Pod& pod, const ObservedPod& observed);
  Duration TellBesideHook(const core_v1::Pod& pod, const ObservedPod& observed);
  Result<> PrepareClaims(const core_v1::Pod& pod);
  Duration StepTerminating(const core_v1::Pod& pod);
  Duration StepTerminated(const core_v1::Pod& pod);
  Duration StepDisposing(const core_v1::Pod& pod);
  bool StopContainers(const core_v1::Pod& pod, const ObservedPod& observed);
  // False: one could not be stopped, which is told.
  bool StopSandboxes(const core_v1::Pod& pod, const ObservedPod& observed);
  int64_t GraceSeconds(const core_v1::Pod& pod) const;
  // Monotonic: when the grace period of the pod as a whole ends. It never gets later.
  Duration StopDeadline(const core_v1::Pod& pod);
  std::string DeadlineFile(const core_v1::Pod& pod) const;
  void RememberDeadline(const core_v1::Pod& pod, Duration left) const;
  std::optional<Duration> RememberedDeadline(const core_v1::Pod& pod) const;
  std::string FailureFile(const core_v1::Pod& pod) const;
  void RememberFailure(const core_v1::Pod& pod) const;
  // The pod ends as a kubelet before this one had begun to end it.
  void RecallFailure(const core_v1::Pod& pod);
  // Somebody has asked for its end by now.
  bool MustEnd() const;
  void Enter(State state);
  Duration Age(TimePoint then) const;
  // How long its spec lets it run on; kNever: for ever.
  Duration UntilDeadline(const core_v1::Pod& pod) const;
  cri::SandboxConfig SandboxConfigOf(const core_v1::Pod& pod, uint32_t attempt) const;
  // Unset: the machine's.
  Result<std::optional<cri::NamespaceOptions::User>> UsersOf(const core_v1::Pod& pod) const;
  // Whether the pod can have users of its own, if it wants them.
  Result<> CheckUsers(const core_v1::Pod& pod, const std::string& handler) const;
  std::string LogDirectory(const core_v1::Pod& pod) const;

  struct End {
    std::string container_id;
    Duration at{};
  };
  struct VolumeImage {
    cri::ImageSpec spec;
    std::set<std::string> given;  // To the containers of these names.
  };

  PodWorkerContext& context_;
  const Log log_{"pod"};
  std::atomic<State> state_ = State::kSyncing;
  // Only the loop's own step touches what follows, up to the mutex.
  std::vector<std::string> awaited_;              // Uids of pods that make room for it.
  Duration awaited_until_{};                      // Monotonic.
  std::map<std::string, WaitingReason> waiting_;  // By container name.
  VolumePaths volume_paths_;
  std::map<std::string, VolumeImage> volume_images_;  // By name of volume.
  RestartBackoff backoff_;
  std::map<std::string, End> ends_;  // Of the newest attempts that have, by name of container.
  std::map<std::string, std::string> killed_to_restart_;  // Ids by name of container.
  ResizeState resize_;
  std::unique_ptr<PostStartTask> post_start_;  // nullptr: no hook runs.
  // Of containers whose hook has failed: what it failed with is shown until then, whoever wakes us.
  std::map<std::string, Duration> hook_error_until_;        // Monotonic.
  std::map<std::string, std::unique_ptr<StopTask>> stops_;  // By container id.
  std::optional<Duration> stop_deadline_;                   // Of the pod; unset: not asked for yet.
  int64_t stop_grace_s_ = 0;                                // That it was made from.
  bool volumes_made_ = false;  // volume_paths_ has all that containers mount.
  int volume_failures_ = 0;    // One after the other, each after the wait for the one before.
  Duration volume_retry_at_{};  // Monotonic: when that wait is over.
  Duration retry_after_ = kResync;
  Ptr<core_v1::PodStatus> status_;  // As last computed; null before.
  const Duration seen_at_;  // Monotonic.
  const TimePoint seen_;    // By the clock that pods are told of.
  bool has_stepped_ = false;
  bool has_recalled_ = false;

  mutable Mutex mutex_;
  Ptr<core_v1::Pod> pod_ GUARDED_BY(mutex_);
  std::set<std::string> ids_ GUARDED_BY(mutex_);  // What the runtime was last seen to have of it.
  bool updated_ GUARDED_BY(mutex_) = false;  // Since the last step began.
  bool terminate_ GUARDED_BY(mutex_) = false;
  bool dispose_ GUARDED_BY(mutex_) = false;
  std::optional<WaitingReason> failure_ GUARDED_BY(mutex_);
  std::optional<int64_t> grace_s_ GUARDED_BY(mutex_);
};

}  // namespace skiff::kubelet
