#include "controllers/workloads/replica_control.h"

#include <algorithm>
#include <map>

#include "api/select/selector.h"
#include "controllers/workloads/claim.h"

namespace skiff {

using core_v1::Pod;

namespace {

using Counted = InformerCache::Counted;

constexpr char kReplicas[] = "replicas";

// The letters that sorts of pods begin with; their labels follow.
enum Sort : char { kWaiting = 'w', kReady = 'r', kTerminating = 't', kEnded = 'e' };

// By namespace and uid of their controller, what they are to it, and their labels: those of one
// template have the same, so that selectors are asked once for all of them.
Counted CountedAs(const CachedObject& object) {
  const meta_v1::OwnerReference* controller = ControllerOf(*object.metadata);
  if (controller == nullptr) return {};
  const Pod& pod = *static_cast<const Pod*>(object.object.get());
  Counted counted{ControlledGroup(pod.metadata.namespace_, controller->uid),
                  std::string(1, kEnded)};
  if (IsActive(pod)) {
    counted.sort[0] = IsReady(pod) ? kReady : kWaiting;
  } else if (IsTerminating(pod)) {
    counted.sort[0] = kTerminating;
  }
  for (const auto& [key, value] : pod.metadata.labels) {
    counted.sort.append(key).append("=").append(value).append("\n");
  }
  return counted;
}

std::map<std::string, std::string> LabelsOfSort(std::string_view sort) {
  std::map<std::string, std::string> labels;
  for (sort.remove_prefix(1); !sort.empty();) {
    const size_t equals = sort.find('='), end = sort.find('\n');
    labels.emplace(sort.substr(0, equals), sort.substr(equals + 1, end - equals - 1));
    sort.remove_prefix(end + 1);
  }
  return labels;
}

void AddCounted(char sort, int32_t count, bool fully_labeled, ReplicaStatus& status) {
  if (sort == kTerminating) status.terminating += count;
  if (sort != kReady && sort != kWaiting) return;
  status.replicas += count;
  if (fully_labeled) status.fully_labeled += count;
  if (sort != kReady) return;
  status.ready += count;
  status.available += count;
}

}  // namespace

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

ReplicaControl::ReplicaControl(Manager& manager, EventRecorder& recorder, Picked picked)
    : clock_(manager.clock()),
      sending_{manager.client(), manager.hands()},
      informer_(manager.informer<Pod>()),
      picked_(std::move(picked)),
      pods_(manager.client(), recorder, informer_) {
  informer_.cache().AddCounts(kReplicas, CountedAs);
}

ReplicaControl::Replicas ReplicaControl::LookedAt(const ReplicaOwner& owner,
                                                  const std::vector<Ptr<Pod>>& mine,
                                                  std::set<ObjectKey> unseen, TimePoint now) {
  const ObjectKey key = {owner.metadata.namespace_, owner.metadata.name};
  Replicas replicas;
  int terminating = 0;
  for (const Ptr<Pod>& pod : mine) {
    unseen.erase(KeyOf(*pod));
    const bool deleted = IsActive(*pod) && pods_.memory().WasDeleted(key, *pod);
    if (IsTerminating(*pod) || deleted) ++terminating;
    if (IsActive(*pod) && !deleted) replicas.active.push_back(pod);
  }
  replicas.status = CountReplicas(owner, replicas.active, terminating, now);
  replicas.unseen = unseen.size();
  replicas.again = UntilNextAvailable(replicas.active, owner.min_ready_seconds, now);
  return replicas;
}

bool ReplicaControl::MayAdopt(const ReplicaOwner& owner, const LabelSelector& selector) const {
  const auto orphans = informer_.OrphansIn(owner.metadata.namespace_);
  return std::any_of(orphans.begin(), orphans.end(), [&](const Ptr<Pod>& pod) {
    return !IsTerminal(*pod) && Classify(owner.metadata, selector, pod->metadata) == Claim::kAdopt;
  });
}

std::optional<ReplicaControl::Replicas> ReplicaControl::Counted(const ReplicaOwner& owner,
                                                                const LabelSelector& selector) {
  if (owner.min_ready_seconds != 0 || MayAdopt(owner, selector)) return std::nullopt;
  const ObjectKey key = {owner.metadata.namespace_, owner.metadata.name};
  const auto group = ControlledGroup(owner.metadata.namespace_, owner.metadata.uid);
  const auto deleted = pods_.memory().DeletedOf(key);
  const auto seen = informer_.cache().CountsOf(kReplicas, group, deleted);
  const auto labels = LabelSelector::FromMap(owner.pod_template.metadata.labels);
  // While a new list is taken in, a pod may be among both: then there is one to make less, until it
  // is all there, and none to delete before each was looked at.
  Replicas replicas{.unseen = pods_.memory().MadeAfter(owner.metadata, seen.revision)};
  for (const auto& [sort, count] : seen.counts) {
    if (sort[0] == kEnded) continue;
    const auto pod_labels = LabelsOfSort(sort);
    if (!selector.Matches(pod_labels)) return std::nullopt;
    AddCounted(sort[0], static_cast<int32_t>(count), labels.Matches(pod_labels), replicas.status);
  }
  for (const CachedObject& each : seen.some) {
    const Pod& pod = *static_cast<const Pod*>(each.object.get());
    const auto counted = CountedAs(each);
    if (counted.group != group) continue;
    if (!IsActive(pod) || !pods_.memory().WasDeleted(key, pod)) continue;
    AddCounted(counted.sort[0], -1, labels.Matches(pod.metadata.labels), replicas.status);
    ++replicas.status.terminating;
  }
  return replicas;
}

Result<ReplicaControl::Outcome> ReplicaControl::Run(const ReplicaOwner& owner,
                                                    const Observed& observed) {
  const TimePoint now = clock_.Now();
  auto replicas = Counted(owner, observed.selector);
  if (!replicas || replicas->Excess(owner) > 0) {
    // Before the cache is read.
    auto unseen = pods_.memory().Unseen(owner.metadata);
    replicas = LookedAt(owner, TRY(observed.claim()), std::move(unseen), now);
  }
  Outcome outcome{.status = replicas->status, .again = replicas->again};
  const int excess = replicas->Excess(owner);
  Result<> done;
  if (owner.metadata.deletion_timestamp) {
    // The garbage collector removes the pods of a deleted owner.
  } else if (excess < 0) {
    done = Create(owner, std::min(-excess, kBurst));
  } else if (excess > 0) {
    const int count = std::min(excess, kBurst);
    const auto going = PickForDeletion(replicas->active, observed.related(), count, now);
    if (picked_) picked_(going, replicas->active);
    done = Delete(owner, going);
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
