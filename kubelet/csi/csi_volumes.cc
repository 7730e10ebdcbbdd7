#include "kubelet/csi/csi_volumes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <utility>

#include "kubelet/csi/names.h"
#include "kubelet/csi/volume_context.h"
#include "kubelet/csi/volume_data.h"
#include "kubelet/volumes/beneath.h"
#include "kubelet/volumes/fs_group.h"
#include "kubelet/volumes/volume_plugin.h"

namespace skiff::kubelet::csi {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kPrivateMode = 0750;
constexpr int32_t kResourceExhausted = 8;  // gRPC's code.

// Does nothing when there is none.
Result<> RemoveEmpty(const std::string& directory) {
  if (rmdir(directory.c_str()) == 0 || errno == ENOENT) return {};
  const int code = errno;
  return Fail(SystemError("remove " + directory, code));
}

// What a driver has left of a volume, which it has taken back.
Result<> RemoveVolume(const std::string& directory, const std::string& mount_point) {
  TRY(RemoveEmpty(directory + "/" + mount_point));
  RemoveVolumeData(directory);
  return RemoveEmpty(directory);
}

// What was made for a driver to stage into.
void RemoveStaging(const std::string& staging_path) {
  if (rmdir(staging_path.c_str()) != 0) return;
  const fs::path directory = fs::path(staging_path).parent_path();
  if (access((directory / kVolumeData).c_str(), F_OK) != 0) return;
  RemoveVolumeData(directory);
  rmdir(directory.c_str());
}

}  // namespace

bool IsFinal(const Error& error) {
  switch (error.reason) {
    case Reason::kServerTimeout:
    case Reason::kServiceUnavailable:
    case Reason::kTooManyRequests:
      return false;
    default:
      return true;
  }
}

