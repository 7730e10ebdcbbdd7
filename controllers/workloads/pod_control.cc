#include "controllers/workloads/pod_control.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include "api/pods/conditions.h"
#include "api/pods/pod_phase.h"
#include "api/select/by_name.h"
#include "base/seconds.h"
#include "client/refusals.h"

namespace skiff {

using core_v1::Pod;

namespace {

constexpr std::string_view kDeletionCost = "controller.kubernetes.io/pod-deletion-cost";
constexpr size_t kGenerateNameMax = 248;  // So that the suffix still fits a DNS subdomain.

int PhaseRank(const Pod& pod) {
  if (pod.status.phase == "Pending") return 0;
  return pod.status.phase == "Unknown" ? 1 : 2;
}

// Restarts of the container that restarted most, and of the sidecar that did.
std::pair<int, int> Restarts(const Pod& pod) {
  int containers = 0;
  int sidecars = 0;
  for (const auto& status : pod.status.container_statuses) {
    containers = std::max(containers, status.restart_count);
  }
  if (pod.status.init_container_statuses.empty()) return {containers, sidecars};
  const ByName init(pod.spec.init_containers, &core_v1::Container::name);
  for (const auto& status : pod.status.init_container_statuses) {
    const core_v1::Container* container = init.Find(status.name);
    if (container == nullptr || container->restart_policy != "Always") continue;
    sidecars = std::max(sidecars, status.restart_count);
  }
  return {containers, sidecars};
}

TimePoint ReadySince(const Pod& pod) {
  const core_v1::PodCondition* ready = FindCondition(pod, "Ready");
  return ready && ready->status == "True" ? ready->last_transition_time.point() : TimePoint{};
}

// Ages count in powers of two, so that about equally old pods go in an order nobody can game.
// < 0: `a` is younger, > 0: older. A missing time is the youngest.
int CompareAge(TimePoint a, TimePoint b, TimePoint now) {
  const auto bucket = [&](TimePoint since) {
    const int64_t age = Between(since, now).count();
    return age <= 0 ? 0 : std::bit_width(static_cast<uint64_t>(age));
  };
  const bool a_missing = a == TimePoint{};
  const bool b_missing = b == TimePoint{};
  if (a_missing || b_missing) return static_cast<int>(b_missing) - static_cast<int>(a_missing);
  return bucket(a) - bucket(b);
}

}  // namespace

bool IsTerminal(const Pod& pod) {
  return HasEnded(pod.status.phase);
}

bool IsActive(const Pod& pod) {
  return !IsTerminal(pod) && !pod.metadata.deletion_timestamp;
}

bool IsTerminating(const Pod& pod) {
  return pod.metadata.deletion_timestamp.has_value() && !IsTerminal(pod);
}

bool IsReady(const Pod& pod) {
  const core_v1::PodCondition* ready = FindCondition(pod, "Ready");
  return ready && ready->status == "True";
}

const core_v1::PodCondition* FindCondition(const Pod& pod, std::string_view type) {
  return FindCondition(pod.status.conditions, type);
}

Duration UntilAvailable(const Pod& pod, int32_t min_ready_seconds, TimePoint now) {
  const core_v1::PodCondition* ready = FindCondition(pod, "Ready");
  if (!ready || ready->status != "True") return kNever;
  if (min_ready_seconds == 0) return Duration(0);
  if (ready->last_transition_time.IsZero()) return kNever;
  const TimePoint available =
      Later(ready->last_transition_time.point(), Seconds(min_ready_seconds));
  return std::max(Duration(0), Between(now, available));
}

Pod PodFromTemplate(const core_v1::PodTemplateSpec& pod_template, const KindInfo& kind,
                    const meta_v1::ObjectMeta& owner) {
  Pod pod;
  pod.metadata.labels = pod_template.metadata.labels;
  pod.metadata.annotations = pod_template.metadata.annotations;
  pod.metadata.finalizers = pod_template.metadata.finalizers;
  pod.metadata.namespace_ = owner.namespace_;
  pod.metadata.generate_name = owner.name.substr(0, kGenerateNameMax) + "-";
  pod.metadata.owner_references.push_back(ControllerReference(kind, owner));
  pod.spec = pod_template.spec;
  return pod;
}

int32_t DeletionCost(const Pod& pod) {
  const auto found = pod.metadata.annotations.find(std::string(kDeletionCost));
  if (found == pod.metadata.annotations.end()) return 0;
  const std::string& text = found->second;
  int32_t cost = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cost);
  // Only the canonical form counts: no sign but "-", no leading zeros.
  if (error != std::errc() || std::to_string(cost) != text) return 0;
  return cost;
}

