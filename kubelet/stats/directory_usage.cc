#include "kubelet/stats/directory_usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>
#include <vector>

namespace skiff::kubelet {
namespace {

void CountEntry(const struct stat& entry, DirectoryUsage& usage) {
  constexpr int64_t kBlock = 512;
  usage.bytes += static_cast<int64_t>(entry.st_blocks) * kBlock;
  ++usage.inodes;
}

// Counts what stands in the directory itself. Returns the names of the directories in it.
std::vector<std::string> CountEntries(const std::string& path, dev_t device,
                                      DirectoryUsage& usage) {
  std::vector<std::string> names;
  const int file = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return names;
  struct stat own {};
  DIR* const directory =
      fstat(file, &own) == 0 && own.st_dev == device ? fdopendir(file) : nullptr;
  if (directory == nullptr) {
    close(file);
    return names;
  }
  while (const dirent* each = readdir(directory)) {
    const std::string_view name = each->d_name;
    struct stat entry {};
    if (name == "." || name == ".." ||
        fstatat(file, each->d_name, &entry, AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    CountEntry(entry, usage);
    if (S_ISDIR(entry.st_mode) && entry.st_dev == device) names.emplace_back(name);
  }
  closedir(directory);
  return names;
}

// A directory on the way to the one that is looked at.
struct Level {
  size_t path_bytes = 0;
  std::vector<std::string> waiting;  // Directories in it that were not looked at yet.
};

}  // namespace

DirectoryUsage UsageOfDirectory(const std::string& path) {
  DirectoryUsage usage;
  struct stat root {};
  if (lstat(path.c_str(), &root) != 0) return usage;
  CountEntry(root, usage);
  std::string at = path;
  std::vector<Level> levels;
  levels.push_back({at.size(), CountEntries(at, root.st_dev, usage)});
  while (!levels.empty()) {
    Level& level = levels.back();
    at.resize(level.path_bytes);
    if (level.waiting.empty()) {
      levels.pop_back();
      continue;
    }
    at += "/" + level.waiting.back();
    level.waiting.pop_back();
    // Longer paths than the system takes are not looked at.
    levels.push_back({at.size(), CountEntries(at, root.st_dev, usage)});
  }
  return usage;
}

}  // namespace skiff::kubelet
