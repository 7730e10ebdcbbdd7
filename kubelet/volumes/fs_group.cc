#include "kubelet/volumes/fs_group.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <memory>
#include <vector>

namespace skiff::kubelet {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

// `file` was opened with O_PATH, or for reading.
Result<> SetGroup(const Descriptor& file, const FsGroup& wanted, const std::string& name) {
  const struct stat info = TRY(file.Stat());
  if (fchownat(file.number(), "", static_cast<uid_t>(-1), wanted.group,
               AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0) {
    const int code = errno;
    return Fail(SystemError("lchown " + name, code));
  }
  if (S_ISLNK(info.st_mode)) return {};
  const mode_t mode = FsGroupMode(info.st_mode, wanted.read_only);
  if (chmod(file.Path().c_str(), mode & 07777) == 0) return {};
  const int code = errno;
  // A file system without modes has none to set.
  return code == EPERM || code == EOPNOTSUPP ? Result<>() : Fail(SystemError("chmod " + name, code));
}

// Does it for all in one directory but the directory itself; adds those in it to `left`.
Result<> SetGroupInside(const Descriptor& volume, const std::string& path, const FsGroup& wanted,
                        std::vector<std::string>& left) {
  Descriptor own = TRY(OpenBeneath(volume, path, O_RDONLY | O_DIRECTORY));
  const Descriptor directory = TRY(OpenBeneath(own, "", O_PATH | O_DIRECTORY));
  const std::unique_ptr<DIR, CloseDirectory> stream(fdopendir(own.number()));
  if (!stream) {
    const int code = errno;
    return Fail(SystemError("readdir " + path, code));
  }
  (void)own.Release();  // The stream's from now on.
  while (const dirent* each = readdir(stream.get())) {
    const std::string name = each->d_name;
    if (name == "." || name == "..") continue;
    const Descriptor file(
        openat(directory.number(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!file.is_open()) {
      const int code = errno;
      if (code == ENOENT) continue;  // Removed meanwhile.
      return Fail(SystemError("open " + name, code));
    }
    const struct stat info = TRY(file.Stat());
    if (S_ISDIR(info.st_mode)) left.push_back(path.empty() ? name : path + "/" + name);
    TRY(SetGroup(file, wanted, name));
  }
  return {};
}

}  // namespace

std::optional<FsGroup> FsGroupOf(const core_v1::Pod& pod, bool read_only) {
  if (!pod.spec.security_context || !pod.spec.security_context->fs_group) return std::nullopt;
  const auto& security = *pod.spec.security_context;
  return FsGroup{static_cast<gid_t>(*security.fs_group), read_only,
                 security.fs_group_change_policy.value_or("Always") == "OnRootMismatch"};
}

mode_t FsGroupMode(mode_t mode, bool read_only) {
  mode |= read_only ? 0440 : 0660;
  if (S_ISDIR(mode)) mode |= S_ISGID | 0110;
  return mode;
}

bool HasFsGroup(const struct stat& root, const FsGroup& wanted) {
  return root.st_gid == wanted.group &&
         FsGroupMode(root.st_mode, wanted.read_only) == root.st_mode;
}

Result<> ApplyFsGroup(const Descriptor& volume, const FsGroup& wanted) {
  const struct stat root = TRY(volume.Stat());
  if (wanted.on_root_mismatch && HasFsGroup(root, wanted)) return {};
  if (S_ISDIR(root.st_mode)) {
    std::vector<std::string> left = {""};
    while (!left.empty()) {
      const std::string path = std::move(left.back());
      left.pop_back();
      const auto done = SetGroupInside(volume, path, wanted, left);
      if (done) continue;
      // What was a directory when it was seen need be none now: then it has nothing in it to set.
      const Reason reason = done.error().reason;
      const bool has_changed = reason == Reason::kNotFound || reason == Reason::kForbidden ||
                               (reason == Reason::kInvalid && path.size() < PATH_MAX - 1);
      if (path.empty() || !has_changed) return tl::unexpected(done.error());
    }
  }
  return SetGroup(volume, wanted, "volume");
}

}  // namespace skiff::kubelet
