#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

#include "client/kubeconfig.h"
#include "skiff/cluster_objects.h"
#include "skiff/docker_cluster.h"
#include "skiff/docker_engine.h"
#include "skiff/docker_servers.h"

namespace skiff {
namespace {

constexpr std::string_view kTaintsFlag = "--register-with-taints=";

bool HasIpv6Pods(const DockerOptions& options) {
  return std::any_of(options.server_arguments.begin(), options.server_arguments.end(),
                     [](const std::string& argument) {
                       return argument.starts_with("--cluster-cidr=") &&
                              argument.find(':') != std::string::npos;
                     });
}

std::vector<std::string> NodeCommand(const DockerOptions& options, const std::string& name,
                                     const char* role) {
  std::vector<std::string> command = {
      "create", "--privileged", "--name", name, "--hostname", name, "--label",
      DockerLabel(options.name), "--label", fmt::format("{}={}", kDockerRoleLabel, role),
      "--network", options.name,
      // The engine's own mounts lie on overlayfs, on which containers' layers cannot lie.
      "--volume", name + ":/var/lib/skiff", "--tmpfs", "/run", "--tmpfs", "/tmp",
      // After a restart of the engine the cluster is there again.
      "--restart", "unless-stopped"};
  if (HasIpv6Pods(options)) {
    // Which the engine turns off in networks without it.
    for (const char* links : {"all", "default"}) {
      command.insert(command.end(),
                     {"--sysctl", fmt::format("net.ipv6.conf.{}.disable_ipv6=0", links)});
    }
  }
  return command;
}

}  // namespace

std::string DockerServerName(const std::string& cluster, int number) {
  return number == 1 ? cluster + "-server" : fmt::format("{}-server-{}", cluster, number);
}
std::string DockerAgentName(const std::string& cluster, int number) {
  return fmt::format("{}-agent-{}", cluster, number);
}
std::string DockerLabel(const std::string& cluster) {
  return std::string(kDockerClusterLabel) + "=" + cluster;
}

std::vector<std::string> DockerServerCommand(const DockerOptions& options, int number) {
  std::vector<std::string> command =
      NodeCommand(options, DockerServerName(options.name, number), kDockerServerRole);
  const std::string port = std::to_string(options.secure_port);
  command.insert(command.end(), {"--label", std::string(kDockerPortLabel) + "=" + port});
  const auto keep = [&](const char* label, const std::vector<std::string>& said) {
    command.insert(command.end(),
                   {"--label", fmt::format("{}={}", label, fmt::join(said, " "))});
  };
  keep(kDockerPublishLabel, options.published_ports);
  keep(kDockerArgumentsLabel, options.server_arguments);
  if (!options.etcd_members) {  // Else the balancer does.
    command.insert(command.end(), {"--publish", fmt::format("127.0.0.1:{}:{}", port, port)});
    for (const std::string& mapping : options.published_ports) {
      command.insert(command.end(), {"--publish", mapping});
    }
  }
  command.insert(command.end(), {options.image, "up", "--foreground", "--secure-port=" + port});
  if (options.etcd_members) {
    const auto of_etcd = EtcdFlagsOfServer(options);
    command.insert(command.end(), of_etcd.begin(), of_etcd.end());
  }
  // As with kind: where there are others, servers run no pods, and none stops when one restarts.
  const auto& further = options.server_arguments;
  const bool has_taints = std::any_of(further.begin(), further.end(), [](const auto& argument) {
    return argument.starts_with(kTaintsFlag);
  });
  if (options.nodes.value_or(1) > DockerServers(options) && !has_taints) {
    command.push_back(fmt::format("{}{}:NoSchedule", kTaintsFlag, kControlPlaneRole));
  }
  command.insert(command.end(), further.begin(), further.end());
  return command;
}

std::vector<std::string> DockerAgentCommand(const DockerOptions& options, int number,
                                            const std::vector<std::string>& join_arguments) {
  std::vector<std::string> command =
      NodeCommand(options, DockerAgentName(options.name, number), kDockerAgentRole);
  command.insert(command.end(), {options.image, "join", "--foreground"});
  command.insert(command.end(), join_arguments.begin(), join_arguments.end());
  return command;
}

std::vector<std::string> JoinArguments(const std::string& printed, const std::string& host) {
  for (const std::string& line : LinesOf(printed)) {
    std::istringstream in(line);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    if (words.size() < 4 || words[0] != "skiff" || words[1] != "join") continue;
    words[2] = host;
    return {words.begin() + 2, words.end()};
  }
  return {};
}

std::string DockerContext(const std::string& cluster) {
  return "skiff-" + cluster;
}

Result<std::string> KubeconfigFor(const std::string& text, const std::string& server,
                                  const std::string& context) {
  const auto parsed = TRY(Kubeconfig::Parse(text, "/"));
  if (parsed.clusters.empty() || parsed.users.empty()) {
    return Fail(Reason::kInvalid, "the server's kubeconfig names no cluster and user");
  }
  Kubeconfig named;
  named.clusters[context] = parsed.clusters.begin()->second;
  named.clusters[context].server = server;
  named.users[context] = parsed.users.begin()->second;
  named.contexts[context] = {context, context, ""};
  named.current_context = context;
  return named.ToYaml();
}

}  // namespace skiff
