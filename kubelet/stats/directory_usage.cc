#include "kubelet/stats/directory_usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace skiff::kubelet {
namespace {

// A name that is a link, or none of a directory any more, is not opened.
constexpr int kOpenFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

struct CloseStream {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Stream = std::unique_ptr<DIR, CloseStream>;

// A tree is walked from directory to directory, as its paths may be longer than the system takes.
// Down to kOpenMax levels each is kept open at its place. Below that only the last one is: the
// others are found again by "..", and of each it is known which directories in it wait. One that
// was moved meanwhile is not found so, and the walk goes on from the levels that are open: it has
// missed something.
class TreeWalk {
 public:
  explicit TreeWalk(const WalkBounds& bounds) : bounds_(bounds) {}

  DirectoryUsage Of(const std::string& path) {
    struct stat root {};
    if (lstat(path.c_str(), &root) != 0) return usage_;
    Count(root);
    device_ = root.st_dev;
    Enter(open(path.c_str(), kOpenFlags));
    while (!levels_.empty()) {
      if (const auto name = NextDirectory()) {
        Enter(openat(dirfd(levels_.back().stream.get()), name->c_str(), kOpenFlags));
      } else {
        Leave();
      }
      if (is_over_) break;
    }
    usage_.is_complete = !is_over_ && !has_missed_;
    return usage_;
  }
  // It has come to a bound, to which another one would come as well, or was stopped.
  bool is_over() const { return is_over_; }

 private:
  static constexpr size_t kOpenMax = 64;

  struct Level {
    Stream stream;
    ino_t inode = 0;
    std::vector<std::string> waiting;  // Of those that are not kept open.
  };

  void Count(const struct stat& entry) {
    constexpr int64_t kBlock = 512;
    usage_.bytes += static_cast<int64_t>(entry.st_blocks) * kBlock;
    ++usage_.inodes;
  }

  // Counts what stands in the last level up to its next directory.
  std::optional<std::string> Read() {
    DIR* const directory = levels_.back().stream.get();
    while (const dirent* each = readdir(directory)) {
      if (++entries_ > bounds_.entries || bounds_.stop.stop_requested()) {
        is_over_ = true;
        return std::nullopt;
      }
      const std::string_view name = each->d_name;
      struct stat entry {};
      if (name == "." || name == ".." ||
          fstatat(dirfd(directory), each->d_name, &entry, AT_SYMLINK_NOFOLLOW) != 0) {
        continue;
      }
      Count(entry);
      if (S_ISDIR(entry.st_mode) && entry.st_dev == device_) return std::string(name);
    }
    return std::nullopt;
  }

  std::optional<std::string> NextDirectory() {
    if (levels_.size() <= kOpenMax) return Read();
    auto& waiting = levels_.back().waiting;
    if (waiting.empty()) return std::nullopt;
    std::string name = std::move(waiting.back());
    waiting.pop_back();
    --names_;
    return name;
  }

  // Takes the descriptor.
  void Enter(int file) {
    Stream stream = StreamOf(file);
    struct stat own {};
    if (!stream || fstat(file, &own) != 0 || own.st_dev != device_) return;
    if (levels_.size() >= bounds_.levels) {
      is_over_ = true;
      return;
    }
    if (levels_.size() > kOpenMax) levels_.back().stream.reset();
    Level& level = levels_.emplace_back();
    level.stream = std::move(stream);
    level.inode = own.st_ino;
    if (levels_.size() <= kOpenMax) return;
    while (auto name = Read()) {
      if (names_ >= bounds_.names) {
        is_over_ = true;
        return;
      }
      level.waiting.push_back(std::move(*name));
      ++names_;
    }
  }

  void Leave() {
    const Stream left = std::move(levels_.back().stream);
    levels_.pop_back();
    if (levels_.size() <= kOpenMax) return;
    const int file = openat(dirfd(left.get()), "..", kOpenFlags);
    Level& above = levels_.back();
    above.stream = StreamOf(file);
    struct stat found {};
    if (above.stream && fstat(file, &found) == 0 && found.st_dev == device_ &&
        found.st_ino == above.inode) {
      return;
    }
    has_missed_ = true;
    while (levels_.size() > kOpenMax) {
      names_ -= levels_.back().waiting.size();
      levels_.pop_back();
    }
  }

  static Stream StreamOf(int file) {
    if (file < 0) return nullptr;
    Stream stream(fdopendir(file));
    if (!stream) close(file);
    return stream;
  }

  const WalkBounds bounds_;
  DirectoryUsage usage_;
  int64_t entries_ = 0;  // Looked at.
  bool is_over_ = false;
  bool has_missed_ = false;
  dev_t device_ = 0;
  std::vector<Level> levels_;
  size_t names_ = 0;  // Those that wait in all levels.
};

}  // namespace

DirectoryUsage UsageOfDirectory(const std::string& path) {
  return UsageOfDirectoryWithin(path, {});
}

DirectoryUsage UsageOfDirectoryWithin(const std::string& path, const WalkBounds& bounds) {
  // Who moves directories now and then is not to be taken for one who hides them.
  constexpr int kWalksMax = 3;
  DirectoryUsage usage;
  for (int i = 0; i < kWalksMax; ++i) {
    TreeWalk walk(bounds);
    usage = walk.Of(path);
    if (usage.is_complete || walk.is_over()) break;
  }
  return usage;
}

}  // namespace skiff::kubelet
