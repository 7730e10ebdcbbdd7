// PersistentVolumes as seen from the volume: is its claim still there, and what becomes of it when
// it is not. A directory on a node is removed by that node (api/local_volumes).
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/pods/local_volumes.h"
#include "api/pods/migrated_volumes.h"
#include "client/reconciler.h"
#include "controllers/machinery/owner_graph.h"
#include "controllers/program.h"
#include "controllers/storage/builtin_provisioners.h"
#include "controllers/storage/volume_match.h"

namespace skiff {
namespace {

using core_v1::Node;
using core_v1::PersistentVolume;
using core_v1::PersistentVolumeClaim;

// The node that a volume of the built-in provisioner lies on; "": it names none.
std::string NodeOf(const PersistentVolume& volume) {
  if (!volume.spec.node_affinity || !volume.spec.node_affinity->required) return "";
  for (const auto& term : volume.spec.node_affinity->required->node_selector_terms) {
    for (const auto& expression : term.match_expressions) {
      if (!expression.values.empty()) return expression.values[0];
    }
  }
  return "";
}

// As one that another controller manager has made for a built-in provisioner.
bool WaitsForBuiltin(const PersistentVolume& volume) {
  const auto& finalizers = volume.metadata.finalizers;
  return std::ranges::find(finalizers, kBuiltinDeletion) != finalizers.end();
}

class VolumeReconciler final : public Reconciler<PersistentVolume> {
 public:
  VolumeReconciler(Manager& manager, const ControllerOptions& options)
      : client_(manager.client()),
        claims_(manager.informer<PersistentVolumeClaim>()),
        nodes_(manager.informer<Node>()),
        events_(manager.Recorder("persistentvolume-controller")),
        provisioners_(options.local_path_provisioners.begin(),
                      options.local_path_provisioners.end()),
        nodes_remove_local_volumes_(options.nodes_remove_local_volumes) {}

  Result<Requeue> Reconcile(const PersistentVolume& volume) override {
    const bool is_handed_on = TRY(HandOn(volume));
    if (is_handed_on) return Requeue::None();  // Its event wakes us.
    const bool is_changed = TRY(HoldOrLetGo(volume));
    if (is_changed) return Requeue::None();  // The same.
    const auto done = Look(volume);
    if (!done) return Fail(done.error());
    return Requeue::None();
  }

 private:
  // Tells the driver which looks after what a built-in provisioner made that this is one of those:
  // it deletes it, when the time comes, and nothing waits for that provisioner. What was said of
  // another one does not stay. Whether that took a write.
  Result<bool> HandOn(const PersistentVolume& volume) {
    const auto& annotations = volume.metadata.annotations;
    const auto made_by = annotations.find(std::string(kProvisionedBy));
    if (made_by == annotations.end()) return false;
    const bool has_driver = !DriverInPlaceOf(made_by->second).empty();
    const bool waits = has_driver && WaitsForBuiltin(volume);
    if (SaysWhoFollows(annotations, made_by->second) && !waits) return false;
    TRY(client_.Patch(volume,
                      [&](PersistentVolume& it) {
                        SayWhoFollows(it.metadata.annotations, made_by->second);
                        if (has_driver) std::erase(it.metadata.finalizers, kBuiltinDeletion);
                      },
                      {.if_unchanged = true}));
    return true;
  }

  bool IsMadeHere(const PersistentVolume& volume) const {
    const auto made_by = volume.metadata.annotations.find(std::string(kProvisionedBy));
    return made_by != volume.metadata.annotations.end() &&
           provisioners_.contains(made_by->second) && volume.spec.host_path;
  }

  // One whose directory a node is to remove stays until that has been done, although it was deleted
  // before its claim. Whether that took a write.
  Result<bool> HoldOrLetGo(const PersistentVolume& volume) {
    const auto& claim = volume.spec.claim_ref;
    const bool is_held = HasFinalizer(volume.metadata, kLocalVolumeFinalizer);
    bool is_wanted = nodes_remove_local_volumes_ && IsMadeHere(volume) && claim &&
                     !claim->uid.empty() &&
                     volume.spec.persistent_volume_reclaim_policy == "Delete";
    if (is_wanted) is_wanted = TRY(IsLetGoByNode(volume, is_held));
    // What is being deleted gets none any more.
    if (is_held == is_wanted || (is_wanted && volume.metadata.deletion_timestamp)) return false;
    if (!is_wanted) {
      TRY(LetGo(volume));
      return true;
    }
    TRY(client_.Patch(
        volume,
        [](PersistentVolume& it) { it.metadata.finalizers.emplace_back(kLocalVolumeFinalizer); },
        {.if_unchanged = true}));
    return true;
  }

