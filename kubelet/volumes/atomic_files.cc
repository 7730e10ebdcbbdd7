#include "kubelet/volumes/atomic_files.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <iterator>
#include <set>

#include "base/whole_file.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPathMax = 4096;
constexpr size_t kFileNameMax = 255;
constexpr mode_t kDirectoryMode = 0755;

using Files = std::map<std::string, FileContent>;

Result<> CheckPath(const std::string& path) {
  const auto invalid = [&](const char* why) {
    return Fail(Reason::kInvalid, fmt::format("invalid path: {}: {}", why, path));
  };
  if (path.empty() || path.size() > kPathMax) return invalid("must be less than 4096 characters");
  if (path.starts_with('/')) return invalid("must be relative path");
  for (const auto& part : fs::path(path)) {
    const std::string name = part;
    if (name == "..") return invalid("must not contain '..'");
    if (name.size() > kFileNameMax) return invalid("filename must be less than 255 characters");
  }
  if (path.starts_with("..")) return invalid("must not start with '..'");
  return {};
}

mode_t ModeOf(const FileContent& content, const std::optional<FsGroup>& group) {
  return group ? FsGroupMode(content.mode, group->read_only) : content.mode;
}

bool IsSame(const fs::path& path, const FileContent& wanted, const std::optional<FsGroup>& group) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  if ((info.st_mode & 07777) != (ModeOf(wanted, group) & 07777)) return false;
  if (wanted.owner && info.st_uid != *wanted.owner) return false;
  if (group && info.st_gid != group->group) return false;
  const auto bytes = ReadWholeFile(path);
  return bytes && *bytes == wanted.bytes;
}

bool IsCurrent(const fs::path& data, const Files& files, const std::optional<FsGroup>& group) {
  std::error_code error;
  if (!fs::exists(data, error)) return false;
  size_t found = 0;
  // The loop of a range would throw what it cannot read, as where there are no descriptors left.
  fs::recursive_directory_iterator entry(data, error), end;
  for (; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored)) continue;
    const auto wanted = files.find(entry->path().lexically_relative(data));
    if (wanted == files.end() || !IsSame(entry->path(), wanted->second, group)) return false;
    ++found;
  }
  return !error && found == files.size();
}

// Nobody but the owner can open the file before it has its mode.
Result<> WriteFile(const fs::path& path, const FileContent& content) {
  TRY(MakeDirectories(path.parent_path(), kDirectoryMode));
  const Descriptor file(
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  const auto failed = [&] { return Fail(SystemError("write " + path.string(), errno)); };
  if (!file.is_open()) return failed();
  for (size_t done = 0; done < content.bytes.size();) {
    const ssize_t written =
        write(file.number(), content.bytes.data() + done, content.bytes.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed();
    done += static_cast<size_t>(written);
  }
  if (content.owner && fchown(file.number(), *content.owner, static_cast<gid_t>(-1)) != 0) {
    return failed();
  }
  if (fchmod(file.number(), content.mode) != 0) return failed();
  return {};
}

// "..2026_01_02_15_04_05.123456789": not there yet.
std::string FreshName(const fs::path& root, TimePoint now) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(now));
  for (auto number = now.time_since_epoch().count() % 1'000'000'000;; ++number) {
    std::string name = fmt::format("..{:%Y_%m_%d_%H_%M_%S}.{}", fmt::gmtime(seconds), number);
    std::error_code error;
    if (!fs::exists(fs::symlink_status(root / name, error))) return name;
  }
}

// Removes what earlier times left: other contents than those of `current`, links to nothing.
void RemoveOld(const fs::path& root, const std::string& current) {
  std::set<std::string> old;
  for (const std::string& name : NamesIn(root)) {
    if (name.starts_with("..")) {
      if (name != current && name != "..data") old.insert(name);
      continue;
    }
    std::error_code gone;
    if (!fs::exists(root / "..data" / name, gone)) fs::remove(root / name, gone);
  }
  // What cannot be removed now is met again at the next change.
  for (const std::string& name : old) (void)RemoveTree(root / name);
}

Result<> WriteFresh(const fs::path& fresh, const Files& files,
                    const std::optional<FsGroup>& group) {
  TRY(MakeDirectories(fresh, kDirectoryMode));
  for (const auto& [path, content] : files) TRY(WriteFile(fresh / path, content));
  if (!group) return {};
  const Descriptor opened = TRY(OpenDirectory(fresh));
  return ApplyFsGroup(opened, {group->group, group->read_only, false});
}

}  // namespace

Result<> WriteFilesAtomically(const std::string& directory, const Files& files, TimePoint now,
                              const std::optional<FsGroup>& group) {
  const fs::path root = directory;
  const fs::path data = root / "..data";
  for (const auto& [path, content] : files) TRY(CheckPath(path));
  if (IsCurrent(data, files, group)) return {};
  const std::string name = FreshName(root, now);
  if (auto written = WriteFresh(root / name, files, group); !written) {
    (void)RemoveTree(root / name);  // The error before is the one to tell.
    return written;
  }
  std::error_code error;
  const fs::path swapped = root / "..data_tmp";
  fs::remove(swapped, error);
  fs::create_symlink(name, swapped, error);
  if (!error) fs::rename(swapped, data, error);
  if (error) return Fail(Reason::kInternalError, "cannot switch " + directory);
  for (const auto& [path, content] : files) {
    const fs::path top = *fs::path(path).begin();
    if (!fs::is_symlink(root / top, error)) fs::create_symlink("..data" / top, root / top, error);
  }
  RemoveOld(root, name);
  if (!group) return {};
  const Descriptor opened = TRY(OpenDirectory(root));
  return ApplyFsGroup(opened, {group->group, group->read_only, false});
}

}  // namespace skiff::kubelet
