#include "kubelet/volumes/sub_path.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {
namespace {

constexpr mode_t kDirectoryMode = 0750;
constexpr mode_t kFileMode = 0640;

// What the sub path is, made if it is missing. Follows no link that is made meanwhile.
Result<Descriptor> OpenPart(const Descriptor& volume, const std::string& sub_path) {
  const std::string inside = TRY(ResolveBeneath(volume, sub_path));
  auto opened = OpenBeneath(volume, inside, O_PATH);
  if (opened || opened.error().reason != Reason::kNotFound) return opened;
  const struct stat root = TRY(volume.Stat());
  TRY(MakeDirectoriesBeneath(volume, inside, root.st_mode & (0777 | S_ISGID | S_ISVTX)));
  return OpenBeneath(volume, inside, O_PATH);
}

bool IsSame(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// Whatever an earlier attempt left at the target.
Result<> Clear(const std::string& target) {
  while (umount2(target.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) == 0) {
  }
  if (unlink(target.c_str()) == 0 || errno == ENOENT) return {};
  if (rmdir(target.c_str()) == 0 || errno == ENOENT) return {};
  const int code = errno;
  return Fail(SystemError("remove " + target, code));
}

// Something that the part can be mounted on.
Result<> MakeTarget(const std::string& target, bool is_directory) {
  TRY(MakeDirectories(std::filesystem::path(target).parent_path(), kDirectoryMode));
  if (is_directory) return MakeDirectories(target, kDirectoryMode);
  const Descriptor made(
      open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode));
  if (made.is_open()) return {};
  const int code = errno;
  return Fail(SystemError("open " + target, code));
}

}  // namespace

Result<std::string> MountSubPath(const SubPathInput& input) {
  const Descriptor volume = TRY(OpenDirectory(input.volume_path));
  const Descriptor part = TRY(OpenPart(volume, input.sub_path));
  const struct stat wanted = TRY(part.Stat());
  struct stat there {};
  // A container that is restarted gets what it had.
  if (lstat(input.target.c_str(), &there) == 0 && IsSame(there, wanted)) return input.target;
  TRY(Clear(input.target));
  TRY(MakeTarget(input.target, S_ISDIR(wanted.st_mode)));
  if (mount(part.Path().c_str(), input.target.c_str(), nullptr, MS_BIND, nullptr) == 0) {
    return input.target;
  }
  const int code = errno;
  return Fail(SystemError("mount " + input.sub_path, code));
}

}  // namespace skiff::kubelet
