#include "kubelet/volumes/device_maps.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string_view>

#include "kubelet/csi/names.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kPrivateMode = 0750;

// Of the call that has just failed; views, for to make a string may change the number.
tl::unexpected<Error> LastFailed(std::string_view what, std::string_view path) {
  const int code = errno;
  return Fail(SystemError(fmt::format("{} {}", what, path), code));
}

Result<> Unmount(const std::string& target) {
  while (umount2(target.c_str(), UMOUNT_NOFOLLOW) == 0) {
  }
  // Invalid: nothing is mounted there.
  if (errno != EINVAL && errno != ENOENT) return LastFailed("unmount", target);
  if (unlink(target.c_str()) == 0 || errno == ENOENT) return {};
  return LastFailed("remove", target);
}

Result<> Mount(const std::string& device, const std::string& target) {
  TRY(Unmount(target));  // What is there is another one's.
  TRY(MakeDirectories(fs::path(target).parent_path(), kPrivateMode));
  const Descriptor made(
      open(target.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kPrivateMode));
  if (!made.is_open()) return LastFailed("open", target);
  if (mount(device.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) == 0) return {};
  return LastFailed("mount", device);
}

Result<> MakeLink(const std::string& device, const std::string& link) {
  std::error_code error;
  if (fs::read_symlink(link, error) == device && !error) return {};
  TRY(MakeDirectories(fs::path(link).parent_path(), kPrivateMode));
  if (unlink(link.c_str()) != 0 && errno != ENOENT) return LastFailed("remove", link);
  if (symlink(device.c_str(), link.c_str()) == 0) return {};
  return LastFailed("symlink", link);
}

}  // namespace

std::string DeviceMaps::Link(const DevicePlace& place) const {
  return fmt::format("{}/pods/{}/volumeDevices/{}/{}", root_, place.pod_uid, place.plugin,
                     place.volume);
}

std::string DeviceMaps::GlobalDirectory(const DevicePlace& place) const {
  if (place.plugin == csi::kPlugin) {
    return csi::DevicePlacesOf(root_, place.volume).mounts;
  }
  return fmt::format("{}/plugins/{}/volumeDevices/{}", root_, place.plugin, place.volume);
}

Result<bool> DeviceMaps::IsMounted(const std::string& device, const std::string& target) const {
  const auto is_device = [&](const struct stat& info) {
    return S_ISBLK(info.st_mode) || (kinds_ == Kinds::kAny && S_ISCHR(info.st_mode));
  };
  struct stat wanted {};
  if (stat(device.c_str(), &wanted) != 0) return LastFailed("stat", device);
  if (!is_device(wanted)) return Fail(Reason::kInvalid, device + " is not a block device");
  struct stat there {};
  if (stat(target.c_str(), &there) != 0) return false;
  return is_device(there) && there.st_rdev == wanted.st_rdev;
}

Result<bool> DeviceMaps::Map(const std::string& device, const DevicePlace& place) {
  const std::string target = GlobalDirectory(place) + "/" + place.pod_uid;
  {
    MutexLock lock(mutex_);
    if (open_.contains(target)) return false;
  }
  std::error_code error;
  const std::string real = fs::canonical(device, error);
  if (error) return Fail(SystemError("lstat " + device, error.value()));
  const bool is_mounted = TRY(IsMounted(real, target));
  if (!is_mounted) TRY(Mount(real, target));
  TRY(MakeLink(real, Link(place)));
  // Not by the mount, which would be busy then.
  Descriptor opened(open(real.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!opened.is_open()) return LastFailed("open", real);
  MutexLock lock(mutex_);
  open_[target] = std::move(opened);
  return true;
}

Result<> DeviceMaps::Unmap(const std::string& pod_uid) {
  const std::string all = fmt::format("{}/pods/{}/volumeDevices", root_, pod_uid);
  const auto plugins = TRY(AllNamesIn(all));
  for (const auto& plugin : plugins) {
    const auto volumes = TRY(AllNamesIn(all + "/" + plugin));
    for (const auto& volume : volumes) {
      const std::string target = GlobalDirectory({plugin, volume, pod_uid}) + "/" + pod_uid;
      {
        MutexLock lock(mutex_);
        open_.erase(target);
      }
      TRY(Unmount(target));
      // Where another pod has the device too there is more in it.
      rmdir(fs::path(target).parent_path().c_str());
    }
  }
  return {};
}

}  // namespace skiff::kubelet
