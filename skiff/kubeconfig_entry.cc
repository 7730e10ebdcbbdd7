#include "skiff/kubeconfig_entry.h"

#include <filesystem>

#include "apiserver/auth/pki.h"
#include "client/kubeconfig.h"

namespace skiff {

Result<> RemoveFromKubeconfigFile(const std::string& path, const std::string& name) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return {};
  auto config = TRY(Kubeconfig::Load(path));
  const size_t removed =
      config.contexts.erase(name) + config.clusters.erase(name) + config.users.erase(name);
  if (removed == 0) return {};
  if (config.current_context == name) config.current_context.clear();
  return WriteWholeFile(path, config.ToYaml(), 0600);
}

}  // namespace skiff
