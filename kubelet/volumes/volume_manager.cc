#include "kubelet/volumes/volume_manager.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "api/pods/migrated_volumes.h"
#include "kubelet/csi/csi_volumes.h"
#include "kubelet/csi/names.h"
#include "kubelet/volumes/beneath.h"
#include "kubelet/volumes/volume_plugin.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kPrivateMode = 0750;

// Names of the volumes that some container mounts, or has as a device.
std::set<std::string> UsedVolumes(const core_v1::Pod& pod) {
  std::set<std::string> names;
  for (const auto* list : {&pod.spec.containers, &pod.spec.init_containers}) {
    for (const auto& container : *list) {
      for (const auto& mount : container.volume_mounts) names.insert(mount.name);
      for (const auto& device : container.volume_devices) names.insert(device.name);
    }
  }
  for (const auto& container : pod.spec.ephemeral_containers) {
    for (const auto& mount : container.volume_mounts) names.insert(mount.name);
    for (const auto& device : container.volume_devices) names.insert(device.name);
  }
  return names;
}

bool IsClaim(const core_v1::Volume& volume) {
  return volume.persistent_volume_claim || volume.ephemeral;
}

// Whether there is a PersistentVolume for it, or it is looked after as if there were one.
bool IsBound(const core_v1::Volume& volume) {
  return IsClaim(volume) || !MigratedPluginOf(volume).empty();
}

// The text of an event about a volume that cannot even be tried.
Error Unprocessed(const core_v1::Volume& volume, const Error& why) {
  return {why.reason, fmt::format("Unable to attach or mount volumes: unmounted volumes=[{0}], "
                                  "unattached volumes=[], failed to process volumes=[{0}]: {1}",
                                  volume.name, why.message)};
}

const VolumePlugin* PluginFor(const core_v1::Volume& volume,
                              const core_v1::PersistentVolume* bound) {
  const auto& plugins = VolumePlugins();
  const auto found =
      std::find_if(plugins.begin(), plugins.end(),
                   [&](const VolumePlugin& each) { return each.handles(volume, bound); });
  return found == plugins.end() ? nullptr : &*found;
}

// Plugins of several phases name the one that failed.
Error SetUpFailed(const std::string& name, const Error& why) {
  if (why.message.starts_with("MountVolume.") || why.message.starts_with("MapVolume.")) return why;
  return PhaseFailed("MountVolume.SetUp", name, why);
}

// Smaller numbers are told first: what may end the pod, what failed, and what is only waited for.
int UrgencyOf(const Error& error) {
  if (error.reason == Reason::kRequestEntityTooLarge) return 0;
  return error.reason == Reason::kTimeout ? 2 : 1;
}

bool IsForOnePod(const core_v1::PersistentVolume& volume) {
  return volume.spec.access_modes == std::vector<std::string>{"ReadWriteOncePod"};
}

template <typename K>
using NamedSource =
    std::function<Result<std::shared_ptr<const K>>(const std::string&, const std::string&)>;

template <typename K>
NamedSource<K> AskedOnce(const NamedSource<K>& source) {
  using Known = std::map<std::pair<std::string, std::string>, Result<std::shared_ptr<const K>>>;
  return [&source, known = std::make_shared<Known>()](const std::string& namespace_,
                                                      const std::string& name) {
    const std::pair key(namespace_, name);
    auto found = known->find(key);
    if (found == known->end()) found = known->emplace(key, source(namespace_, name)).first;
    return found->second;
  };
}

// For one look at the volumes of a pod: thousands of them, and of the sources of one, may name the
// same object, and each time would be a request. Outlived by `sources`; not for drivers' volumes,
// which are grown by who goes on with what he was given.
VolumeSources AskingOnce(const VolumeSources& sources) {
  VolumeSources once = sources;
  once.config_map = AskedOnce<core_v1::ConfigMap>(sources.config_map);
  once.secret = AskedOnce<core_v1::Secret>(sources.secret);
  return once;
}

