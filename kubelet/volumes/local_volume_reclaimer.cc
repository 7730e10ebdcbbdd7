#include "kubelet/volumes/local_volume_reclaimer.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "api/pods/local_volumes.h"
#include "kubelet/mount_table.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;
using core_v1::PersistentVolume;

Result<> RemoveDirectory(const std::string& path) {
  // Whatever is mounted in it is somebody else's.
  if (const auto mounts = MountsBelow(path); !mounts.empty()) {
    return Fail(Reason::kConflict, "remove " + path + ": " + mounts.front() + " is mounted there");
  }
  return RemoveTree(path);
}

bool IsHeld(const PersistentVolume& volume) {
  const auto& finalizers = volume.metadata.finalizers;
  return std::ranges::find(finalizers, kLocalVolumeFinalizer) != finalizers.end();
}

}  // namespace

Result<std::string> DirectoryToReclaim(const PersistentVolume& volume, const std::string& node) {
  const auto refused = [&](const char* why) {
    return Fail(Reason::kForbidden, fmt::format("volume {}: {}", volume.metadata.name, why));
  };
  const auto label = volume.metadata.labels.find(kReclaimedBy);
  if (label == volume.metadata.labels.end() || label->second != node) {
    return refused("another node is to reclaim it");
  }
  if (volume.status.phase != "Released" && volume.status.phase != "Failed") {
    return refused("its claim has not released it");
  }
  if (volume.spec.persistent_volume_reclaim_policy != "Delete") {
    return refused("its reclaim policy is not Delete");
  }
  if (!volume.spec.host_path || !volume.spec.claim_ref) {
    return refused("it is no directory that was made for a claim");
  }
  const fs::path path = volume.spec.host_path->path;
  if (!path.is_absolute() || path != path.lexically_normal() ||
      path.filename() != LocalVolumeDirectory(volume.metadata.name, *volume.spec.claim_ref)) {
    return refused("its path is not of the form that the provisioner gives");
  }
  return path.string();
}

LocalVolumeReclaimer::LocalVolumeReclaimer(Dependencies dependencies, std::string node)
    : dependencies_(std::move(dependencies)), node_(std::move(node)) {
  dependencies_.volumes.OnChange([this](const auto&, const auto& now) {
    if (now) Wake();
  });
}

Duration LocalVolumeReclaimer::Step() {
  std::map<std::string, std::string> problems;
  for (const auto& volume : dependencies_.volumes.List()) {
    const auto reclaimed = Reclaim(*volume);
    if (reclaimed) continue;
    const std::string& name = volume->metadata.name;
    const std::string& problem = problems[name] = reclaimed.error().message;
    const auto told = told_.find(name);
    if (told != told_.end() && told->second == problem) continue;
    log_.Error("volume not reclaimed", {{"volume", name}, {"error", problem}});
    dependencies_.events.Warning(*volume, "VolumeFailedDelete", problem);
  }
  told_ = std::move(problems);
  return told_.empty() ? kNever : kRetryPeriod;
}

Result<> LocalVolumeReclaimer::Reclaim(const PersistentVolume& volume) {
  // Done; others hold it back.
  if (volume.metadata.deletion_timestamp && !IsHeld(volume)) return {};
  // What is removed is gone for good: somebody may just have said that it is to be kept, which the
  // cache may not show yet.
  const auto live = dependencies_.client.Get<PersistentVolume>(KeyOf(volume));
  if (!live && live.error().reason == Reason::kNotFound) return {};
  if (!live) return Fail(live.error());
  if ((*live)->metadata.uid != volume.metadata.uid) return {};
  const std::string directory = TRY(DirectoryToReclaim(**live, node_));
  TRY(RemoveDirectory(directory));
  if ((*live)->metadata.deletion_timestamp) return LetGo(**live);
  const auto deleted = dependencies_.client.Delete(volume);
  if (!deleted && deleted.error().reason != Reason::kNotFound) return Fail(deleted.error());
  log_.Info("volume reclaimed", {{"volume", volume.metadata.name}});
  return {};  // One that is held back wakes us.
}

Result<> LocalVolumeReclaimer::LetGo(const PersistentVolume& volume) {
  const auto let_go = dependencies_.client.PatchStatus(
      volume,
      [](PersistentVolume& it) { std::erase(it.metadata.finalizers, kLocalVolumeFinalizer); },
      {.if_unchanged = true});
  // Whatever has changed meanwhile wakes us.
  const bool has_changed = !let_go && (let_go.error().reason == Reason::kConflict ||
                                       let_go.error().reason == Reason::kNotFound);
  if (!let_go && !has_changed) return Fail(let_go.error());
  return {};
}

}  // namespace skiff::kubelet
