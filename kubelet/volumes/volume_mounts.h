// What volumes ask of the kernel: mounts. Where no container has a kernel under it, somebody else
// gives what is like them.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "kubelet/volumes/sub_path.h"

namespace skiff::kubelet {

// Thread-safe. As it is here: this machine's kernel.
class VolumeMounts {
 public:
  VolumeMounts() = default;
  VolumeMounts(const VolumeMounts&) = delete;
  VolumeMounts& operator=(const VolumeMounts&) = delete;
  virtual ~VolumeMounts() = default;

  // As EnsureMemoryMount, IsMemoryMount and MountSubPath.
  virtual Result<> EnsureMemory(const std::string& directory, int64_t bytes_max);
  // As EnsureHugePagesMount.
  virtual Result<> EnsureHugePages(const std::string& directory, int64_t page_bytes);
  virtual bool IsMemory(const std::string& path);
  virtual Result<std::string> SubPath(const SubPathInput& input);
  // Ends all mounts below a directory.
  virtual Result<> UnmountBelow(const std::string& directory);

  static VolumeMounts& OfKernel();
};

}  // namespace skiff::kubelet
