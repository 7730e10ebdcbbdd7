// Keeps as many pods of one template as asked: the one implementation behind ReplicaSet and
// ReplicationController. Decisions are the pure functions here; ReplicaControl carries them out.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/pods/conditions.h"
#include "api/select/selector.h"
#include "client/manager.h"
#include "controllers/workloads/claim.h"
#include "controllers/workloads/pod_control.h"

namespace skiff {

// What the two kinds have in common, read from either.
struct ReplicaOwner {
  const KindInfo& kind;
  const meta_v1::ObjectMeta& metadata;
  const core_v1::PodTemplateSpec& pod_template;
  int32_t replicas = 1;
  int32_t min_ready_seconds = 0;
};

struct ReplicaFailure {
  std::string reason;
  std::string message;
  Time since;
  bool operator==(const ReplicaFailure&) const = default;
};

struct ReplicaStatus {
  int32_t replicas = 0;
  int32_t fully_labeled = 0;
  int32_t ready = 0;
  int32_t available = 0;
  int32_t terminating = 0;
  std::optional<ReplicaFailure> failure;
};

// The pods that belong to an owner after adopting and releasing. What has ended is nothing to who
// keeps a number of pods running: it stays whose it is.
template <Kind Owner>
Result<std::vector<Ptr<core_v1::Pod>>> ClaimReplicas(Client& client, const Owner& owner,
                                                     const LabelSelector& selector,
                                                     const Informer<core_v1::Pod>& pods) {
  auto candidates = ClaimCandidates(owner, pods);
  std::erase_if(candidates, [](const auto& pod) { return IsTerminal(*pod); });
  return ClaimAmong<Owner, core_v1::Pod>(client, owner, selector, candidates);
}

inline constexpr char kReplicaFailure[] = "ReplicaFailure";

// What the status of either kind says now.
template <typename Status>
std::optional<ReplicaFailure> ReplicaFailureIn(const Status& status) {
  const auto* condition = FindCondition(status.conditions, kReplicaFailure);
  if (condition == nullptr) return std::nullopt;
  return ReplicaFailure{condition->reason, condition->message, condition->last_transition_time};
}

// Writes into an object of either kind what both have.
template <typename Owner>
void WriteReplicaStatus(const ReplicaStatus& from, Owner& owner) {
  auto& status = owner.status;
  status.replicas = from.replicas;
  status.fully_labeled_replicas = from.fully_labeled;
  status.ready_replicas = from.ready;
  status.available_replicas = from.available;
  status.observed_generation = owner.metadata.generation;
  std::erase_if(status.conditions, [](const auto& it) { return it.type == kReplicaFailure; });
  if (!from.failure) return;
  auto& condition = status.conditions.emplace_back();
  condition.type = kReplicaFailure;
  condition.status = "True";
  condition.last_transition_time = from.failure->since;
  condition.reason = from.failure->reason;
  condition.message = from.failure->message;
}

// Counts `active` pods; `terminating` is how many are on their way out.
ReplicaStatus CountReplicas(const ReplicaOwner& owner, const std::vector<Ptr<core_v1::Pod>>& active,
                            int terminating, TimePoint now);

// The `count` pods that go first. `related` are the pods of all owners with the same controller.
std::vector<Ptr<core_v1::Pod>> PickForDeletion(const std::vector<Ptr<core_v1::Pod>>& active,
                                               const std::vector<Ptr<core_v1::Pod>>& related,
                                               int count, TimePoint now);

// How long until the next Ready pod becomes available; kNever when none will by waiting.
Duration UntilNextAvailable(const std::vector<Ptr<core_v1::Pod>>& pods, int32_t min_ready_seconds,
                            TimePoint now);

class ReplicaControl {
 public:
  // Most pods that are created or deleted in one round.
  static constexpr int kBurst = 500;
  // Told of the pods that go as there are too many, and of all among which they were picked; null:
  // nobody wants to know.
  using Picked = std::function<void(const std::vector<Ptr<core_v1::Pod>>& picked,
                                    const std::vector<Ptr<core_v1::Pod>>& among)>;
  ReplicaControl(Manager& manager, EventRecorder& recorder, Picked picked = nullptr);

  struct Outcome {
    ReplicaStatus status;
    std::optional<Error> error;  // Of creating or deleting; the status tells of it.
    Duration again = kNever;
  };
  // What Run works with.
  struct Observed {
    const LabelSelector& selector;
    // The claimed pods, by ClaimReplicas. Only asked for where their counts are not enough: pods
    // have to go, come to be the owner's or leave it, or become available with time.
    std::function<Result<std::vector<Ptr<core_v1::Pod>>>()> claim;
    // As for PickForDeletion; only asked for when pods have to go.
    std::function<std::vector<Ptr<core_v1::Pod>>()> related;
    std::optional<ReplicaFailure> failure;  // What the status says now.
  };
  // Fails when pods could not be claimed.
  Result<Outcome> Run(const ReplicaOwner& owner, const Observed& observed);
  void Forget(const ObjectKey& owner) { pods_.memory().Forget(owner); }

 private:
  // The pods of an owner.
  struct Replicas {
    ReplicaStatus status;
    std::vector<Ptr<core_v1::Pod>> active;  // Where each was looked at.
    size_t unseen = 0;  // Made for it, and not among those yet.
    Duration again = kNever;
    int32_t Excess(const ReplicaOwner& owner) const {
      return status.replicas + static_cast<int32_t>(unseen) - owner.replicas;
    }
  };
  // By what is counted of them; nullopt where that is not enough.
  std::optional<Replicas> Counted(const ReplicaOwner& owner, const LabelSelector& selector);
  // `unseen` is of before `mine` were read.
  Replicas LookedAt(const ReplicaOwner& owner, const std::vector<Ptr<core_v1::Pod>>& mine,
                    std::set<ObjectKey> unseen, TimePoint now);
  bool MayAdopt(const ReplicaOwner& owner, const LabelSelector& selector) const;
  Result<> Create(const ReplicaOwner& owner, int count);
  Result<> Delete(const ReplicaOwner& owner, const std::vector<Ptr<core_v1::Pod>>& pods);
  const Clock& clock_;
  const Sending sending_;
  const Informer<core_v1::Pod> informer_;
  const Picked picked_;
  PodControl pods_;
};

}  // namespace skiff
