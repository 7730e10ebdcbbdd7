#include "controllers/storage/volume_match.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/pods/local_volumes.h"
#include "api/select/selector.h"

namespace skiff {

using core_v1::PersistentVolume;
using core_v1::PersistentVolumeClaim;
using storage_v1::StorageClass;

namespace {

constexpr std::string_view kBetaClass = "volume.beta.kubernetes.io/storage-class";
constexpr std::string_view kDefaultClass = "storageclass.kubernetes.io/is-default-class";

std::string Annotation(const meta_v1::ObjectMeta& object, std::string_view name) {
  const auto found = object.annotations.find(std::string(name));
  return found == object.annotations.end() ? "" : found->second;
}

bool HasModes(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  const auto& modes = volume.spec.access_modes;
  return std::all_of(claim.spec.access_modes.begin(), claim.spec.access_modes.end(),
                     [&](const std::string& mode) {
                       return std::find(modes.begin(), modes.end(), mode) != modes.end();
                     });
}

bool SameMode(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  return volume.spec.volume_mode.value_or("Filesystem") ==
         claim.spec.volume_mode.value_or("Filesystem");
}

bool SameAttributes(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  return volume.spec.volume_attributes_class_name.value_or("") ==
         claim.spec.volume_attributes_class_name.value_or("");
}

// Whatever the claim's selector says.
bool Fits(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  return SameMode(volume, claim) && SameAttributes(volume, claim) && HasModes(volume, claim) &&
         !volume.metadata.deletion_timestamp && volume.status.phase == "Available" &&
         !volume.spec.claim_ref && CapacityOf(volume) >= RequestOf(claim) &&
         ClassOf(volume) == ClassOf(claim).value_or("");
}

}  // namespace

bool HasAnnotation(const meta_v1::ObjectMeta& object, std::string_view name) {
  return object.annotations.contains(std::string(name));
}

std::optional<std::string> ClassOf(const PersistentVolumeClaim& claim) {
  if (HasAnnotation(claim.metadata, kBetaClass)) return Annotation(claim.metadata, kBetaClass);
  return claim.spec.storage_class_name;
}

std::string ClassOf(const PersistentVolume& volume) {
  if (HasAnnotation(volume.metadata, kBetaClass)) return Annotation(volume.metadata, kBetaClass);
  return volume.spec.storage_class_name;
}

Quantity RequestOf(const PersistentVolumeClaim& claim) {
  const auto found = claim.spec.resources.requests.find("storage");
  return found == claim.spec.resources.requests.end() ? Quantity() : found->second;
}

Quantity CapacityOf(const PersistentVolume& volume) {
  const auto found = volume.spec.capacity.find("storage");
  return found == volume.spec.capacity.end() ? Quantity() : found->second;
}

bool Names(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  if (!volume.spec.claim_ref) return false;
  const auto& reference = *volume.spec.claim_ref;
  return reference.name == claim.metadata.name &&
         reference.namespace_ == claim.metadata.namespace_ &&
         (reference.uid.empty() || reference.uid == claim.metadata.uid);
}

namespace {

// Makes the claim the one that the volume belongs to.
const core_v1::ObjectReference& Refer(PersistentVolume& volume,
                                      const PersistentVolumeClaim& claim) {
  auto& reference = volume.spec.claim_ref.Ensure();
  reference.kind = "PersistentVolumeClaim";
  reference.api_version = "v1";
  reference.namespace_ = claim.metadata.namespace_;
  reference.name = claim.metadata.name;
  reference.uid = claim.metadata.uid;
  reference.resource_version = claim.metadata.resource_version;
  return reference;
}

}  // namespace

void BindTo(PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  const bool named = Names(volume, claim);
  if (named && volume.spec.claim_ref->uid == claim.metadata.uid) return;
  if (!named) volume.metadata.annotations[std::string(kBoundByController)] = "yes";
  Refer(volume, claim);
}

std::string WhyNot(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  if (volume.metadata.deletion_timestamp) {
    return fmt::format("the volume is marked for deletion \"{}\"", volume.metadata.name);
  }
  if (CapacityOf(volume) < RequestOf(claim)) return "requested PV is too small";
  if (ClassOf(volume) != ClassOf(claim).value_or("")) return "storageClassName does not match";
  if (!SameAttributes(volume, claim)) return "volumeAttributesClassName does not match";
  if (!SameMode(volume, claim)) return "incompatible volumeMode";
  return HasModes(volume, claim) ? "" : "incompatible accessMode";
}

Ptr<PersistentVolume> FindVolume(const PersistentVolumeClaim& claim,
                                 const std::vector<Ptr<PersistentVolume>>& volumes,
                                 bool prebound_only, std::shared_ptr<const LabelSelector> selector,
                                 VolumeChoice choice) {
  bool is_read = selector != nullptr;
  // To read it may take longer than to look at all volumes.
  const auto is_selected = [&](const PersistentVolume& volume) {
    if (!claim.spec.selector) return true;
    if (!std::exchange(is_read, true)) {
      auto read = LabelSelector::From(*claim.spec.selector);
      if (read) selector = std::make_shared<const LabelSelector>(*std::move(read));
    }
    return selector && selector->Matches(volume.metadata.labels);
  };
  Ptr<PersistentVolume> best;
  for (const auto& volume : volumes) {
    if (Names(*volume, claim) && HasModes(*volume, claim) && SameMode(*volume, claim) &&
        SameAttributes(*volume, claim) && CapacityOf(*volume) >= RequestOf(claim) &&
        !volume->metadata.deletion_timestamp) {
      return volume;
    }
    if (prebound_only || !Fits(*volume, claim) || !is_selected(*volume)) continue;
    const auto rank = [choice](const PersistentVolume& it) {
      const size_t modes = it.spec.access_modes.size();
      return std::pair(choice == VolumeChoice::kFewestModes ? modes : 0, CapacityOf(it));
    };
    if (!best || rank(*volume) < rank(*best)) best = volume;
  }
  return best;
}

Ptr<StorageClass> DefaultClass(const std::vector<Ptr<StorageClass>>& classes) {
  Ptr<StorageClass> best;
  for (const auto& candidate : classes) {
    if (Annotation(candidate->metadata, kDefaultClass) != "true") continue;
    const auto rank = [](const StorageClass& it) {
      return std::pair(-it.metadata.creation_timestamp.point().time_since_epoch().count(),
                       it.metadata.name);
    };
    if (!best || rank(*candidate) < rank(*best)) best = candidate;
  }
  return best;
}

bool WaitsForConsumer(const StorageClass& storage_class) {
  return storage_class.volume_binding_mode == "WaitForFirstConsumer";
}

PersistentVolume LocalVolumeFor(const PersistentVolumeClaim& claim,
                                const StorageClass& storage_class, const std::string& node,
                                const std::string& directory, bool is_held) {
  PersistentVolume volume;
  volume.metadata.name = "pvc-" + claim.metadata.uid;
  volume.metadata.annotations[std::string(kProvisionedBy)] = storage_class.provisioner;
  volume.spec.capacity["storage"] = RequestOf(claim);
  volume.spec.access_modes = claim.spec.access_modes;
  volume.spec.volume_mode = claim.spec.volume_mode;
  volume.spec.storage_class_name = storage_class.metadata.name;
  volume.spec.mount_options = storage_class.mount_options;
  volume.spec.persistent_volume_reclaim_policy = storage_class.reclaim_policy.value_or("Delete");
  const core_v1::ObjectReference& reference = Refer(volume, claim);
  auto& source = volume.spec.host_path.Ensure();
  source.path = directory + "/" + LocalVolumeDirectory(volume.metadata.name, reference);
  source.type = "DirectoryOrCreate";
  if (node.empty()) return volume;
  // Whoever deletes it before its claim has it wait for its node (volume_reclaim.cc).
  if (is_held && volume.spec.persistent_volume_reclaim_policy == "Delete") {
    volume.metadata.finalizers.emplace_back(kLocalVolumeFinalizer);
  }
  auto& term =
      volume.spec.node_affinity.Ensure().required.Ensure().node_selector_terms.emplace_back();
  auto& expression = term.match_expressions.emplace_back();
  expression.key = "kubernetes.io/hostname";
  expression.operator_ = "In";
  expression.values = {node};
  return volume;
}

}  // namespace skiff
