// What the attach-detach controller decides of one volume and one node. Pure.
//
//   attach:  no VolumeAttachment -> created -> pending -> attached, listed in volumesAttached
//                                              pending -> failed, back-off -> pending
//   detach:  unwanted -> not in use, or forced: unlisted -> VolumeAttachment deleted -> gone
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/storage_v1.h"
#include "base/clock.h"

namespace skiff::attach {

// A CSI volume, as its driver knows it.
struct VolumeId {
  std::string driver;
  std::string handle;
  auto operator<=>(const VolumeId&) const = default;
};

// As in volumesAttached and volumesInUse: "kubernetes.io/csi/DRIVER^HANDLE".
std::string UniqueName(const VolumeId& volume);
std::optional<VolumeId> ParseUniqueName(std::string_view name);
// The name of the VolumeAttachment.
std::string AttachmentName(const VolumeId& volume, std::string_view node);
// nullopt: it is no CSI volume.
std::optional<VolumeId> VolumeOf(const core_v1::PersistentVolume& volume);
// As its driver knows it, with a source of CSI; nullptr: it is not one that a driver attaches.
std::shared_ptr<const core_v1::PersistentVolume> Attachable(
    const std::shared_ptr<const core_v1::PersistentVolume>& volume);
// Likewise those that the pod names without a claim.
std::vector<std::shared_ptr<const core_v1::PersistentVolume>> OwnVolumesOf(const core_v1::Pod& pod);
// The volume that an attachment describes; nullopt of one that names a PersistentVolume.
std::optional<VolumeId> InlineVolumeOf(const storage_v1::VolumeAttachment& attachment);

// Whether one node at most may have it.
bool IsExclusive(const core_v1::PersistentVolume& volume);
// Whether the pod still needs its volumes, or its containers may still run.
bool NeedsVolumes(const core_v1::Pod& pod);
// Whether this controller, rather than the kubelet, attaches what the node needs.
bool IsManaged(const core_v1::Node& node);

enum class AttachState : uint8_t { kMissing, kPending, kAttached, kFailed };
struct AttachProgress {
  AttachState state = AttachState::kMissing;
  std::string error;  // kFailed
  Duration left{};    // kPending: until it counts as failed.
};
// `attachment` may be nullptr; `elapsed` is how long this attempt has been going on.
AttachProgress ProgressOf(const storage_v1::VolumeAttachment* attachment, const VolumeId& volume,
                          Duration elapsed);

struct DetachFacts {
  bool is_in_use = false;             // In the node's volumesInUse.
  const core_v1::Node* node = nullptr;  // nullptr: it is gone.
  Duration unwanted_for{};
  bool may_time_out = true;  // Not --disable-force-detach-on-timeout.
};
enum class DetachVerdict : uint8_t { kDetach, kForce, kWait };
struct DetachDecision {
  DetachVerdict verdict = DetachVerdict::kDetach;
  std::optional<Duration> again;  // kWait: nothing else may wake who waits until then.
};
DetachDecision DecideDetach(const DetachFacts& facts);

// Of a volume that `others` on other nodes use, told to `pod`. None: only the attachment is left.
std::string MultiAttachText(std::string_view volume, const core_v1::Pod& pod,
                            const std::vector<const core_v1::Pod*>& others);

// The delay before attempt `failures` + 1.
Duration AttachBackoff(int failures);

}  // namespace skiff::attach