// A uid is a part of paths: one from a manifest may be any text.
bool IsPathPart(const std::string& uid) {
  return !uid.empty() && uid != "." && uid != ".." && uid.find('/') == std::string::npos;
}

}  // namespace

const std::vector<VolumePlugin>& VolumePlugins() {
  using Volume = core_v1::Volume;
  using Bound = const core_v1::PersistentVolume*;
  static const std::vector<VolumePlugin> kPlugins = {
      {"kubernetes.io~empty-dir",
       [](const Volume& volume, Bound) { return volume.empty_dir.has_value(); }, SetUpEmptyDir},
      {"kubernetes.io~host-path",
       [](const Volume& volume, Bound bound) {
         return bound != nullptr ? bound->spec.host_path.has_value() : volume.host_path.has_value();
       },
       SetUpHostPath},
      {"kubernetes.io~configmap",
       [](const Volume& volume, Bound) { return volume.config_map.has_value(); }, SetUpConfigMap,
       FindConfigMap},
      {"kubernetes.io~secret",
       [](const Volume& volume, Bound) { return volume.secret.has_value(); }, SetUpSecret,
       FindSecret},
      {"kubernetes.io~downward-api",
       [](const Volume& volume, Bound) { return volume.downward_api.has_value(); },
       SetUpDownwardApi, FindDownwardApi},
      {"kubernetes.io~projected",
       [](const Volume& volume, Bound) { return volume.projected.has_value(); }, SetUpProjected,
       FindProjected},
      {"kubernetes.io~local-volume",
       [](const Volume&, Bound bound) { return bound != nullptr && bound->spec.local.has_value(); },
       SetUpLocal, nullptr, SetUpLocalDevice},
      {csi::kPlugin,
       [](const Volume& volume, Bound bound) {
         return bound != nullptr ? bound->spec.csi.has_value() : volume.csi.has_value();
       },
       SetUpCsi, nullptr, SetUpCsi},
  };
  return kPlugins;
}

Error PhaseFailed(std::string_view phase, const std::string& volume, const Error& why) {
  return {why.reason, fmt::format("{} failed for volume \"{}\" : {}", phase, volume, why.message)};
}

bool IsBlock(const core_v1::PersistentVolume* volume) {
  return volume != nullptr && volume->spec.volume_mode.value_or("Filesystem") == "Block";
}

Result<std::string> MapDevice(const VolumeInput& input, const std::string& plugin,
                              const std::string& device) {
  const DevicePlace place{plugin, input.bound->metadata.name, input.pod.metadata.uid};
  const auto is_new = input.devices.Map(device, place);
  if (!is_new) {
    return tl::unexpected(PhaseFailed("MapVolume.MapBlockVolume", place.volume, is_new.error()));
  }
  const std::string link = input.devices.Link(place);
  if (!*is_new || input.sources.events == nullptr) return link;
  const auto tell = [&](const char* what, const std::string& path) {
    input.sources.events->Normal(
        input.pod, "SuccessfulMountVolume",
        fmt::format("MapVolume.MapPodDevice succeeded for volume \"{}\" {} \"{}\"", place.volume,
                    what, path));
  };
  tell("globalMapPath", input.devices.GlobalDirectory(place));
  tell("volumeMapPath", fs::path(link).parent_path());
  return link;
}

VolumeManager::VolumeManager(std::string root, VolumeSources sources, const Clock& clock,
                             VolumeMounts& mounts, KubeletMetrics* metrics,
                             DeviceMaps::Kinds devices)
    : root_(std::move(root)),
      sources_(std::move(sources)),
      clock_(clock),
      mounts_(mounts),
      devices_(root_, devices),
      metrics_(metrics) {}

VolumeManager::~VolumeManager() = default;

std::string VolumeManager::PodDirectory(const std::string& pod_uid) const {
  return root_ + "/pods/" + pod_uid;
}

