// The node agent: a worker for each pod of this node, kept in step with the API and the runtime.
//
//   pods of this node (informer) ---+
//                                   +---> workers <--- runtime events, probe results
//   static pods (manifest files) ---+        |
//        |                              runtime, volumes, statuses
//        +---> mirror pods
//
// A crash or restart of the kubelet stops nothing: at the start it reads what the runtime has and
// goes on. Pods that the runtime has but the API no longer does are stopped. Static pods need no
// API: they run while it is away, and without one.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/control_loop.h"
#include "base/log.h"
#include "client/informer.h"
#include "kubelet/credentials/credential_providers.h"
#include "kubelet/csi/allocatable_updates.h"
#include "kubelet/csi/csi_volumes.h"
#include "kubelet/csi/driver_registration.h"
#include "kubelet/csi_node.h"
#include "kubelet/eviction_manager.h"
#include "kubelet/housekeeping.h"
#include "kubelet/image_collector.h"
#include "kubelet/kept_objects.h"
#include "kubelet/kubelet_metrics.h"
#include "kubelet/log_rotation.h"
#include "kubelet/manifest_source.h"
#include "kubelet/mirror_pods.h"
#include "kubelet/node_addresses.h"
#include "kubelet/node_devices.h"
#include "kubelet/node_lease.h"
#include "kubelet/node_stats.h"
#include "kubelet/node_status.h"
#include "kubelet/plugins/plugin_registrar.h"
#include "kubelet/pod_admission.h"
#include "kubelet/pod_resources/pod_resources_server.h"
#include "kubelet/pod_worker.h"
#include "kubelet/pods_by_node.h"
#include "kubelet/runtime_health.h"
#include "kubelet/shutdown/node_shutdown.h"
#include "kubelet/simulation/pod_simulation.h"
#include "kubelet/stats/measured.h"
#include "kubelet/streaming/log_followers.h"
#include "kubelet/task_pool.h"

