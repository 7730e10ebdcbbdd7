#include "controllers/workloads/claim.h"

#include <algorithm>

namespace skiff {

Claim Classify(const meta_v1::ObjectMeta& owner, const LabelSelector& selector,
               const meta_v1::ObjectMeta& object) {
  if (owner.namespace_ != object.namespace_) return Claim::kLeave;
  const bool picked = selector.Matches(object.labels);
  if (const meta_v1::OwnerReference* controller = ControllerOf(object)) {
    if (controller->uid != owner.uid) return Claim::kLeave;
    if (picked) return Claim::kMine;
    return owner.deletion_timestamp ? Claim::kLeave : Claim::kRelease;
  }
  if (owner.deletion_timestamp || object.deletion_timestamp || !picked) return Claim::kLeave;
  return Claim::kAdopt;
}

bool Selects(const std::map<std::string, std::string>& selector,
             const std::map<std::string, std::string>& labels) {
  return !selector.empty() && std::ranges::all_of(selector, [&](const auto& wanted) {
    const auto label = labels.find(wanted.first);
    return label != labels.end() && label->second == wanted.second;
  });
}

void SetController(meta_v1::ObjectMeta& object, meta_v1::OwnerReference controller) {
  auto& owners = object.owner_references;
  const auto found = std::find_if(owners.begin(), owners.end(),
                                  [&](const auto& it) { return it.uid == controller.uid; });
  if (found == owners.end()) {
    owners.push_back(std::move(controller));
  } else {
    *found = std::move(controller);
  }
}

void SetFinalizer(meta_v1::ObjectMeta& object, const std::string& finalizer) {
  auto& finalizers = object.finalizers;
  if (finalizer.empty()) return;
  if (std::find(finalizers.begin(), finalizers.end(), finalizer) != finalizers.end()) return;
  finalizers.push_back(finalizer);
}

Result<> CanAdopt(const KindInfo& child, const meta_v1::ObjectMeta& object, const KindInfo& kind,
                  const meta_v1::ObjectMeta& owner, const meta_v1::ObjectMeta& live) {
  std::string problem;
  if (live.uid != owner.uid) {
    problem = fmt::format("original {} {}/{} is gone: got uid {}, wanted {}", kind.kind,
                          owner.namespace_, owner.name, live.uid, owner.uid);
  } else if (live.deletion_timestamp) {
    problem = fmt::format("{}/{} has just been deleted at {}", owner.namespace_, owner.name,
                          live.deletion_timestamp->Rfc3339());
  } else {
    return {};
  }
  return Fail(Reason::kConflict, fmt::format("can't adopt {} {}/{} ({}): {}", child.kind,
                                             object.namespace_, object.name, object.uid, problem));
}

}  // namespace skiff
