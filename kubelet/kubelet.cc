#include "kubelet/kubelet.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "kubelet/api_lookups.h"
#include "kubelet/containerd_host.h"
#include "kubelet/pod_lookup.h"
#include "kubelet/systemd/slices.h"

namespace skiff::kubelet {
namespace {

EvictionSettings EvictionSettingsOf(const KubeletOptions& options) {
  auto thresholds = ParseThresholds(options.eviction);
  CHECK(thresholds.has_value());
  return {std::move(*thresholds), options.eviction_transition_period,
          options.eviction_max_pod_grace_s};
}

Resizes::Settings ResizeSettings(const KubeletOptions& options) {
  return {options.writes_files ? options.root : std::string(),
          Resources::From(options.facts.Allocatable())};
}

std::unique_ptr<UserNamespaces> UserNamespacesOf(const KubeletOptions& options) {
  if (!options.writes_files || options.user_ids.length == 0) return nullptr;
  return std::make_unique<UserNamespaces>(
      UserNamespaces::Settings{options.root + "/pods", options.user_ids, options.ids_per_pod});
}

PodCgroups::Settings CgroupSettings(const KubeletOptions& options, const Clock& clock) {
  PodCgroups::Settings settings;
  settings.root = options.cgroup_root;
  const NodeFacts& facts = options.facts;
  settings.node.cpu_shares = CpuShares(facts.milli_cpu - facts.reserved_milli_cpu);
  settings.pod_pids = options.pod_pids;
  if (options.enforces_allocatable) {
    settings.node.memory_limit_bytes = facts.memory_bytes - facts.system_memory_bytes;
    if (options.reserved_pids > 0) settings.node_pids = ProcessesMax() - options.reserved_pids;
  }
  settings.huge_pages = facts.huge_pages;
  settings.limits_cpu = options.containers.limits_cpu;
  if (!options.writes_files || options.cgroup_root.empty()) return settings;
  if (options.cgroup_driver == CgroupDriver::kSystemd) {
    settings.left_in = CgroupMounts();
    settings.stop_slice = [slices = std::shared_ptr<Slices>(MakeSlices(clock))](
                              const std::string& name) { return slices->Stop(name); };
    return settings;
  }
  // A kernel may have been told to do without that of memory: v1 it is for all that.
  if (!CgroupMount("memory") && !CgroupMount("cpu")) {
    settings.mount = CgroupMount("").value_or("");
  } else {
    settings.left_in = CgroupMounts();
    // Without limits, too, where there are some of an earlier configuration.
    const auto pids = CgroupMount("pids");
    const bool limits = settings.pod_pids > 0 || settings.node_pids > 0;
    if (pids && (limits || std::filesystem::exists(*pids + settings.root))) {
      settings.pids_mount = *pids;
    }
  }
  return settings;
}

LogRotationSettings RotationOf(const KubeletOptions& options) {
  LogRotationSettings settings = options.logs;
  settings.log_root = options.log_root;
  return settings;
}

}  // namespace

Kubelet::Kubelet(KubeletOptions options, KubeletDependencies dependencies)
    : options_(std::move(options)),
      dependencies_(dependencies),
      objects_(dependencies_.client, dependencies_.clock, dependencies_.config_maps),
      addresses_(options_.node_ips, options_.later_node_ips),
      csi_volumes_(MakeCsiVolumes()),
      volumes_(options_.root,
               ApiVolumeSources(objects_, options_.facts.Allocatable(), csi_volumes_.get(),
                                &dependencies_.events),
               dependencies_.clock, dependencies_.mounts, dependencies_.metrics),
      resizes_(ResizeSettings(options_), [this](const std::string& uid) { WakeWorker(uid); }),
      cgroups_(CgroupSettings(options_, dependencies_.clock), &dependencies_.clock,
               dependencies_.metrics),
      user_namespaces_(UserNamespacesOf(options_)),
      tasks_(std::make_unique<TaskPool>(blocking())),
      pulled_images_({options_.writes_files ? options_.root + "/image_manager" : std::string(),
                      options_.pull_verification, options_.preloaded_allowlist}),
      credential_providers_(options_.credential_providers.providers,
                            options_.credential_provider_directory, ForCredentialProviders()),
      images_(ForImages()),
      probes_(MakeProbes()),
      mirrors_(options_.node_name, dependencies_.client),
      statuses_(dependencies_.client, dependencies_.clock,
                [this](const Ptr<core_v1::Pod>& pod) { return ObjectOf(pod); }),
      hooks_(dependencies_.runtime, dependencies_.loops, dependencies_.events,
             [this](Duration length) { Pause(length); }, dependencies_.metrics),
      health_(dependencies_.runtime, dependencies_.clock, [this] { node_status_.Changed(); }),
      stats_(dependencies_.runtime,
             {options_.root, options_.log_root, options_.cgroup_root, options_.cgroup_driver,
              options_.facts.memory_bytes - options_.facts.system_memory_bytes},
             blocking().IsParallel() ? tasks_.get() : nullptr),
      housekeeping_(dependencies_.runtime, {volumes_, cgroups_, resizes_, user_namespaces_.get()},
                    options_.writes_files ? options_.log_root : std::string(), dependencies_.clock,
                    [this] { return KnownPods(); }),
      image_collector_(options_.images,
                       {dependencies_.runtime, dependencies_.clock,
                        [this](const auto& reason, const auto& text) { WarnOfNode(reason, text); },
                        [this] { return stats_.ImageFs(); },
                        [this](const auto& ids, TimePoint at) { pulled_images_.Keep(ids, at); }}),
      eviction_(EvictionSettingsOf(options_), dependencies_.clock, EvictionHooks()),
      log_rotation_(RotationOf(options_), dependencies_.runtime, dependencies_.clock),
      followers_(dependencies_.runtime),
      node_status_(
          options_.node_name, options_.facts, options_.node_status,
          {heartbeats(), dependencies_.clock, dependencies_.runtime, health_, dependencies_.events,
           [this] { return eviction_.pressures(); }, [this] { return FindOwnNode(); },
           [this] {
             lease_.NodeRegistered();
             csi_node_.NodeRegistered();
           },
           [this] { return csi_volumes_ ? csi_volumes_->InUse() : std::vector<std::string>(); },
           [this](const auto& names) {
             if (csi_volumes_) csi_volumes_->Reported(names);
           },
           [this] { return DeviceAmounts(); },
           [this] { return devices_ && !devices_->plugins().was_loaded(); },
           [this] { return addresses_.Now(); },
           [this] { return shutdown_ != nullptr && shutdown_->is_under_way(); }}),
      lease_(options_.node_name, options_.lease_seconds, heartbeats(), dependencies_.clock,
             [this] { return FindOwnNode(); }),
      csi_node_(
          options_.node_name, dependencies_.client, dependencies_.clock,
          [this] { return FindOwnNode(); }, &csi_drivers_),
      allocatable_updates_(options_.node_name, dependencies_.client, dependencies_.clock,
                           csi_drivers_),
      csi_registration_(MakeCsiRegistration()),
      devices_(MakeDevices()),
      plugins_(MakePlugins()),
      pod_resources_(MakePodResources()),
      shutdown_(MakeShutdown()),
      context_{.runtime = dependencies_.runtime,
               .clock = dependencies_.clock,
               .random = dependencies_.random,
               .blocking = blocking(),
               .events = dependencies_.events,
               .volumes = volumes_,
               .images = images_,
               .probes = *probes_,
               .statuses = statuses_,
               .hooks = hooks_,
               .resizes = resizes_,
               .cgroups = cgroups_,
               .environment =
                   [this](const core_v1::Pod& pod) {
                     return ApiEnvironmentSources(objects_, dependencies_.services,
                                                  options_.facts.Allocatable(), pod);
                   },
               .network_problem = [this] { return health_.NetworkProblem(); },
               .is_led_to =
                   [this](const core_v1::Pod& pod) {
                     // Containers of simulated nodes have no addresses.
                     return dependencies_.loops != nullptr && IsLedTo(dependencies_.services, pod);
                   },
               .gone = [this] { Wake(); },
               .dns = options_.dns,
               .node_ips = [this] { return addresses_.Now(); },
               .node_memory_bytes = options_.facts.memory_bytes,
               .node_huge_pages = options_.facts.huge_pages,
               .container_cgroup_files = options_.container_cgroup_files,
               .runtime_name = "containerd",
               .log_root = options_.log_root,
               .cgroup_root = options_.cgroup_root,
               .cgroup_driver = options_.cgroup_driver,
               .writes_files = options_.writes_files,
               .makes_volumes = options_.makes_volumes,
               .policy = options_.containers,
               .runtime_handler = [this](const core_v1::Pod& pod) { return RuntimeHandler(pod); },
               .simulation = dependencies_.simulation,
               .devices = devices_.get(),
               .user_namespaces = user_namespaces_.get(),
               .metrics = dependencies_.metrics,
               .has_ended = [this](const std::string& uid) { return IsPodGone(uid); },
               .long_stops = &long_stops_} {
  if (!options_.manifest_path.empty()) {
    manifests_ = std::make_unique<ManifestSource>(
        ManifestSource::Options{options_.manifest_path, options_.node_name,
                                options_.manifest_check_every},
        dependencies_.clock, dependencies_.loops,
        ManifestSource::Outputs{
            [this](std::vector<Ptr<core_v1::Pod>> pods) { SetStaticPods(std::move(pods)); },
            [this](const std::string&, const std::string& text) {
              log_.Error("static pod ignored", {{"error", text}});
              WarnOfNode("FailedValidation", text);
            }});
  }
  if (!options_.standalone) ListenToInformers();
}

void Kubelet::ListenToInformers() {
  {
    MutexLock lock(inlet_->mutex);
    inlet_->kubelet = this;
  }
  const auto take = [inlet = inlet_](const Ptr<core_v1::Pod>& before,
                                     const Ptr<core_v1::Pod>& now) {
    MutexLock lock(inlet->mutex);
    if (inlet->kubelet != nullptr) inlet->kubelet->PodChanged(before, now);
  };
  if (dependencies_.pods_by_node != nullptr) {
    dependencies_.pods_by_node->Follow(options_.node_name, take);
  } else {
    dependencies_.pods.OnChange(take);
  }
  dependencies_.pods.cache().OnSynced([inlet = inlet_] {
    MutexLock lock(inlet->mutex);
    if (inlet->kubelet != nullptr) inlet->kubelet->PodsListed();
  });
  if (!dependencies_.nodes) return;
  dependencies_.nodes->cache().OnSynced([inlet = inlet_] {
    MutexLock lock(inlet->mutex);
    if (inlet->kubelet != nullptr) inlet->kubelet->node_status_.Changed();
  });
}

void Kubelet::PodsListed() {
  mirrors_.Synced();
  Wake();
}

Kubelet::~Kubelet() {
  Stop();
}

void Kubelet::Start() {
  if (const auto version = dependencies_.runtime.Version()) {
    context_.runtime_name = version->runtime_name;
    context_.policy.image_volumes_fault = cri::ImageVolumesFault(*version);
  }
  if (const auto status = dependencies_.runtime.Status()) {
    context_.policy.recursive_read_only = std::any_of(
        status->handlers.begin(), status->handlers.end(),
        [](const auto& each) { return each.name.empty() && each.recursive_read_only_mounts; });
  }
  if (!manifests_) {
    MutexLock lock(mutex_);
    manifests_read_ = true;
    mirrors_.Set({}, {});
  }
  dependencies_.events.Normal(Self(), "Starting", "Starting kubelet.");
  TellOfCgroups();
  if (const auto problem = ResolvConfProblem(options_.dns); !problem.empty()) {
    dependencies_.events.Warning(Self(), "CheckLimitsForResolvConf", problem);
  }
  Executor& executor = dependencies_.executor;
  if (!options_.standalone) {
    statuses_.Start(vital());
    vital().Add(node_status_);
    vital().Add(lease_);
    vital().Add(mirrors_);
    vital().Add(csi_node_);
  }
  vital().Add(health_);
  if (options_.writes_files) {
    vital().Add(eviction_);
    executor.Add(image_collector_);
    executor.Add(log_rotation_);
  }
  executor.Add(followers_);
  if (shutdown_) vital().Add(*shutdown_);
  if (manifests_) executor.Add(*manifests_);
  if (plugins_) {
    executor.Add(*plugins_);
    executor.Add(devices_->dra_drivers());
    executor.Add(devices_->claims());
    executor.Add(devices_->plugins());
    executor.Add(*pod_resources_);
  }
  if (csi_volumes_) executor.Add(allocatable_updates_);
  if (csi_volumes_) executor.Add(unstager_);
  executor.Add(housekeeping_);
  executor.Add(*this);
  // An informer that others use too may have told of its pods before.
  if (!options_.standalone && dependencies_.pods.synced()) {
    for (const auto& pod : dependencies_.pods.List()) PodChanged(nullptr, pod);
    PodsListed();
  }
  subscription_ =
      dependencies_.runtime.Subscribe([this](const cri::Event& event) { RuntimeEvent(event); });
}

// Which pod an event concerns is not in it: each worker that it may concern looks for itself.
void Kubelet::RuntimeEvent(const cri::Event& event) {
  if (event.what != cri::Event::What::kExited && event.what != cri::Event::What::kResync &&
      event.what != cri::Event::What::kDeleted) {
    return;
  }
  followers_.Take(event);
  MutexLock lock(mutex_);
  for (auto& [uid, worker] : workers_) {
    if (worker->state() < PodWorker::State::kFinished && worker->Concerns(event)) worker->Wake();
  }
}

std::unique_ptr<Probes> Kubelet::MakeProbes() {
  if (dependencies_.simulation != nullptr) {
    return dependencies_.simulation->MakeProbes(
        [this](const std::string& uid) { WakeWorker(uid); });
  }
  if (dependencies_.loops == nullptr) return std::make_unique<PassingProbes>();
  return std::make_unique<ProbeManager>(
      ProbeManager::Dependencies{
          dependencies_.runtime, dependencies_.executor, dependencies_.clock, dependencies_.events,
          *dependencies_.loops, *tasks_, dependencies_.http_prober,
          dependencies_.metrics != nullptr ? &dependencies_.metrics->probes : nullptr},
      [this](const std::string& uid) { WakeWorker(uid); });
}

void Kubelet::Pause(Duration length) {
  MutexLock lock(mutex_);
  stopping_changed_.wait_for(lock, length, [this]() REQUIRES(mutex_) { return stopping_; });
}

void Kubelet::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  stopping_changed_.notify_all();
  stats_.End();
  {
    MutexLock lock(inlet_->mutex);
    inlet_->kubelet = nullptr;
  }
  subscription_.reset();
  Executor& executor = dependencies_.executor;
  if (shutdown_) vital().Remove(*shutdown_);
  if (manifests_) executor.Remove(*manifests_);
  if (plugins_) {
    executor.Remove(*pod_resources_);
    pod_resources_->Close();
    executor.Remove(*plugins_);
    executor.Remove(devices_->dra_drivers());
    executor.Remove(devices_->claims());
    executor.Remove(devices_->plugins());
  }
  if (csi_volumes_) executor.Remove(allocatable_updates_);
  if (csi_volumes_) executor.Remove(unstager_);
  executor.Remove(*this);
  vital().Remove(mirrors_);
  vital().Remove(csi_node_);
  executor.Remove(followers_);
  executor.Remove(log_rotation_);
  vital().Remove(eviction_);
  executor.Remove(image_collector_);
  executor.Remove(housekeeping_);
  vital().Remove(health_);
  vital().Remove(lease_);
  vital().Remove(node_status_);
  std::map<std::string, std::unique_ptr<PodWorker>> workers;
  {
    MutexLock lock(mutex_);
    workers.swap(workers_);
  }
  for (auto& [uid, worker] : workers) executor.Remove(*worker);
  workers.clear();
  probes_.reset();
  images_.End();
  tasks_.reset();
  statuses_.Stop();
}

