// kube-scheduler: gives pods without a node one. Informers feed an inbox; a single loop takes it
// in, decides pod by pod on its cache, and hands what it decided to a few binder loops, which send
// it, many at a time (decision 0074). Pods in which extenders have a say are decided beside that,
// one after the other (asking.cc): nobody else waits for what extenders answer.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "api/gen/apps_v1.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "base/metrics.h"
#include "client/mailbox.h"
#include "client/manager.h"
#include "controllers/scheduler/cache.h"
#include "controllers/scheduler/cycle.h"
#include "controllers/scheduler/device_cycle.h"
#include "controllers/scheduler/devices/claim_ledger.h"
#include "controllers/scheduler/extenders/extenders.h"
#include "controllers/scheduler/nominations.h"
#include "controllers/scheduler/pod_writer.h"
#include "controllers/scheduler/preemption.h"
#include "controllers/scheduler/profile.h"
#include "controllers/scheduler/queue.h"
#include "controllers/scheduler/scheduler_metrics.h"
#include "controllers/scheduler/volume_claims.h"
#include "controllers/scheduler/volume_holds.h"
#include "controllers/workloads/kept_selectors.h"

namespace skiff::scheduler {

// What kube-scheduler's configuration says.
struct SchedulerOptions {
  // Of different names; a pod is scheduled by the one that it names, if there is one.
  std::vector<Profile> profiles = {Profile()};
  std::shared_ptr<Extenders> extenders;  // Null: nobody else is asked.
  QueueDelays delays;
  MetricRegistry* metrics = nullptr;  // Where it counts what it does; null: nobody asks.
  // Hears of everything as ever, and decides nothing before Lead.
  bool waits_to_lead = false;
  // Of one of several: whoever runs it starts it when it leads, and not before.
  bool is_cold_standby = false;
};

// What was asked for a claim of a pod: a volume that is there, or one that is to be made.
struct AskedVolume {
  std::string volume;    // "": a provisioner was told the node.
  uint64_t written = 0;  // The revision by which the volume, or the claim, says so.
};

// A decision on its way to the API.
struct Binding {
  QueuedPod pod;
  std::string node;
  Duration deadline{};                       // For its claims to be bound.
  std::map<std::string, AskedVolume> asked;  // By the claim's name.
  std::vector<DeviceBinding> devices;
  bool is_told = false;  // The API knows where the pod will go (status.nominatedNodeName).
  bool holds_volumes = false;
  Duration began{};  // What is being done for it.
};

// The pod that extenders are asked about.
struct Asking {
  QueuedPod pod;
  // What the cycle knows of its claims, and of whom.
  PodPtr asked;
  std::unique_ptr<DeviceCycle> devices;
  // Where it may go; then, where there is none, who goes for it.
  std::optional<ExtenderSearch> search;
  std::optional<ExtenderPreemption> preemption;
  bool is_nominated = false;  // Only of the node that it waits for.
  // By what the scheduler's own rules say; the refusals by node.
  Unfit unfit;
  std::map<std::string, std::vector<std::string>> reasons;
  std::set<std::string> preemptable;
  PreemptionOutcome outcome;
};

class Scheduler;

// Writes decisions. Several work at once: on the way to another machine each waits for its own.
class Binder final : public ControlLoop {
 public:
  explicit Binder(Scheduler& scheduler) : scheduler_(scheduler) {}
  Duration Step() override;

 private:
  Scheduler& scheduler_;
};

class Scheduler final : public ControlLoop {
 public:
  static constexpr int kBinders = 8;
  static constexpr int kDecisionsPerStep = 64;
  static constexpr int kBindingsPerStep = 64;

  explicit Scheduler(Manager& manager, SchedulerOptions options = {});
  ~Scheduler() override;
  // Takes in what happened and decides for up to kDecisionsPerStep pods.
  Duration Step() override;
  // Whether it knows all that it decides by. Any thread.
  bool IsSynced() const;
  // It decides from now on, as the only one of the cluster. Any thread.
  void Lead();
  // Whose loops write what this one decides; they live as long as it does.
  void AddBinder(Binder& binder) { binders_.push_back(&binder); }

