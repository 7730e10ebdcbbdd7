#include "kubelet/volumes/memory_mount.h"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "api/pods/pod_resources.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {
int64_t MemoryMountBytes(const core_v1::Pod& pod,
                         const std::map<std::string, Quantity>& node_allocatable,
                         const std::optional<Quantity>& asked) {
  int64_t bytes = 0;
  const auto lower = [&](int64_t bound) {
    if (bound > 0) bytes = bytes == 0 ? bound : std::min(bytes, bound);
  };
  const auto node = node_allocatable.find("memory");
  if (node != node_allocatable.end()) lower(node->second.Value());
  if (const auto limit = PodLimit(pod.spec, "memory")) {
    lower(SaturatedSum(*limit, Resources::From(pod.spec.overhead).memory));
  }
  if (asked) lower(asked->Value());
  return bytes;
}

namespace {

// The root of a mount lies on another one than the directory that holds it.
Result<bool> FindMemoryMount(const std::string& path) {
  struct statfs info {};
  if (statfs(path.c_str(), &info) != 0) {
    const int code = errno;
    if (code == ENOENT) return false;
    return Fail(SystemError("statfs " + path, code));
  }
  if (info.f_type != TMPFS_MAGIC) return false;
  const Descriptor own = TRY(OpenDirectory(path));
  const Descriptor parent = TRY(OpenDirectory(path + "/.."));
  const int here = TRY(MountNumber(own));
  const int above = TRY(MountNumber(parent));
  return here != above;
}

}  // namespace

bool IsMemoryMount(const std::string& path) {
  return FindMemoryMount(path).value_or(false);
}

Result<> EnsureMemoryMount(const std::string& directory, int64_t bytes_max) {
  const bool is_there = TRY(FindMemoryMount(directory));
  if (is_there) return {};
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return Fail(SystemError("mkdir " + directory, error.value()));
  // Whatever lies here was written to the disk when it should not have been.
  const Descriptor opened = TRY(OpenDirectory(directory));
  TRY(RemoveContents(opened));
  const std::string size = bytes_max > 0 ? fmt::format("size={}", bytes_max) : "";
  // Kernels before 6.4 swap a tmpfs out like any other memory.
  for (const std::string& options : {size + (size.empty() ? "noswap" : ",noswap"), size}) {
    if (mount("tmpfs", directory.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) == 0) {
      return {};
    }
    if (errno != EINVAL) break;
  }
  const int code = errno;
  const Error problem = SystemError("mount failed", code);
  return Fail(Reason::kForbidden,
              fmt::format("{}\nMounting command: mount\nMounting arguments: -t tmpfs{}{} tmpfs {}",
                          problem.message, size.empty() ? "" : " -o ", size, directory));
}

}  // namespace skiff::kubelet
