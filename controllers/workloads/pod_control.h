// What controllers of pods share: which pods count, how they are made from a template, which ones
// go first, and what was written that the cache does not show yet.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "client/hands.h"
#include "client/informer.h"
#include "client/mailbox.h"
#include "client/recorder.h"

namespace skiff {

bool IsTerminal(const core_v1::Pod& pod);     // Phase Succeeded or Failed.
bool IsActive(const core_v1::Pod& pod);       // Neither terminal nor being deleted.
bool IsTerminating(const core_v1::Pod& pod);  // Being deleted, not terminal.
bool IsReady(const core_v1::Pod& pod);
// nullptr when the pod does not have it.
const core_v1::PodCondition* FindCondition(const core_v1::Pod& pod, std::string_view type);
// How long until a Ready pod has been so for `min_ready_seconds`: 0 means it is available; kNever
// when it is not Ready.
Duration UntilAvailable(const core_v1::Pod& pod, int32_t min_ready_seconds, TimePoint now);

// A pod of `owner`, named by generateName, with a controller reference.
core_v1::Pod PodFromTemplate(const core_v1::PodTemplateSpec& pod_template, const KindInfo& kind,
                             const meta_v1::ObjectMeta& owner);

// A pod and how many related active pods share its node.
struct RankedPod {
  Ptr<core_v1::Pod> pod;
  int on_same_node = 0;
};
// Whether `a` is deleted before `b` when a controller has too many.
bool DeletedBefore(const RankedPod& a, const RankedPod& b, TimePoint now);
// `controller.kubernetes.io/pod-deletion-cost`; 0 when it is missing or malformed.
int32_t DeletionCost(const core_v1::Pod& pod);

// One of many attempts that are waited for together: it sends, and `done` is called with what came
// of it once that is known, on the thread of whoever waits for all.
using Done = std::function<void(Result<> outcome)>;
using Attempt = std::function<void(int index, Mailbox& answers, Done done)>;
// With what: `hands` where each request takes a thread until it is answered.
struct Sending {
  Client& client;
  Hands& hands;
};

// Calls `attempt` for 0 .. count-1 in batches of 1, 2, 4, ..., each batch at once: a template that
// does not work costs one refusal, not hundreds. After an error the rest of the batch is still
// tried, but no more batches. Returns an error of the failed batch.
Result<> SlowStart(const Sending& sending, int count, const Attempt& attempt);
// All at once. Returns the error of the first that failed.
Result<> AllAtOnce(const Sending& sending, int count, const Attempt& attempt);
Result<> AllAtOnce(Hands& hands, int count, const std::function<Result<>(int index)>& attempt);

// What a controller wrote that its cache may not show yet. Instead of counting expected events, it
// remembers the objects themselves. For each owner: first Unseen, then read the cache, then decide;
// so that a pod which arrives in between is counted once. What was written for an owner is nothing
// to another one of its name, whom nobody would wake when it shows. Thread-safe; one round an owner
// at a time.
class PodMemory {
 public:
  explicit PodMemory(Informer<core_v1::Pod> pods) : pods_(pods) {}
  void Created(const ObjectKey& owner, const core_v1::Pod& pod);
  void Deleted(const ObjectKey& owner, const core_v1::Pod& pod);
  // Pods that were made for the owner, and neither shown by the cache yet nor gone again. Forgets
  // what the cache shows by now.
  std::set<ObjectKey> Unseen(const meta_v1::ObjectMeta& owner);
  // How many were made for the owner by writes that a cache of this revision does not show.
  size_t MadeAfter(const meta_v1::ObjectMeta& owner, uint64_t revision) const;
  // Those that were deleted for the owner, and that the cache may still show as if they were not.
  // Forgets the others.
  std::set<ObjectKey> DeletedOf(const ObjectKey& owner);
  // This one was deleted, whatever the cache says.
  bool WasDeleted(const ObjectKey& owner, const core_v1::Pod& pod) const;
  void Forget(const ObjectKey& owner);

 private:
  struct Writes;
  // Of an owner, without what the cache shows by now; end() where nothing is left.
  std::map<ObjectKey, Writes>::iterator Left(const ObjectKey& owner) REQUIRES(mutex_);
  // Of whoever has that name now, by the pod that was written for it.
  Writes& WritesFor(const ObjectKey& owner, const core_v1::Pod& pod) REQUIRES(mutex_);
  struct Writes {
    std::string owner;                                 // Its uid.
    std::set<std::pair<uint64_t, ObjectKey>> created;  // By the revision of the creation.
    std::map<ObjectKey, std::string> deleted;          // With the uid.
  };
  Informer<core_v1::Pod> pods_;
  mutable Mutex mutex_;
  std::map<ObjectKey, Writes> writes_ GUARDED_BY(mutex_);
};

// Creates and deletes pods of an owner, with events and memory.
class PodControl {
 public:
  PodControl(Client& client, EventRecorder& recorder, Informer<core_v1::Pod> pods)
      : client_(client), recorder_(recorder), memory_(pods) {}
  PodMemory& memory() { return memory_; }
  // Makes nothing in a namespace that is being deleted. The owner is there until it is done.
  void Create(const core_v1::ObjectReference& owner, const Ptr<core_v1::Pod>& pod,
              Mailbox& answers, Done done);
  // A pod that is gone already counts as deleted.
  Result<> Delete(const core_v1::ObjectReference& owner, const core_v1::Pod& pod);
  // The same in an attempt; both are there until it is done.
  void Delete(const core_v1::ObjectReference& owner, const core_v1::Pod& pod, Mailbox& answers,
              Done done);

 private:
  Result<> Created(const core_v1::ObjectReference& owner,
                   const Result<Ptr<core_v1::Pod>>& created);
  Result<> Deleted(const core_v1::ObjectReference& owner, const core_v1::Pod& pod,
                   const Result<>& deleted);
  Client& client_;
  EventRecorder& recorder_;
  PodMemory memory_;
};

}  // namespace skiff