Duration Kubelet::Step() {
  // Asked before the inbox is emptied: whoever is synced has put all pods into it, and a pod that
  // is not known yet must not be taken for one that is gone.
  const bool synced = options_.standalone || dependencies_.pods.synced();
  std::vector<Change> changes;
  {
    MutexLock lock(mutex_);
    changes.swap(inbox_);
  }
  TakeIn(std::move(changes));
  DropGoneWorkers();
  if (manifests_) SyncStaticPods();
  bool first = false;
  {
    MutexLock lock(mutex_);
    first = synced && manifests_read_ && !std::exchange(pods_listed_, true);
  }
  if (first) housekeeping_.Wake();
  return RenewAddresses();
}

Duration Kubelet::RenewAddresses() {
  if (!options_.later_node_ips.find) return kNever;
  const Duration now = dependencies_.clock.Monotonic();
  if (now < addresses_due_) return addresses_due_ - now;
  constexpr Duration kPeriod = 10s;
  addresses_due_ = now + kPeriod;
  if (!addresses_.Renew()) return kPeriod;
  node_status_.Changed();
  MutexLock lock(mutex_);
  for (auto& [uid, worker] : workers_) worker->Wake();
  return kPeriod;
}

void Kubelet::WakeWorker(const std::string& pod_uid) {
  MutexLock lock(mutex_);
  const auto found = workers_.find(pod_uid);
  if (found != workers_.end()) found->second->Wake();
}

