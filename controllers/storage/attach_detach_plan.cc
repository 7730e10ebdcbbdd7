#include "controllers/storage/attach_detach_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/pods/migrated_volumes.h"
#include "base/hash.h"
#include "controllers/nodes/node_health.h"
#include "controllers/workloads/pod_control.h"

namespace skiff::attach {
namespace {

constexpr std::string_view kCsiPrefix = "kubernetes.io/csi/";
constexpr Duration kAttachTimeout = 2min;
constexpr Duration kUnmountTimeout = 6min;
constexpr Duration kAttachFirstDelay = 500ms;
constexpr Duration kAttachLongestDelay = 2min + 2s;

}  // namespace

std::string UniqueName(const VolumeId& volume) {
  return fmt::format("{}{}^{}", kCsiPrefix, volume.driver, volume.handle);
}

std::optional<VolumeId> ParseUniqueName(std::string_view name) {
  if (!name.starts_with(kCsiPrefix)) return std::nullopt;
  name.remove_prefix(kCsiPrefix.size());
  const size_t mark = name.find('^');
  if (mark == std::string_view::npos) return std::nullopt;
  return VolumeId{std::string(name.substr(0, mark)), std::string(name.substr(mark + 1))};
}

std::string AttachmentName(const VolumeId& volume, std::string_view node) {
  return "csi-" + Hex(Sha256(volume.handle + volume.driver + std::string(node)));
}

std::optional<VolumeId> VolumeOf(const core_v1::PersistentVolume& volume) {
  if (!volume.spec.csi) return std::nullopt;
  return VolumeId{volume.spec.csi->driver, volume.spec.csi->volume_handle};
}

std::shared_ptr<const core_v1::PersistentVolume> Attachable(
    const std::shared_ptr<const core_v1::PersistentVolume>& volume) {
  if (!volume || volume->spec.csi) return volume;
  if (MigratedPluginOf(*volume).empty()) return nullptr;
  auto translated = AsCsi(*volume);
  if (!translated) return nullptr;
  return std::make_shared<const core_v1::PersistentVolume>(std::move(*translated));
}

std::vector<std::shared_ptr<const core_v1::PersistentVolume>> OwnVolumesOf(
    const core_v1::Pod& pod) {
  std::vector<std::shared_ptr<const core_v1::PersistentVolume>> own;
  for (const auto& volume : pod.spec.volumes) {
    if (MigratedPluginOf(volume).empty()) continue;
    auto translated = AsCsi(volume, pod.metadata.namespace_);
    if (!translated) continue;
    own.push_back(std::make_shared<const core_v1::PersistentVolume>(std::move(*translated)));
  }
  return own;
}

std::optional<VolumeId> InlineVolumeOf(const storage_v1::VolumeAttachment& attachment) {
  const auto& spec = attachment.spec.source.inline_volume_spec;
  if (!spec || !spec->csi) return std::nullopt;
  return VolumeId{spec->csi->driver, spec->csi->volume_handle};
}

bool IsExclusive(const core_v1::PersistentVolume& volume) {
  const auto& modes = volume.spec.access_modes;
  return !modes.empty() && std::none_of(modes.begin(), modes.end(), [](const auto& mode) {
    return mode == "ReadWriteMany" || mode == "ReadOnlyMany";
  });
}

bool NeedsVolumes(const core_v1::Pod& pod) {
  if (IsTerminal(pod)) return false;
  if (!pod.metadata.deletion_timestamp) return true;
  const auto& containers = pod.status.container_statuses;
  return std::any_of(containers.begin(), containers.end(), [](const auto& each) {
    return !each.state.waiting && !each.state.terminated;
  });
}

bool IsManaged(const core_v1::Node& node) {
  return node.metadata.annotations.contains(
      "volumes.kubernetes.io/controller-managed-attach-detach");
}

AttachProgress ProgressOf(const storage_v1::VolumeAttachment* attachment, const VolumeId& volume,
                          Duration elapsed) {
  AttachProgress progress;
  if (attachment == nullptr) return progress;
  progress.state = AttachState::kFailed;
  if (attachment->metadata.deletion_timestamp) {
    progress.error = "volume attachment is being deleted";
  } else if (attachment->status.attached) {
    progress.state = AttachState::kAttached;
  } else if (attachment->status.attach_error) {
    progress.error = attachment->status.attach_error->message;
  } else if (elapsed >= kAttachTimeout) {
    progress.error = fmt::format(
        "timed out waiting for external-attacher of {} CSI driver to attach volume {}",
        volume.driver, volume.handle);
  } else {
    progress.state = AttachState::kPending;
    progress.left = kAttachTimeout - elapsed;
  }
  return progress;
}

DetachDecision DecideDetach(const DetachFacts& facts) {
  if (!facts.is_in_use) return {DetachVerdict::kDetach, std::nullopt};
  if (facts.node != nullptr && IsOutOfService(*facts.node)) return {DetachVerdict::kForce, {}};
  const bool is_healthy = facts.node != nullptr && IsReady(*facts.node);
  // A change of the node wakes who waits for it.
  if (is_healthy || !facts.may_time_out) return {DetachVerdict::kWait, std::nullopt};
  if (facts.unwanted_for > kUnmountTimeout) return {DetachVerdict::kForce, {}};
  return {DetachVerdict::kWait, kUnmountTimeout - facts.unwanted_for + 1ms};
}

std::string MultiAttachText(std::string_view volume, const core_v1::Pod& pod,
                            const std::vector<const core_v1::Pod*>& others) {
  const std::string error = fmt::format("Multi-Attach error for volume \"{}\" ", volume);
  if (others.empty()) {
    return error +
           "Volume is already exclusively attached to one node and can't be attached to another";
  }
  std::string names;
  size_t elsewhere = 0;
  for (const core_v1::Pod* other : others) {
    if (other->metadata.namespace_ != pod.metadata.namespace_) {
      ++elsewhere;
    } else {
      names += (names.empty() ? "" : ", ") + other->metadata.name;
    }
  }
  if (names.empty()) {
    return error + fmt::format("Volume is already used by {} pod(s) in different namespaces",
                               elsewhere);
  }
  const std::string text = error + "Volume is already used by pod(s) " + names;
  if (elsewhere == 0) return text;
  return text + fmt::format(" and {} pod(s) in different namespaces", elsewhere);
}

Duration AttachBackoff(int failures) {
  Duration delay = kAttachFirstDelay;
  for (int i = 1; i < failures && delay < kAttachLongestDelay; ++i) delay *= 2;
  return std::min(delay, kAttachLongestDelay);
}

}  // namespace skiff::attach
