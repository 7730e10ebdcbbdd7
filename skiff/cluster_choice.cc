#include "skiff/cluster_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sstream>

#include "apiserver/auth/pki.h"
#include "client/kubeconfig.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

std::optional<Kubeconfig::Cluster> CurrentCluster(const Kubeconfig& config) {
  const auto context = config.contexts.find(config.current_context);
  if (context == config.contexts.end()) return std::nullopt;
  const auto cluster = config.clusters.find(context->second.cluster);
  if (cluster == config.clusters.end() || cluster->second.server.empty()) return std::nullopt;
  return cluster->second;
}

std::string AuthorityOf(const Kubeconfig::Cluster& cluster) {
  if (!cluster.certificate_authority_data.empty()) return cluster.certificate_authority_data;
  return ReadWholeFile(cluster.certificate_authority).value_or("");
}

bool Keeps(const std::string& directory, const Kubeconfig::Cluster& wanted) {
  const auto own = Kubeconfig::Load(AdminKubeconfigPath({.data_dir = directory}));
  const auto cluster = own ? CurrentCluster(*own) : std::nullopt;
  return cluster && cluster->server == wanted.server &&
         AuthorityOf(*cluster) == AuthorityOf(wanted);
}

}  // namespace

Result<std::string> DataDirOfKubeconfig(const std::string& variable, const std::string& usual) {
  if (variable.empty()) return usual;
  const Kubeconfig config = TRY(LoadKubeconfig("", variable, ""));
  const auto wanted = CurrentCluster(config);
  if (!wanted) return usual;
  std::vector<std::string> looked_at;
  std::istringstream paths(variable);
  for (std::string path; std::getline(paths, path, ':');) {
    const std::string beside = fs::path(path).parent_path().string();
    looked_at.push_back(beside.empty() ? "." : beside);
  }
  looked_at.push_back(usual);
  for (const std::string& directory : looked_at) {
    if (Keeps(directory, *wanted)) return directory;
  }
  return Fail(Reason::kNotFound,
              fmt::format("KUBECONFIG names the cluster at {}, which is kept neither beside that "
                          "file nor in {}: say which cluster is meant with --data-dir, or unset "
                          "KUBECONFIG",
                          wanted->server, usual));
}

Result<> ChooseDataDir(const Flags& flags, ClusterOptions& options) {
  const auto& given = flags.given();
  const bool is_given = std::any_of(given.begin(), given.end(),
                                    [](const auto& flag) { return flag.first == "data-dir"; });
  const char* variable = std::getenv("KUBECONFIG");
  if (is_given || variable == nullptr) return {};
  options.data_dir = TRY(DataDirOfKubeconfig(variable, options.data_dir));
  return {};
}

}  // namespace skiff
