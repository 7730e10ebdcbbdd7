#include "controllers/scheduler/volume_claims.h"

#include <algorithm>

#include "api/node_selector.h"
#include "controllers/volume_match.h"

namespace skiff::scheduler {
namespace {

constexpr std::string_view kBindCompletedAnnotation = "pv.kubernetes.io/bind-completed";

bool IsDelayed(const core_v1::PersistentVolumeClaim& claim, const StorageView& storage) {
  if (!claim.spec.volume_name.empty() || !claim.spec.storage_class_name) return false;
  const auto storage_class = storage.storage_class(*claim.spec.storage_class_name);
  return storage_class &&
         storage_class->volume_binding_mode.value_or("Immediate") == "WaitForFirstConsumer";
}

bool IsReachable(const core_v1::PersistentVolume& volume, const core_v1::Node& node) {
  const auto& affinity = volume.spec.node_affinity;
  return !affinity || !affinity->required || Matches(*affinity->required, node);
}

bool CanProvision(const core_v1::PersistentVolumeClaim& claim, const core_v1::Node& node,
                  const StorageView& storage) {
  const auto storage_class = storage.storage_class(claim.spec.storage_class_name.value_or(""));
  if (!storage_class || storage_class->provisioner == "kubernetes.io/no-provisioner") return false;
  if (storage_class->allowed_topologies.empty()) return true;
  for (const auto& term : storage_class->allowed_topologies) {
    const bool holds =
        std::all_of(term.match_label_expressions.begin(), term.match_label_expressions.end(),
                    [&](const auto& expression) {
                      const auto label = node.metadata.labels.find(expression.key);
                      return label != node.metadata.labels.end() &&
                             std::find(expression.values.begin(), expression.values.end(),
                                       label->second) != expression.values.end();
                    });
    if (holds) return true;
  }
  return false;
}

Verdict CheckBound(const core_v1::PersistentVolumeClaim& claim, const core_v1::Node& node,
                   const StorageView& storage) {
  const auto volume = storage.volume(claim.spec.volume_name);
  if (!volume) {
    return Verdict::Unresolvable(
        "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)");
  }
  if (IsReachable(*volume, node)) return Verdict::Fits();
  return Verdict::Unresolvable("node(s) didn't match PersistentVolume's node affinity");
}

// Available volumes that the node can reach.
std::vector<Ptr<core_v1::PersistentVolume>> ReachableVolumes(const core_v1::Node& node,
                                                             const StorageView& storage) {
  auto volumes = storage.volumes();
  std::erase_if(volumes, [&](const auto& volume) { return !IsReachable(*volume, node); });
  return volumes;
}

// Takes the volume that meets the claim out of `volumes`; no two claims get the same one.
bool TakeVolume(const core_v1::PersistentVolumeClaim& claim,
                std::vector<Ptr<core_v1::PersistentVolume>>& volumes) {
  const auto found = FindVolume(claim, volumes, /*prebound_only=*/false);
  return found && std::erase(volumes, found) > 0;
}

// The smallest claim first, as the volumes are dealt out later.
Verdict CheckDelayed(std::vector<ClaimPtr> claims, const core_v1::Node& node,
                     const StorageView& storage) {
  if (claims.empty()) return Verdict::Fits();
  std::stable_sort(claims.begin(), claims.end(), [](const ClaimPtr& a, const ClaimPtr& b) {
    return RequestOf(*a) < RequestOf(*b);
  });
  auto volumes = ReachableVolumes(node, storage);
  for (const ClaimPtr& claim : claims) {
    const auto selected = claim->metadata.annotations.find(std::string(kSelectedNodeAnnotation));
    const bool elsewhere =
        selected != claim->metadata.annotations.end() && selected->second != node.metadata.name;
    if (elsewhere || !(TakeVolume(*claim, volumes) || CanProvision(*claim, node, storage))) {
      return Verdict::Unresolvable("node(s) didn't find available persistent volumes to bind");
    }
  }
  return Verdict::Fits();
}

}  // namespace

std::vector<std::string> ClaimNames(const core_v1::Pod& pod) {
  std::vector<std::string> names;
  for (const auto& volume : pod.spec.volumes) {
    if (volume.persistent_volume_claim) {
      names.push_back(volume.persistent_volume_claim->claim_name);
    } else if (volume.ephemeral) {
      names.push_back(pod.metadata.name + "-" + volume.name);
    }
  }
  return names;
}

bool IsFullyBound(const core_v1::PersistentVolumeClaim& claim) {
  return !claim.spec.volume_name.empty() &&
         claim.metadata.annotations.contains(std::string(kBindCompletedAnnotation));
}

Result<PodClaims> ClassifyClaims(const core_v1::Pod& pod, const StorageView& storage) {
  PodClaims claims;
  for (const auto& volume : pod.spec.volumes) {
    const bool is_ephemeral = static_cast<bool>(volume.ephemeral);
    if (!is_ephemeral && !volume.persistent_volume_claim) continue;
    const std::string name = is_ephemeral ? pod.metadata.name + "-" + volume.name
                                          : volume.persistent_volume_claim->claim_name;
    const ClaimPtr claim = storage.claim(pod.metadata.namespace_, name);
    if (!claim && is_ephemeral) {
      return Fail(Reason::kNotFound,
                  "waiting for ephemeral volume controller to create the persistentvolumeclaim \"" +
                      name + "\"");
    }
    if (!claim) return Fail(Reason::kNotFound, "persistentvolumeclaim \"" + name + "\" not found");
    if (claim->metadata.deletion_timestamp) {
      return Fail(Reason::kConflict, "persistentvolumeclaim \"" + name + "\" is being deleted");
    }
    if (IsFullyBound(*claim)) {
      claims.bound.push_back(claim);
    } else if (IsDelayed(*claim, storage)) {
      claims.delayed.push_back(claim);
    } else {
      return Fail(Reason::kConflict, "pod has unbound immediate PersistentVolumeClaims");
    }
  }
  return claims;
}

Verdict CheckClaims(const PodClaims& claims, const core_v1::Node& node,
                    const StorageView& storage) {
  for (const ClaimPtr& claim : claims.bound) {
    Verdict verdict = CheckBound(*claim, node, storage);
    if (!verdict.fits()) return verdict;
  }
  return CheckDelayed(claims.delayed, node, storage);
}

}  // namespace skiff::scheduler
