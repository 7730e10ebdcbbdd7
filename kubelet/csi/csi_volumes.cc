#include "kubelet/csi/csi_volumes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>

#include "kubelet/csi/names.h"
#include "kubelet/csi/volume_context.h"
#include "kubelet/csi/volume_data.h"
#include "kubelet/volumes/beneath.h"
#include "kubelet/volumes/fs_group.h"
#include "kubelet/volumes/volume_plugin.h"

namespace skiff::kubelet::csi {
namespace {

constexpr mode_t kPrivateMode = 0750;

// Does nothing when there is none.
Result<> RemoveEmpty(const std::string& directory) {
  if (rmdir(directory.c_str()) == 0 || errno == ENOENT) return {};
  const int code = errno;
  return Fail(SystemError("remove " + directory, code));
}

// What a driver has left of a volume, which it has taken back.
Result<> RemoveVolume(const std::string& directory, const std::string& mount_point) {
  TRY(RemoveEmpty(directory + "/" + mount_point));
  unlink((directory + "/" + kVolumeData).c_str());
  return RemoveEmpty(directory);
}

// Whether the driver has surely not done what it was asked.
bool IsFinal(const Error& error) {
  switch (error.reason) {
    case Reason::kServerTimeout:
    case Reason::kServiceUnavailable:
    case Reason::kTooManyRequests:
    case Reason::kConflict:
      return false;
    default:
      return true;
  }
}

}  // namespace

struct CsiVolumes::Volume {
  VolumeCall call;
  VolumeData data;
  Ptr<storage_v1::CSIDriver> driver;  // nullptr: there is no such object.
  std::vector<std::string> access_modes;
  std::string staging_directory;
  bool is_inline = false;
};

// One thread at a time for a volume of this name.
class CsiVolumes::Turn {
 public:
  Turn(CsiVolumes& all, std::string name) : all_(all), name_(std::move(name)) {
    MutexLock lock(all_.mutex_);
    while (!all_.busy_.insert(name_).second) all_.turn_ended_.wait(lock);
  }
  ~Turn() {
    MutexLock lock(all_.mutex_);
    all_.busy_.erase(name_);
    all_.turn_ended_.notify_all();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  CsiVolumes& all_;
  const std::string name_;
};

CsiVolumes::CsiVolumes(std::string root, std::string node_name, const Drivers& drivers,
                       Sources sources)
    : root_(std::move(root)),
      node_name_(std::move(node_name)),
      drivers_(drivers),
      sources_(std::move(sources)) {
  MutexLock lock(mutex_);
  for (const auto& uid : PodDirectories(root_)) {
    for (const auto& directory : VolumeDirectories(root_, uid)) {
      const auto data = ReadVolumeData(directory);
      if (!data || data->attachment.empty()) continue;
      in_use_[uid].insert(UniqueName(data->driver, data->handle));
    }
  }
}

Result<CsiVolumes::Volume> CsiVolumes::Look(const VolumeInput& input) const {
  Volume volume;
  volume.is_inline = input.bound == nullptr;
  volume.data.node = node_name_;
  volume.data.spec_name = volume.is_inline ? input.volume.name : input.bound->metadata.name;
  volume.data.lifecycle = volume.is_inline ? "Ephemeral" : "Persistent";
  VolumeCall& call = volume.call;
  if (volume.is_inline) {
    const auto& source = *input.volume.csi;
    volume.data.driver = source.driver;
    call.volume_id = InlineHandle(input.pod.metadata.uid, input.volume.name);
    call.fs_type = source.fs_type.value_or("");
    call.is_read_only = source.read_only.value_or(false);
    call.context = source.volume_attributes;
  } else {
    const auto& source = *input.bound->spec.csi;
    volume.data.driver = source.driver;
    call.volume_id = source.volume_handle;
    call.fs_type = source.fs_type;
    call.mount_flags = input.bound->spec.mount_options;
    const auto& claim = input.volume.persistent_volume_claim;
    call.is_read_only = claim && claim->read_only;
    call.context = source.volume_attributes;
    volume.access_modes = input.bound->spec.access_modes;
  }
  volume.data.handle = call.volume_id;
  call.access_mode = volume.access_modes.empty() ? "ReadWriteOnce" : volume.access_modes.front();
  volume.staging_directory = StagingDirectory(root_, volume.data.driver, call.volume_id);
  call.target_path = input.directory + "/mount";
  auto driver = sources_.driver(volume.data.driver);
  if (!driver && driver.error().reason != Reason::kNotFound) return tl::unexpected(driver.error());
  if (driver) volume.driver = *driver;
  return volume;
}

Result<> CsiVolumes::AwaitAttachment(const VolumeInput& input, Volume& volume) {
  if (volume.is_inline) return {};
  if (volume.driver && !volume.driver->spec.attach_required.value_or(true)) return {};
  const std::string& handle = volume.call.volume_id;
  volume.data.attachment = AttachmentName(volume.data.driver, handle, node_name_);
  // Before it is looked for: from now on it is not taken away.
  SetInUse(input.pod.metadata.uid, UniqueName(volume.data.driver, handle));
  const auto found = sources_.attachment(volume.data.attachment);
  const auto waits = [&] {
    return Fail(Reason::kTimeout, fmt::format("volume {} is not attached for volume attachment {}",
                                              handle, volume.data.attachment));
  };
  if (!found && found.error().reason == Reason::kNotFound) return waits();
  if (!found) {
    return Fail(found.error().reason,
                fmt::format("volume {} has GET error for volume attachment {}: {}", handle,
                            volume.data.attachment, found.error().message));
  }
  const storage_v1::VolumeAttachment& attachment = **found;
  if (attachment.status.attach_error && !attachment.status.attached) {
    return Fail(Reason::kConflict, attachment.status.attach_error->message);
  }
  if (attachment.metadata.deletion_timestamp || !attachment.status.attached) return waits();
  volume.call.publish_context = attachment.status.attachment_metadata;
  return {};
}

Result<std::string> CsiVolumes::SetUp(const VolumeInput& input) {
  const std::string target = input.directory + "/mount";
  std::optional<Duration> published;
  {
    MutexLock lock(mutex_);
    if (const auto found = published_.find(target); found != published_.end()) {
      published = found->second;
    }
  }
  const Duration now = input.clock.Monotonic();
  if (published && now - *published < kRepublishEvery) return target;
  auto looked = Look(input);
  // What it has been given is its own, whether the API can be asked again or not.
  if (!looked && published) return target;
  Volume volume = TRY(std::move(looked));
  if (published && !(volume.driver && volume.driver->spec.requires_republish.value_or(false))) {
    MutexLock lock(mutex_);
    published_[target] = now;
    return target;
  }
  TRY(CheckLifecycle(volume.driver.get(), volume.data.driver, volume.data.lifecycle));
  if (!volume.is_inline && input.bound->spec.volume_mode.value_or("Filesystem") == "Block") {
    return Fail(Reason::kInvalid, "devices of CSI drivers (volumeMode Block) are not served here");
  }
  const auto endpoint = drivers_.Endpoint(volume.data.driver);
  if (!endpoint) {
    return Fail(endpoint.error().reason,
                fmt::format("kubernetes.io/csi: {} {}",
                            volume.is_inline ? "mounter.SetUpAt failed to get CSI client:"
                                             : "attacher.MountDevice failed to create "
                                               "newCsiDriverClient:",
                            endpoint.error().message));
  }
  TRY(AwaitAttachment(input, volume));
  const NodeClient client(*endpoint);
  const Turn turn(*this, UniqueName(volume.data.driver, volume.call.volume_id));
  const Capabilities able = TRY(client.GetCapabilities());
  if (able.mount_group) volume.call.mount_group = GroupText(input.pod);
  TRY(MakeDirectories(input.directory, kPrivateMode));
  TRY(WriteVolumeData(input.directory, volume.data));
  if (able.stages && !volume.is_inline) {
    volume.call.staging_path = volume.staging_directory + "/globalmount";
    TRY(Stage(input, client, able, volume));
  }
  const auto done = Publish(input, client, able, volume);
  // What could not be renewed is still there.
  if (!done && !published) {
    // Of a volume that was not made a driver may know nothing to take back.
    if (volume.is_inline && IsFinal(done.error())) {
      (void)RemoveVolume(input.directory, "mount");
    }
    return tl::unexpected(done.error());
  }
  MutexLock lock(mutex_);
  published_[target] = now;
  return target;
}

Result<> CsiVolumes::Stage(const VolumeInput& input, const NodeClient& client,
                           const Capabilities& able, const Volume& volume) {
  {
    MutexLock lock(mutex_);
    if (staged_.contains(volume.call.staging_path)) return {};
  }
  TRY(MakeDirectories(volume.call.staging_path, kPrivateMode));
  TRY(WriteVolumeData(volume.staging_directory,
                      {.driver = volume.data.driver, .handle = volume.data.handle}));
  VolumeCall call = volume.call;
  if (const auto& secret = input.bound->spec.csi->node_stage_secret_ref) {
    call.secrets =
        TRY(SecretsOf(input.sources, secret->namespace_, secret->name, "NodeStageSecretRef"));
  }
  call.staging_path = Known(call.staging_path);
  TRY(client.Stage(call, able));
  MutexLock lock(mutex_);
  staged_.insert(volume.call.staging_path);
  return {};
}

Result<> CsiVolumes::Publish(const VolumeInput& input, const NodeClient& client,
                             const Capabilities& able, const Volume& volume) {
  VolumeCall call = volume.call;
  if (volume.is_inline) {
    if (const auto& secret = input.volume.csi->node_publish_secret_ref) {
      call.secrets = TRY(SecretsOf(input.sources, input.pod.metadata.namespace_, secret->name,
                                   "NodePublishSecretRef"));
    }
  } else if (const auto& secret = input.bound->spec.csi->node_publish_secret_ref) {
    call.secrets =
        TRY(SecretsOf(input.sources, secret->namespace_, secret->name, "NodePublishSecretRef"));
  }
  if (volume.driver) {
    TRY(AddPodContext(*volume.driver, input, volume.is_inline, call));
  }
  call.staging_path = Known(call.staging_path);
  call.target_path = Known(call.target_path);
  TRY(client.Publish(call, able));
  const auto group = FsGroupOf(input.pod, call.is_read_only);
  if (!group || able.mount_group || call.is_read_only ||
      !WantsFsGroup(volume.driver.get(), call.fs_type, volume.access_modes, volume.is_inline)) {
    return {};
  }
  const auto mounted = OpenDirectory(volume.call.target_path);
  const auto applied = mounted ? ApplyFsGroup(*mounted, *group) : Fail(mounted.error());
  if (applied) return {};
  return Fail(applied.error().reason, fmt::format("applyFSGroup failed for vol {}: {}",
                                                  call.volume_id, applied.error().message));
}

Result<> CsiVolumes::TearDown(const std::string& pod_uid) {
  for (const auto& directory : VolumeDirectories(root_, pod_uid)) {
    TRY(TearDownVolume(directory));
  }
  bool changed = false;
  {
    MutexLock lock(mutex_);
    changed = in_use_.erase(pod_uid) > 0;
  }
  if (changed && sources_.use_changed) sources_.use_changed();
  return {};
}

Result<> CsiVolumes::TearDownVolume(const std::string& directory) {
  const auto data = ReadVolumeData(directory);
  if (!data) {
    // It never came so far that the driver was asked.
    return data.error().reason == Reason::kNotFound ? RemoveVolume(directory, "mount")
                                                    : Fail(data.error());
  }
  const NodeClient client(TRY(drivers_.Endpoint(data->driver)));
  const Turn turn(*this, UniqueName(data->driver, data->handle));
  const std::string target = directory + "/mount";
  TRY(client.Unpublish(data->handle, Known(target)));
  TRY(RemoveVolume(directory, "mount"));
  {
    MutexLock lock(mutex_);
    published_.erase(target);
  }
  if (data->lifecycle == "Ephemeral") return {};
  return UnstageUnlessUsed(client, data->driver, data->handle);
}

Result<> CsiVolumes::UnstageUnlessUsed(const NodeClient& client, const std::string& driver,
                                       const std::string& handle) {
  const std::string directory = StagingDirectory(root_, driver, handle);
  if (access(directory.c_str(), F_OK) != 0) return {};
  for (const auto& uid : PodDirectories(root_)) {
    for (const auto& other : VolumeDirectories(root_, uid)) {
      const auto data = ReadVolumeData(other);
      if (data && data->driver == driver && data->handle == handle) return {};
    }
  }
  const std::string staging = directory + "/globalmount";
  TRY(client.Unstage(handle, Known(staging)));
  {
    MutexLock lock(mutex_);
    staged_.erase(staging);
  }
  return RemoveVolume(directory, "globalmount");
}

void CsiVolumes::SetInUse(const std::string& pod_uid, const std::string& name) {
  {
    MutexLock lock(mutex_);
    if (!in_use_[pod_uid].insert(name).second) return;
  }
  if (sources_.use_changed) sources_.use_changed();
}

std::string CsiVolumes::Known(const std::string& path) const {
  if (sources_.known_root.empty() || !path.starts_with(root_ + "/")) return path;
  return sources_.known_root + path.substr(root_.size());
}

std::vector<std::string> CsiVolumes::InUse() const {
  std::set<std::string> names;
  MutexLock lock(mutex_);
  for (const auto& [uid, volumes] : in_use_) names.insert(volumes.begin(), volumes.end());
  return {names.begin(), names.end()};
}

}  // namespace skiff::kubelet::csi