namespace skiff::kubelet {

struct KubeletOptions {
  std::string node_name;
  std::string root = "/var/lib/kubelet";
  std::string known_root = {};  // A path that leads to it, by which CSI drivers know it; "": root.
  std::string log_root = "/var/log/pods";
  std::string cgroup_root = "/kubepods";
  CgroupDriver cgroup_driver = CgroupDriver::kCgroupfs;
  cri::StringMap container_cgroup_files;  // Of every container, as ContainerCgroupFiles.
  std::vector<std::string> node_ips;
  KeptAddresses::Source later_node_ips = {};
  DnsSettings dns;
  NodeFacts facts;
  bool writes_files = true;
  bool makes_volumes = false;  // Although it writes no other files.
  // A file or directory of static pods; "": none.
  std::string manifest_path;
  Duration manifest_check_every = 20s;
  // There is no API: static pods alone, and no node object.
  bool standalone = false;
  NodeStatusLoop::Settings node_status;
  int lease_seconds = 40;
  EvictionTexts eviction;
  Duration eviction_transition_period = 300s;
  int64_t eviction_max_pod_grace_s = 0;
  ImageCollectorSettings images;
  // Of log_root's logs; its own log_root is not looked at.
  LogRotationSettings logs;
  NodeAbilities abilities;
  ContainerPolicy containers;
  int64_t pod_pids = 0;              // How many processes a pod may have; 0: any number.
  int64_t reserved_pids = 0;         // Kept from all pods together.
  bool enforces_allocatable = true;  // Pods are held to what the node can give.
  int pulls_max = 1;                 // How many images are pulled at one time.
  PullVerification pull_verification = PullVerification::kPulled;
  std::vector<std::string> preloaded_allowlist;
  IdRange user_ids;  // For pods with users of their own; empty: there are none.
  int64_t ids_per_pod = kIdsPerPod;
  std::vector<ShutdownGroup> shutdown_groups;  // Empty: a shutdown of the machine waits for nobody.
  CredentialProviderConfig credential_providers;
  std::string credential_provider_directory;  // Where their programs lie.
  std::vector<int> kept_ports = {};           // Of the pods' network: no host ports (CniNetwork).
};

// A row of a metric: {"kubelet_active_pods", {"true"}, 2}.
struct PodCount {
  std::string_view metric;
  std::vector<std::string> labels;
  int count = 0;
};

// What it works with; all outlive it.
struct KubeletDependencies {
  Client& client;
  const Clock& clock;
  Random& random;
  ContainerRuntime& runtime;
  // Pods of this node at least; those of others are passed over.
  Informer<core_v1::Pod> pods;
  Informer<core_v1::Service> services;
  EventRecorder& events;
  Executor& executor;
  // nullptr on simulated nodes, whose containers have no addresses: their probes always pass.
  http::Loops* loops = nullptr;
  // Threads of their own for what the node's life hangs on (lease, node status, eviction, shutdown,
  // statuses of pods), and for what waits for others (stops, pulls, commands of probes). nullptr:
  // they share those of `executor`.
  Executor* vital = nullptr;
  Executor* blocking = nullptr;
  // How to probe over HTTP; empty: over the network.
  HttpProber http_prober = {};
  VolumeMounts& mounts = VolumeMounts::OfKernel();
  // How pods live on a simulated node; nullptr: as their containers do.
  PodSimulation* simulation = nullptr;
  // Tells of changes of `pods` where kubelets of many nodes share them; nullptr: `pods` tell.
  PodsByNode* pods_by_node = nullptr;
  // Where there is a cache of nodes anyway; else the API is asked for the kubelet's own.
  std::optional<Informer<core_v1::Node>> nodes = std::nullopt;
  // The same of what pods refer to.
  std::optional<Informer<core_v1::ConfigMap>> config_maps = std::nullopt;
  KubeletMetrics* metrics = nullptr;  // nullptr: nobody reads them.
  Client* heartbeats = nullptr;       // For lease and status of the node; nullptr: `client`.
  // What pods are admitted by where `nodes` are not there: the kubelet's own Node at least, as it
  // is told of it.
  std::optional<Informer<core_v1::Node>> own_node = std::nullopt;
};

class Kubelet final : public ControlLoop {
 public:
  // Thresholds of eviction that cannot be read are a bug of the caller's: ParseThresholds first.
  Kubelet(KubeletOptions options, KubeletDependencies dependencies);
  ~Kubelet() override;

  // Adds its loops to the executor. The informers are started by the caller, afterwards.
  void Start();
  void Stop();
  // Takes in changed pods, starts and drops workers.
  Duration Step() override;

  // A pod of this node by namespace and name; nullptr when it has none. A static pod hides its
  // mirror. Any thread.
  Ptr<core_v1::Pod> FindPod(const std::string& namespace_, const std::string& name) const;
  std::vector<Ptr<core_v1::Pod>> Pods() const;
  // Uids of those that may have something running here, though their object may be gone; nullopt
  // before all pods are known. What they have is nobody else's.
  std::optional<std::set<std::string>> PlacedPods() const;
  // How many pods there are of which sort, as kubelet_*_pods name them.
  std::vector<PodCount> CountPods() const;
  ContainerRuntime& runtime() { return dependencies_.runtime; }
  // The runtime was started, or its network configured: nobody waits for the next look at it.
  void RuntimeChanged() { health_.ExpectChange(); }
  LogFollowers& followers() { return followers_; }
  const VolumeManager& volumes() const { return volumes_; }
  // What the CSI driver of a volume says of it; waits for it a while.
  std::optional<FsUse> UseOf(const VolumeManager::MeasuredPlace& place, TimePoint now) const;
  const NodeDevices* devices() const { return devices_.get(); }
  const KubeletOptions& options() const { return options_; }

