#include "controllers/workloads/replica_control.h"

#include <algorithm>
#include <map>

#include "api/select/selector.h"

namespace skiff {

using core_v1::Pod;

ReplicaStatus CountReplicas(const ReplicaOwner& owner, const std::vector<Ptr<Pod>>& active,
                            int terminating, TimePoint now) {
  ReplicaStatus status;
  status.replicas = static_cast<int32_t>(active.size());
  status.terminating = terminating;
  const auto labels = LabelSelector::FromMap(owner.pod_template.metadata.labels);
  for (const Ptr<Pod>& pod : active) {
    if (labels.Matches(pod->metadata.labels)) ++status.fully_labeled;
    if (!IsReady(*pod)) continue;
    ++status.ready;
    if (UntilAvailable(*pod, owner.min_ready_seconds, now) == Duration(0)) ++status.available;
  }
  return status;
}

std::vector<Ptr<Pod>> PickForDeletion(const std::vector<Ptr<Pod>>& active,
                                      const std::vector<Ptr<Pod>>& related, int count,
                                      TimePoint now) {
  if (count >= static_cast<int>(active.size())) return active;
  std::map<std::string, int> per_node;
  for (const Ptr<Pod>& pod : related) {
    if (IsActive(*pod) && !pod->spec.node_name.empty()) ++per_node[pod->spec.node_name];
  }
  std::vector<RankedPod> ranked;
  ranked.reserve(active.size());
  for (const Ptr<Pod>& pod : active) {
    ranked.push_back({pod, pod->spec.node_name.empty() ? 0 : per_node[pod->spec.node_name]});
  }
  std::sort(ranked.begin(), ranked.end(),
            [&](const RankedPod& a, const RankedPod& b) { return DeletedBefore(a, b, now); });
  std::vector<Ptr<Pod>> picked;
  for (int i = 0; i < count; ++i) picked.push_back(ranked[i].pod);
  return picked;
}

Duration UntilNextAvailable(const std::vector<Ptr<Pod>>& pods, int32_t min_ready_seconds,
                            TimePoint now) {
  Duration next = kNever;
  if (min_ready_seconds == 0) return next;
  for (const Ptr<Pod>& pod : pods) {
    const Duration until = UntilAvailable(*pod, min_ready_seconds, now);
    if (until > Duration(0)) next = std::min(next, until);
  }
  return next;
}

ReplicaControl::ReplicaControl(Manager& manager, EventRecorder& recorder)
    : clock_(manager.clock()),
      sending_{manager.client(), manager.hands()},
      pods_(manager.client(), recorder, manager.informer<Pod>()) {}

ReplicaControl::Outcome ReplicaControl::Run(const ReplicaOwner& owner, const Observed& observed) {
  const TimePoint now = clock_.Now();
  const ObjectKey key = {owner.metadata.namespace_, owner.metadata.name};
  std::set<ObjectKey> unseen = observed.unseen;
  std::vector<Ptr<Pod>> active;
  int terminating = 0;
  for (const Ptr<Pod>& pod : observed.mine) {
    unseen.erase(KeyOf(*pod));
    const bool deleted = IsActive(*pod) && pods_.memory().WasDeleted(key, *pod);
    if (IsTerminating(*pod) || deleted) ++terminating;
    if (IsActive(*pod) && !deleted) active.push_back(pod);
  }
  Outcome outcome;
  outcome.status = CountReplicas(owner, active, terminating, now);
  outcome.again = UntilNextAvailable(active, owner.min_ready_seconds, now);
  const int excess = static_cast<int>(active.size() + unseen.size()) - owner.replicas;
  Result<> done;
  if (owner.metadata.deletion_timestamp) {
    // The garbage collector removes the pods of a deleted owner.
  } else if (excess < 0) {
    done = Create(owner, std::min(-excess, kBurst));
  } else if (excess > 0) {
    const int count = std::min(excess, kBurst);
    done = Delete(owner, PickForDeletion(active, observed.related(), count, now));
  }
  if (done) return outcome;
  outcome.error = done.error();
  // The first failure of a row stays, so that its message does not flicker.
  outcome.status.failure = observed.failure
                               ? observed.failure
                               : ReplicaFailure{excess < 0 ? "FailedCreate" : "FailedDelete",
                                                done.error().message, Time(now)};
  return outcome;
}

Result<> ReplicaControl::Create(const ReplicaOwner& owner, int count) {
  const auto pod = std::make_shared<const Pod>(
      PodFromTemplate(owner.pod_template, owner.kind, owner.metadata));
  const auto reference = ReferenceTo(owner.kind, owner.metadata);
  return SlowStart(sending_, count, [&](int, Mailbox& answers, Done done) {
    pods_.Create(reference, pod, answers, std::move(done));
  });
}

Result<> ReplicaControl::Delete(const ReplicaOwner& owner, const std::vector<Ptr<Pod>>& pods) {
  const auto reference = ReferenceTo(owner.kind, owner.metadata);
  return AllAtOnce(sending_, static_cast<int>(pods.size()),
                   [&](int index, Mailbox& answers, Done done) {
                     pods_.Delete(reference, *pods[index], answers, std::move(done));
                   });
}

}  // namespace skiff
