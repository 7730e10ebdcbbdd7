// What volumes of CSI drivers have of their kubelet.
#include "kubelet/kubelet.h"

namespace skiff::kubelet {

std::unique_ptr<csi::CsiVolumes> Kubelet::MakeCsiVolumes() {
  if (!options_.writes_files || options_.standalone) return nullptr;
  Client& client = dependencies_.client;
  return std::make_unique<csi::CsiVolumes>(
      options_.root, options_.node_name, csi_drivers_,
      csi::CsiVolumes::Sources{
          options_.known_root,
          [&client](const std::string& name) {
            return client.Get<storage_v1::CSIDriver>({"", name});
          },
          [&client](const std::string& name) {
            return client.Get<storage_v1::VolumeAttachment>({"", name});
          },
          [this] { node_status_.Changed(); }, [this](const std::string& uid) { WakeWorker(uid); },
          [&client](const auto& claim, const auto& change) {
            return client.PatchStatus(claim, change);
          },
          [this](const std::string& driver) { allocatable_updates_.Exhausted(driver); },
          [this] { unstager_.Wake(); },
          [this](std::function<void()> task) { tasks_->Run(std::move(task)); }});
}

std::optional<FsUse> Kubelet::UseOf(const VolumeManager::MeasuredPlace& place,
                                    TimePoint now) const {
  if (!csi_volumes_) return std::nullopt;
  const auto told = csi_volumes_->Stats({place.driver, place.handle, place.path, place.published},
                                        dependencies_.clock.Monotonic());
  if (!told) return std::nullopt;
  const auto bytes = told->bytes.value_or(csi::VolumeUse::Amount());
  const auto inodes = told->inodes.value_or(csi::VolumeUse::Amount());
  FsUse use{.at = now, .device = {}};
  use.available_bytes = bytes.available;
  use.capacity_bytes = bytes.total;
  use.used_bytes = bytes.used;
  use.inodes_free = inodes.available;
  use.inodes = inodes.total;
  use.inodes_used = inodes.used;
  return use;
}

}  // namespace skiff::kubelet
