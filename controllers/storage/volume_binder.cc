// Binds PersistentVolumeClaims to PersistentVolumes, and makes the volumes of the built-in
// provisioner. The other direction, from volume to claim, is volume_reclaim.cc.
//
// A binding is four writes, each of which is left out when it is done: the volume's claimRef, the
// volume's phase, the claim's volumeName, the claim's phase. A crash in between leaves a state that
// the next round completes.
#include <fmt/format.h>

#include <set>

#include "api/pods/local_volumes.h"
#include "api/pods/pod_phase.h"
#include "client/reconciler.h"
#include "controllers/figures.h"
#include "controllers/nodes/node_health.h"
#include "controllers/program.h"
#include "controllers/storage/builtin_provisioners.h"
#include "controllers/storage/volume_figures.h"
#include "controllers/storage/volume_match.h"

namespace skiff {
namespace {

using core_v1::Node;
using core_v1::PersistentVolume;
using core_v1::PersistentVolumeClaim;
using core_v1::Pod;
using storage_v1::StorageClass;

constexpr std::string_view kPreResizeCapacity = "volume.alpha.kubernetes.io/pre-resize-capacity";

class ClaimReconciler final : public Reconciler<PersistentVolumeClaim> {
 public:
  ClaimReconciler(Manager& manager, const ControllerOptions& options)
      : client_(manager.client()),
        claims_(manager.informer<PersistentVolumeClaim>()),
        volumes_(manager.informer<PersistentVolume>()),
        classes_(manager.informer<StorageClass>()),
        pods_(manager.informer<Pod>()),
        nodes_(manager.informer<Node>()),
        events_(manager.Recorder("persistentvolume-controller")),
        provisions_(options.provisions_volumes),
        directory_(options.local_path_directory),
        volumes_have_places_(options.nodes_remove_local_volumes),
        provisioners_(options.local_path_provisioners.begin(),
                      options.local_path_provisioners.end()),
        classed_(options.metrics, {"retroactive_storageclass_total",
                                   "[ALPHA] Claims that were to be given the default class after "
                                   "they had been made."}),
        not_classed_(options.metrics, {"retroactive_storageclass_errors_total",
                                       "[ALPHA] Those of them that could not be."}) {
    if (options.metrics != nullptr) AddVolumeFigures(*options.metrics, volumes_, claims_);
  }

  Result<Requeue> Reconcile(const PersistentVolumeClaim& claim) override {
    const bool is_handed_on = TRY(HandOn(claim));
    if (is_handed_on) return Requeue::None();  // The write wakes.
    const auto done = HasAnnotation(claim.metadata, kBindCompleted) ? CheckBound(claim)
                      : claim.spec.volume_name.empty()              ? FindOne(claim)
                                                                    : BindNamed(claim);
    if (!done) return Fail(done.error());
    return Requeue::None();
  }

 private:
  // Tells the driver that does the work of a built-in provisioner now that the claim is one of that
  // one's: it makes its volume, or grows it. Whether that took a write.
  Result<bool> HandOn(const PersistentVolumeClaim& claim) {
    const auto& annotations = claim.metadata.annotations;
    auto asked = annotations.find(std::string(kStorageProvisioner));
    if (asked == annotations.end()) asked = annotations.find(std::string(kBetaStorageProvisioner));
    if (asked == annotations.end() || SaysWhoFollows(annotations, asked->second)) return false;
    TRY(client_.Patch(
        claim,
        [&](PersistentVolumeClaim& it) { SayWhoFollows(it.metadata.annotations, asked->second); },
        {.if_unchanged = true}));
    return true;
  }

