// emptyDir, hostPath, and volumes of claims that are paths of this node.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "api/pods/local_volumes.h"
#include "kubelet/csi/csi_volumes.h"
#include "kubelet/huge_pages.h"
#include "kubelet/mount_table.h"
#include "kubelet/volumes/beneath.h"
#include "kubelet/volumes/fs_group.h"
#include "kubelet/volumes/memory_mount.h"
#include "kubelet/volumes/volume_plugin.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kEmptyDirMode = 0777;
constexpr mode_t kPrivateMode = 0750;
constexpr mode_t kHostDirectoryMode = 0755;
constexpr mode_t kHostFileMode = 0644;
// Of claims, and of what they all lie in, which nobody on the machine need list.
constexpr mode_t kClaimMode = 0777;
constexpr mode_t kClaimsMode = 0701;

Result<> Touch(const std::string& path, mode_t mode) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  const int code = errno;
  if (file.is_open() || code == EEXIST) return {};
  return Fail(SystemError("open " + path, code));
}

Result<> SetFsGroup(const core_v1::Pod& pod, const std::string& directory) {
  const auto group = FsGroupOf(pod, false);
  if (!group) return {};
  const Descriptor opened = TRY(OpenDirectory(directory));
  return ApplyFsGroup(opened, *group);
}

// Whether another pod of this node has the volume mounted.
bool IsUsedByOthers(const std::string& own, const std::string& volume) {
  const std::string end = "/volumes/kubernetes.io~local-volume/" + volume;
  const auto mounts = Mounts();
  return std::any_of(mounts.begin(), mounts.end(), [&](const MountInfo& mount) {
    return mount.path.ends_with(end) && mount.path != own;
  });
}

bool IsSameFile(const std::string& a, const std::string& b) {
  std::error_code error;
  return fs::equivalent(a, b, error) && !error;
}

}  // namespace

// Its containers write into it: modes and group are set once, while it is new. A mark of its own,
// out of their reach, says that this was done.
Result<std::string> SetUpEmptyDir(const VolumeInput& input) {
  const auto& spec = *input.volume.empty_dir;
  const bool in_memory = spec.medium == "Memory";
  if (spec.medium.starts_with("HugePages")) {
    const int64_t page_bytes = TRY(HugePageSizeOf(spec.medium, input.pod));
    TRY(input.mounts.EnsureHugePages(input.directory, page_bytes));
    TRY(SetFsGroup(input.pod, input.directory));
    return input.directory;
  }
  if (!in_memory && !spec.medium.empty()) {
    return Fail(Reason::kInvalid, fmt::format("unknown storage medium \"{}\"", spec.medium));
  }
  const std::string marks = fmt::format("{}/plugins/kubernetes.io~empty-dir/{}",
                                        input.pod_directory, input.volume.name);
  const std::string mark = marks + "/ready";
  std::error_code error;
  const bool is_there =
      in_memory ? input.mounts.IsMemory(input.directory) : fs::is_directory(input.directory, error);
  if (is_there && fs::exists(mark, error)) return input.directory;
  if (in_memory) {
    std::optional<Quantity> limit;
    if (spec.size_limit) limit = *spec.size_limit;
    TRY(input.mounts.EnsureMemory(
        input.directory, MemoryMountBytes(input.pod, input.sources.node_allocatable, limit)));
  } else {
    TRY(MakeDirectories(input.directory, kEmptyDirMode));
  }
  TRY(SetFsGroup(input.pod, input.directory));
  TRY(MakeDirectories(marks, kPrivateMode));
  TRY(Touch(mark, kPrivateMode & 0666));
  return input.directory;
}

Result<> CheckHostPath(const std::string& path, const std::string& type) {
  if (type.empty()) return {};
  std::error_code error;
  const auto status = fs::status(path, error);
  const bool exists = fs::exists(status);
  const auto check = [&](bool is_it, const char* what) -> Result<> {
    if (is_it) return {};
    return Fail(Reason::kInvalid,
                fmt::format("hostPath type check failed: {} is not a {}", path, what));
  };
  if (type == "DirectoryOrCreate" && !exists) return MakeDirectories(path, kHostDirectoryMode);
  if (type == "FileOrCreate" && !exists) return Touch(path, kHostFileMode);
  if (type.starts_with("Directory")) return check(fs::is_directory(status), "directory");
  if (type.starts_with("File")) return check(fs::is_regular_file(status), "file");
  if (type == "Socket") return check(fs::is_socket(status), "socket file");
  if (type == "CharDevice") return check(fs::is_character_file(status), "character device");
  if (type == "BlockDevice") return check(fs::is_block_file(status), "block device");
  return Fail(Reason::kInvalid, type + " is an invalid volume type");
}

