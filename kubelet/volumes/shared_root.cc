#include "kubelet/volumes/shared_root.h"

#include <sys/mount.h>

#include <cerrno>
#include <filesystem>

#include "kubelet/mount_table.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {
namespace {

bool LiesOn(const std::string& path, const std::string& mount) {
  return mount == "/" || path == mount || path.starts_with(mount + "/");
}

}  // namespace

Result<> MakeRootShared(const std::string& root) {
  std::error_code error;
  const std::string real = std::filesystem::canonical(root, error);
  if (error) return Fail(SystemError("find " + root, error.value()));
  MountInfo under;  // The last of those that are the nearest: it is what is seen.
  for (MountInfo& mount : Mounts()) {
    if (LiesOn(real, mount.path) && mount.path.size() >= under.path.size()) {
      under = std::move(mount);
    }
  }
  if (under.is_shared) return {};
  if (under.path != real) {
    if (!MountsBelow(real).empty()) {
      return Fail(Reason::kConflict, "there are mounts below " + real + " already");
    }
    if (mount(real.c_str(), real.c_str(), nullptr, MS_BIND, nullptr) != 0) {
      return Fail(SystemError("mount " + real, errno));
    }
  }
  if (mount(nullptr, real.c_str(), nullptr, MS_SHARED | MS_REC, nullptr) != 0) {
    return Fail(SystemError("share " + real, errno));
  }
  return {};
}

}  // namespace skiff::kubelet