bool DeletedBefore(const RankedPod& ranked_a, const RankedPod& ranked_b, TimePoint now) {
  const Pod& a = *ranked_a.pod;
  const Pod& b = *ranked_b.pod;
  if (a.spec.node_name.empty() != b.spec.node_name.empty()) return a.spec.node_name.empty();
  if (PhaseRank(a) != PhaseRank(b)) return PhaseRank(a) < PhaseRank(b);
  if (IsReady(a) != IsReady(b)) return !IsReady(a);
  if (DeletionCost(a) != DeletionCost(b)) return DeletionCost(a) < DeletionCost(b);
  if (ranked_a.on_same_node != ranked_b.on_same_node) {
    return ranked_a.on_same_node > ranked_b.on_same_node;
  }
  if (IsReady(a) && IsReady(b)) {
    const int age = CompareAge(ReadySince(a), ReadySince(b), now);
    if (age != 0) return age < 0;
    if (ReadySince(a) != ReadySince(b)) return a.metadata.uid < b.metadata.uid;
  }
  if (Restarts(a) != Restarts(b)) return Restarts(a) > Restarts(b);
  const TimePoint created_a = a.metadata.creation_timestamp.point();
  const TimePoint created_b = b.metadata.creation_timestamp.point();
  const int age = CompareAge(created_a, created_b, now);
  if (age != 0) return age < 0;
  return a.metadata.uid < b.metadata.uid;
}

namespace {

Result<> FirstFailed(std::vector<Result<>> results) {
  for (auto& result : results) {
    if (!result) return std::move(result);
  }
  return {};
}

}  // namespace

Result<> SlowStart(const Sending& sending, int count, const Attempt& attempt) {
  int done = 0;
  for (int batch = 1; done < count; batch *= 2) {
    const int size = std::min(batch, count - done);
    TRY(AllAtOnce(sending, size, [&, done](int index, Mailbox& answers, Done then) {
      attempt(done + index, answers, std::move(then));
    }));
    done += size;
  }
  return {};
}

Result<> AllAtOnce(const Sending& sending, int count, const Attempt& attempt) {
  std::vector<Result<>> results(count);
  Mailbox answers;
  const auto send = [&](int index) {
    attempt(index, answers, [&results, index](Result<> outcome) {
      results[index] = std::move(outcome);
    });
  };
  if (sending.client.SendsLater()) {
    for (int index = 0; index < count; ++index) {
      answers.AwaitRoom();
      send(index);
    }
  } else {
    sending.hands.Run(count, send);
  }
  answers.Settle();
  return FirstFailed(std::move(results));
}

Result<> AllAtOnce(Hands& hands, int count, const std::function<Result<>(int index)>& attempt) {
  std::vector<Result<>> results(count);
  hands.Run(count, [&](int index) { results[index] = attempt(index); });
  return FirstFailed(std::move(results));
}

PodMemory::Writes& PodMemory::WritesFor(const ObjectKey& owner, const Pod& pod) {
  const meta_v1::OwnerReference* const controller = ControllerOf(pod.metadata);
  const std::string uid = controller == nullptr ? "" : controller->uid;
  Writes& writes = writes_[owner];
  if (writes.owner != uid) writes = {.owner = uid};
  return writes;
}

void PodMemory::Created(const ObjectKey& owner, const Pod& pod) {
  const MutexLock lock(mutex_);
  WritesFor(owner, pod).created.emplace(WrittenRevision(pod.metadata), KeyOf(pod));
}

void PodMemory::Deleted(const ObjectKey& owner, const Pod& pod) {
  const MutexLock lock(mutex_);
  WritesFor(owner, pod).deleted[KeyOf(pod)] = pod.metadata.uid;
}

std::map<ObjectKey, PodMemory::Writes>::iterator PodMemory::Left(const ObjectKey& owner) {
  const auto found = writes_.find(owner);
  if (found == writes_.end()) return found;
  Writes& writes = found->second;
  // A write is in the cache, or undone by a later one, once the cache has reached its revision.
  const uint64_t revision = pods_.cache().revision();
  while (!writes.created.empty() && writes.created.begin()->first <= revision) {
    writes.created.erase(writes.created.begin());
  }
  std::erase_if(writes.deleted, [&](const auto& entry) {
    const Ptr<Pod> cached = pods_.Get(entry.first);
    return !cached || cached->metadata.uid != entry.second ||
           cached->metadata.deletion_timestamp.has_value();
  });
  if (!writes.created.empty() || !writes.deleted.empty()) return found;
  writes_.erase(found);
  return writes_.end();
}

