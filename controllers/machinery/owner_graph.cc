#include "controllers/machinery/owner_graph.h"

#include <algorithm>
#include <compare>
#include <unordered_map>

namespace skiff {

using meta_v1::OwnerReference;

bool SaysTheSame(const std::string& uid, const std::vector<OwnerReference>& owners,
                 const meta_v1::ObjectMeta& now) {
  return now.uid == uid && !now.deletion_timestamp && now.owner_references == owners;
}

bool Blocks(const OwnerReference& reference) {
  return reference.block_owner_deletion.value_or(false);
}

const OwnerReference* FindOwner(const std::vector<OwnerReference>& owners, const std::string& uid) {
  const auto found = std::find_if(owners.begin(), owners.end(),
                                  [&](const OwnerReference& it) { return it.uid == uid; });
  return found == owners.end() ? nullptr : &*found;
}

bool HasFinalizer(const meta_v1::ObjectMeta& object, std::string_view finalizer) {
  return std::find(object.finalizers.begin(), object.finalizers.end(), finalizer) !=
         object.finalizers.end();
}

namespace {

// Owners to be found by uid, each of which is the first of it. An object may name a hundred
// thousand, and all of what is heard of its kind waits while they are compared with those that it
// had.
class OwnersByUid {
 public:
  // `owners` outlives it.
  explicit OwnersByUid(const std::vector<OwnerReference>& owners) : owners_(owners) {
    if (owners.size() <= kFewMax) return;
    for (const OwnerReference& it : owners) by_uid_.try_emplace(it.uid, &it);
  }
  const OwnerReference* Find(const std::string& uid) const {
    if (by_uid_.empty()) return FindOwner(owners_, uid);
    const auto found = by_uid_.find(uid);
    return found == by_uid_.end() ? nullptr : found->second;
  }

