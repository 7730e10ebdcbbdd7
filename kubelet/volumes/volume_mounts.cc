#include "kubelet/volumes/volume_mounts.h"

#include <sys/mount.h>

#include <cerrno>
#include <filesystem>

#include "kubelet/huge_pages.h"
#include "kubelet/mount_table.h"
#include "kubelet/volumes/beneath.h"
#include "kubelet/volumes/memory_mount.h"

namespace skiff::kubelet {

VolumeMounts& VolumeMounts::OfKernel() {
  static VolumeMounts mounts;
  return mounts;
}

Result<> VolumeMounts::EnsureMemory(const std::string& directory, int64_t bytes_max) {
  return EnsureMemoryMount(directory, bytes_max);
}

Result<> VolumeMounts::EnsureHugePages(const std::string& directory, int64_t page_bytes) {
  return EnsureHugePagesMount(directory, page_bytes);
}

bool VolumeMounts::IsMemory(const std::string& path) {
  return IsMemoryMount(path);
}

Result<std::string> VolumeMounts::SubPath(const SubPathInput& input) {
  return MountSubPath(input);
}

Result<> VolumeMounts::UnmountBelow(const std::string& directory) {
  std::error_code error;
  const std::string real = std::filesystem::canonical(directory, error);
  // Most pods have no directory: then the table of mounts, which is long, is not read.
  if (error == std::errc::no_such_file_or_directory) return {};
  for (const std::string& mount : MountsBelow(error ? directory : real)) {
    if (umount2(mount.c_str(), UMOUNT_NOFOLLOW) != 0) {
      const int code = errno;
      return Fail(SystemError("unmount " + mount, code));
    }
  }
  return {};
}

}  // namespace skiff::kubelet