 private:
  friend class Binder;
  using Posted = std::function<void(Scheduler&)>;
  // By the scheduler that the pod names; nullptr: it is not for us.
  const Profile* ProfileFor(const core_v1::Pod& pod) const;
  bool IsOurs(const core_v1::Pod& pod) const;
  // Where what happens to a pod of ours is told, in its scheduler's name.
  EventRecorder& EventsFor(const core_v1::Pod& pod);
  // By the names of their schedulers.
  std::map<std::string, size_t> CountGated() const;
  void Watch();
  // Nothing is decided before all of these have synced.
  std::vector<InformerCache*> DecidesBy() const;
  void Post(Posted change);
  void PodChanged(const Ptr<core_v1::Pod>& before, const Ptr<core_v1::Pod>& now);
  void NodeChanged(const Ptr<core_v1::Node>& before, const Ptr<core_v1::Node>& now);
  // For up to kDecisionsPerStep pods; returns when there may be more.
  Duration DecideSome();
  void Decide(QueuedPod pod);
  SearchOptions OptionsFor(const Snapshot& snapshot) const;
  void Place(QueuedPod pod, const std::string& node, const DeviceCycle& devices);
  // For whoever counts: it is done, or failed, and began then.
  void TimeOf(const core_v1::Pod& pod, std::string_view point, bool succeeded, Duration begin);
  // Has pods that are decided from now on count with what will become of the pod's claims there.
  // False: nothing will.
  bool HoldVolumes(const core_v1::Pod& pod, const std::string& node);
  void Reject(QueuedPod pod, const Unfit& unfit, DeviceCycle& devices);
  // Without `outcome.candidates`.
  void Preempted(QueuedPod pod, const Unfit& unfit, const PreemptionOutcome& outcome);
  // It could not be decided, and is tried again.
  void Fails(QueuedPod pod, const Error& error);
  PreemptionOutcome Candidates(const PodInfo& pod, const Unfit& unfit, DeviceCycle& devices);
  // Has extenders be asked about the pod in its turn.
  void Ask(QueuedPod pod);
  // Goes on with whom is asked about, and returns when to come back at the latest.
  Duration GoOnAsking();
  void AskNext();
  // The pod is gone or has a node: nobody waits for what is said of it.
  void StopAsking(const std::string& uid);
  // `tries_nominated`: at first only of the node that the pod waits for.
  void AskWhere(QueuedPod pod, bool tries_nominated);
  void HearWhere(const Result<ExtenderFindings>& findings);
  void HearWhom(Result<std::vector<Victims>> candidates);
  // The pod as it is by now; nullptr when there is nothing to decide any more.
  PodInfoPtr StillWaiting(const PodInfo& pod);
  // Tells the victims to go and keeps their place for the pod; an error when one would not.
  Result<> MakeRoom(const PodInfoPtr& pod, const Victims& victims);
  void HearOfChange(ClusterEvent event, const Change& change);
  // A pod left its place, or the one that it waited for.
  void HearOfRoom(const Ptr<core_v1::Pod>& pod);
  void HearOfPlaced(const Ptr<core_v1::Pod>& before, const Ptr<core_v1::Pod>& now);
  // What the API says about the node that a pod without one waits for.
  void FollowNomination(const Ptr<core_v1::Pod>& before, const PodInfoPtr& now);
  // It waits for that node from now on; "": for none.
  void Nominate(const PodInfoPtr& pod, const std::string& node);
  // It waits for none, and is on that node or will be: whoever was refused beside it on another one
  // may have its place there. kube-scheduler has them wait for that where it binds the pod.
  void EndNomination(const Ptr<core_v1::Pod>& pod, const std::string& node);
  void MakeViews();
  // nominated_node: as in Unplaced; "" ends the wait. `was_told`: the API knows of another one that
  // informers may not tell of yet.
  void WriteUnplaced(const PodInfoPtr& pod, Unplaced unplaced, bool was_told = false);
  Snapshot MakeSnapshot(const core_v1::Pod& pod, DeviceCycle& devices);