Result<> VolumeManager::MakePodDirectory(const std::string& pod_uid) const {
  if (!IsPathPart(pod_uid)) return Fail(Reason::kInvalid, "invalid pod uid: " + pod_uid);
  const std::string pods = root_ + "/pods";
  TRY(MakeDirectories(pods, kPrivateMode));
  // One that was made for everybody to read is shut.
  struct stat info {};
  if (stat(pods.c_str(), &info) == 0 && (info.st_mode & 0777 & ~kPrivateMode) != 0) {
    if (chmod(pods.c_str(), kPrivateMode) != 0) {
      const int code = errno;
      return Fail(SystemError("chmod " + pods, code));
    }
  }
  return MakeDirectories(PodDirectory(pod_uid), kPrivateMode);
}

Result<VolumePaths> VolumeManager::SetUp(const core_v1::Pod& pod, std::vector<Error>* more) {
  TRY(MakePodDirectory(pod.metadata.uid));
  VolumePaths paths;
  std::vector<Error> failures;
  bool has_driver_failed = false;
  const VolumeSources once = AskingOnce(sources_);
  const std::set<std::string> used = UsedVolumes(pod);
  for (const auto& volume : pod.spec.volumes) {
    if (!used.contains(volume.name)) continue;
    if (volume.image) {
      paths.try_emplace(volume.name);  // The runtime mounts it.
      continue;
    }
    // Whoever waits for a driver that does not answer waits once.
    const bool may_have_driver = volume.csi || IsBound(volume);
    if (may_have_driver && has_driver_failed) continue;
    auto path = SetUpVolume(pod, volume, may_have_driver ? sources_ : once);
    if (path) {
      paths[volume.name] = std::move(*path);
      continue;
    }
    Error why = std::move(path).error();
    has_driver_failed |= may_have_driver && why.reason != Reason::kTimeout;
    why.details.emplace().name = volume.name;
    failures.push_back(std::move(why));
  }
  if (failures.empty()) return paths;
  std::ranges::stable_sort(failures, {}, UrgencyOf);
  for (size_t i = 1; more != nullptr && i < failures.size(); ++i) {
    if (failures[i].reason != Reason::kTimeout) more->push_back(failures[i]);
  }
  return Fail(std::move(failures.front()));
}

Result<> VolumeManager::Find(const core_v1::Pod& pod) {
  VolumeSources sources = AskingOnce(sources_);
  sources.token = nullptr;  // It is not written anywhere.
  const std::set<std::string> used = UsedVolumes(pod);
  for (const auto& volume : pod.spec.volumes) {
    if (used.contains(volume.name)) TRY(FindVolume(pod, volume, sources));
  }
  return {};
}

Result<VolumeManager::Bound> VolumeManager::BoundOf(const core_v1::Pod& pod,
                                                    const core_v1::Volume& volume) {
  if (!IsBound(volume)) return nullptr;
  auto found = IsClaim(volume) ? VolumeOfClaim(pod, volume, sources_) : VolumeOfOwn(pod, volume);
  MutexLock lock(mutex_);
  auto& known = bound_[pod.metadata.uid][volume.name];
  // What the pod has been given is its own, whether the API can be asked again or not.
  if (!found && !known) return tl::unexpected(Unprocessed(volume, found.error()));
  if (found) known = std::move(*found);
  return known;
}

Result<> VolumeManager::FindVolume(const core_v1::Pod& pod, const core_v1::Volume& volume,
                                   const VolumeSources& sources) {
  const Bound bound = TRY(BoundOf(pod, volume));
  const VolumePlugin* plugin = PluginFor(volume, bound.get());
  if (plugin == nullptr || plugin->find == nullptr) return {};
  const auto found =
      plugin->find({pod, volume, bound.get(), "", "", sources, clock_, mounts_, devices_});
  if (!found) return tl::unexpected(SetUpFailed(volume.name, found.error()));
  return {};
}