 private:
  // Where the informer's handlers lead; they outlive the kubelet.
  struct Inlet {
    Mutex mutex;  // Held while the kubelet is told.
    Kubelet* kubelet GUARDED_BY(mutex) = nullptr;
  };
  void ListenToInformers();
  void PodChanged(const Ptr<core_v1::Pod>& before, const Ptr<core_v1::Pod>& now);
  void PodsListed();
  // Static pods are these from now on.
  void SetStaticPods(std::vector<Ptr<core_v1::Pod>> pods);
  void SyncStaticPods();
  struct Change {
    std::string uid;
    Ptr<core_v1::Pod> pod;  // nullptr: gone.
  };
  void TakeIn(std::vector<Change> changes);
  void Apply(const Ptr<core_v1::Pod>& pod);
  void CountRequests(const core_v1::Pod& before, const core_v1::Pod& now);
  // `victims` make room for the pod, which waits for their end.
  void StartWorker(const Ptr<core_v1::Pod>& pod, std::optional<WaitingReason> refusal = {},
                   const std::vector<Ptr<core_v1::Pod>>& victims = {});
  // Starts a worker for a pod that has not run here, which ends it at once when it is refused.
  void Admit(const Ptr<core_v1::Pod>& pod);
  void TellOfKeptPorts(const core_v1::Pod& pod);
  // Whom a critical pod takes the place of is added to `victims`.
  std::optional<PodRefusal> Refuse(const core_v1::Pod& pod,
                                   std::vector<Ptr<core_v1::Pod>>& victims);
  // The same for a critical pod that only wants for resources.
  std::optional<PodRefusal> MakeRoom(const AdmissionInput& input,
                                     std::vector<Ptr<core_v1::Pod>>& victims);
  void Preempt(const core_v1::Pod& victim, const std::string& resource);
  // What only the node can tell: its devices are given to the pod, or not.
  std::optional<PodRefusal> AllocateDevices(const core_v1::Pod& pod);
  // The node can give what pods have of devices, whatever their plugins say now.
  Ptr<core_v1::Node> WithDevices(Ptr<core_v1::Node> node) const;
  std::vector<Ptr<core_v1::Pod>> AdmittedPods() const;
  // As the cache has it, or the API where there is no cache, then at most kNodeAge old; as the API
  // has it now if `is_fresh`. As this node would register itself when there is no answer.
  Ptr<core_v1::Node> OwnNode(bool is_fresh);
  Result<Ptr<core_v1::Node>> FindOwnNode() const;
  RegistryCredentials PullCredentials(const core_v1::Pod& pod);
  // What files and programs of this node have for an image.
  std::vector<TrackedAuth> NodePullCredentials(const core_v1::Pod& pod, const std::string& image,
                                               const std::stop_token& stop);
  ImagePuller::Dependencies ForImages();
  CredentialProviders::Dependencies ForCredentialProviders();
  Result<std::string> RuntimeHandler(const core_v1::Pod& pod);
  void Gone(const std::string& uid);
  void DropGoneWorkers();
  void WakeWorker(const std::string& pod_uid);
  void RuntimeEvent(const cri::Event& event);
  // Uids of all pods there are; nullopt before they are all known.
  std::optional<std::set<std::string>> KnownPods() const;
  Ptr<core_v1::Pod> ObjectOf(const Ptr<core_v1::Pod>& pod) const;
  void WarnOfNode(const std::string& reason, const std::string& message);
  // What there is to say of the machine's cgroups when the kubelet starts.
  void TellOfCgroups();
  core_v1::Node Self() const;
  // Those that are no further than that.
  std::vector<Ptr<core_v1::Pod>> PodsUntil(PodWorker::State last) const;
  std::vector<Ptr<core_v1::Pod>> ActivePods() const;
  bool EvictPod(const core_v1::Pod& pod, const EvictionNotice& notice, int64_t grace_s,
                bool is_disruption);
  bool IsPodGone(const std::string& uid) const;
  std::unique_ptr<NodeShutdown> MakeShutdown();
  void EndForShutdown(const core_v1::Pod& pod, int64_t grace_s);
  bool Reclaim(Signal signal);
  EvictionManager::Hooks EvictionHooks();
  std::unique_ptr<Probes> MakeProbes();
  std::unique_ptr<csi::CsiVolumes> MakeCsiVolumes();
  std::unique_ptr<csi::DriverRegistration> MakeCsiRegistration();
  std::unique_ptr<NodeDevices> MakeDevices();
  std::unique_ptr<plugins::PluginRegistrar> MakePlugins();
  std::unique_ptr<PodResourcesServer> MakePodResources();
  std::map<std::string, std::pair<int64_t, int64_t>> DeviceAmounts() const;
  // Tells all that depends on them where they are others. Returns when to look again.
  Duration RenewAddresses();
  void Pause(Duration length);
  Client& heartbeats() const {
    return dependencies_.heartbeats != nullptr ? *dependencies_.heartbeats : dependencies_.client;
  }
  Executor& vital() const {
    return dependencies_.vital != nullptr ? *dependencies_.vital : dependencies_.executor;
  }
  Executor& blocking() const {
    return dependencies_.blocking != nullptr ? *dependencies_.blocking : dependencies_.executor;
  }
  bool IsMine(const core_v1::Pod& pod) const { return pod.spec.node_name == options_.node_name; }