std::set<ObjectKey> PodMemory::Unseen(const meta_v1::ObjectMeta& owner) {
  const MutexLock lock(mutex_);
  std::set<ObjectKey> unseen;
  const auto left = Left({owner.namespace_, owner.name});
  if (left == writes_.end() || left->second.owner != owner.uid) return unseen;
  for (const auto& [revision, key] : left->second.created) unseen.insert(key);
  return unseen;
}

size_t PodMemory::MadeAfter(const meta_v1::ObjectMeta& owner, uint64_t revision) const {
  const MutexLock lock(mutex_);
  const auto found = writes_.find({owner.namespace_, owner.name});
  if (found == writes_.end() || found->second.owner != owner.uid) return 0;
  const auto& created = found->second.created;
  return std::distance(created.lower_bound({revision + 1, {}}), created.end());
}

std::set<ObjectKey> PodMemory::DeletedOf(const ObjectKey& owner) {
  const MutexLock lock(mutex_);
  std::set<ObjectKey> keys;
  const auto left = Left(owner);
  if (left == writes_.end()) return keys;
  for (const auto& [key, uid] : left->second.deleted) keys.insert(key);
  return keys;
}

bool PodMemory::WasDeleted(const ObjectKey& owner, const Pod& pod) const {
  const MutexLock lock(mutex_);
  const auto found = writes_.find(owner);
  if (found == writes_.end()) return false;
  const auto deleted = found->second.deleted.find(KeyOf(pod));
  return deleted != found->second.deleted.end() && deleted->second == pod.metadata.uid;
}

void PodMemory::Forget(const ObjectKey& owner) {
  const MutexLock lock(mutex_);
  writes_.erase(owner);
}

void PodControl::Create(const core_v1::ObjectReference& owner, const Ptr<Pod>& pod,
                        Mailbox& answers, Done done) {
  if (pod->metadata.labels.empty()) {
    return done(Fail(Reason::kInvalid, "unable to create pods, no labels"));
  }
  client_.CreateLater<Pod>(answers, pod,
                           [this, &owner, done = std::move(done)](const Result<Ptr<Pod>>& created) {
                             done(Created(owner, created));
                           });
}

Result<> PodControl::Created(const core_v1::ObjectReference& owner,
                             const Result<Ptr<Pod>>& created) {
  if (created) {
    memory_.Created({owner.namespace_, owner.name}, **created);
    recorder_.Report(owner, EventType::kNormal, "SuccessfulCreate",
                     "Created pod: " + (*created)->metadata.name);
    return {};
  }
  if (IsNamespaceTerminating(created.error())) return {};
  recorder_.Report(owner, EventType::kWarning, "FailedCreate",
                   "Error creating: " + created.error().message);
  return Fail(created.error());
}

Result<> PodControl::Delete(const core_v1::ObjectReference& owner, const Pod& pod) {
  return Deleted(owner, pod, client_.Delete<Pod>(KeyOf(pod)));
}

void PodControl::Delete(const core_v1::ObjectReference& owner, const Pod& pod, Mailbox& answers,
                        Done done) {
  client_.DeleteLater<Pod>(answers, KeyOf(pod), {},
                           [this, &owner, &pod, done = std::move(done)](const Result<>& deleted) {
                             done(Deleted(owner, pod, deleted));
                           });
}

Result<> PodControl::Deleted(const core_v1::ObjectReference& owner, const Pod& pod,
                             const Result<>& deleted) {
  if (!deleted && deleted.error().reason != Reason::kNotFound) {
    recorder_.Report(owner, EventType::kWarning, "FailedDelete",
                     "Error deleting: " + deleted.error().message);
    return Fail(deleted.error());
  }
  memory_.Deleted({owner.namespace_, owner.name}, pod);
  if (deleted) {
    recorder_.Report(owner, EventType::kNormal, "SuccessfulDelete",
                     "Deleted pod: " + pod.metadata.name);
  }
  return {};
}

}  // namespace skiff
