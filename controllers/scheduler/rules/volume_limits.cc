// NodeVolumeLimits: a node holds only so many volumes of a CSI driver, as its CSINode says. A
// volume counts once, whether pods mount it, an attachment names it, or both.
#include <algorithm>
#include <tuple>

#include "controllers/scheduler/rules/rules.h"
#include "controllers/scheduler/volume_claims.h"
#include "controllers/storage/volume_match.h"

namespace skiff::scheduler {
namespace {

struct CsiVolume {
  std::string driver;
  bool is_made = false;  // There is a volume; else only the claim that one will be made for.
  std::string handle;    // Of the volume, or "namespace/name" of the claim.
  bool operator<(const CsiVolume& other) const {
    return std::tie(driver, is_made, handle) < std::tie(other.driver, other.is_made, other.handle);
  }
};
using CsiVolumes = std::set<CsiVolume>;

// A claim whose volume is not there yet will have one of its class.
void AddVolumeOf(const core_v1::PersistentVolumeClaim& claim, const StorageView& storage,
                 CsiVolumes& volumes) {
  const std::string& name = claim.spec.volume_name;
  const auto volume = name.empty() ? nullptr : storage.volume(name);
  if (volume) {
    if (const auto& csi = volume->spec.csi) volumes.insert({csi->driver, true, csi->volume_handle});
    return;
  }
  const auto storage_class = storage.storage_class(ClassOf(claim).value_or(""));
  if (!storage_class) return;
  volumes.insert(
      {storage_class->provisioner, false, claim.metadata.namespace_ + "/" + claim.metadata.name});
}

// Claims that are not there are up to VolumeBinding.
void AddVolumesOf(const core_v1::Pod& pod, const StorageView& storage, CsiVolumes& volumes) {
  for (const std::string& name : ClaimNames(pod)) {
    const auto claim = storage.claim(pod.metadata.namespace_, name);
    if (claim) AddVolumeOf(*claim, storage, volumes);
  }
}

// Attachments stay for a while after the last pod that mounted the volume.
void AddAttached(const std::string& node, const StorageView& storage, CsiVolumes& volumes) {
  for (const auto& attachment : storage.attachments(node)) {
    const auto& name = attachment->spec.source.persistent_volume_name;
    const auto volume = name ? storage.volume(*name) : nullptr;
    if (!volume || !volume->spec.csi) continue;
    volumes.insert({attachment->spec.attacher, true, volume->spec.csi->volume_handle});
  }
}

Verdict CheckLimits(const CsiVolumes& wanted, const NodeInfo& node, const StorageView& storage) {
  const auto csi_node = storage.csi_node(node.name());
  if (!csi_node) return Verdict::Fits();
  const auto limits = VolumeLimits(*csi_node);
  const bool is_limited = std::any_of(wanted.begin(), wanted.end(), [&](const CsiVolume& volume) {
    return limits.contains(volume.driver);
  });
  if (!is_limited) return Verdict::Fits();
  CsiVolumes held;
  for (const auto& [uid, pod] : node.pods) AddVolumesOf(*pod->pod, storage, held);
  AddAttached(node.name(), storage, held);
  std::map<std::string, int64_t> more;  // By driver.
  for (const CsiVolume& volume : wanted) {
    if (!held.contains(volume)) ++more[volume.driver];
  }
  for (const auto& [driver, count] : more) {
    const auto limit = limits.find(driver);
    if (limit == limits.end()) continue;
    const int64_t before = std::count_if(held.begin(), held.end(), [&](const CsiVolume& volume) {
      return volume.driver == limit->first;
    });
    if (before + count > limit->second) {
      return Verdict::Unschedulable("node(s) exceed max volume count");
    }
  }
  return Verdict::Fits();
}

}  // namespace

Prepared PrepareNodeVolumeLimits(const PodInfo& pod, const Snapshot& snapshot) {
  CsiVolumes wanted;
  AddVolumesOf(*pod.pod, snapshot.storage, wanted);
  if (wanted.empty()) return Prepared::Pass();
  return Prepared::Each([&storage = snapshot.storage, wanted = std::move(wanted)](
                            const NodeInfo& node) { return CheckLimits(wanted, node, storage); });
}

}  // namespace skiff::scheduler