 private:
  static constexpr size_t kFewMax = 8;  // Are as soon compared one by one.
  const std::vector<OwnerReference>& owners_;
  std::unordered_map<std::string_view, const OwnerReference*> by_uid_;
};

// What is in a namespace owns there alone.
bool IsElsewhere(const OwnerNode& owner, const OwnerNode& dependent) {
  return owner.resource.namespaced && owner.key.namespace_ != dependent.key.namespace_;
}

// What dependents say of their owner beside its uid.
struct OwnerCoordinates {
  std::string kind;
  std::string api_version;
  std::string name_space;
  std::string name;
  auto operator<=>(const OwnerCoordinates&) const = default;
};

// `namespaced` tells of the kind of `owner`.
OwnerCoordinates CoordinatesBy(const OwnerReference& reference, const OwnerNode& dependent,
                               const OwnerNode& owner, bool namespaced) {
  const bool same_kind =
      reference.kind == owner.resource.kind && reference.api_version == owner.resource.api_version;
  return {reference.kind, reference.api_version,
          same_kind && !namespaced ? "" : dependent.key.namespace_, reference.name};
}

OwnerGraph::Misplaced MisplacedOf(const OwnerNode& node, const OwnerReference& owner) {
  return {node.uid, node.resource, node.key, owner};
}

}  // namespace

OwnerGraph::Work OwnerGraph::Saw(const Resource& resource, const meta_v1::ObjectMeta& object) {
  const MutexLock lock(mutex_);
  return Add(resource, object);
}

OwnerGraph::Work OwnerGraph::SawRemote(const Resource& resource,
                                       const meta_v1::ObjectMeta& object) {
  const MutexLock lock(mutex_);
  return IsAnother(resource, object.uid) ? Work{} : Add(resource, object);
}

OwnerGraph::Work OwnerGraph::GoneRemote(const Resource& resource, const std::string& uid) {
  const MutexLock lock(mutex_);
  return IsAnother(resource, uid) ? Work{} : Remove(uid);
}

bool OwnerGraph::IsAnother(const Resource& resource, const std::string& uid) const {
  const auto node = nodes_.find(uid);
  return node != nodes_.end() && !node->second.virtual_ &&
         (node->second.resource.name != resource.name ||
          node->second.resource.Group() != resource.Group());
}

OwnerGraph::Work OwnerGraph::Add(const Resource& resource, const meta_v1::ObjectMeta& object) {
  Work work;
  OwnerNode& node = nodes_[object.uid];
  const bool is_known = !node.virtual_ && node.resource == resource &&
                        node.key == ObjectKey{object.namespace_, object.name};
  if (is_known && SaysTheSame(node.uid, node.owners, object)) return work;
  const bool was_virtual = node.virtual_;
  const bool moved =
      node.virtual_ && (node.resource.kind != resource.kind ||
                        node.resource.Group() != resource.Group() || node.key.name != object.name);
  node.uid = object.uid;
  node.resource = resource;
  node.key = {object.namespace_, object.name};
  node.virtual_ = false;
  if (was_virtual) JudgeDependents(node, moved, work);
  const auto before = node.owners;
  node.owners = object.owner_references;
  Unlink(node, before, work);
  Link(node, before, work);
  StartDeletion(node, object, work);
  return work;
}

void OwnerGraph::Link(OwnerNode& node, const std::vector<OwnerReference>& before, Work& work) {
  const OwnersByUid known_owners(before);
  for (const OwnerReference& reference : node.owners) {
    if (known_owners.Find(reference.uid)) continue;
    const auto [owner, created] = nodes_.try_emplace(reference.uid);
    owner->second.dependents.insert(node.uid);
    if (created) {
      owner->second.uid = reference.uid;
      owner->second.virtual_ = true;
      owner->second.resource.api_version = reference.api_version;
      owner->second.resource.kind = reference.kind;
      owner->second.key = {node.key.namespace_, reference.name};
      work.check.push_back(reference.uid);
      continue;
    }
    const OwnerNode& known = owner->second;
    const bool elsewhere = !known.virtual_ && IsElsewhere(known, node);
    if (elsewhere) work.misplaced.push_back(MisplacedOf(node, reference));
    const bool misnamed = known.resource.kind != reference.kind ||
                          known.key.name != reference.name ||
                          known.resource.api_version != reference.api_version;
    if (elsewhere || misnamed) work.check.push_back(node.uid);
  }
}

void OwnerGraph::JudgeDependents(const OwnerNode& owner, bool moved, Work& work) {
  for (const std::string& uid : owner.dependents) {
    const auto dependent = nodes_.find(uid);
    if (dependent == nodes_.end()) continue;
    const bool elsewhere = IsElsewhere(owner, dependent->second);
    if (moved || elsewhere) work.check.push_back(uid);
    const OwnerReference* reference = FindOwner(dependent->second.owners, owner.uid);
    if (elsewhere && reference) {
      work.misplaced.push_back(MisplacedOf(dependent->second, *reference));
    }
  }
}

void OwnerGraph::Unlink(OwnerNode& node, const std::vector<OwnerReference>& before, Work& work) {
  const OwnersByUid owners(node.owners);
  for (const OwnerReference& reference : before) {
    const OwnerReference* kept = owners.Find(reference.uid);
    // An owner in foreground deletion may not have to wait for this one any more.
    if (Blocks(reference) && (!kept || !Blocks(*kept))) work.check.push_back(reference.uid);
    if (kept) continue;
    const auto owner = nodes_.find(reference.uid);
    if (owner == nodes_.end()) continue;
    owner->second.dependents.erase(node.uid);
    if (owner->second.virtual_ && owner->second.dependents.empty()) nodes_.erase(owner);
  }
}

void OwnerGraph::StartDeletion(OwnerNode& node, const meta_v1::ObjectMeta& object, Work& work) {
  if (!object.deletion_timestamp) return;
  node.being_deleted = true;
  const bool orphaning = HasFinalizer(object, kOrphanFinalizer);
  const bool foreground = HasFinalizer(object, kForegroundFinalizer) && !orphaning;
  if (orphaning && !node.orphaning) work.orphan.push_back(node.uid);
  if (foreground && !node.deleting_dependents) {
    work.check.insert(work.check.end(), node.dependents.begin(), node.dependents.end());
    work.check.push_back(node.uid);
  }
  node.orphaning = orphaning;
  node.deleting_dependents = foreground;
}

OwnerGraph::Work OwnerGraph::Gone(const std::string& uid) {
  const MutexLock lock(mutex_);
  const auto node = nodes_.find(uid);
  return node == nodes_.end() ? Work{} : Lose(node->second);
}

OwnerGraph::Work OwnerGraph::KindGone(const Resource& resource) {
  const MutexLock lock(mutex_);
  std::vector<std::string> uids;
  for (const auto& [uid, node] : nodes_) {
    if (!node.virtual_ && node.resource == resource) uids.push_back(uid);
  }
  Work all;
  for (const std::string& uid : uids) {
    const Work work = Lose(nodes_.at(uid));
    all.check.insert(all.check.end(), work.check.begin(), work.check.end());
    all.orphan.insert(all.orphan.end(), work.orphan.begin(), work.orphan.end());
  }
  return all;
}

OwnerGraph::Work OwnerGraph::Lose(const OwnerNode& node) {
  const std::string uid = node.uid;
  // Nobody asks for one without dependents, and the thousands that an owner leaves behind must not
  // push it out.
  if (!node.dependents.empty()) Remember(node);
  return Remove(uid);
}

void OwnerGraph::Remember(const OwnerNode& node) {
  const GoneOwner gone = {node.resource.api_version, node.resource.kind, node.key};
  if (!gone_.try_emplace(node.uid, gone).second) return;
  if (gone_order_.size() < kGoneMax) {
    gone_order_.push_back(node.uid);
    return;
  }
  gone_.erase(gone_order_[gone_next_]);
  gone_order_[gone_next_] = node.uid;
  gone_next_ = (gone_next_ + 1) % kGoneMax;
}

OwnerGraph::Work OwnerGraph::Missing(const std::string& uid, bool namespaced) {
  const MutexLock lock(mutex_);
  const auto node = nodes_.find(uid);
  if (node == nodes_.end() || !node->second.virtual_) return {};
  OwnerNode& owner = node->second;
  const OwnerCoordinates missed = {owner.resource.kind, owner.resource.api_version,
                                   namespaced ? owner.key.namespace_ : "", owner.key.name};
  Work work;
  std::set<OwnerCoordinates> others;
  for (const std::string& each : owner.dependents) {
    const auto dependent = nodes_.find(each);
    // One that goes already does so whatever its owner is.
    if (dependent == nodes_.end() || dependent->second.being_deleted) continue;
    for (const OwnerReference& reference : dependent->second.owners) {
      if (reference.uid != uid) continue;
      const auto said = CoordinatesBy(reference, dependent->second, owner, namespaced);
      if (said == missed) {
        work.check.push_back(each);
      } else {
        others.insert(said);
      }
    }
  }
  // Dependents stay linked to nothing: each is checked by its own references.
  if (others.empty()) return Remove(uid);
  auto next = others.upper_bound(missed);
  if (next == others.end()) next = others.begin();
  owner.resource.kind = next->kind;
  owner.resource.api_version = next->api_version;
  owner.key = {next->name_space, next->name};
  return work;
}

OwnerGraph::Work OwnerGraph::Remove(const std::string& uid) {
  Work work;
  const auto found = nodes_.find(uid);
  if (found == nodes_.end()) return work;
  const OwnerNode node = std::move(found->second);
  nodes_.erase(found);
  work.check.assign(node.dependents.begin(), node.dependents.end());
  for (const OwnerReference& reference : node.owners) {
    const auto owner = nodes_.find(reference.uid);
    if (owner == nodes_.end()) continue;
    owner->second.dependents.erase(uid);
    if (owner->second.deleting_dependents) work.check.push_back(reference.uid);
    if (owner->second.virtual_ && owner->second.dependents.empty()) nodes_.erase(owner);
  }
  return work;
}

std::optional<OwnerNode> OwnerGraph::Find(const std::string& uid) const {
  const MutexLock lock(mutex_);
  const auto found = nodes_.find(uid);
  if (found == nodes_.end()) return std::nullopt;
  const OwnerNode& known = found->second;
  return OwnerNode{.uid = known.uid,
                   .resource = known.resource,
                   .key = known.key,
                   .owners = known.owners,
                   .being_deleted = known.being_deleted,
                   .deleting_dependents = known.deleting_dependents,
                   .orphaning = known.orphaning,
                   .virtual_ = known.virtual_};
}

bool OwnerGraph::HasDependents(const std::string& uid) const {
  const MutexLock lock(mutex_);
  const auto found = nodes_.find(uid);
  return found != nodes_.end() && !found->second.dependents.empty();
}

std::vector<OwnerNode> OwnerGraph::DependentsOf(const std::string& uid) const {
  const MutexLock lock(mutex_);
  std::vector<OwnerNode> dependents;
  const auto found = nodes_.find(uid);
  if (found == nodes_.end()) return dependents;
  for (const std::string& dependent : found->second.dependents) {
    if (const auto node = nodes_.find(dependent); node != nodes_.end()) {
      dependents.push_back(node->second);
    }
  }
  return dependents;
}

OwnerGraph::Blockers OwnerGraph::BlockersOf(const std::string& uid) const {
  const MutexLock lock(mutex_);
  Blockers blockers;
  const auto found = nodes_.find(uid);
  if (found == nodes_.end()) return blockers;
  for (const std::string& dependent : found->second.dependents) {
    const auto node = nodes_.find(dependent);
    if (node == nodes_.end()) continue;
    const OwnerReference* reference = FindOwner(node->second.owners, uid);
    if (!reference || !Blocks(*reference)) continue;
    blockers.any = true;
    if (!node->second.being_deleted) blockers.staying.push_back(dependent);
  }
  return blockers;
}

bool OwnerGraph::IsKnownGone(const OwnerReference& owner, const std::string& namespace_) const {
  const MutexLock lock(mutex_);
  const auto found = gone_.find(owner.uid);
  if (found == gone_.end()) return false;
  const GoneOwner& gone = found->second;
  return gone.api_version == owner.api_version && gone.kind == owner.kind &&
         gone.key.name == owner.name &&
         (gone.key.namespace_.empty() || gone.key.namespace_ == namespace_);
}

size_t OwnerGraph::size() const {
  const MutexLock lock(mutex_);
  return nodes_.size();
}

}  // namespace skiff
