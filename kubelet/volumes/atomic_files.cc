#include "kubelet/volumes/atomic_files.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPathMax = 4096;
constexpr size_t kNameMax = 255;

Result<> CheckPath(const std::string& path) {
  if (path.empty() || path.size() > kPathMax || path.starts_with('/')) {
    return Fail(Reason::kInvalid, "invalid path: " + path);
  }
  for (const auto& part : fs::path(path)) {
    const std::string name = part;
    if (name.size() > kNameMax || name.starts_with("..")) {
      return Fail(Reason::kInvalid, "invalid path: must not contain '..': " + path);
    }
  }
  return {};
}

bool IsCurrent(const fs::path& data, const std::map<std::string, FileContent>& files) {
  std::error_code error;
  if (!fs::exists(data, error)) return false;
  size_t found = 0;
  for (const auto& entry : fs::recursive_directory_iterator(data, error)) {
    if (!entry.is_regular_file(error)) continue;
    const auto wanted = files.find(entry.path().lexically_relative(data));
    if (wanted == files.end()) return false;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    const auto mode = static_cast<unsigned>(entry.status(error).permissions()) & 0777;
    if (bytes != wanted->second.bytes || mode != wanted->second.mode) return false;
    ++found;
  }
  return !error && found == files.size();
}

Result<> WriteFile(const fs::path& path, const FileContent& content) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  std::ofstream out(path, std::ios::binary);
  out << content.bytes;
  out.close();
  if (error || !out) return Fail(Reason::kInternalError, "cannot write " + path.string());
  fs::permissions(path, fs::perms(content.mode), error);
  if (error) return Fail(Reason::kInternalError, "cannot set mode of " + path.string());
  return {};
}

}  // namespace

Result<> WriteFilesAtomically(const std::string& directory,
                              const std::map<std::string, FileContent>& files, TimePoint now) {
  const fs::path root = directory;
  const fs::path data = root / "..data";
  for (const auto& [path, content] : files) TRY(CheckPath(path));
  if (IsCurrent(data, files)) return {};
  const auto nanos = now.time_since_epoch().count();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(now));
  const fs::path fresh =
      root / fmt::format("..{:%Y_%m_%d_%H_%M_%S}.{}", fmt::gmtime(seconds), nanos % 1'000'000'000);
  std::error_code error;
  fs::create_directories(fresh, error);
  if (error)
    return Fail(Reason::kInternalError, "mkdir " + fresh.string() + ": " + error.message());
  for (const auto& [path, content] : files) TRY(WriteFile(fresh / path, content));
  const fs::path old = fs::read_symlink(data, error);
  const fs::path swapped = root / "..data_tmp";
  fs::remove(swapped, error);
  fs::create_symlink(fresh.filename(), swapped, error);
  if (!error) fs::rename(swapped, data, error);
  if (error) return Fail(Reason::kInternalError, "cannot switch " + directory);
  for (const auto& [path, content] : files) {
    const fs::path top = *fs::path(path).begin();
    if (!fs::is_symlink(root / top, error)) fs::create_symlink("..data" / top, root / top, error);
  }
  for (const auto& entry : fs::directory_iterator(root, error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("..")) continue;
    std::error_code gone;
    if (!fs::exists(data / name, gone)) fs::remove(entry.path(), gone);
  }
  if (!old.empty()) fs::remove_all(root / old.filename(), error);
  return {};
}

}  // namespace skiff::kubelet
