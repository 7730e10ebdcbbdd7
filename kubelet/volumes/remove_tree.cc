// Removing trees that others could write: see beneath.h.
//
// A tree is walked with one descriptor a level, down to kDepthMax. What lies deeper is moved up
// into the directory that is being emptied, and walked from there: whoever nests directories a
// million deep costs time, not descriptors or stack.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {
namespace {

constexpr int kDepthMax = 32;
constexpr size_t kNamesMax = 1024;  // Read at a time; more of a directory's are read after them.

struct Entry {
  std::string name;
  bool is_directory = false;
};

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

// Some of the names in a directory; none when it is empty.
Result<std::vector<Entry>> SomeEntries(const Descriptor& directory) {
  Descriptor own = TRY(OpenBeneath(directory, "", O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, CloseDirectory> stream(fdopendir(own.number()));
  if (!stream) {
    const int code = errno;
    return Fail(SystemError("readdir", code));
  }
  (void)own.Release();  // The stream's from now on.
  std::vector<Entry> entries;
  while (entries.size() < kNamesMax) {
    errno = 0;
    const dirent* each = readdir(stream.get());
    if (each == nullptr) {
      if (const int code = errno; code != 0) return Fail(SystemError("readdir", code));
      break;
    }
    if (std::strcmp(each->d_name, ".") == 0 || std::strcmp(each->d_name, "..") == 0) continue;
    struct stat info {};
    if (fstatat(dirfd(stream.get()), each->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    entries.push_back({each->d_name, S_ISDIR(info.st_mode)});
  }
  return entries;
}

class Remover {
 public:
  Remover(const Descriptor& top, int mount) : top_(top), mount_(mount) {}

  Result<> Empty(const Descriptor& directory, int depth) {
    for (;;) {
      const auto entries = TRY(SomeEntries(directory));
      if (entries.empty()) return {};
      for (const Entry& entry : entries) {
        if (entry.is_directory && depth >= kDepthMax) {
          TRY(MoveUp(directory, entry.name));
          continue;
        }
        if (entry.is_directory) TRY(EmptyChild(directory, entry.name, depth));
        const int flags = entry.is_directory ? AT_REMOVEDIR : 0;
        if (unlinkat(directory.number(), entry.name.c_str(), flags) == 0) continue;
        const int code = errno;
        if (code != ENOENT) return Fail(SystemError("remove " + entry.name, code));
      }
    }
  }

 private:
  Result<> EmptyChild(const Descriptor& directory, const std::string& name, int depth) {
    const Descriptor child = TRY(OpenBeneath(directory, name, O_RDONLY | O_DIRECTORY));
    const int mount = TRY(MountNumber(child));
    if (mount != mount_) {
      return Fail(Reason::kConflict, "remove " + name + ": something is mounted there");
    }
    return Empty(child, depth + 1);
  }

  Result<> MoveUp(const Descriptor& directory, const std::string& name) {
    const std::string up = "..removed-" + std::to_string(moved_++);
    if (renameat(directory.number(), name.c_str(), top_.number(), up.c_str()) == 0) return {};
    const int code = errno;
    // Somebody else's entry has that name: the next number is tried when this one is met again.
    if (code == ENOTEMPTY || code == EEXIST || code == ENOTDIR) return {};
    return Fail(SystemError("move " + name, code));
  }

  const Descriptor& top_;
  const int mount_;
  uint64_t moved_ = 0;
};

}  // namespace

Result<> RemoveContents(const Descriptor& directory) {
  const int mount = TRY(MountNumber(directory));
  return Remover(directory, mount).Empty(directory, 0);
}

Result<> RemoveTree(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  const std::string name = std::filesystem::path(path).filename();
  const auto above = OpenDirectory(parent);
  if (!above && above.error().reason == Reason::kNotFound) return {};
  if (!above) return tl::unexpected(above.error());
  auto directory = OpenBeneath(*above, name, O_RDONLY | O_DIRECTORY);
  if (!directory && directory.error().reason == Reason::kNotFound) return {};
  if (!directory) return tl::unexpected(directory.error());
  TRY(RemoveContents(*directory));
  if (unlinkat(above->number(), name.c_str(), AT_REMOVEDIR) == 0) return {};
  const int code = errno;
  return code == ENOENT ? Result<>() : Fail(SystemError("remove " + path, code));
}

}  // namespace skiff::kubelet
