// From a pod's claim to the volume that it is bound to, and from a pod's volume of a kind that a
// CSI driver serves by now to what it is to that driver.
#include <fmt/format.h>

#include <algorithm>

#include "api/pods/migrated_volumes.h"
#include "kubelet/volumes/volume_plugin.h"

namespace skiff::kubelet {
namespace {

// Whether some container of the pod wants the volume as a device, or as files. One that was added
// later finds the pod's volumes made: container_config.cc looks once more.
bool Uses(const core_v1::PodSpec& spec, const std::string& volume, bool as_device) {
  const auto uses = [&](const auto& container) {
    const auto is_it = [&](const auto& each) { return each.name == volume; };
    return as_device ? std::any_of(container.volume_devices.begin(),
                                   container.volume_devices.end(), is_it)
                     : std::any_of(container.volume_mounts.begin(), container.volume_mounts.end(),
                                   is_it);
  };
  return std::any_of(spec.containers.begin(), spec.containers.end(), uses) ||
         std::any_of(spec.init_containers.begin(), spec.init_containers.end(), uses) ||
         std::any_of(spec.ephemeral_containers.begin(), spec.ephemeral_containers.end(), uses);
}

bool IsOwnedBy(const core_v1::PersistentVolumeClaim& claim, const core_v1::Pod& pod) {
  const auto& owners = claim.metadata.owner_references;
  return std::any_of(owners.begin(), owners.end(), [&](const auto& owner) {
    return owner.controller.value_or(false) && owner.uid == pod.metadata.uid;
  });
}

Result<std::shared_ptr<const core_v1::PersistentVolume>> ByDriver(
    Result<core_v1::PersistentVolume> translated) {
  if (!translated) {
    return Fail(translated.error().reason,
                "failed to translate in-tree pv to CSI: " + translated.error().message);
  }
  return std::make_shared<const core_v1::PersistentVolume>(std::move(*translated));
}

}  // namespace

Result<std::shared_ptr<const core_v1::PersistentVolume>> VolumeOfClaim(
    const core_v1::Pod& pod, const core_v1::Volume& volume, const VolumeSources& sources) {
  const std::string name = volume.ephemeral ? pod.metadata.name + "-" + volume.name
                                            : volume.persistent_volume_claim->claim_name;
  const std::string& namespace_ = pod.metadata.namespace_;
  const auto fail = [&](Reason reason, const std::string& why) {
    return Fail(reason, fmt::format("error processing PVC {}/{}: {}", namespace_, name, why));
  };
  const auto claim = sources.claim(namespace_, name);
  if (!claim) {
    return fail(claim.error().reason,
                "failed to fetch PVC from API server: " + claim.error().message);
  }
  if (volume.ephemeral && !IsOwnedBy(**claim, pod)) {
    return Fail(Reason::kForbidden,
                fmt::format("PVC {}/{} was not created for pod {}/{} (pod is not owner)",
                            namespace_, name, namespace_, pod.metadata.name));
  }
  const auto& spec = (*claim)->spec;
  if (spec.volume_name.empty() || (*claim)->status.phase != "Bound") {
    return fail(Reason::kConflict, "PVC is not bound");
  }
  auto bound = sources.volume(spec.volume_name);
  if (!bound) {
    return fail(bound.error().reason,
                fmt::format("failed to fetch PV {} from API server: {}", spec.volume_name,
                            bound.error().message));
  }
  const auto& owner = (*bound)->spec.claim_ref;
  if (!owner || owner->uid != (*claim)->metadata.uid) {
    return fail(Reason::kConflict,
                fmt::format("PV {} is bound to another claim", (*bound)->metadata.name));
  }
  const bool is_block = (*bound)->spec.volume_mode.value_or("Filesystem") == "Block";
  if (Uses(pod.spec, volume.name, !is_block)) {
    return Fail(Reason::kInvalid,
                fmt::format("volume {} has volumeMode {}, but is specified in {}", volume.name,
                            is_block ? "Block" : "Filesystem",
                            is_block ? "volumeMounts" : "volumeDevices"));
  }
  if (MigratedPluginOf(**bound).empty()) return std::move(*bound);
  return ByDriver(AsCsi(**bound));
}

Result<std::shared_ptr<const core_v1::PersistentVolume>> VolumeOfOwn(
    const core_v1::Pod& pod, const core_v1::Volume& volume) {
  auto own = TRY(ByDriver(AsCsi(volume, pod.metadata.namespace_)));
  const std::string directory = DirectoryOf(own->metadata.name);
  if (directory.empty() || directory == "." || directory == "..") {
    return Fail(Reason::kInvalid, fmt::format("invalid volume name \"{}\"", own->metadata.name));
  }
  return own;
}

std::string DirectoryOf(std::string volume) {
  std::replace(volume.begin(), volume.end(), '/', '~');
  return volume;
}

}  // namespace skiff::kubelet