Result<VolumePath> VolumeManager::SetUpVolume(const core_v1::Pod& pod,
                                              const core_v1::Volume& volume,
                                              const VolumeSources& sources) {
  const Bound bound = TRY(BoundOf(pod, volume));
  const std::string& name = bound ? bound->metadata.name : volume.name;
  const VolumePlugin* plugin = PluginFor(volume, bound.get());
  if (plugin == nullptr) {
    return tl::unexpected(Unprocessed(
        volume, {Reason::kInvalid, fmt::format("failed to get Plugin from volumeSpec for volume "
                                               "\"{}\" err=no volume plugin matched",
                                               name)}));
  }
  const bool is_block = IsBlock(bound.get());
  const auto set_up = is_block ? plugin->set_up_device : plugin->set_up;
  if (set_up == nullptr) {
    return Fail(Reason::kInvalid,
                fmt::format("MapVolume.FindMapperPluginBySpec failed to find BlockVolumeMapper "
                            "plugin. Volume plugin is nil. for volume \"{}\"",
                            name));
  }
  const std::string pod_directory = PodDirectory(pod.metadata.uid);
  const std::string plugin_directory =
      fmt::format("{}/{}/{}", pod_directory, is_block ? "volumeDevices" : "volumes", plugin->name);
  const std::string directory = plugin_directory + "/" + DirectoryOf(name);
  const std::string own = directory.substr(pod_directory.size());
  if (bound && IsForOnePod(*bound) && IsElsewhere(pod.metadata.uid, own)) {
    return tl::unexpected(PhaseFailed(
        is_block ? "MapVolume.SetUpDevice" : "MountVolume.SetUp", name,
        {Reason::kConflict,
         "volume uses the ReadWriteOncePod access mode and is already in use by another pod"}));
  }
  TRY(MakeDirectories(plugin_directory, kPrivateMode));
  const Duration begun = clock_.Monotonic();
  auto path = set_up(
      {pod, volume, bound.get(), pod_directory, directory, sources, clock_, mounts_, devices_});
  if (metrics_ != nullptr) {
    std::string plugin_name(plugin->name);
    std::replace(plugin_name.begin(), plugin_name.end(), '~', '/');
    metrics_->storage_seconds.Observe({"false", is_block ? "map_volume" : "volume_mount",
                                       path ? "success" : "fail-unknown", plugin_name},
                                      InSeconds(clock_.Monotonic() - begun));
  }
  if (!path) return tl::unexpected(SetUpFailed(name, path.error()));
  return VolumePath{std::move(*path), is_block};
}

// What lies on disk tells of pods that a kubelet before this one knew, and nothing lies there yet
// of one that waits for its volume.
bool VolumeManager::IsElsewhere(const std::string& pod_uid, const std::string& path) {
  const auto is_of = [&](const std::string& uid) {
    std::error_code error;
    return fs::exists(fs::symlink_status(PodDirectory(uid) + path, error));
  };
  const bool is_own = is_of(pod_uid);
  {
    MutexLock lock(mutex_);
    if (is_own) alone_[path] = pod_uid;
    if (alone_.try_emplace(path, pod_uid).first->second != pod_uid) return true;
  }
  if (is_own) return false;
  const auto uids = Pods();
  if (std::none_of(uids.begin(), uids.end(), is_of)) return false;
  MutexLock lock(mutex_);
  alone_.erase(path);
  return true;
}

Result<std::string> VolumeManager::SubPath(const core_v1::Pod& pod,
                                           const core_v1::Container& container, size_t index,
                                           const std::string& volume_path,
                                           const std::string& sub_path) {
  const std::string& volume = container.volume_mounts[index].name;
  const std::string target = fmt::format("{}/volume-subpaths/{}/{}/{}",
                                         PodDirectory(pod.metadata.uid), volume, container.name,
                                         index);
  auto mounted = mounts_.SubPath({volume_path, sub_path, target});
  if (mounted) return mounted;
  log_.Info("sub path not mounted", {{"pod", pod.metadata.uid},
                                     {"container", container.name},
                                     {"volume", volume},
                                     {"error", mounted.error().message}});
  return Fail(Reason::kInvalid,
              fmt::format("failed to prepare subPath for volumeMount \"{}\" of container \"{}\"",
                          volume, container.name));
}