CsiVolumes::CsiVolumes(std::string root, std::string node_name, const Drivers& drivers,
                       Sources sources)
    : root_(std::move(root)),
      node_name_(std::move(node_name)),
      drivers_(drivers),
      sources_(std::move(sources)) {
  FindLeftovers();
  MutexLock lock(mutex_);
  const std::vector<std::string> none;
  for (const auto& uid : PodDirectories(root_).value_or(none)) {
    std::vector<std::string> all = VolumeDirectories(root_, uid).value_or(none);
    for (const fs::path link : DeviceLinks(root_, uid).value_or(none)) {
      all.push_back(DevicePlacesOf(root_, link.filename()).data);
    }
    for (const auto& directory : all) {
      const auto data = ReadVolumeData(directory);
      if (!data) continue;
      const std::string name = UniqueName(data->driver, data->handle);
      leftovers_.erase(name);
      if (!data->attachment.empty()) in_use_[uid].insert(name);
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
  call.is_block = IsBlock(input.bound);
  if (call.is_block) {
    if (!MayNameDevice(volume.data.spec_name)) {
      return tl::unexpected(PhaseFailed(volume.staging_phase(), volume.data.spec_name,
                                        {Reason::kInvalid, "a device cannot have this name"}));
    }
    const DevicePlaces places = DevicePlacesOf(root_, volume.data.spec_name);
    volume.data_directory = places.data;
    call.staging_path = places.staging;
    call.target_path = places.publish + "/" + input.pod.metadata.uid;
    call.mount_flags.clear();
  } else {
    volume.data_directory = input.directory;
    volume.staging_directory = StagingDirectory(root_, volume.data.driver, call.volume_id);
    call.staging_path = volume.staging_directory + "/globalmount";
    call.target_path = input.directory + "/mount";
  }
  auto driver = sources_.driver(volume.data.driver);
  if (!driver && driver.error().reason != Reason::kNotFound) return tl::unexpected(driver.error());
  if (driver) volume.driver = *driver;
  return volume;
}

Result<> CsiVolumes::AwaitAttachment(const VolumeInput& input, Volume& volume) {
  if (volume.is_inline) return {};
  const std::string& handle = volume.call.volume_id;
  if (volume.driver && !volume.driver->spec.attach_required.value_or(true)) {
    // It may have waited for an attacher before its driver was known.
    SetUnused(input.pod.metadata.uid, UniqueName(volume.data.driver, handle));
    return {};
  }
  volume.data.attachment = AttachmentName(volume.data.driver, handle, node_name_);
  // Before it is looked for: from now on it is not taken away.
  const std::string name = UniqueName(volume.data.driver, handle);
  SetInUse(input.pod.metadata.uid, name);
  {
    MutexLock lock(mutex_);
    if (!reported_.contains(name)) {
      return Fail(Reason::kTimeout, "Volume not marked as in-use in node status");
    }
  }
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
    const bool is_full = attachment.status.attach_error->error_code == kResourceExhausted &&
                         volume.driver &&
                         volume.driver->spec.node_allocatable_update_period_seconds.value_or(0) > 0;
    if (is_full && sources_.exhausted) sources_.exhausted(volume.data.driver);
    if (is_full) {
      return Fail(Reason::kRequestEntityTooLarge, attachment.status.attach_error->message);
    }
    return Fail(Reason::kConflict, attachment.status.attach_error->message);
  }
  if (attachment.metadata.deletion_timestamp || !attachment.status.attached) return waits();
  volume.call.publish_context = attachment.status.attachment_metadata;
  return {};
}

Result<std::string> CsiVolumes::SetUp(const VolumeInput& input) {
  const std::string known = input.directory;
  const std::string path = IsBlock(input.bound) ? known : known + "/mount";
  std::optional<Duration> published;
  {
    MutexLock lock(mutex_);
    if (const auto found = published_.find(known); found != published_.end()) {
      published = found->second;
    }
  }
  const Duration now = input.clock.Monotonic();
  if (published) ExpandInUse(input);
  if (published && now - *published < kRepublishEvery) return path;
  auto looked = Look(input);
  // What it has been given is its own, whether the API can be asked again or not.
  if (!looked && published) return path;
  Volume volume = TRY(std::move(looked));
  const bool is_wanted_again = volume.driver && !volume.call.is_block &&
                               volume.driver->spec.requires_republish.value_or(false);
  if (!published || is_wanted_again) {
    const auto done = Make(input, volume);
    // What could not be renewed is still there.
    if (!done && !published) return tl::unexpected(done.error());
  }
  MutexLock lock(mutex_);
  published_[known] = now;
  return path;
}

Result<> CsiVolumes::Make(const VolumeInput& input, Volume& volume) {
  const auto fail = [&](const char* phase, const Error& why) {
    return tl::unexpected(PhaseFailed(phase, volume.data.spec_name, why));
  };
  TRY(CheckLifecycle(volume.driver.get(), volume.data.driver, volume.data.lifecycle));
  const auto endpoint = drivers_.Endpoint(volume.data.driver);
  if (!endpoint) {
    const char* what = volume.call.is_block ? "blockMapper.SetUpDevice failed to get CSI client:"
                       : volume.is_inline   ? "mounter.SetUpAt failed to get CSI client:"
                                            : "attacher.MountDevice failed to create "
                                              "newCsiDriverClient:";
    return fail(volume.staging_phase(),
                {endpoint.error().reason,
                 fmt::format("kubernetes.io/csi: {} {}", what, endpoint.error().message)});
  }
  if (const auto attached = AwaitAttachment(input, volume); !attached) {
    if (attached.error().reason == Reason::kTimeout) return attached;
    return fail(volume.call.is_block ? "MapVolume.WaitForAttach" : "MountVolume.WaitForAttach",
                attached.error());
  }
  const NodeClient client(*endpoint);
  const Turn turn(*this, UniqueName(volume.data.driver, volume.call.volume_id));
  const auto able = client.GetCapabilities();
  if (!able) return fail(volume.staging_phase(), able.error());
  if (able->mount_group && !volume.call.is_block) volume.call.mount_group = GroupText(input.pod);
  const bool is_new = TRY(Prepare(input, volume));
  if (is_new) {
    MutexLock lock(mutex_);
    unasked_.insert(input.directory);
  }
  if (!able->stages || volume.is_inline) volume.call.staging_path.clear();
  if (!volume.call.staging_path.empty()) {
    if (const auto staged = Stage(input, client, *able, volume); !staged) {
      return fail(volume.staging_phase(), staged.error());
    }
  }
  if (const auto done = Publish(input, client, *able, volume); !done) {
    return fail(volume.publishing_phase(), done.error());
  }
  if (volume.call.is_block) TRY(MapDevice(input, kPlugin, volume.call.target_path));
  if (const auto grown = Expand(input, client, *able, volume); !grown) {
    return Fail(
        grown.error().reason,
        fmt::format("{} failed while expanding volume for volume \"{}\" : {}",
                    volume.call.is_block ? "MapVolume.MarkVolumeAsMounted" : "MountVolume.Setup",
                    volume.data.spec_name, grown.error().message));
  }
  return {};
}

Result<bool> CsiVolumes::Prepare(const VolumeInput& input, const Volume& volume) {
  TRY(MakeDirectories(volume.data_directory, kPrivateMode));
  const std::string data = volume.data_directory + "/" + kVolumeData;
  const bool is_new = access(data.c_str(), F_OK) != 0;
  TRY(WriteVolumeData(volume.data_directory, volume.data));
  if (!volume.call.is_block) return is_new;
  TRY(MakeDirectories(fs::path(volume.call.target_path).parent_path(), kPrivateMode));
  TRY(MakeDirectories(fs::path(input.directory).parent_path(), kPrivateMode));
  // It says that the volume has to be taken back, from now on.
  if (symlink(volume.call.target_path.c_str(), input.directory.c_str()) == 0) return true;
  const int code = errno;
  if (code == EEXIST) return false;
  return Fail(SystemError("symlink " + input.directory, code));
}

Result<> CsiVolumes::Stage(const VolumeInput& input, const NodeClient& client,
                           const Capabilities& able, const Volume& volume) {
  {
    MutexLock lock(mutex_);
    if (staged_.contains(volume.call.staging_path)) return {};
  }
  VolumeCall call = volume.call;
  if (const auto& secret = input.bound->spec.csi->node_stage_secret_ref) {
    call.secrets =
        TRY(SecretsOf(input.sources, secret->namespace_, secret->name, "NodeStageSecretRef"));
  }
  const bool was_there = access(call.staging_path.c_str(), F_OK) == 0;
  TRY(MakeDirectories(volume.call.staging_path, kPrivateMode));
  if (!call.is_block) {
    TRY(WriteVolumeData(volume.staging_directory,
                        {.driver = volume.data.driver, .handle = volume.data.handle}));
  }
  call.staging_path = Known(call.staging_path);
  if (const auto done = client.Stage(call, able); !done) {
    // There is nothing to take back, unless an earlier call may have made it.
    if (!was_there && IsFinal(done.error())) RemoveStaging(volume.call.staging_path);
    return done;
  }
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
  bool is_renewal = false;
  {
    MutexLock lock(mutex_);
    unasked_.erase(input.directory);
    is_renewal = published_.contains(input.directory);
  }
  if (const auto done = client.Publish(call, able); !done) {
    // Of a volume that was not made a driver may know nothing to take back; what could not be
    // renewed is still there.
    if (volume.is_inline && !is_renewal && IsFinal(done.error())) {
      (void)RemoveVolume(input.directory, "mount");
    }
    return done;
  }
  const auto group = FsGroupOf(input.pod, call.is_read_only);
  if (!group || able.mount_group || call.is_read_only || call.is_block ||
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
  const auto directories = TRY(VolumeDirectories(root_, pod_uid));
  for (const auto& directory : directories) TRY(TearDownVolume(directory));
  const auto links = TRY(DeviceLinks(root_, pod_uid));
  for (const auto& link : links) TRY(TearDownDevice(pod_uid, link));
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
  if (WasAsked(directory)) TRY(client.Unpublish(data->handle, Known(directory + "/mount")));
  TRY(RemoveEmpty(directory + "/mount"));
  Unpublished(directory);
  if (data->lifecycle != "Ephemeral") {
    if (const auto done = UnstageUnlessUsed(client, directory, *data); !done) {
      Leave({.volume = *data, .device = {}}, done.error());
    }
  }
  TRY(RemoveVolume(directory, "mount"));
  Forget(directory);
  return {};
}

Result<> CsiVolumes::UnstageUnlessUsed(const NodeClient& client, const std::string& own,
                                       const VolumeData& volume) {
  const std::string directory = StagingDirectory(root_, volume.driver, volume.handle);
  if (access(directory.c_str(), F_OK) != 0) return {};
  const auto uids = TRY(PodDirectories(root_));
  for (const auto& uid : uids) {
    const auto others = TRY(VolumeDirectories(root_, uid));
    for (const auto& other : others) {
      if (other == own) continue;
      const auto data = ReadVolumeData(other);
      // It may be this very volume: that is known once the file can be read.
      if (!data && data.error().reason == Reason::kInternalError) return Fail(data.error());
      if (data && data->driver == volume.driver && data->handle == volume.handle) return {};
    }
  }
  TRY(Unstage(client, volume.handle, directory + "/globalmount"));
  return RemoveVolume(directory, "globalmount");
}

Result<> CsiVolumes::Unstage(const NodeClient& client, const std::string& handle,
                             const std::string& staging_path) {
  {
    // Whether it succeeds or not: whoever wants the volume next has it staged again.
    MutexLock lock(mutex_);
    staged_.erase(staging_path);
  }
  return client.Unstage(handle, Known(staging_path));
}

bool CsiVolumes::WasAsked(const std::string& directory) {
  MutexLock lock(mutex_);
  published_.erase(directory);
  sizes_.erase(directory);
  failed_.erase(directory);
  retries_.erase(directory);
  return !unasked_.contains(directory);
}

void CsiVolumes::Unpublished(const std::string& directory) {
  MutexLock lock(mutex_);
  unasked_.insert(directory);
}

void CsiVolumes::Forget(const std::string& directory) {
  MutexLock lock(mutex_);
  unasked_.erase(directory);
}

void CsiVolumes::SetInUse(const std::string& pod_uid, const std::string& name) {
  {
    MutexLock lock(mutex_);
    if (!in_use_[pod_uid].insert(name).second) return;
  }
  if (sources_.use_changed) sources_.use_changed();
}

void CsiVolumes::SetUnused(const std::string& pod_uid, const std::string& name) {
  {
    MutexLock lock(mutex_);
    const auto found = in_use_.find(pod_uid);
    if (found == in_use_.end() || found->second.erase(name) == 0) return;
  }
  if (sources_.use_changed) sources_.use_changed();
}

Result<VolumeUse> CsiVolumes::Stats(const Published& volume, Duration now) {
  {
    MutexLock lock(mutex_);
    if (!published_.contains(volume.directory)) {
      return Fail(Reason::kNotFound, volume.path + " is not published");
    }
    const auto silent = silent_until_.find(volume.driver);
    if (silent != silent_until_.end() && now < silent->second) {
      return Fail(Reason::kServiceUnavailable, volume.driver + " has just not answered");
    }
  }
  const NodeClient client(TRY(drivers_.Endpoint(volume.driver)));
  const auto ask = [&]() -> Result<VolumeUse> {
    const Capabilities able = TRY(client.GetCapabilities(NodeClient::kStatsTimeout));
    if (able.volume_stats) return client.Stats(volume.handle, Known(volume.path));
    return Fail(Reason::kMethodNotAllowed,
                fmt::format("metrics are not supported for {}", volume.driver));
  };
  auto use = ask();
  const bool is_silent = !use && (use.error().reason == Reason::kServerTimeout ||
                                  use.error().reason == Reason::kServiceUnavailable);
  MutexLock lock(mutex_);
  silent_until_.erase(volume.driver);
  if (is_silent) silent_until_[volume.driver] = now + kSilentFor;
  return use;
}

void CsiVolumes::Reported(const std::vector<std::string>& names) {
  std::set<std::string> woken;
  {
    MutexLock lock(mutex_);
    const std::set<std::string> before = std::exchange(reported_, {names.begin(), names.end()});
    for (const auto& [uid, volumes] : in_use_) {
      for (const auto& name : volumes) {
        if (reported_.contains(name) && !before.contains(name)) woken.insert(uid);
      }
    }
  }
  if (!sources_.wake) return;
  for (const auto& uid : woken) sources_.wake(uid);
}

std::string CsiVolumes::Known(const std::string& path) const {
  if (sources_.known_root.empty() || !path.starts_with(root_ + "/")) return path;
  return sources_.known_root + path.substr(root_.size());
}

std::vector<std::string> CsiVolumes::InUse() const {
  std::set<std::string> names;
  MutexLock lock(mutex_);
  for (const auto& [uid, volumes] : in_use_) names.insert(volumes.begin(), volumes.end());
  for (const auto& [name, left] : leftovers_) {
    if (!left.volume.attachment.empty()) names.insert(name);
  }
  return {names.begin(), names.end()};
}

}  // namespace skiff::kubelet::csi