  const KubeletOptions options_;
  const KubeletDependencies dependencies_;
  const Log log_{"kubelet"};
  KeptObjects objects_;
  KeptAddresses addresses_;
  Duration addresses_due_{};  // Monotonic, the loop's own: when they are looked for again.
  csi::Drivers csi_drivers_;
  const std::unique_ptr<csi::CsiVolumes> csi_volumes_;  // nullptr where no driver can run.
  VolumeManager volumes_;
  Resizes resizes_;
  PodCgroups cgroups_;
  const std::unique_ptr<UserNamespaces> user_namespaces_;  // nullptr: no pod has users of its own.
  // Its tasks use what is above and below: it ends before any of that.
  std::unique_ptr<TaskPool> tasks_;
  PulledImages pulled_images_;
  CredentialProviders credential_providers_;
  ImagePuller images_;
  std::unique_ptr<Probes> probes_;
  MirrorPods mirrors_;
  StatusManager statuses_;
  LifecycleHooks hooks_;
  ThreadRoom long_stops_{kLongStopsMax};
  RuntimeHealth health_;
  NodeStats stats_;
  Housekeeping housekeeping_;
  ImageCollector image_collector_;
  EvictionManager eviction_;
  LogRotation log_rotation_;
  LogFollowers followers_;
  NodeStatusLoop node_status_;
  NodeLease lease_;
  CsiNode csi_node_;
  csi::AllocatableUpdates allocatable_updates_;
  csi::Unstager unstager_{csi_volumes_.get()};
  // nullptr, all four, where no plugin can register.
  const std::unique_ptr<csi::DriverRegistration> csi_registration_;
  const std::unique_ptr<NodeDevices> devices_;
  const std::unique_ptr<plugins::PluginRegistrar> plugins_;
  const std::unique_ptr<PodResourcesServer> pod_resources_;
  const std::unique_ptr<NodeShutdown> shutdown_;  // nullptr: nothing is waited for.
  PodWorkerContext context_;
  const std::shared_ptr<Inlet> inlet_ = std::make_shared<Inlet>();
  std::unique_ptr<ManifestSource> manifests_;
  std::unique_ptr<cri::Subscription> subscription_;

  static constexpr Duration kNodeAge = 10s;
  // Touched by Step() alone.
  Ptr<core_v1::Node> node_;
  std::optional<Duration> node_read_at_;

  mutable Mutex mutex_;
  CondVar stopping_changed_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<Change> inbox_ GUARDED_BY(mutex_);
  std::map<std::string, std::unique_ptr<PodWorker>> workers_ GUARDED_BY(mutex_);  // By uid.
  std::set<std::string> refused_ GUARDED_BY(mutex_);  // Uids of workers' pods that never ran.
  std::set<std::string> preempted_ GUARDED_BY(mutex_);  // Whose place others have been given.
  std::map<ObjectKey, Ptr<core_v1::Pod>> static_pods_ GUARDED_BY(mutex_);
  bool manifests_read_ GUARDED_BY(mutex_) = false;
  bool pods_listed_ GUARDED_BY(mutex_) = false;  // All pods of all sources have been taken in.
};

}  // namespace skiff::kubelet
