#include "skiff/docker_cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <sstream>

#include "apiserver/auth/pki.h"
#include "base/process.h"

namespace skiff {
namespace {

constexpr Duration kQuick = 60s;
constexpr Duration kNodeTimeout = 120s;
constexpr char kKubeconfigInside[] = "/var/lib/skiff/admin.kubeconfig";
constexpr int kNodesMax = 50;

std::string ServerName(const std::string& cluster) {
  return cluster + "-server";
}

std::string Label(const std::string& cluster) {
  return "skiff.io/cluster=" + cluster;
}

Result<std::string> Docker(std::vector<std::string> arguments, Duration timeout = kQuick) {
  arguments.insert(arguments.begin(), "docker");
  return RunChecked({.argv = std::move(arguments), .timeout = timeout});
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

// Names of the cluster's containers, the server first.
Result<std::vector<std::string>> Containers(const std::string& cluster, bool running_only) {
  std::vector<std::string> arguments = {"ps", "--filter", "label=" + Label(cluster), "--format",
                                        "{{.Names}}"};
  if (!running_only) arguments.emplace_back("--all");
  std::vector<std::string> names = Lines(TRY(Docker(std::move(arguments))));
  std::sort(names.begin(), names.end());
  std::stable_partition(names.begin(), names.end(),
                        [&](const auto& name) { return name == ServerName(cluster); });
  return names;
}

std::vector<std::string> NodeCommand(const DockerOptions& options, const std::string& name) {
  return {"run", "--detach", "--privileged", "--name", name, "--hostname", name, "--label",
          Label(options.name), "--network", options.name,
          // The engine's own mounts lie on overlayfs, on which containers' layers cannot lie.
          "--volume", name + ":/var/lib/skiff", "--tmpfs", "/run", "--tmpfs", "/tmp",
          // After a restart of the engine the cluster is there again.
          "--restart", "unless-stopped"};
}

Result<> CheckOptions(const DockerOptions& options) {
  static const std::regex kName("[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?");
  if (!std::regex_match(options.name, kName)) {
    return Fail(Reason::kInvalid,
                fmt::format("--name: \"{}\" is not made of lower case letters, digits and dashes",
                            options.name));
  }
  if (options.nodes < 1 || options.nodes > kNodesMax) {
    return Fail(Reason::kInvalid,
                fmt::format("--nodes: {} is not between 1 and {}", options.nodes, kNodesMax));
  }
  return {};
}

Result<> CheckEngine(const DockerOptions& options) {
  if (!FindProgram("docker")) {
    return Fail(Reason::kNotFound,
                "docker: no such program; install it (Debian: apt-get install docker.io)");
  }
  if (const auto info = Docker({"info", "--format", "{{.ServerVersion}}"}); !info) {
    return Fail(Reason::kServiceUnavailable,
                "the Docker engine does not answer: " + info.error().message +
                    "; start it (systemctl start docker), or become a member of the group docker");
  }
  if (!Docker({"image", "inspect", "--format", "{{.Id}}", options.image})) {
    return Fail(Reason::kNotFound,
                fmt::format("there is no image \"{0}\"; build it in skiff's source folder: docker "
                            "build -t {0} .",
                            options.image));
  }
  return {};
}

// Follows a node's own report until it is usable.
Result<> WaitUntilUsable(const std::string& container, const Progress& progress) {
  std::string error;
  bool usable = false;
  const auto followed = RunProcess({.argv = {"docker", "logs", "--follow", container},
                                    .timeout = kNodeTimeout,
                                    .on_line = [&](std::string_view line) {
                                      usable = line == "usable";
                                      if (line.starts_with("error: ")) error = line.substr(7);
                                      if (!usable) progress(container + ": " + std::string(line));
                                      return !usable && error.empty();
                                    }});
  if (usable) return {};
  if (!error.empty()) return Fail(Reason::kInternalError, container + ": " + error);
  if (!followed) return Fail(followed.error());
  return Fail(Reason::kInternalError,
              fmt::format("{} ended; see: docker logs {}", container, container));
}

Result<> WriteKubeconfig(const DockerOptions& options) {
  const std::string inside =
      TRY(Docker({"exec", ServerName(options.name), "cat", kKubeconfigInside}));
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(options.kubeconfig_path).parent_path(),
                                      ignored);
  return WriteWholeFile(
      options.kubeconfig_path,
      KubeconfigFor(inside, fmt::format("https://127.0.0.1:{}", options.secure_port)), 0600);
}

Result<> AddAgents(const DockerOptions& options, const Progress& progress) {
  if (options.nodes == 1) return {};
  const std::string server = ServerName(options.name);
  const std::string printed =
      TRY(Docker({"exec", server, "skiff", "token", "create", "--ttl=1h", "--print-join-command"}));
  const auto join = JoinArguments(printed, fmt::format("{}:{}", server, options.secure_port));
  if (join.empty()) {
    return Fail(Reason::kInternalError, server + " printed no join command: " + printed);
  }
  for (int number = 1; number < options.nodes; ++number) {
    progress(fmt::format("starting node {} of {}", number + 1, options.nodes));
    TRY(Docker(DockerAgentCommand(options, number, join)));
  }
  for (const std::string& name : TRY(Containers(options.name, true))) {
    if (name != server) TRY(WaitUntilUsable(name, progress));
  }
  return {};
}

Result<> Create(const DockerOptions& options, const Progress& progress) {
  progress(fmt::format("starting node 1 of {}", options.nodes));
  TRY(Docker({"network", "create", "--label", Label(options.name), options.name}));
  TRY(Docker(DockerServerCommand(options)));
  TRY(WaitUntilUsable(ServerName(options.name), progress));
  TRY(AddAgents(options, progress));
  return {};
}

// Containers that were stopped go on where they were.
Result<> StartAgain(const DockerOptions& options, const std::vector<std::string>& names,
                    const Progress& progress) {
  for (const std::string& name : names) {
    progress("starting " + name);
    TRY(Docker({"start", name}));
  }
  return WaitUntilUsable(ServerName(options.name), progress);
}

}  // namespace

std::vector<std::string> DockerServerCommand(const DockerOptions& options) {
  std::vector<std::string> command = NodeCommand(options, ServerName(options.name));
  const std::string port = std::to_string(options.secure_port);
  command.insert(command.end(), {"--publish", fmt::format("127.0.0.1:{}:{}", port, port)});
  for (const std::string& mapping : options.published_ports) {
    command.insert(command.end(), {"--publish", mapping});
  }
  command.insert(command.end(), {options.image, "up", "--foreground", "--secure-port=" + port});
  command.insert(command.end(), options.server_arguments.begin(), options.server_arguments.end());
  return command;
}

std::vector<std::string> DockerAgentCommand(const DockerOptions& options, int number,
                                            const std::vector<std::string>& join_arguments) {
  std::vector<std::string> command =
      NodeCommand(options, fmt::format("{}-agent-{}", options.name, number));
  command.insert(command.end(), {options.image, "join", "--foreground"});
  command.insert(command.end(), join_arguments.begin(), join_arguments.end());
  return command;
}

std::vector<std::string> JoinArguments(const std::string& printed, const std::string& host) {
  for (const std::string& line : Lines(printed)) {
    std::istringstream in(line);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    if (words.size() < 4 || words[0] != "skiff" || words[1] != "join") continue;
    words[2] = host;
    return {words.begin() + 2, words.end()};
  }
  return {};
}

std::string KubeconfigFor(const std::string& text, const std::string& server) {
  static const std::regex kServer("server: *\\S+");
  return std::regex_replace(text, kServer, "server: " + server);
}

Result<> DockerUp(const DockerOptions& options, const Progress& progress) {
  TRY(CheckOptions(options));
  TRY(CheckEngine(options));
  const auto names = TRY(Containers(options.name, false));
  if (names.empty()) {
    if (const auto created = Create(options, progress); !created) {
      progress("removing what was made");
      (void)DockerDown(options.name, [](const std::string&) {});
      return Fail(created.error());
    }
  } else {
    TRY(StartAgain(options, names, progress));
  }
  TRY(WriteKubeconfig(options));
  progress("waiting for the nodes");
  TRY(Docker({"exec", ServerName(options.name), "kubectl",
              std::string("--kubeconfig=") + kKubeconfigInside, "wait", "--for=condition=Ready",
              "nodes", "--all", "--timeout=120s"},
             kNodeTimeout + kQuick));
  return DockerLoadImages(options.name, options.image_archives, progress);
}

Result<> DockerDown(const std::string& name, const Progress& progress) {
  const auto names = TRY(Containers(name, false));
  for (const std::string& container : names) progress("removing " + container);
  if (!names.empty()) {
    std::vector<std::string> remove = {"rm", "--force", "--volumes"};
    remove.insert(remove.end(), names.begin(), names.end());
    TRY(Docker(std::move(remove)));
  }
  // A container's own volume has its name.
  for (const std::string& volume : names) TRY(Docker({"volume", "rm", "--force", volume}));
  for (const std::string& network : Lines(TRY(Docker(
           {"network", "ls", "--filter", "label=" + Label(name), "--format", "{{.Name}}"})))) {
    TRY(Docker({"network", "rm", network}));
  }
  return {};
}

Result<> DockerLoadImages(const std::string& name, const std::vector<std::string>& archives,
                          const Progress& progress) {
  if (archives.empty()) return {};
  const auto names = TRY(Containers(name, true));
  if (names.empty()) {
    return Fail(Reason::kNotFound, fmt::format("no cluster \"{}\" runs in Docker", name));
  }
  for (const std::string& archive : archives) {
    const std::string inside =
        "/var/lib/skiff/" + std::filesystem::path(archive).filename().string();
    for (const std::string& container : names) {
      TRY(Docker({"cp", archive, container + ":" + inside}));
      const auto loaded = Docker({"exec", container, "skiff", "image", "load", inside});
      (void)Docker({"exec", container, "rm", "-f", inside});
      TRY(loaded);
      progress(fmt::format("{}: loaded {}", container, archive));
    }
  }
  return {};
}

}  // namespace skiff