  // Whether there is a node that takes the finalizer away. One that knows nothing of it would leave
  // the volume for ever, and so does one that is no more.
  Result<bool> IsLetGoByNode(const PersistentVolume& volume, bool is_held) {
    const std::string node = NodeOf(volume);
    if (node.empty()) return false;
    const Ptr<Node> known = nodes_.Get({"", node});
    if (known && LetsGoOfVolumes(*known)) return true;
    // Its directory could stay behind: the cache is not asked alone.
    if (!is_held) return false;
    const auto live = TRY(Named(node));
    return !live.empty() && LetsGoOfVolumes(*live.front());
  }

  Result<> LetGo(const PersistentVolume& volume) {
    TRY(client_.Patch(
        volume,
        [](PersistentVolume& it) { std::erase(it.metadata.finalizers, kLocalVolumeFinalizer); },
        {.if_unchanged = true}));
    return {};
  }

  Result<> Look(const PersistentVolume& volume) {
    if (!volume.spec.claim_ref || volume.spec.claim_ref->uid.empty()) {
      return SetPhase(volume, "Available", "");
    }
    const auto claim = TRY(ClaimOf(volume));
    if (!claim) return Release(volume);
    if (claim->spec.volume_name.empty()) {
      if (volume.spec.volume_mode.value_or("Filesystem") !=
          claim->spec.volume_mode.value_or("Filesystem")) {
        events_.Warning(volume, "VolumeMismatch",
                        fmt::format("Cannot bind PersistentVolume to requested "
                                    "PersistentVolumeClaim \"{}\" due to incompatible volumeMode.",
                                    claim->metadata.name));
        events_.Warning(*claim, "VolumeMismatch",
                        fmt::format("Cannot bind PersistentVolume \"{}\" to requested "
                                    "PersistentVolumeClaim due to incompatible volumeMode.",
                                    volume.metadata.name));
      }
      return {};  // The claim's own round goes on.
    }
    if (claim->spec.volume_name == volume.metadata.name) return SetPhase(volume, "Bound", "");
    // The claim took another volume. One that was made for it has no use any more.
    if (HasAnnotation(volume.metadata, kProvisionedBy) &&
        volume.spec.persistent_volume_reclaim_policy == "Delete") {
      return Release(volume);
    }
    return Unbind(volume);
  }

  // The claim that the volume belongs to; nullptr when it is gone, also when a namesake came.
  Result<Ptr<PersistentVolumeClaim>> ClaimOf(const PersistentVolume& volume) {
    const auto& reference = *volume.spec.claim_ref;
    const ObjectKey key = {reference.namespace_, reference.name};
    Ptr<PersistentVolumeClaim> claim = claims_.Get(key);
    if (!claim || claim->metadata.uid != reference.uid) {
      // Data is about to be deleted: the cache is not asked alone.
      auto live = client_.Get<PersistentVolumeClaim>(key);
      if (!live && live.error().reason == Reason::kNotFound) return nullptr;
      if (!live) return Fail(live.error());
      claim = *live;
    }
    if (claim->metadata.uid != reference.uid) return nullptr;
    return claim;
  }

  Result<> SetPhase(const PersistentVolume& volume, const std::string& phase,
                    const std::string& message) {
    TRY(client_.PatchStatus(volume,
                            [&](PersistentVolume& it) {
                              it.status.phase = phase;
                              it.status.message = message;
                            },
                            {.if_unchanged = true}));
    return {};
  }

  Result<> Unbind(const PersistentVolume& volume) {
    TRY(client_.Patch(volume,
                      [](PersistentVolume& it) {
                        if (HasAnnotation(it.metadata, kBoundByController)) {
                          it.metadata.annotations.erase(std::string(kBoundByController));
                          it.spec.claim_ref.reset();
                        } else {
                          it.spec.claim_ref->uid.clear();
                          it.spec.claim_ref->resource_version.clear();
                        }
                      },
                      {.if_unchanged = true}));
    return {};
  }