void VolumeManager::MeasureByDriver(const core_v1::Pod& pod, const core_v1::Volume& volume,
                                    const core_v1::PersistentVolume* bound,
                                    MeasuredPlace& place) const {
  place.driver = bound != nullptr ? bound->spec.csi->driver : volume.csi->driver;
  place.handle = bound != nullptr ? bound->spec.csi->volume_handle
                                  : csi::InlineHandle(pod.metadata.uid, volume.name);
  if (place.is_device) {
    place.published = devices_.Link({csi::kPlugin, bound->metadata.name, pod.metadata.uid});
    return;
  }
  place.published = place.path;
  place.path += "/mount";
}

std::vector<VolumeManager::MeasuredPlace> VolumeManager::MeasuredPlaces(
    const core_v1::Pod& pod) const {
  std::vector<MeasuredPlace> places;
  const std::set<std::string> used = UsedVolumes(pod);
  for (const auto& volume : pod.spec.volumes) {
    if (!used.contains(volume.name)) continue;
    const bool is_claim = IsClaim(volume);
    Bound bound;
    if (IsBound(volume)) {
      MutexLock lock(mutex_);
      const auto of_pod = bound_.find(pod.metadata.uid);
      if (of_pod == bound_.end()) continue;
      const auto found = of_pod->second.find(volume.name);
      if (found == of_pod->second.end() || !found->second) continue;
      bound = found->second;
    }
    const VolumePlugin* plugin = PluginFor(volume, bound.get());
    // A directory of the host is nobody's use.
    if (plugin == nullptr || plugin->name == "kubernetes.io~host-path") continue;
    MeasuredPlace place{
        .volume = volume.name,
        .claim = {},
        .path = fmt::format("{}/volumes/{}/{}", PodDirectory(pod.metadata.uid), plugin->name,
                            bound ? DirectoryOf(bound->metadata.name) : volume.name)};
    place.is_device = IsBlock(bound.get());
    if (place.is_device) {
      place.path = devices_.GlobalDirectory(
                       {std::string(plugin->name), bound->metadata.name, pod.metadata.uid}) +
                   "/" + pod.metadata.uid;
    }
    if (plugin->name == csi::kPlugin) MeasureByDriver(pod, volume, bound.get(), place);
    if (is_claim) {
      place.claim = volume.persistent_volume_claim ? volume.persistent_volume_claim->claim_name
                                                   : pod.metadata.name + "-" + volume.name;
    }
    place.in_memory = volume.empty_dir ? volume.empty_dir->medium == "Memory"
                                       : !bound && !volume.config_map.has_value();
    places.push_back(std::move(place));
  }
  return places;
}

Result<> VolumeManager::TearDown(const std::string& pod_uid) {
  if (!IsPathPart(pod_uid)) return Fail(Reason::kInvalid, "invalid pod uid: " + pod_uid);
  const std::string directory = PodDirectory(pod_uid);
  TRY(devices_.Unmap(pod_uid));
  if (sources_.csi != nullptr) {
    // They hold the volumes.
    TRY(mounts_.UnmountBelow(directory + "/volume-subpaths"));
    TRY(sources_.csi->TearDown(pod_uid));
  }
  TRY(mounts_.UnmountBelow(directory));
  TRY(RemoveTree(directory));
  MutexLock lock(mutex_);
  bound_.erase(pod_uid);
  std::erase_if(alone_, [&](const auto& each) { return each.second == pod_uid; });
  return {};
}

std::vector<std::string> VolumeManager::Pods() const {
  return NamesIn(root_ + "/pods");
}

}  // namespace skiff::kubelet
