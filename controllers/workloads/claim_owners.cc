#include "controllers/workloads/claim_owners.h"

#include <algorithm>

#include "client/client.h"

namespace skiff::stateful {
namespace {

using apps_v1::StatefulSet;
using core_v1::PersistentVolumeClaim;
using core_v1::Pod;
using meta_v1::OwnerReference;

struct Policy {
  bool with_set = false;
  bool with_pod = false;
};

Policy PolicyOf(const StatefulSet& set) {
  const auto& policy = set.spec.persistent_volume_claim_retention_policy;
  if (!policy) return {};
  return {policy->when_deleted == "Delete", policy->when_scaled == "Delete"};
}

bool Names(const OwnerReference& reference, const KindInfo& kind,
           const meta_v1::ObjectMeta& object) {
  return reference.api_version == kind.api_version && reference.kind == kind.kind &&
         reference.name == object.name;
}

// Which of the two a reference names, if any; by name, whatever its uid.
const meta_v1::ObjectMeta* NamedBy(const OwnerReference& reference, const StatefulSet& set,
                                   const Pod* pod) {
  if (Names(reference, StatefulSet::Info(), set.metadata)) return &set.metadata;
  return pod && Names(reference, Pod::Info(), pod->metadata) ? &pod->metadata : nullptr;
}

bool NamesPredecessor(const OwnerReference& reference, const StatefulSet& set, const Pod* pod) {
  const meta_v1::ObjectMeta* named = NamedBy(reference, set, pod);
  return named != nullptr && named->uid != reference.uid;
}

// Whether the claim's references to this owner are those that there shall be.
bool IsOwnedAsWanted(const PersistentVolumeClaim& claim, const std::string& owner_uid,
                     bool wanted) {
  const auto& references = claim.metadata.owner_references;
  const auto found = std::find_if(references.begin(), references.end(),
                                  [&](const auto& it) { return it.uid == owner_uid; });
  if (found == references.end()) return !wanted;
  return wanted && found->controller.value_or(false);
}

}  // namespace

bool HasOtherController(const StatefulSet& set, const ClaimHolder& holder,
                        const PersistentVolumeClaim& claim) {
  const Policy policy = PolicyOf(set);
  if (!policy.with_set && !policy.with_pod) return false;
  const auto& references = claim.metadata.owner_references;
  return std::any_of(references.begin(), references.end(), [&](const OwnerReference& it) {
    if (NamedBy(it, set, holder.pod)) return NamesPredecessor(it, set, holder.pod);
    return it.controller.value_or(false);
  });
}

bool SetOwners(const StatefulSet& set, const ClaimHolder& holder, PersistentVolumeClaim& claim) {
  auto& references = claim.metadata.owner_references;
  const auto is_of_predecessor = [&](const OwnerReference& it) {
    return NamesPredecessor(it, set, holder.pod);
  };
  if (std::any_of(references.begin(), references.end(), is_of_predecessor)) return false;
  const bool is_others = HasOtherController(set, holder, claim);
  const Policy policy = PolicyOf(set);
  const bool with_pod = policy.with_pod && holder.condemned && holder.pod && !is_others;
  const bool with_set = policy.with_set && !with_pod && !is_others;
  const bool as_wanted =
      IsOwnedAsWanted(claim, set.metadata.uid, with_set) &&
      (holder.pod == nullptr || IsOwnedAsWanted(claim, holder.pod->metadata.uid, with_pod));
  if (as_wanted) return false;
  std::erase_if(references, [&](const OwnerReference& it) {
    return NamedBy(it, set, holder.pod) != nullptr;
  });
  if (with_set) references.push_back(ControllerReference(StatefulSet::Info(), set.metadata));
  if (with_pod) references.push_back(ControllerReference(Pod::Info(), holder.pod->metadata));
  return true;
}

bool IsStale(const StatefulSet& set, const PersistentVolumeClaim& claim, const Pod* pod) {
  if (!PolicyOf(set).with_pod) return false;
  const auto& references = claim.metadata.owner_references;
  return std::any_of(references.begin(), references.end(), [&](const auto& reference) {
    return reference.kind == "Pod" && claim.metadata.name.ends_with("-" + reference.name) &&
           (pod == nullptr || reference.uid != pod->metadata.uid);
  });
}

}  // namespace skiff::stateful
