#include "kubelet/volumes/volume_manager.h"

#include <fmt/format.h>
#include <sys/mount.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "kubelet/volumes/volume_plugin.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

// Names of the volumes that some container mounts.
std::set<std::string> MountedVolumes(const core_v1::Pod& pod) {
  std::set<std::string> names;
  for (const auto* list : {&pod.spec.containers, &pod.spec.init_containers}) {
    for (const auto& container : *list) {
      for (const auto& mount : container.volume_mounts) names.insert(mount.name);
    }
  }
  for (const auto& container : pod.spec.ephemeral_containers) {
    for (const auto& mount : container.volume_mounts) names.insert(mount.name);
  }
  return names;
}

// Mount points at or below `directory`, deepest first.
std::vector<std::string> MountsBelow(const std::string& directory) {
  std::vector<std::string> out;
  std::ifstream mounts("/proc/self/mounts");
  for (std::string line; std::getline(mounts, line);) {
    const auto begin = line.find(' ') + 1;
    const std::string path = line.substr(begin, line.find(' ', begin) - begin);
    if (path == directory || path.starts_with(directory + "/")) out.push_back(path);
  }
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.size() > b.size(); });
  return out;
}

bool IsInside(const fs::path& path, const fs::path& root) {
  const auto relative = path.lexically_relative(root);
  return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

const std::vector<VolumePlugin>& VolumePlugins() {
  static const std::vector<VolumePlugin> kPlugins = {
      {"kubernetes.io~empty-dir", [](const auto& v) { return v.empty_dir.has_value(); },
       SetUpEmptyDir},
      {"kubernetes.io~host-path", [](const auto& v) { return v.host_path.has_value(); },
       SetUpHostPath},
      {"kubernetes.io~configmap", [](const auto& v) { return v.config_map.has_value(); },
       SetUpConfigMap},
      {"kubernetes.io~secret", [](const auto& v) { return v.secret.has_value(); }, SetUpSecret},
      {"kubernetes.io~downward-api", [](const auto& v) { return v.downward_api.has_value(); },
       SetUpDownwardApi},
      {"kubernetes.io~projected", [](const auto& v) { return v.projected.has_value(); },
       SetUpProjected},
      {"kubernetes.io~local-volume",
       [](const auto& v) { return v.persistent_volume_claim || v.ephemeral; }, SetUpClaim},
  };
  return kPlugins;
}

VolumeManager::VolumeManager(std::string root, VolumeSources sources, const Clock& clock)
    : root_(std::move(root)), sources_(std::move(sources)), clock_(clock) {}

VolumeManager::~VolumeManager() = default;

std::string VolumeManager::PodDirectory(const std::string& pod_uid) const {
  return root_ + "/pods/" + pod_uid;
}

Result<std::map<std::string, std::string>> VolumeManager::SetUp(const core_v1::Pod& pod) {
  std::map<std::string, std::string> paths;
  const std::set<std::string> mounted = MountedVolumes(pod);
  for (const auto& volume : pod.spec.volumes) {
    if (!mounted.contains(volume.name)) continue;
    const auto plugin = std::find_if(VolumePlugins().begin(), VolumePlugins().end(),
                                     [&](const auto& each) { return each.handles(volume); });
    if (plugin == VolumePlugins().end()) {
      return Fail(
          Reason::kInvalid,
          fmt::format("MountVolume.SetUp failed for volume \"{}\" : no volume plugin matched",
                      volume.name));
    }
    const std::string directory =
        fmt::format("{}/volumes/{}/{}", PodDirectory(pod.metadata.uid), plugin->name, volume.name);
    auto path = plugin->set_up({pod, volume, directory, sources_, clock_});
    if (!path) {
      return Fail(path.error().reason,
                  fmt::format("MountVolume.SetUp failed for volume \"{}\" : {}", volume.name,
                              path.error().message));
    }
    paths[volume.name] = std::move(*path);
  }
  return paths;
}

Result<std::string> VolumeManager::SubPath(const core_v1::Pod& pod, const std::string& container,
                                           const std::string& volume_path,
                                           const std::string& sub_path) {
  std::error_code error;
  const fs::path root = fs::canonical(volume_path, error);
  if (error) return Fail(Reason::kInvalid, error.message());
  const fs::path wanted = (root / sub_path).lexically_normal();
  if (!IsInside(wanted, root)) {
    return Fail(Reason::kInvalid,
                fmt::format("subPath {} of container {} in pod {} leaves its volume", sub_path,
                            container, pod.metadata.name));
  }
  if (!fs::exists(wanted, error)) {
    fs::create_directories(wanted, error);
    if (error) return Fail(Reason::kInvalid, error.message());
    fs::permissions(wanted, fs::perms(0750), error);
    ApplyFsGroup(pod, wanted, false);
  }
  // A link inside the volume may point anywhere.
  const fs::path resolved = fs::canonical(wanted, error);
  if (error || (resolved != root && !IsInside(resolved, root))) {
    return Fail(Reason::kInvalid, "subPath " + sub_path + " leaves its volume by a link");
  }
  return resolved.string();
}

Result<> VolumeManager::TearDown(const std::string& pod_uid) {
  const std::string directory = PodDirectory(pod_uid);
  std::error_code error;
  if (!fs::exists(directory, error)) return {};
  for (const std::string& mount : MountsBelow(directory)) {
    if (umount2(mount.c_str(), UMOUNT_NOFOLLOW) != 0) {
      const int code = errno;
      return Fail(Reason::kInternalError,
                  fmt::format("unmount {}: {}", mount, std::generic_category().message(code)));
    }
  }
  fs::remove_all(directory, error);
  if (error) return Fail(Reason::kInternalError, "remove " + directory + ": " + error.message());
  return {};
}

std::vector<std::string> VolumeManager::Pods() const {
  std::vector<std::string> uids;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root_ + "/pods", error)) {
    uids.push_back(entry.path().filename());
  }
  return uids;
}

}  // namespace skiff::kubelet
