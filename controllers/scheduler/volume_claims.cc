#include "controllers/scheduler/volume_claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "api/pods/migrated_volumes.h"
#include "api/select/node_selector.h"
#include "controllers/storage/volume_match.h"

namespace skiff::scheduler {
namespace {

constexpr std::string_view kBindCompletedAnnotation = "pv.kubernetes.io/bind-completed";
constexpr std::string_view kNoVolumes = "node(s) didn't find available persistent volumes to bind";
constexpr std::string_view kNoRoom = "node(s) did not have enough free storage";

bool IsDelayed(const core_v1::PersistentVolumeClaim& claim, const StorageView& storage) {
  const std::string name = ClassOf(claim).value_or("");
  if (!claim.spec.volume_name.empty() || name.empty()) return false;
  const auto storage_class = storage.storage_class(name);
  return storage_class &&
         storage_class->volume_binding_mode.value_or("Immediate") == "WaitForFirstConsumer";
}

std::string_view MigratedBy(const storage_v1::CSINode* node) {
  if (node == nullptr) return "";
  const auto found = node->metadata.annotations.find(std::string(kMigratedPlugins));
  return found == node->metadata.annotations.end() ? "" : std::string_view(found->second);
}

bool Migrates(const storage_v1::CSINode* node, std::string_view plugin) {
  const std::string_view plugins = MigratedBy(node);
  return std::ranges::any_of(std::views::split(plugins, ','), [&](const auto& each) {
    return std::string_view(each.begin(), each.end()) == plugin;
  });
}

}  // namespace

bool IsOfDriver(std::string_view plugin) {
  return !plugin.empty() && plugin != "kubernetes.io/azure-file" &&
         plugin != "kubernetes.io/vsphere-volume";
}

bool IsReachable(const core_v1::PersistentVolume& volume, const core_v1::Node& node) {
  const auto& affinity = volume.spec.node_affinity;
  return !affinity || !affinity->required || Matches(*affinity->required, node);
}

Result<bool> IsReachableBy(const core_v1::PersistentVolume& volume, const core_v1::Node& node,
                           const storage_v1::CSINode* csi_node) {
  const std::string_view plugin = MigratedPluginOf(volume);
  if (!IsOfDriver(plugin) || !Migrates(csi_node, plugin)) return IsReachable(volume, node);
  const auto translated = AsCsi(volume);
  if (!translated) {
    return Fail(translated.error().reason, "could not translate pv: " + translated.error().message);
  }
  return IsReachable(*translated, node);
}

namespace {

bool CanProvision(const core_v1::PersistentVolumeClaim& claim, const core_v1::Node& node,
                  const StorageView& storage) {
  const auto storage_class = storage.storage_class(ClassOf(claim).value_or(""));
  if (!storage_class || storage_class->provisioner == "kubernetes.io/no-provisioner") return false;
  if (storage_class->allowed_topologies.empty()) return true;
  for (const auto& term : storage_class->allowed_topologies) {
    if (term.match_label_expressions.empty()) continue;  // It names no place.
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

// Drivers that do not say how much they can make are trusted to make it.
bool HasRoom(const core_v1::PersistentVolumeClaim& claim, const core_v1::Node& node,
             const StorageView& storage) {
  const std::string class_name = ClassOf(claim).value_or("");
  // It may have gone since the node was found to be one of its places.
  const auto storage_class = storage.storage_class(class_name);
  if (!storage_class) return false;
  const auto driver = storage.csi_driver(storage_class->provisioner);
  if (!driver || !driver->spec.storage_capacity.value_or(false)) return true;
  if (!claim.spec.resources.requests.contains("storage")) return true;
  const auto capacities = storage.capacities(class_name);
  return capacities && capacities->HaveRoom(node.metadata.labels, RequestOf(claim).Value());
}

Verdict CheckBound(const core_v1::PersistentVolumeClaim& claim, const core_v1::Node& node,
                   const StorageView& storage) {
  const auto volume = storage.volume(claim.spec.volume_name);
  if (!volume) {
    return Verdict::Unresolvable(
        "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)");
  }
  const bool is_migrated = !MigratedPluginOf(*volume).empty();
  const auto csi_node = is_migrated ? storage.csi_node(node.metadata.name) : nullptr;
  const auto is_reachable = IsReachableBy(*volume, node, csi_node.get());
  if (!is_reachable) return Verdict::Failed(is_reachable.error().message);
  if (*is_reachable) return Verdict::Fits();
  return Verdict::Unresolvable("node(s) didn't match PersistentVolume's node affinity");
}

using Volumes = std::vector<Ptr<core_v1::PersistentVolume>>;

// Takes the volume that meets the claim out of `volumes`; no two claims get the same one.
Ptr<core_v1::PersistentVolume> TakeVolume(const ClaimPtr& claim, const StorageView& storage,
                                          Volumes& volumes) {
  auto selector = storage.claim_selector ? storage.claim_selector(claim) : nullptr;
  auto found = FindVolume(*claim, volumes, /*prebound_only=*/false, std::move(selector),
                          VolumeChoice::kSmallest);
  if (found) std::erase(volumes, found);
  return found;
}

// Its provisioner has been told where, and may be at work: a volume that is there already would be
// a second one.
bool IsBeingMade(const core_v1::PersistentVolumeClaim& claim) {
  return claim.metadata.annotations.contains(std::string(kSelectedNodeAnnotation));
}

// Another node was chosen for the claim, or a volume that only others reach is its own already.
bool BelongsElsewhere(const core_v1::PersistentVolumeClaim& claim, const core_v1::Node& node,
                      const Volumes& out_of_reach) {
  const auto selected = claim.metadata.annotations.find(std::string(kSelectedNodeAnnotation));
  const bool is_chosen = selected != claim.metadata.annotations.end();
  if (is_chosen && selected->second != node.metadata.name) return true;
  return std::any_of(out_of_reach.begin(), out_of_reach.end(),
                     [&](const auto& volume) { return Names(*volume, claim); });
}

}  // namespace

std::vector<VolumePtr> VolumesFor(const std::vector<ClaimPtr>& claims, const StorageView& storage) {
  std::vector<VolumePtr> volumes = storage.volumes();
  std::erase_if(volumes, [&](const VolumePtr& volume) {
    return volume->spec.claim_ref &&
           std::none_of(claims.begin(), claims.end(),
                        [&](const ClaimPtr& claim) { return skiff::Names(*volume, *claim); });
  });
  return volumes;
}

// The smallest claim first, so that it leaves the large volumes to the others.
Result<std::vector<ClaimPlan>> PlanClaims(std::vector<ClaimPtr> claims,
                                          std::vector<VolumePtr> volumes, const core_v1::Node& node,
                                          const StorageView& storage) {
  std::vector<ClaimPlan> plan;
  if (claims.empty()) return plan;
  std::stable_sort(claims.begin(), claims.end(), [](const ClaimPtr& a, const ClaimPtr& b) {
    return RequestOf(*a) < RequestOf(*b);
  });
  const auto out_of_reach =
      std::stable_partition(volumes.begin(), volumes.end(),
                            [&](const auto& volume) { return IsReachable(*volume, node); });
  const Volumes unreachable(out_of_reach, volumes.end());
  volumes.erase(out_of_reach, volumes.end());
  for (ClaimPtr& claim : claims) {
    if (BelongsElsewhere(*claim, node, unreachable)) {
      return Fail(Reason::kConflict, std::string(kNoVolumes));
    }
    auto volume = IsBeingMade(*claim) ? nullptr : TakeVolume(claim, storage, volumes);
    plan.push_back({std::move(claim), std::move(volume)});
  }
  for (const ClaimPlan& each : plan) {
    if (each.volume) continue;
    if (!CanProvision(*each.claim, node, storage)) {
      return Fail(Reason::kConflict, std::string(kNoVolumes));
    }
    if (!HasRoom(*each.claim, node, storage)) {
      return Fail(Reason::kConflict, std::string(kNoRoom));
    }
  }
  return plan;
}

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

std::map<std::string, int64_t> VolumeLimits(const storage_v1::CSINode& node) {
  std::map<std::string, int64_t> limits;
  for (const auto& driver : node.spec.drivers) {
    if (driver.allocatable && driver.allocatable->count) {
      limits[driver.name] = *driver.allocatable->count;
    }
  }
  return limits;
}

bool MigratesOthers(const storage_v1::CSINode* before, const storage_v1::CSINode& now) {
  return before == nullptr || MigratedBy(before) != MigratedBy(&now);
}

bool RaisesVolumeLimit(const storage_v1::CSINode* before, const storage_v1::CSINode& now) {
  if (before == nullptr) return true;
  const auto limits = VolumeLimits(now);
  const auto limits_before = VolumeLimits(*before);
  return std::any_of(limits_before.begin(), limits_before.end(), [&](const auto& limit) {
    const auto found = limits.find(limit.first);
    return found == limits.end() || found->second > limit.second;
  });
}

namespace {

// Fails where the pod cannot have the claim, whatever the nodes. `is_made`: for the pod alone.
Result<> CheckUsable(const core_v1::PersistentVolumeClaim& claim, const core_v1::Pod& pod,
                     bool is_made) {
  const std::string& name = claim.metadata.name;
  if (claim.status.phase == "Lost") {
    return Fail(Reason::kConflict,
                fmt::format("persistentvolumeclaim \"{}\" bound to non-existent persistentvolume "
                            "\"{}\"",
                            name, claim.spec.volume_name));
  }
  if (claim.metadata.deletion_timestamp) {
    return Fail(Reason::kConflict, "persistentvolumeclaim \"" + name + "\" is being deleted");
  }
  if (!is_made) return {};
  const meta_v1::OwnerReference* const owner = ControllerOf(claim.metadata);
  if (owner != nullptr && owner->uid == pod.metadata.uid) return {};
  return Fail(
      Reason::kConflict,
      fmt::format("PVC {}/{} was not created for pod {}/{} (pod is not owner)",
                  claim.metadata.namespace_, name, pod.metadata.namespace_, pod.metadata.name));
}

}  // namespace

Result<PodClaims> ClassifyClaims(const core_v1::Pod& pod, const StorageView& storage) {
  PodClaims claims;
  bool waits_for_volume = false;
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
    TRY(CheckUsable(*claim, pod, is_ephemeral));
    if (IsFullyBound(*claim)) {
      claims.bound.push_back(claim);
    } else if (IsDelayed(*claim, storage)) {
      claims.delayed.push_back(claim);
    } else {
      waits_for_volume = true;
    }
  }
  // What is wrong with a claim is said before what only takes time.
  if (waits_for_volume) {
    return Fail(Reason::kConflict, "pod has unbound immediate PersistentVolumeClaims");
  }
  if (!claims.delayed.empty()) claims.volumes = VolumesFor(claims.delayed, storage);
  return claims;
}

Verdict CheckClaims(const PodClaims& claims, const core_v1::Node& node,
                    const StorageView& storage) {
  std::vector<std::string> reasons;
  for (const ClaimPtr& claim : claims.bound) {
    const Verdict verdict = CheckBound(*claim, node, storage);
    if (verdict.code == Verdict::Code::kFailed) return verdict;
    reasons = verdict.Reasons();
    if (!reasons.empty()) break;
  }
  const auto plan = PlanClaims(claims.delayed, claims.volumes, node, storage);
  if (!plan) reasons.push_back(plan.error().message);
  return reasons.empty() ? Verdict::Fits() : Verdict::Unresolvable(std::move(reasons));
}

}  // namespace skiff::scheduler
