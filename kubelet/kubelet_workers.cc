// How changes of pods, from the API and from manifests, become work of their workers.
#include <algorithm>
#include <utility>

#include "api/pods/mirror_pods.h"
#include "api/pods/pod_phase.h"
#include "base/seconds.h"
#include "kubelet/kubelet.h"
#include "kubelet/static_pod.h"

namespace skiff::kubelet {
namespace {

// Whether a worker has to act on what changed: the kubelet's own status writes come back too.
bool NeedsWork(const core_v1::Pod& before, const core_v1::Pod& now) {
  const auto& old_meta = before.metadata;
  const auto& meta = now.metadata;
  if (old_meta.generation != meta.generation || !(before.spec == now.spec)) return true;
  if (old_meta.deletion_timestamp != meta.deletion_timestamp) return true;
  if (old_meta.deletion_grace_period_seconds != meta.deletion_grace_period_seconds) return true;
  if (old_meta.labels != meta.labels || old_meta.annotations != meta.annotations) return true;
  if (HasEnded(before.status.phase) != HasEnded(now.status.phase)) return true;
  return !now.spec.readiness_gates.empty() && !(before.status.conditions == now.status.conditions);
}

std::vector<std::string> UidsOf(const std::vector<Ptr<core_v1::Pod>>& pods) {
  std::vector<std::string> uids;
  for (const auto& pod : pods) uids.push_back(pod->metadata.uid);
  return uids;
}

// As long as a kubelet waits for pods that it stops: half as long again as they may take.
Duration PatienceWith(const std::vector<Ptr<core_v1::Pod>>& pods) {
  Duration patience = 10s;
  for (const auto& pod : pods) {
    const Duration grace = Seconds(pod->spec.termination_grace_period_seconds.value_or(0));
    patience = std::max(patience, grace + grace / 2);
  }
  return patience;
}

}  // namespace

void Kubelet::PodChanged(const Ptr<core_v1::Pod>& before, const Ptr<core_v1::Pod>& now) {
  const bool was_mine = before && IsMine(*before);
  const bool is_mine = now && IsMine(*now);
  if (!was_mine && !is_mine) return;
  const Ptr<core_v1::Pod>& either = is_mine ? now : before;
  if (IsMirrorPod(*either)) {
    mirrors_.Observe(KeyOf(*either), is_mine ? now : nullptr);
    const auto hash = either->metadata.annotations.find(kMirrorPodAnnotation);
    const bool is_new = !was_mine || before->metadata.uid != either->metadata.uid;
    if (!is_mine) return;
    if (is_new) {
      statuses_.WriteAgain(hash->second);
    } else {
      statuses_.Reconcile(hash->second, now);
    }
    return;
  }
  {
    MutexLock lock(mutex_);
    const bool replaced = was_mine && is_mine && before->metadata.uid != now->metadata.uid;
    if (was_mine && (!is_mine || replaced)) inbox_.push_back({before->metadata.uid, nullptr});
    if (is_mine) inbox_.push_back({now->metadata.uid, now});
  }
  Wake();
}

// Whoever was made first gets what there is first, in whatever order the API tells of pods.
void Kubelet::TakeIn(std::vector<Change> changes) {
  std::map<std::string, Ptr<core_v1::Pod>> latest;  // By uid.
  for (Change& change : changes) {
    if (change.pod) {
      latest[change.uid] = std::move(change.pod);
    } else {
      latest.erase(change.uid);
      Gone(change.uid);
    }
  }
  std::vector<Ptr<core_v1::Pod>> pods;
  for (auto& [uid, pod] : latest) pods.push_back(std::move(pod));
  std::stable_sort(pods.begin(), pods.end(), [](const auto& a, const auto& b) {
    return a->metadata.creation_timestamp < b->metadata.creation_timestamp;
  });
  for (const auto& pod : pods) Apply(pod);
}

void Kubelet::StartWorker(const Ptr<core_v1::Pod>& pod, std::optional<WaitingReason> refusal,
                          const std::vector<Ptr<core_v1::Pod>>& victims) {
  // Writes a file: whoever waits for the mutex must not wait for the disk.
  if (!refusal && !HasEnded(pod->status.phase)) resizes_.Admit(*pod);
  PodWorker* started = nullptr;
  {
    MutexLock lock(mutex_);
    auto& worker = workers_[pod->metadata.uid];
    worker = std::make_unique<PodWorker>(context_, pod);
    if (!victims.empty()) worker->BeginAfter(UidsOf(victims), PatienceWith(victims));
    if (refusal) {
      refused_.insert(pod->metadata.uid);
      worker->Terminate(std::move(refusal), std::nullopt);
    }
    started = worker.get();
  }
  dependencies_.executor.Add(*started);
}

void Kubelet::Apply(const Ptr<core_v1::Pod>& pod) {
  {
    MutexLock lock(mutex_);
    const auto found = workers_.find(pod->metadata.uid);
    if (found != workers_.end()) {
      PodWorker& worker = *found->second;
      if (dependencies_.metrics != nullptr) CountRequests(*worker.pod(), *pod);
      if (NeedsWork(*worker.pod(), *pod)) {
        worker.Update(pod);
      } else {
        worker.Refresh(pod);
      }
      statuses_.Reconcile(pod->metadata.uid, pod);
      return;
    }
  }
  // What ran already when the kubelet started goes on running.
  const bool is_new = pod->status.phase == "Pending" && !pod->status.start_time &&
                      !pod->metadata.deletion_timestamp;
  if (is_new) return Admit(pod);
  StartWorker(pod);
}

void Kubelet::CountRequests(const core_v1::Pod& before, const core_v1::Pod& now) {
  if (before.metadata.generation == now.metadata.generation) return;
  for (const RequestedResize& each : RequestedResizes(before.spec, now.spec)) {
    dependencies_.metrics->requested_resizes.Add({each.resource, each.requirement, each.operation});
  }
}

void Kubelet::Gone(const std::string& uid) {
  statuses_.Forget(uid);
  MutexLock lock(mutex_);
  const auto found = workers_.find(uid);
  if (found != workers_.end()) found->second->Dispose();
}

void Kubelet::DropGoneWorkers() {
  std::vector<std::unique_ptr<PodWorker>> gone;
  {
    MutexLock lock(mutex_);
    for (auto worker = workers_.begin(); worker != workers_.end();) {
      if (worker->second->state() != PodWorker::State::kGone) {
        ++worker;
        continue;
      }
      gone.push_back(std::move(worker->second));
      refused_.erase(worker->first);
      preempted_.erase(worker->first);
      worker = workers_.erase(worker);
    }
  }
  for (auto& worker : gone) {
    dependencies_.executor.Remove(*worker);
    statuses_.Forget(worker->pod()->metadata.uid);
  }
  if (gone.empty()) return;
  std::vector<Ptr<core_v1::Pod>> pods;
  {
    MutexLock lock(mutex_);
    for (const auto& [uid, worker] : workers_) pods.push_back(worker->pod());
  }
  objects_.Retain(pods);
}

void Kubelet::SetStaticPods(std::vector<Ptr<core_v1::Pod>> pods) {
  {
    MutexLock lock(mutex_);
    static_pods_.clear();
    for (auto& pod : pods) static_pods_.emplace(KeyOf(*pod), std::move(pod));
    manifests_read_ = true;
  }
  Wake();
}

// A pod whose manifest changed has a new uid: it starts when the old one of its name has gone.
void Kubelet::SyncStaticPods() {
  std::vector<Ptr<core_v1::Pod>> wanted;
  std::vector<Ptr<core_v1::Pod>> due;
  std::set<ObjectKey> ending;
  {
    MutexLock lock(mutex_);
    if (!manifests_read_) return;
    for (const auto& [uid, worker] : workers_) {
      const Ptr<core_v1::Pod> pod = worker->pod();
      if (!IsStaticPod(*pod)) continue;
      const auto same_name = static_pods_.find(KeyOf(*pod));
      const bool is_wanted =
          same_name != static_pods_.end() && same_name->second->metadata.uid == uid;
      if (!is_wanted && !worker->disposing()) worker->Dispose();
      if (worker->disposing()) ending.insert(KeyOf(*pod));
    }
    for (const auto& [key, pod] : static_pods_) {
      wanted.push_back(pod);
      const auto worker = workers_.find(pod->metadata.uid);
      if (worker == workers_.end()) {
        if (!ending.contains(key)) due.push_back(pod);
      } else if (worker->second->pod() != pod && !worker->second->disposing()) {
        worker->second->Update(pod);
      }
    }
  }
  for (const auto& pod : due) Admit(pod);
  mirrors_.Set(std::move(wanted), std::move(ending));
}

}  // namespace skiff::kubelet
