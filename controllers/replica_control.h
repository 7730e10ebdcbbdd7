// Keeps as many pods of one template as asked: the one implementation behind ReplicaSet and
// ReplicationController. Decisions are the pure functions here; ReplicaControl carries them out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/manager.h"
#include "controllers/pod_control.h"

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
  ReplicaControl(Manager& manager, EventRecorder& recorder);

  struct Outcome {
    ReplicaStatus status;
    std::optional<Error> error;  // Of creating or deleting; the status tells of it.
    Duration again = kNever;
  };
  // `mine` are the claimed pods, of any phase; `related` as for PickForDeletion; `failure` is what
  // the status says now.
  Outcome Run(const ReplicaOwner& owner, const std::vector<Ptr<core_v1::Pod>>& mine,
              const std::vector<Ptr<core_v1::Pod>>& related,
              const std::optional<ReplicaFailure>& failure);
  // Drops what is remembered about owners that are gone.
  void Tidy() { pods_.memory().Tidy(); }

 private:
  Result<> Create(const ReplicaOwner& owner, int count);
  Result<> Delete(const ReplicaOwner& owner, const std::vector<Ptr<core_v1::Pod>>& pods);
  const Clock& clock_;
  PodControl pods_;
};

}  // namespace skiff