  // The claim was bound before: the binding must still hold.
  Result<> CheckBound(const PersistentVolumeClaim& claim) {
    if (claim.spec.volume_name.empty()) {
      return Lose(
          claim, "ClaimLost",
          "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!");
    }
    auto volume = volumes_.Get({"", claim.spec.volume_name});
    if (!volume) {
      // The cache may lag behind the binding.
      const auto live = client_.Get<PersistentVolume>({"", claim.spec.volume_name});
      if (!live && live.error().reason == Reason::kNotFound) {
        return Lose(claim, "ClaimLost",
                    "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
      }
      volume = TRY(live);
    }
    if (!volume->spec.claim_ref || Names(*volume, claim)) return Bind(claim, volume);
    return Lose(claim, "ClaimMisbound",
                "Two claims are bound to the same volume, this one is bound incorrectly");
  }

  Result<> Lose(const PersistentVolumeClaim& claim, const std::string& reason,
                const std::string& message) {
    if (claim.status.phase == "Lost") return {};
    TRY(SetPhase(claim, "Lost"));
    events_.Warning(claim, reason, message);
    return {};
  }

  Result<> SetPending(const PersistentVolumeClaim& claim) { return SetPhase(claim, "Pending"); }

  // One that it has without a volume: nothing of what was said of an earlier one stays.
  Result<> SetPhase(const PersistentVolumeClaim& claim, const std::string& phase) {
    TRY(client_.PatchStatus(claim,
                            [&](PersistentVolumeClaim& it) {
                              it.status.phase = phase;
                              it.status.access_modes.clear();
                              it.status.capacity.clear();
                              it.status.current_volume_attributes_class_name.reset();
                            },
                            {.if_unchanged = true}));
    return {};
  }

  // The claim asks for a certain volume.
  Result<> BindNamed(const PersistentVolumeClaim& claim) {
    const auto volume = volumes_.Get({"", claim.spec.volume_name});
    if (!volume) return SetPending(claim);
    if (!volume->spec.claim_ref) {
      const std::string problem = WhyNot(*volume, claim);
      if (problem.empty()) return Bind(claim, volume);
      events_.Warning(claim, "VolumeMismatch",
                      fmt::format("Cannot bind to requested volume \"{}\": {}",
                                  volume->metadata.name, problem));
      return SetPending(claim);
    }
    if (Names(*volume, claim)) return Bind(claim, volume);
    events_.Warning(
        claim, "FailedBinding",
        fmt::format("volume \"{}\" already bound to a different claim.", volume->metadata.name));
    return SetPending(claim);
  }

  // The claim takes any volume that fits.
  Result<> FindOne(const PersistentVolumeClaim& claim) {
    const auto class_name = ClassOf(claim);
    const auto storage_class = class_name ? classes_.Get({"", *class_name}) : nullptr;
    const bool waits = storage_class && WaitsForConsumer(*storage_class);
    if (const auto volume = FindVolume(claim, volumes_.List(), waits)) return Bind(claim, volume);
    if (!class_name) {
      if (const auto fallback = DefaultClass(classes_.List())) {
        const auto given = client_.Patch(claim, [&](PersistentVolumeClaim& it) {
          it.spec.storage_class_name = fallback->metadata.name;
        });
        classed_.Add();
        if (given) return {};
        not_classed_.Add();
        return Fail(given.error());
      }
    }
    if (waits && !HasAnnotation(claim.metadata, kSelectedNode)) {
      TellWhoIsAwaited(claim);
    } else if (!class_name.value_or("").empty()) {
      return provisions_ ? Provision(claim, *class_name, storage_class) : Result<>();
    } else {
      events_.Normal(claim, "FailedBinding",
                     "no persistent volumes available for this claim and no storage class is set");
    }
    return SetPending(claim);
  }

  void TellWhoIsAwaited(const PersistentVolumeClaim& claim) {
    std::string names;
    int count = 0;
    for (const auto& pod : pods_.ByIndex("claim", KeyOf(claim).Text())) {
      if (!pod->spec.node_name.empty() || HasEnded(pod->status.phase)) continue;
      names += (names.empty() ? "" : ",") + pod->metadata.name;
      ++count;
    }
    if (count == 0) {
      events_.Normal(claim, "WaitForFirstConsumer",
                     "waiting for first consumer to be created before binding");
    } else {
      events_.Normal(
          claim, "WaitForPodScheduled",
          fmt::format("waiting for pod{} {} to be scheduled", count == 1 ? "" : "s", names));
    }
  }

  Result<> Provision(const PersistentVolumeClaim& claim, const std::string& class_name,
                     const Ptr<StorageClass>& storage_class) {
    if (!storage_class) {
      events_.Warning(claim, "ProvisioningFailed",
                      fmt::format("storageclass.storage.k8s.io \"{}\" not found", class_name));
      return {};
    }
    const auto provisioner = ProvisionerNow(storage_class->provisioner);
    if (!provisioner) {
      events_.Warning(claim, "ProvisioningFailed",
                      "no volume plugin matched name: " + storage_class->provisioner);
      return {};
    }
    const auto marked = TRY(client_.Patch(claim, [&](PersistentVolumeClaim& it) {
      it.metadata.annotations[std::string(kStorageProvisioner)] = *provisioner;
      it.metadata.annotations[std::string(kBetaStorageProvisioner)] = *provisioner;
    }));
    if (directory_.empty() || !provisioners_.contains(*provisioner)) {
      LeaveToOthers(claim, *provisioner);
      return {};
    }
    return ProvisionHere(*marked, *storage_class);
  }

  void LeaveToOthers(const PersistentVolumeClaim& claim, const std::string& provisioner) {
    if (provisioner == kHostPathProvisioner) {
      events_.Warning(claim, "ProvisioningFailed",
                      fmt::format("Failed to create provisioner: provisioning in volume plugin "
                                  "\"{}\" is disabled",
                                  provisioner));
      return;
    }
    events_.Normal(claim, "ExternalProvisioning",
                   fmt::format("Waiting for a volume to be created either by the external "
                               "provisioner '{}' or manually by the system administrator. If "
                               "volume creation is delayed, please verify that the provisioner "
                               "is running and correctly registered.",
                               provisioner));
  }

  Result<> ProvisionHere(const PersistentVolumeClaim& claim, const StorageClass& storage_class) {
    const std::string why_not =
        WhyNoDirectory(claim, storage_class.provisioner, storage_class.metadata.name);
    if (!why_not.empty()) {
      events_.Warning(claim, "ProvisioningFailed", why_not);
      return {};
    }
    const bool can_be_there = TRY(IsChosenNodeThere(claim));
    if (!can_be_there) return TakeBackNode(claim);
    const std::string node = volumes_have_places_ ? NodeFor(claim) : "";
    if (node.empty() && volumes_have_places_) {
      events_.Warning(claim, "ProvisioningFailed",
                      fmt::format("Failed to provision volume with StorageClass \"{}\": no node is "
                                  "ready",
                                  storage_class.metadata.name));
      return Fail(Reason::kServiceUnavailable, "no node is ready");
    }
    const Ptr<Node> known = node.empty() ? nullptr : nodes_.Get({"", node});
    const auto wanted =
        LocalVolumeFor(claim, storage_class, node, directory_, known && LetsGoOfVolumes(*known));
    const auto created = client_.Create(wanted);
    // Named after the claim: one that exists is our own of an earlier try.
    if (!created && created.error().reason == Reason::kAlreadyExists) return {};
    if (!created) {
      events_.Warning(claim, "ProvisioningFailed",
                      fmt::format("Failed to provision volume with StorageClass \"{}\": {}",
                                  storage_class.metadata.name, created.error().message));
      return Fail(created.error());
    }
    events_.Normal(claim, "ProvisioningSucceeded",
                   fmt::format("Successfully provisioned volume {} using {}", wanted.metadata.name,
                               storage_class.provisioner));
    return {};
  }

  // A volume on a node that has gone since it was chosen would be the claim's for ever, and keep
  // its pods from any other node.
  Result<bool> IsChosenNodeThere(const PersistentVolumeClaim& claim) {
    const auto chosen = claim.metadata.annotations.find(std::string(kSelectedNode));
    if (!volumes_have_places_ || chosen == claim.metadata.annotations.end()) return true;
    if (nodes_.Get({"", chosen->second})) return true;
    // The cache may lag behind the scheduler's. Who is the binder may list nodes, and not get one.
    const auto live =
        TRY(client_.List<Node>({.field_selector = "metadata.name=" + chosen->second}));
    return !live.empty();
  }

  // The scheduler chooses another one then.
  Result<> TakeBackNode(const PersistentVolumeClaim& claim) {
    const std::string annotation(kSelectedNode);
    events_.Warning(claim, "ProvisioningFailed",
                    fmt::format("Failed to get target node: node \"{}\" not found",
                                claim.metadata.annotations.at(annotation)));
    TRY(client_.Patch(claim,
                      [&](PersistentVolumeClaim& it) { it.metadata.annotations.erase(annotation); },
                      {.if_unchanged = true}));
    return {};
  }

  // The node the scheduler chose, or with immediate binding the first one that is ready.
  std::string NodeFor(const PersistentVolumeClaim& claim) const {
    const auto chosen = claim.metadata.annotations.find(std::string(kSelectedNode));
    if (chosen != claim.metadata.annotations.end()) return chosen->second;
    for (const auto& node : nodes_.List()) {
      if (IsReady(*node) && !node->spec.unschedulable) return node->metadata.name;
    }
    return "";
  }

  Result<> Bind(const PersistentVolumeClaim& claim, const Ptr<PersistentVolume>& found) {
    Ptr<PersistentVolume> volume = TRY(client_.Patch(
        *found, [&](PersistentVolume& it) { BindTo(it, claim); }, {.if_unchanged = true}));
    volume = TRY(client_.PatchStatus(
        *volume, [](PersistentVolume& it) { it.status.phase = "Bound"; }, {.if_unchanged = true}));
    const auto change = [&](PersistentVolumeClaim& it) {
      if (it.spec.volume_name.empty()) {
        it.metadata.annotations[std::string(kBoundByController)] = "yes";
      }
      it.spec.volume_name = volume->metadata.name;
      it.metadata.annotations[std::string(kBindCompleted)] = "yes";
    };
    const auto bound = TRY(client_.Patch(claim, change, {.if_unchanged = true}));
    const auto tell = [&](PersistentVolumeClaim& it) {
      // Once it is bound, whoever changes the volume says how far that has come.
      if (it.status.phase != "Bound") it.status.capacity = CapacityToTell(*volume);
      if (it.status.phase == "Pending") {
        it.status.current_volume_attributes_class_name = volume->spec.volume_attributes_class_name;
      }
      it.status.phase = "Bound";
      it.status.access_modes = volume->spec.access_modes;
    };
    TRY(client_.PatchStatus(*bound, tell, {.if_unchanged = true}));
    return {};
  }

  // Of a volume that was made larger before its file system was, what that has: who mounts it sees
  // from that that it has to grow.
  static std::map<std::string, Quantity> CapacityToTell(const PersistentVolume& volume) {
    std::map<std::string, Quantity> capacity = volume.spec.capacity;
    const auto before = volume.metadata.annotations.find(std::string(kPreResizeCapacity));
    if (before == volume.metadata.annotations.end()) return capacity;
    if (const auto storage = Quantity::Parse(before->second)) capacity["storage"] = *storage;
    return capacity;
  }

  Client& client_;
  const Informer<PersistentVolumeClaim> claims_;
  const Informer<PersistentVolume> volumes_;
  const Informer<StorageClass> classes_;
  const Informer<Pod> pods_;
  const Informer<Node> nodes_;
  EventRecorder& events_;
  const bool provisions_;  // Else claims wait for volumes that somebody makes unasked.
  const std::string directory_;
  const bool volumes_have_places_;  // Simulated nodes keep nothing: any of them will do.
  const std::set<std::string> provisioners_;
  const FigureCounter classed_, not_classed_;
};

// Claims that have no volume yet and may want one of this class.
std::vector<ObjectKey> Unbound(const Informer<PersistentVolumeClaim>& claims,
                               const std::string& class_name) {
  std::vector<ObjectKey> keys;
  for (const auto& claim : claims.List()) {
    if (HasAnnotation(claim->metadata, kBindCompleted)) continue;
    const auto wanted = ClassOf(*claim);
    if (!wanted || *wanted == class_name) keys.push_back(KeyOf(*claim));
  }
  return keys;
}

}  // namespace

void AddPodClaimIndex(Manager& manager) {
  manager.informer<Pod>().AddIndex("claim", [](const Pod& pod) {
    std::vector<std::string> claims;
    for (const auto& volume : pod.spec.volumes) {
      if (volume.persistent_volume_claim) {
        claims.push_back(pod.metadata.namespace_ + "/" +
                         volume.persistent_volume_claim->claim_name);
      } else if (volume.ephemeral) {
        claims.push_back(pod.metadata.namespace_ + "/" + pod.metadata.name + "-" + volume.name);
      }
    }
    return claims;
  });
}

void AddVolumeBinder(Manager& manager, const ControllerOptions& options) {
  AddPodClaimIndex(manager);
  const auto claims = manager.informer<PersistentVolumeClaim>();
  ControllerBuilder<PersistentVolumeClaim>(manager, "persistentvolume-binder")
      .Watches<PersistentVolume>([claims](const PersistentVolume& volume) {
        if (volume.spec.claim_ref) {
          return std::vector<ObjectKey>{
              {volume.spec.claim_ref->namespace_, volume.spec.claim_ref->name}};
        }
        return Unbound(claims, ClassOf(volume));
      })
      .Watches<StorageClass>([claims](const StorageClass& storage_class) {
        return Unbound(claims, storage_class.metadata.name);
      })
      .Watches<Pod>([](const auto&) { return std::vector<ObjectKey>(); })
      .Watches<Node>([](const auto&) { return std::vector<ObjectKey>(); })
      .Workers(1)
      .Retry({.first_delay = 500ms, .max_delay = 122s})
      .Complete(std::make_unique<ClaimReconciler>(manager, options));
  AddVolumeReclaimer(manager, options);
}

}  // namespace skiff
