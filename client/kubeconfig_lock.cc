#include "client/kubeconfig_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/text.h"

namespace skiff {

Result<std::unique_ptr<KubeconfigLock>> KubeconfigLock::Take(std::vector<std::string> paths) {
  // In one order, so that of two who change the same files one gets all of them.
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  std::unique_ptr<KubeconfigLock> lock(new KubeconfigLock());
  for (const std::string& path : paths) {
    const auto refused = [](const std::string& what, const std::error_code& code) {
      return Fail(Reason::kConflict, fmt::format("{}: {}", what, Lower(code.message())));
    };
    std::error_code code;
    const std::string folder = std::filesystem::path(path).parent_path().string();
    if (!folder.empty()) std::filesystem::create_directories(folder, code);
    if (code) return refused("mkdir " + folder, code);
    const std::string name = path + ".lock";
    const int descriptor = open(name.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
    if (descriptor < 0) {
      code.assign(errno, std::generic_category());
      return refused("open " + name, code);
    }
    close(descriptor);
    lock->held_.push_back(name);
  }
  return lock;
}

KubeconfigLock::~KubeconfigLock() {
  for (const std::string& name : held_) unlink(name.c_str());
}

}  // namespace skiff
