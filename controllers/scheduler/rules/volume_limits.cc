// NodeVolumeLimits: a node holds only so many volumes of a CSI driver, as its CSINode says. A
// volume counts once, whether pods mount it, an attachment names it, or both.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "api/pods/migrated_volumes.h"
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

void AddVolume(const core_v1::PersistentVolume& volume, CsiVolumes& volumes) {
  if (const auto& csi = volume.spec.csi) volumes.insert({csi->driver, true, csi->volume_handle});
}

// A claim whose volume is not there yet will have one of its class.
void AddVolumeOf(const core_v1::PersistentVolumeClaim& claim, const StorageView& storage,
                 CsiVolumes& volumes) {
  const std::string& name = claim.spec.volume_name;
  const auto volume = name.empty() ? nullptr : storage.volume(name);
  if (volume) {
    const std::string_view former = MigratedPluginOf(*volume);
    if (former.empty()) return AddVolume(*volume, volumes);
    const auto translated = IsOfDriver(former) ? AsCsi(*volume) : *volume;
    if (translated) AddVolume(*translated, volumes);
    return;
  }
  const auto storage_class = storage.storage_class(ClassOf(claim).value_or(""));
  if (!storage_class) return;
  std::string driver = storage_class->provisioner;
  const std::string_view successor = DriverInPlaceOf(driver);
  if (!successor.empty() && !IsOfDriver(driver)) return;
  if (!successor.empty()) driver = successor;
  volumes.insert({driver, false, claim.metadata.namespace_ + "/" + claim.metadata.name});
}

// Volumes that the pod names without a claim; fails where one of them is none that can be.
Result<> AddOwnVolumesOf(const core_v1::Pod& pod, CsiVolumes& volumes) {
  for (const core_v1::Volume& volume : pod.spec.volumes) {
    const std::string_view former = MigratedPluginOf(volume);
    if (!IsOfDriver(former)) continue;
    const auto translated = AsCsi(volume, pod.metadata.namespace_);
    if (!translated) {
      return Fail(translated.error().reason,
                  fmt::format("converting volume({}) from inline to csi: {}", volume.name,
                              translated.error().message));
    }
    AddVolume(*translated, volumes);
  }
  return {};
}

// Claims that are not there are up to VolumeBinding.
void AddClaimedVolumesOf(const core_v1::Pod& pod, const StorageView& storage, CsiVolumes& volumes) {
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
  for (const auto& [uid, pod] : node.pods) {
    AddClaimedVolumesOf(*pod->pod, storage, held);
    // One that cannot be on any node keeps no other from this one.
    (void)AddOwnVolumesOf(*pod->pod, held);
  }
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
  AddClaimedVolumesOf(*pod.pod, snapshot.storage, wanted);
  if (const auto own = AddOwnVolumesOf(*pod.pod, wanted); !own) {
    return Prepared::Each(
        [&storage = snapshot.storage, why = own.error().message](const NodeInfo& node) {
          return storage.csi_node(node.name()) ? Verdict::Failed(why) : Verdict::Fits();
        });
  }
  if (wanted.empty()) return Prepared::Pass();
  return Prepared::Each([&storage = snapshot.storage, wanted = std::move(wanted)](
                            const NodeInfo& node) { return CheckLimits(wanted, node, storage); });
}

}  // namespace skiff::scheduler