  void WatchDevices();
  void DeviceClaimChanged(const DeviceClaimPtr& before, const DeviceClaimPtr& now);
  DeviceView DevicesFor(const core_v1::Pod& pod);
  // Of a pod that its ResourceClaims keep from being tried.
  bool IsHeld(const core_v1::Pod& pod);
  // What comes of a refusal as far as devices go; `ends`: nobody else is asked then.
  struct DevicesFreed {
    std::string told;  // For the event.
    bool ends = false;
  };
  DevicesFreed FreeDevices(const DeviceCycle& cycle);
  // Writes what was found for the claims of the pod, and that it uses them.
  Result<> BindDevices(Binding& binding);
  Result<DeviceClaimPtr> BindDevice(const core_v1::Pod& pod, const DeviceBinding& device);
  Result<DeviceClaimPtr> WriteDevice(const core_v1::Pod& pod, const DeviceBinding& device,
                                     resource_v1::ResourceClaim claim);
  // Takes back what BindDevices did, and gives up what it did not come to.
  void UnbindDevices(const Binding& binding);
  // A step of a binder.
  Duration BindNext(Binder& binder);
  // Takes the next binding that can go on; else says when one that waits for claims times out, and
  // the binder is idle.
  std::optional<Binding> NextBinding(Binder& binder, Duration& delay);
  void Bind(Binding binding);
  void BindByApi(Binding binding);
  void BindByExtender(ExtenderClient& extender, Binding binding);
  void BindDone(Binding binding, const Result<>& bound);
  void Enqueue(Binding binding);
  // The pod is gone: its binding waits for nothing any more, and fails.
  void StopWaitingForClaims(const std::string& uid);
  bool IsGone(const core_v1::Pod& pod) const;
  // What is to be done for the pod before it is bound may take its time: says where it will go.
  void TellNode(Binding& binding);
  meta_v1::LabelSelector DefaultSpreadSelector(const core_v1::Pod& pod) const;
  // nullopt: not yet; otherwise whether all claims of the pod are bound.
  std::optional<Result<>> BindClaims(Binding& binding);
  Result<> AskForVolumes(Binding& binding, std::vector<ClaimPtr> claims);
  // Whether all have what was asked for them. Fails where there is nothing to wait for any more.
  Result<bool> AreMet(const Binding& binding, const std::vector<ClaimPtr>& asked) const;
  // Whether the claim has come by it, or why it never will where the pod goes.
  tl::expected<bool, std::string> IsMet(const core_v1::PersistentVolumeClaim& claim,
                                        const AskedVolume& asked, const core_v1::Node& node) const;
  StorageView Storage();  // With what pods on their way hold.
  // Whether the pod has that node although the answer said otherwise, or never came.
  bool IsBound(const Binding& binding);
  void BindFailed(Binding binding, const Error& error);
  void ClaimsChanged();

  Manager& manager_;
  const SchedulerOptions options_;
  const Clock& clock_;
  std::map<std::string, EventRecorder*> events_;  // By the name of the profile.
  std::unique_ptr<SchedulerMetrics> metrics_;     // Null: nobody asks.
  PodWriter writer_;
  const Log log_{"scheduler"};
  Informer<core_v1::Pod> pods_;
  Informer<core_v1::Node> nodes_;
  Informer<core_v1::PersistentVolumeClaim> claims_;
  const std::shared_ptr<KeptSelectors<core_v1::PersistentVolumeClaim>> claim_selectors_;
  Informer<core_v1::PersistentVolume> volumes_;
  Informer<storage_v1::StorageClass> classes_;
  Informer<storage_v1::CSINode> csi_nodes_;
  Informer<storage_v1::VolumeAttachment> attachments_;
  Informer<storage_v1::CSIDriver> csi_drivers_;
  Informer<storage_v1::CSIStorageCapacity> capacities_;
  Informer<core_v1::Namespace> namespaces_;
  Informer<core_v1::Service> services_;
  Informer<core_v1::ReplicationController> replication_controllers_;
  Informer<apps_v1::ReplicaSet> replica_sets_;
  Informer<apps_v1::StatefulSet> stateful_sets_;
  Informer<policy_v1::PodDisruptionBudget> budgets_;
  const std::shared_ptr<KeptSelectors<policy_v1::PodDisruptionBudget>> budget_selectors_;
  Informer<resource_v1::ResourceClaim> device_claims_;
  Informer<resource_v1::ResourceSlice> device_slices_;
  Informer<resource_v1::DeviceClass> device_classes_;
  ClaimLedger ledger_;
  DeviceSelectors selectors_;
  SearchAllowances allowances_;
  std::shared_ptr<const DeviceSlices> slices_;  // Null: they have changed.
  const std::shared_ptr<Extenders> extenders_;
  VolumeHolds holds_;
  Cache cache_;
  std::map<std::string, Snapshot> views_;  // Of the queue, by the name of the profile.
  SchedulingQueue queue_;
  Nominations nominations_;
  std::set<std::string> leaving_;  // Uids of pods that were told to go and are not gone.
  size_t next_node_ = 0;
  std::vector<Binder*> binders_;
  // In the order of the queue: the most important, then the one that waits longest.
  std::map<std::tuple<int64_t, Duration, std::string>, QueuedPod> to_ask_about_;
  std::optional<Asking> asking_;

  std::atomic<bool> leads_{!options_.waits_to_lead};
  Mutex mutex_;
  std::vector<Posted> inbox_ GUARDED_BY(mutex_);
  std::deque<Binding> to_bind_ GUARDED_BY(mutex_);
  std::vector<Binding> waiting_for_claims_ GUARDED_BY(mutex_);
  uint64_t claim_changes_ GUARDED_BY(mutex_) = 0;
  std::vector<Binder*> idle_ GUARDED_BY(mutex_);  // They look again when woken.
  Mailbox answers_;  // To bindings.
  ExtenderBindings extender_bindings_;
};

// Adds the scheduler and its binders to the manager's loops, which live as long as it does.
Scheduler& AddScheduler(Manager& manager, SchedulerOptions options = {});

}  // namespace skiff::scheduler