// Whether it is what the built-in provisioner has thought out for a claim: a directory that is made
// when a pod first wants it.
bool IsOfProvisioner(const core_v1::PersistentVolume& volume) {
  const auto& source = *volume.spec.host_path;
  return volume.spec.claim_ref && source.type == "DirectoryOrCreate" &&
         fs::path(source.path).filename() ==
             LocalVolumeDirectory(volume.metadata.name, *volume.spec.claim_ref);
}

// Nobody gives a hostPath to a pod's group (fsGroup), and most images run as a user of their own.
Result<> MakeForClaim(const fs::path& path) {
  std::error_code error;
  if (fs::exists(fs::status(path, error))) return {};
  const fs::path claims = path.parent_path();
  TRY(MakeDirectories(claims, kClaimsMode));
  // Ours, which an earlier version let everybody list.
  if (claims.filename() == "local-path") chmod(claims.c_str(), kClaimsMode);
  return MakeDirectories(path, kClaimMode);
}

Result<std::string> SetUpHostPath(const VolumeInput& input) {
  const auto& spec =
      input.bound != nullptr ? *input.bound->spec.host_path : *input.volume.host_path;
  for (const auto& part : fs::path(spec.path)) {
    if (part == "..") {
      return Fail(Reason::kInvalid,
                  fmt::format("invalid HostPath `{}`: must not contain '..'", spec.path));
    }
  }
  if (input.bound != nullptr && IsOfProvisioner(*input.bound)) TRY(MakeForClaim(spec.path));
  TRY(CheckHostPath(spec.path, spec.type.value_or("")));
  return spec.path;
}

// The directory is mounted in the pod's own: what was found is what its containers get.
Result<std::string> SetUpLocal(const VolumeInput& input) {
  const std::string& path = input.bound->spec.local->path;
  const auto volume = OpenDirectory(path);
  if (!volume && volume.error().reason == Reason::kNotFound) {
    return Fail(Reason::kNotFound, fmt::format("path \"{}\" does not exist", path));
  }
  if (!volume) return Fail(Reason::kInvalid, "only directory and block device are supported");
  if (IsSameFile(path, input.directory)) return input.directory;
  TRY(MakeDirectories(input.directory, kPrivateMode));
  const std::string source = volume->Path();
  if (mount(source.c_str(), input.directory.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    const int code = errno;
    return Fail(SystemError("mount " + path, code));
  }
  const auto group = FsGroupOf(input.pod, false);
  // Two pods that want different groups would take the files from each other in turn.
  if (!group || IsUsedByOthers(input.directory, input.bound->metadata.name)) {
    return input.directory;
  }
  if (auto applied = ApplyFsGroup(*volume, *group); !applied) {
    umount2(input.directory.c_str(), MNT_DETACH);  // It is tried again.
    return tl::unexpected(applied.error());
  }
  return input.directory;
}

Result<std::string> SetUpLocalDevice(const VolumeInput& input) {
  return MapDevice(input, "kubernetes.io~local-volume", input.bound->spec.local->path);
}

Result<std::string> SetUpCsi(const VolumeInput& input) {
  if (input.sources.csi != nullptr) return input.sources.csi->SetUp(input);
  // No driver can register here.
  if (input.bound == nullptr) {
    return Fail(Reason::kNotFound,
                fmt::format("volume mode \"Ephemeral\" not supported by driver {} (no CSIDriver "
                            "object)",
                            input.volume.csi->driver));
  }
  const bool is_block = IsBlock(input.bound);
  const std::string what = is_block ? "blockMapper.SetUpDevice failed to get CSI client:"
                                    : "attacher.MountDevice failed to create newCsiDriverClient:";
  const Error why{Reason::kNotFound,
                  fmt::format("kubernetes.io/csi: {} driver name {} not found in the list of "
                              "registered CSI drivers",
                              what, input.bound->spec.csi->driver)};
  return tl::unexpected(PhaseFailed(is_block ? "MapVolume.SetUpDevice" : "MountVolume.MountDevice",
                                    input.bound->metadata.name, why));
}

}  // namespace skiff::kubelet
