#include "skiff/docker_cluster.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "api/text/patterns.h"
#include "apiserver/auth/pki.h"
#include "skiff/docker_engine.h"
#include "skiff/docker_making.h"
#include "skiff/docker_parts.h"
#include "skiff/docker_servers.h"

namespace skiff {
namespace {

constexpr int kNodesMax = 50;

Result<> CheckName(const std::string& name) {
  if (PatternMatches("^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$", name)) return {};
  return Fail(
      Reason::kInvalid,
      fmt::format("--name: \"{}\" is not made of lower case letters, digits and dashes", name));
}

Result<> CheckOptions(const DockerOptions& options) {
  TRY(CheckName(options.name));
  if (options.nodes && (*options.nodes < 1 || *options.nodes > kNodesMax)) {
    return Fail(Reason::kInvalid,
                fmt::format("--nodes: {} is not between 1 and {}", *options.nodes, kNodesMax));
  }
  TRY(CheckDockerServers(options));
  if (options.secure_port < 0 || options.secure_port > 65535) {
    return Fail(Reason::kInvalid,
                fmt::format("--secure-port: {} is not between 1 and 65535", options.secure_port));
  }
  return {};
}

Result<> WriteKubeconfig(const DockerOptions& options) {
  const std::string inside =
      TRY(Docker({"exec", DockerServerName(options.name), "cat", kDockerKubeconfigInside}));
  const std::string text =
      TRY(KubeconfigFor(inside, fmt::format("https://127.0.0.1:{}", options.secure_port),
                        DockerContext(options.name)));
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(options.kubeconfig_path).parent_path(),
                                      ignored);
  return WriteWholeFile(options.kubeconfig_path, text, 0600);
}

Result<> CheckImages(const DockerOptions& options, const DockerMissing& missing) {
  if (!missing.servers.empty() || !missing.agents.empty() || missing.balancer) {
    TRY(CheckDockerImage(options.image));
  }
  return missing.members.empty() ? Result<>() : CheckEtcdImage(options.etcd_image);
}

}  // namespace

Result<> DockerUp(const DockerOptions& asked, const Progress& progress) {
  DockerOptions options = asked;
  TRY(CheckOptions(options));
  TRY(CheckDockerEngine());
  const DockerTurn turn = TRY(DockerTurn::Take(options.name));
  DockerFiles::RemoveLeft(options.name);
  const auto containers = TRY(DockerNodes(options.name));
  const DockerParts parts = TRY(DockerPartsOf(options.name));
  const DockerMissing missing = TRY(MissingOf(options, parts));
  TRY(CheckDockerSaid(options, parts));
  TRY(AddDockerSettings(options, parts));
  TRY(CheckDockerServers(options));
  TRY(ChooseDockerPort(options, parts));
  TRY(CheckDockerNames(options));
  TRY(CheckImages(options, missing));
  DockerMaking making(options, parts, progress);
  if (auto brought = making.Bring(containers, missing); !brought) {
    return Fail(making.Undo(std::move(brought).error()));
  }
  TRY(WriteKubeconfig(options));
  progress("waiting for the nodes");
  TRY(Docker({"exec", DockerServerName(options.name), "kubectl",
              std::string("--kubeconfig=") + kDockerKubeconfigInside, "wait",
              "--for=condition=Ready", "nodes", "--all", "--timeout=120s"},
             180s));
  return DockerLoadImages(options.name, options.image_archives, progress);
}

Result<bool> DockerDown(const std::string& name, const Progress& progress,
                        const std::function<void()>& first) {
  // Without a name it would be the containers of all clusters, and volumes that are of none.
  if (name.empty()) return Fail(Reason::kInvalid, "--name: no cluster is named");
  TRY(CheckName(name));
  TRY(CheckDockerEngine());
  const DockerTurn turn = TRY(DockerTurn::Take(name));
  const auto containers = TRY(DockerNodes(name));
  if (!containers.empty()) first();
  DockerFiles::RemoveLeft(name);
  return RemoveDockerCluster(name, progress);
}

std::string DockerAuthority(const std::string& name) {
  constexpr Duration kPatience = 5s;
  const auto containers = DockerNodes(name);
  if (!containers) return "";
  for (const DockerNode& each : *containers) {
    if (!each.is_node() || each.state != "running") continue;
    const auto read = Docker({"exec", each.name, "cat", "/var/lib/skiff/pki/ca.crt"}, kPatience);
    if (read) return *read;
  }
  return "";
}

Result<std::string> DockerStatus(const std::string& name) {
  TRY(CheckDockerEngine());
  const auto nodes = TRY(DockerNodes(name));
  if (nodes.empty()) {
    return Fail(Reason::kNotFound, name.empty()
                                       ? "no cluster is in Docker"
                                       : fmt::format("no cluster \"{}\" is in Docker", name));
  }
  std::string table = fmt::format("{:<14}  {:<22}  {:<10}  {:<9}  {}\n", "CLUSTER", "NODE",
                                  "CONTAINER", "READY", "PORTS");
  std::string cluster, ready;
  for (const DockerNode& node : nodes) {
    if (std::exchange(cluster, node.cluster) != node.cluster) ready.clear();
    if (node.role == kDockerServerRole && node.state == "running" && ready.empty()) {
      // While all servers are away nobody knows.
      ready = Docker({"exec", node.name, "kubectl",
                      std::string("--kubeconfig=") + kDockerKubeconfigInside, "get", "nodes", "-o",
                      "jsonpath={range .items[*]}{.metadata.name}={.status.conditions[?(@.type==\""
                      "Ready\")].status}{\"\\n\"}{end}"})
                  .value_or("");
    }
    std::string word = node.is_node() ? "Unknown" : "-";
    for (const std::string& line : LinesOf(ready)) {
      if (line.starts_with(node.name + "=")) word = line.substr(node.name.size() + 1);
    }
    table += fmt::format("{:<14}  {:<22}  {:<10}  {:<9}  {}\n", node.cluster, node.name, node.state,
                         word, node.ports);
  }
  return table;
}

}  // namespace skiff