std::optional<std::set<std::string>> Kubelet::KnownPods() const {
  MutexLock lock(mutex_);
  if (!pods_listed_) return std::nullopt;
  std::set<std::string> uids;
  for (const auto& [uid, worker] : workers_) uids.insert(uid);
  return uids;
}

Ptr<core_v1::Pod> Kubelet::ObjectOf(const Ptr<core_v1::Pod>& pod) const {
  if (!IsStaticPod(*pod)) return pod;
  const auto mirror = mirrors_.Find(KeyOf(*pod));
  return mirror && Mirrors(*mirror, *pod) ? mirror : nullptr;
}

Ptr<core_v1::Pod> Kubelet::FindPod(const std::string& namespace_, const std::string& name) const {
  {
    MutexLock lock(mutex_);
    const auto found = static_pods_.find({namespace_, name});
    if (found != static_pods_.end()) return found->second;
  }
  auto pod = dependencies_.pods.Get({namespace_, name});
  return pod && IsMine(*pod) && !IsMirrorPod(*pod) ? pod : nullptr;
}

std::vector<Ptr<core_v1::Pod>> Kubelet::Pods() const {
  std::vector<Ptr<core_v1::Pod>> pods = dependencies_.pods.List();
  std::erase_if(pods, [&](const auto& pod) { return !IsMine(*pod) || IsMirrorPod(*pod); });
  MutexLock lock(mutex_);
  for (const auto& [key, pod] : static_pods_) {
    auto shown = std::make_shared<core_v1::Pod>(*pod);
    if (auto status = statuses_.Latest(pod->metadata.uid)) shown->status = std::move(*status);
    pods.push_back(std::move(shown));
  }
  return pods;
}

}  // namespace skiff::kubelet
