// emptyDir, hostPath, and claims on volumes that are paths of this node.
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "kubelet/volumes/volume_plugin.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kEmptyDirMode = 0777;

Error Problem(const std::string& what, const std::error_code& error) {
  return {Reason::kInternalError, what + ": " + error.message()};
}

Result<> MakeDirectory(const std::string& path, unsigned mode) {
  std::error_code error;
  if (fs::is_directory(path, error)) return {};
  fs::create_directories(path, error);
  if (error) return Fail(Problem("mkdir " + path, error));
  fs::permissions(path, fs::perms(mode), error);
  if (error) return Fail(Problem("chmod " + path, error));
  return {};
}

bool IsMountPoint(const std::string& path) {
  struct stat here {
  }, parent{};
  if (stat(path.c_str(), &here) != 0 || stat((path + "/..").c_str(), &parent) != 0) return false;
  return here.st_dev != parent.st_dev;
}

// The volume's path on this node; fails for kinds of volumes that need a driver.
Result<std::string> PathOf(const core_v1::PersistentVolume& volume) {
  if (volume.spec.host_path) {
    TRY(CheckHostPath(volume.spec.host_path->path, volume.spec.host_path->type.value_or("")));
    return volume.spec.host_path->path;
  }
  if (volume.spec.local) {
    TRY(CheckHostPath(volume.spec.local->path, "Directory"));
    return volume.spec.local->path;
  }
  if (volume.spec.csi) {
    return Fail(Reason::kNotFound,
                fmt::format("driver name {} not found in the list of registered CSI drivers",
                            volume.spec.csi->driver));
  }
  return Fail(Reason::kInvalid, "no volume plugin matched");
}

}  // namespace

void ApplyFsGroup(const core_v1::Pod& pod, const std::string& path, bool read_only) {
  if (!pod.spec.security_context || !pod.spec.security_context->fs_group) return;
  const auto group = static_cast<gid_t>(*pod.spec.security_context->fs_group);
  const auto apply = [&](const fs::path& each) {
    struct stat info {};
    if (lstat(each.c_str(), &info) != 0) return;
    if (lchown(each.c_str(), static_cast<uid_t>(-1), group) != 0 || S_ISLNK(info.st_mode)) return;
    mode_t mode = info.st_mode | (read_only ? 0440 : 0660);
    if (S_ISDIR(info.st_mode)) mode |= S_ISGID | 0110;
    (void)chmod(each.c_str(), mode & 07777);  // A file system without modes has none to set.
  };
  apply(path);
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(path, error)) apply(entry.path());
}

Result<std::string> SetUpEmptyDir(const VolumeInput& input) {
  TRY(MakeDirectory(input.directory, kEmptyDirMode));
  const auto& spec = *input.volume.empty_dir;
  if (spec.medium == "Memory" && !IsMountPoint(input.directory)) {
    std::string options = "mode=0777";
    if (spec.size_limit) options += ",size=" + std::to_string(spec.size_limit->Value());
    if (mount("tmpfs", input.directory.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) !=
        0) {
      const int code = errno;
      return Fail(Problem("mount tmpfs", std::error_code(code, std::generic_category())));
    }
  }
  ApplyFsGroup(input.pod, input.directory, false);
  return input.directory;
}

Result<> CheckHostPath(const std::string& path, const std::string& type) {
  std::error_code error;
  const auto status = fs::status(path, error);
  const bool exists = fs::exists(status);
  const auto wrong = [&](const char* what) {
    return Fail(Reason::kInvalid,
                fmt::format("hostPath type check failed: {} is not a {}", path, what));
  };
  if (type.empty()) return {};
  if (type == "DirectoryOrCreate") {
    if (!exists) return MakeDirectory(path, 0755);
    return fs::is_directory(status) ? Result<>() : wrong("directory");
  }
  if (type == "FileOrCreate") {
    if (exists) return fs::is_regular_file(status) ? Result<>() : wrong("file");
    std::ofstream made(path);
    if (!made) return Fail(Reason::kInternalError, "cannot create file " + path);
    fs::permissions(path, fs::perms(0644), error);
    return {};
  }
  if (type == "Directory") return fs::is_directory(status) ? Result<>() : wrong("directory");
  if (type == "File") return fs::is_regular_file(status) ? Result<>() : wrong("file");
  if (type == "Socket") return fs::is_socket(status) ? Result<>() : wrong("socket file");
  if (type == "CharDevice") {
    return fs::is_character_file(status) ? Result<>() : wrong("character device");
  }
  if (type == "BlockDevice") return fs::is_block_file(status) ? Result<>() : wrong("block device");
  return Fail(Reason::kInvalid, type + " is an invalid volume type");
}

Result<std::string> SetUpHostPath(const VolumeInput& input) {
  const auto& spec = *input.volume.host_path;
  TRY(CheckHostPath(spec.path, spec.type.value_or("")));
  return spec.path;
}

Result<std::string> SetUpClaim(const VolumeInput& input) {
  const std::string name = input.volume.ephemeral
                               ? input.pod.metadata.name + "-" + input.volume.name
                               : input.volume.persistent_volume_claim->claim_name;
  const std::string& namespace_ = input.pod.metadata.namespace_;
  const auto claim = TRY(input.sources.claim(namespace_, name));
  if (claim->spec.volume_name.empty() || claim->status.phase != "Bound") {
    return Fail(Reason::kConflict,
                fmt::format("error processing PVC {}/{}: PVC is not bound", namespace_, name));
  }
  const auto volume = TRY(input.sources.volume(claim->spec.volume_name));
  const auto& bound = volume->spec.claim_ref;
  if (!bound || bound->uid != claim->metadata.uid) {
    return Fail(Reason::kConflict,
                fmt::format("error processing PVC {}/{}: PV {} is bound to another claim",
                            namespace_, name, volume->metadata.name));
  }
  return PathOf(*volume);
}

}  // namespace skiff::kubelet