  Result<> Release(const PersistentVolume& volume) {
    if (volume.status.phase != "Released" && volume.status.phase != "Failed") {
      TRY(SetPhase(volume, "Released", ""));
    }
    if (HasAnnotation(volume.metadata, kMigratedTo)) return {};
    const std::string& policy = volume.spec.persistent_volume_reclaim_policy;
    if (policy == "Delete") return Delete(volume);
    if (policy == "Recycle") {
      return GiveUp(volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!");
    }
    return {};
  }

  Result<> Delete(const PersistentVolume& volume) {
    if (!IsMadeHere(volume)) {
      const std::string why_not = WhyNotDeleted(volume);
      if (why_not.empty()) return {};  // Its own provisioner deletes it.
      return GiveUp(volume, "VolumeFailedDelete", why_not);
    }
    if (WaitsForBuiltin(volume)) {
      TRY(client_.Patch(
          volume,
          [](PersistentVolume& it) { std::erase(it.metadata.finalizers, kBuiltinDeletion); },
          {.if_unchanged = true}));
      return {};  // Its event wakes us.
    }
    if (nodes_remove_local_volumes_) {
      const std::string node = NodeOf(volume);
      const bool is_there = TRY(IsThere(node));
      if (is_there) return Assign(volume, node);
    }
    const bool is_held = HasFinalizer(volume.metadata, kLocalVolumeFinalizer);
    if (is_held && volume.metadata.deletion_timestamp) return LetGo(volume);
    // Somebody may just have said that it is to be kept.
    const auto deleted =
        client_.Delete(volume, {.resource_version = volume.metadata.resource_version});
    if (!deleted && deleted.error().reason != Reason::kNotFound) return Fail(deleted.error());
    return {};
  }

  // A node that was taken out of the cluster takes its volumes along.
  Result<bool> IsThere(const std::string& node) {
    if (node.empty()) return false;
    const auto found = TRY(Named(node));
    return !found.empty();
  }

  // Who is the binder may list nodes, and not get one.
  Result<std::vector<Ptr<Node>>> Named(const std::string& node) {
    return client_.List<Node>({.field_selector = "metadata.name=" + node});
  }

  // It removes the directory, now or when it is back, and deletes the volume.
  Result<> Assign(const PersistentVolume& volume, const std::string& node) {
    const auto assigned = volume.metadata.labels.find(kReclaimedBy);
    if (assigned != volume.metadata.labels.end() && assigned->second == node) return {};
    TRY(client_.Patch(volume,
                      [&](PersistentVolume& it) { it.metadata.labels[kReclaimedBy] = node; },
                      {.if_unchanged = true}));
    return {};
  }

  Result<> GiveUp(const PersistentVolume& volume, const std::string& reason,
                  const std::string& message) {
    if (volume.status.phase == "Failed" && volume.status.message == message) return {};
    TRY(SetPhase(volume, "Failed", message));
    events_.Warning(volume, reason, message);
    return {};
  }

  Client& client_;
  const Informer<PersistentVolumeClaim> claims_;
  const Informer<Node> nodes_;
  EventRecorder& events_;
  const std::set<std::string> provisioners_;
  const bool nodes_remove_local_volumes_;
};

}  // namespace

void AddVolumeReclaimer(Manager& manager, const ControllerOptions& options) {
  const auto volumes = manager.informer<PersistentVolume>();
  volumes.AddIndex("claim", [](const PersistentVolume& volume) -> std::vector<std::string> {
    if (!volume.spec.claim_ref) return {};
    return {volume.spec.claim_ref->namespace_ + "/" + volume.spec.claim_ref->name};
  });
  volumes.AddIndex("on-node", [](const PersistentVolume& volume) -> std::vector<std::string> {
    if (!HasAnnotation(volume.metadata, kProvisionedBy) || !volume.spec.host_path) return {};
    return {NodeOf(volume)};
  });
  ControllerBuilder<PersistentVolume>(manager, "persistentvolume-binder")
      .Watches<PersistentVolumeClaim>([volumes](const PersistentVolumeClaim& claim) {
        std::vector<ObjectKey> keys;
        for (const auto& volume : volumes.ByIndex("claim", KeyOf(claim).Text())) {
          keys.push_back(KeyOf(*volume));
        }
        if (!claim.spec.volume_name.empty()) keys.push_back({"", claim.spec.volume_name});
        return keys;
      })
      .Watches<Node>(
          [volumes](const Node& node) {
            std::vector<ObjectKey> keys;
            for (const auto& volume : volumes.ByIndex("on-node", node.metadata.name)) {
              keys.push_back(KeyOf(*volume));
            }
            return keys;
          },
          [](const Node& a, const Node& b) { return LetsGoOfVolumes(a) == LetsGoOfVolumes(b); })
      .Workers(1)
      .Retry({.first_delay = 500ms, .max_delay = 122s})
      .Complete(std::make_unique<VolumeReconciler>(manager, options));
}

}  // namespace skiff
