// Which PersistentVolume a claim gets. Pure.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/storage_v1.h"
#include "api/select/selector.h"
#include "client/client.h"

namespace skiff {

inline constexpr std::string_view kBindCompleted = "pv.kubernetes.io/bind-completed";
inline constexpr std::string_view kBoundByController = "pv.kubernetes.io/bound-by-controller";
inline constexpr std::string_view kProvisionedBy = "pv.kubernetes.io/provisioned-by";
inline constexpr std::string_view kStorageProvisioner = "volume.kubernetes.io/storage-provisioner";
inline constexpr std::string_view kBetaStorageProvisioner =
    "volume.beta.kubernetes.io/storage-provisioner";
inline constexpr std::string_view kSelectedNode = "volume.kubernetes.io/selected-node";

bool HasAnnotation(const meta_v1::ObjectMeta& object, std::string_view name);
// The class of a claim, by field or old annotation; nullopt when it names none at all.
std::optional<std::string> ClassOf(const core_v1::PersistentVolumeClaim& claim);
std::string ClassOf(const core_v1::PersistentVolume& volume);
Quantity RequestOf(const core_v1::PersistentVolumeClaim& claim);
Quantity CapacityOf(const core_v1::PersistentVolume& volume);

// The volume's claimRef names this claim (by uid where it has one).
bool Names(const core_v1::PersistentVolume& volume, const core_v1::PersistentVolumeClaim& claim);
// The volume is this claim's from now on, unless it already was.
void BindTo(core_v1::PersistentVolume& volume, const core_v1::PersistentVolumeClaim& claim);
// Why a volume that the claim asks for by name cannot be had; "" when it can.
std::string WhyNot(const core_v1::PersistentVolume& volume,
                   const core_v1::PersistentVolumeClaim& claim);
// Of volumes that fit, the binder takes the smallest of those with the fewest access modes; the
// scheduler, for a claim that waits for its first consumer, the smallest of all.
enum class VolumeChoice { kFewestModes, kSmallest };
// The best volume that fits the claim; one that names it already wins. nullptr when none does.
// `prebound_only`: the claim waits for its first consumer. `selector`: the claim's, where somebody
// has read it already.
Ptr<core_v1::PersistentVolume> FindVolume(
    const core_v1::PersistentVolumeClaim& claim,
    const std::vector<Ptr<core_v1::PersistentVolume>>& volumes, bool prebound_only,
    std::shared_ptr<const LabelSelector> selector = nullptr,
    VolumeChoice choice = VolumeChoice::kFewestModes);
// The newest class marked as the default one; nullptr when none is.
Ptr<storage_v1::StorageClass> DefaultClass(
    const std::vector<Ptr<storage_v1::StorageClass>>& classes);
bool WaitsForConsumer(const storage_v1::StorageClass& storage_class);

// The volume that the built-in provisioner makes: a directory on `node` below `directory`. Without
// a node it is the same everywhere, as where nodes are simulated. `is_held`: the node lets go of it
// (api/pods/local_volumes.h), and it waits for that from the start.
core_v1::PersistentVolume LocalVolumeFor(const core_v1::PersistentVolumeClaim& claim,
                                         const storage_v1::StorageClass& storage_class,
                                         const std::string& node, const std::string& directory,
                                         bool is_held);

}  // namespace skiff
