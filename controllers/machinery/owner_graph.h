// Who owns whom, over all kinds, as the garbage collector has seen it.
//
//   Deployment web ◄── ReplicaSet web-5c ◄── Pod web-5c-x1, Pod web-5c-x2
//
// An owner that is referred to but was never seen is a virtual node, with the coordinates of the
// reference: whether it exists has to be asked.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/gen/meta_v1.h"
#include "base/mutex.h"
#include "client/resource.h"

namespace skiff {

inline constexpr std::string_view kForegroundFinalizer = "foregroundDeletion";
inline constexpr std::string_view kOrphanFinalizer = "orphan";

struct OwnerNode {
  std::string uid;
  Resource resource;  // Of a virtual node only apiVersion and kind are known.
  ObjectKey key;
  std::vector<meta_v1::OwnerReference> owners;
  std::set<std::string> dependents;  // uids
  bool being_deleted = false;
  bool deleting_dependents = false;  // Foreground deletion: it goes after them.
  bool orphaning = false;
  bool virtual_ = false;
};

// Thread-safe.
class OwnerGraph {
 public:
  // Whose owner is in another namespace, where it cannot own it.
  struct Misplaced {
    std::string uid;
    Resource resource;
    ObjectKey key;
    meta_v1::OwnerReference owner;
  };
  // Objects (by uid) that a change makes work for.
  struct Work {
    std::vector<std::string> check;    // Whether they shall be deleted.
    std::vector<std::string> orphan;   // Let go of their dependents.
    std::vector<Misplaced> misplaced;  // To be told of.
  };
  Work Saw(const Resource& resource, const meta_v1::ObjectMeta& object);
  Work Gone(const std::string& uid);
  // The same of what another API server shows. Its word is not the last one: it may be a view of an
  // object that has been seen elsewhere, of the same uid, which changes nothing; and what it shows
  // no more may still be there, so that each dependent asks.
  Work SawRemote(const Resource& resource, const meta_v1::ObjectMeta& object);
  Work GoneRemote(const Resource& resource, const std::string& uid);
  // The same of all that was seen of a kind which is no more.
  Work KindGone(const Resource& resource);
  // A virtual node does not exist, where it was looked for; whether its kind is namespaced. Nothing
  // when it has been seen meanwhile. Where dependents disagree about what it is, it stays, as the
  // next of what they say, until that has been looked for as well.
  Work Missing(const std::string& uid, bool namespaced = true);

  // Without its dependents: each of ten thousand that go asks about their owner.
  std::optional<OwnerNode> Find(const std::string& uid) const;
  bool HasDependents(const std::string& uid) const;
  std::vector<OwnerNode> DependentsOf(const std::string& uid) const;
  // Dependents that hold up its foreground deletion.
  struct Blockers {
    bool any = false;
    std::vector<std::string> staying;  // Those that nobody has deleted yet.
  };
  Blockers BlockersOf(const std::string& uid) const;
  // Whether the deletion was seen lately of what the reference names, which had dependents. As
  // Kubernetes' cache of absent owners: who names another version, kind or name by that uid has to
  // ask for that. `namespace_`: of the dependent.
  bool IsKnownGone(const meta_v1::OwnerReference& owner, const std::string& namespace_) const;
  size_t size() const;

 private:
  static constexpr size_t kGoneMax = 500;
  void Link(OwnerNode& node, const std::vector<meta_v1::OwnerReference>& owners, Work& work)
      REQUIRES(mutex_);
  // A virtual node has been seen: dependents that it is another one to than they say.
  void JudgeDependents(const OwnerNode& owner, bool moved, Work& work) REQUIRES(mutex_);
  void Unlink(OwnerNode& node, const std::vector<meta_v1::OwnerReference>& owners, Work& work)
      REQUIRES(mutex_);
  void StartDeletion(OwnerNode& node, const meta_v1::ObjectMeta& object, Work& work)
      REQUIRES(mutex_);
  Work Remove(const std::string& uid) REQUIRES(mutex_);
  // Whether it has been seen as an object of another resource.
  bool IsAnother(const Resource& resource, const std::string& uid) const REQUIRES(mutex_);
  Work Add(const Resource& resource, const meta_v1::ObjectMeta& object) REQUIRES(mutex_);
  Work Lose(const OwnerNode& node) REQUIRES(mutex_);
  void Remember(const OwnerNode& node) REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, OwnerNode> nodes_ GUARDED_BY(mutex_);  // By uid.
  struct GoneOwner {
    std::string api_version, kind;
    ObjectKey key;
  };
  std::map<std::string, GoneOwner> gone_ GUARDED_BY(mutex_);  // By uid.
  std::vector<std::string> gone_order_ GUARDED_BY(mutex_);  // A ring of at most kGoneMax.
  size_t gone_next_ GUARDED_BY(mutex_) = 0;
};

// Whether the graph learns nothing of an object's later version, as of most changes: before it had
// that uid and those owners.
bool SaysTheSame(const std::string& uid, const std::vector<meta_v1::OwnerReference>& owners,
                 const meta_v1::ObjectMeta& now);
// Whether the reference holds up the owner's foreground deletion.
bool Blocks(const meta_v1::OwnerReference& reference);
const meta_v1::OwnerReference* FindOwner(const std::vector<meta_v1::OwnerReference>& owners,
                                         const std::string& uid);
bool HasFinalizer(const meta_v1::ObjectMeta& object, std::string_view finalizer);

}  // namespace skiff
