// For tests of CsiVolumes: over a fake driver, as a VolumeManager asks for them.
#pragma once

#include "kubelet/csi/csi_volumes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "kubelet/container_config.h"
#include "kubelet/csi/names.h"
#include "kubelet/csi_grpc_fake.h"
#include "kubelet/volumes/temporary_tree.h"
#include "kubelet/volumes/volume_manager.h"

namespace skiff::kubelet::csi {

// A pod's claim "data" is bound to the volume "pv", of the handle "v1".
class CsiVolumesTest : public testing::Test {
 protected:
  CsiVolumesTest() {
    drivers_.Put({"fake.csi", tree_.root() + "/csi.sock", "id-of-n1", {}, 0});
    claim_->metadata.uid = "uid-of-claim";
    claim_->spec.volume_name = volume_->metadata.name = "pv";
    claim_->status.phase = "Bound";
    volume_->spec.claim_ref.emplace().uid = "uid-of-claim";
    volume_->spec.access_modes = {"ReadWriteOnce"};
    volume_->spec.mount_options = {"noatime"};
    auto& csi = volume_->spec.csi.emplace();
    csi.driver = "fake.csi";
    csi.volume_handle = "v1";
    csi.volume_attributes["size"] = "small";
    object_->spec.volume_lifecycle_modes = {"Persistent", "Ephemeral"};
    object_->spec.pod_info_on_mount = true;
    Restart();
  }
  // As a kubelet that is started anew.
  void Restart() {
    CsiVolumes::Sources sources;
    sources.known_root = known_root_;
    sources.driver = [this](const std::string& name) -> Result<Ptr<storage_v1::CSIDriver>> {
      if (object_) return object_;
      return Fail(Reason::kNotFound, name);
    };
    sources.attachment =
        [this](const std::string& name) -> Result<Ptr<storage_v1::VolumeAttachment>> {
      if (attachment_ && name == AttachmentName("fake.csi", "v1", "n1")) return attachment_;
      return Fail(Reason::kNotFound, name);
    };
    sources.use_changed = [this] {
      if (volumes_ && reports_) volumes_->Reported(volumes_->InUse());
    };
    sources.patch_claim = [this](
                              const core_v1::PersistentVolumeClaim& claim,
                              const auto& change) -> Result<Ptr<core_v1::PersistentVolumeClaim>> {
      auto changed = std::make_shared<core_v1::PersistentVolumeClaim>(claim);
      change(*changed);
      claim_ = changed;
      return claim_;
    };
    sources.exhausted = [this](const std::string& driver) { exhausted_.push_back(driver); };
    sources.wake = [this](const std::string& uid) { woken_.push_back(uid); };
    sources.run = run_;
    volumes_ = std::make_unique<CsiVolumes>(tree_.root(), "n1", drivers_, sources);
    if (reports_) volumes_->Reported(volumes_->InUse());
    VolumeSources api;
    api.claim = [this](const std::string&,
                       const std::string&) -> Result<Ptr<core_v1::PersistentVolumeClaim>> {
      return claim_;
    };
    api.volume = [this](const std::string&) -> Result<Ptr<core_v1::PersistentVolume>> {
      return volume_;
    };
    api.secret = [](const std::string&,
                    const std::string& name) -> Result<std::shared_ptr<const core_v1::Secret>> {
      return Fail(Reason::kNotFound, "secrets \"" + name + "\" not found");
    };
    api.csi = volumes_.get();
    manager_ = std::make_unique<VolumeManager>(tree_.root(), api, clock_, VolumeMounts::OfKernel(),
                                               nullptr, DeviceMaps::Kinds::kAny);
  }
  void Attach() {
    auto attachment = std::make_shared<storage_v1::VolumeAttachment>();
    attachment->status.attached = true;
    attachment->status.attachment_metadata["device"] = "sdb";
    attachment_ = attachment;
  }
  static core_v1::Pod PodOf(const std::string& uid) {
    core_v1::Pod pod;
    pod.metadata.name = pod.metadata.uid = uid;
    pod.metadata.namespace_ = "default";
    auto& mount = pod.spec.containers.emplace_back().volume_mounts.emplace_back();
    mount.name = pod.spec.volumes.emplace_back().name = "data";
    return pod;
  }
  static core_v1::Pod Claiming(const std::string& uid) {
    core_v1::Pod pod = PodOf(uid);
    pod.spec.volumes[0].persistent_volume_claim.emplace().claim_name = "claim";
    return pod;
  }
  // What keeps a container of the pod that uses it so from being made.
  std::string ProblemOf(const core_v1::Pod& pod, const core_v1::Container& container) {
    const auto paths = manager_->SetUp(pod);
    if (!paths) return "no volumes: " + paths.error().message;
    const auto made = MakeContainerConfig({.pod = pod, .container = container, .volumes = *paths});
    return made ? "" : made.error().message;
  }
  Result<VolumeUse> Ask(const VolumeManager::MeasuredPlace& place) {
    return volumes_->Stats({place.driver, place.handle, place.path, place.published},
                           clock_.Monotonic());
  }
  Error ErrorOf(const core_v1::Pod& pod) {
    const auto made = manager_->SetUp(pod);
    return made ? Error{} : made.error();
  }

  TemporaryTree tree_;
  std::string known_root_;
  std::function<void(std::function<void()>)> run_;  // Of what no pod waits for; empty: at once.
  bool reports_ = true;  // The node's status is written at once.
  std::vector<std::string> woken_, exhausted_;
  Drivers drivers_;
  FakeDriver driver_{tree_.root() + "/csi.sock"};
  std::shared_ptr<core_v1::PersistentVolumeClaim> claim_ =
      std::make_shared<core_v1::PersistentVolumeClaim>();
  std::shared_ptr<core_v1::PersistentVolume> volume_ =
      std::make_shared<core_v1::PersistentVolume>();
  std::shared_ptr<storage_v1::CSIDriver> object_ = std::make_shared<storage_v1::CSIDriver>();
  Ptr<storage_v1::VolumeAttachment> attachment_;
  FakeClock clock_;
  std::unique_ptr<CsiVolumes> volumes_;
  std::unique_ptr<VolumeManager> manager_;
};

}  // namespace skiff::kubelet::csi
