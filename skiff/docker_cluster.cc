#include "skiff/docker_cluster.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <utility>

#include "api/text/patterns.h"
#include "apiserver/auth/pki.h"
#include "base/process.h"
#include "skiff/docker_engine.h"
#include "skiff/docker_servers.h"

namespace skiff {
namespace {

constexpr Duration kNodeTimeout = 120s;
constexpr char kKubeconfigInside[] = "/var/lib/skiff/admin.kubeconfig";
constexpr int kNodesMax = 50;
constexpr int kUsualPort = 6443;

Result<> CheckOptions(const DockerOptions& options) {
  if (!PatternMatches("^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$", options.name)) {
    return Fail(Reason::kInvalid,
                fmt::format("--name: \"{}\" is not made of lower case letters, digits and dashes",
                            options.name));
  }
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

// A port of the loopback that nobody listens on: the usual one, else one that the kernel picks.
Result<int> FreePort() {
  for (const int port : {kUsualPort, 0}) {
    const int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    const bool taken = bind(file, generic, size) != 0 || getsockname(file, generic, &size) != 0;
    close(file);
    if (!taken) return ntohs(address.sin_port);
  }
  return Fail(Reason::kInternalError, "no port is free; choose one with --secure-port");
}

// Containers, volumes and networks of those names that are not ours are nobody's to take over.
Result<> CheckNames(const DockerOptions& options) {
  const auto names = DockerContainerNames(options);
  const std::set<std::string> wanted(names.begin(), names.end());
  const struct {
    const char* kind;
    const char* remove;
    Result<std::vector<DockerThing>> things;
    std::set<std::string> names;
  } taken[] = {{"container", "docker rm -f", DockerContainers(), wanted},
               {"volume", "docker volume rm", DockerVolumes(), wanted},
               {"network", "docker network rm", DockerNetworks(), {options.name}}};
  for (const auto& kind : taken) {
    if (!kind.things) return Fail(kind.things.error());
    for (const DockerThing& thing : *kind.things) {
      if (!kind.names.contains(thing.name) || thing.cluster == options.name) continue;
      return Fail(Reason::kConflict,
                  fmt::format("--name: a {0} named {1} is there that is not this cluster's; choose "
                              "another --name, or remove it: {2} {1}",
                              kind.kind, thing.name, kind.remove));
    }
  }
  return {};
}

// Says who has the port, when it was that.
Error ExplainRun(const Error& error) {
  const std::string taken = TakenPortOf(error.message);
  if (taken.empty()) return error;
  const std::string port = taken.substr(taken.rfind(':') + 1);
  const auto holder =
      Docker({"ps", "--filter", "publish=" + port, "--format", "container {{.Names}}"});
  const auto names = LinesOf(holder.value_or(""));
  return {Reason::kConflict,
          fmt::format("port {} of this machine is taken by {}; end that, or choose another port "
                      "with --secure-port (the API's) or --publish",
                      taken, names.empty() ? "another program" : names.front())};
}

// A file or directory of this machine, and where in a container what is in it belongs.
struct Given {
  std::string from;
  std::string to;
};

// Of what `docker create ...` makes, with what it is given before.
Result<> Run(const std::string& name, const std::vector<std::string>& create,
             const std::optional<Given>& given = {}) {
  if (const auto made = Docker(create); !made) return Fail(ExplainRun(made.error()));
  if (given) TRY(Docker({"cp", given->from + "/.", name + ":" + given->to}));
  if (const auto run = Docker({"start", name}); !run) return Fail(ExplainRun(run.error()));
  return {};
}

// Its state lives in a volume with its name.
Result<> RunWithVolume(const DockerOptions& options, const std::string& name,
                       const std::vector<std::string>& create,
                       const std::optional<Given>& given = {}) {
  TRY(Docker({"volume", "create", "--label", DockerLabel(options.name), name}));
  return Run(name, create, given);
}

// Those of its lines that tell of its start, not of its log ("I1120 16:00:23.688 apiserver] ...").
void Report(const std::string& container, std::string_view line, const Progress& progress) {
  const size_t begin = line.find_first_not_of(' ');
  if (begin == std::string_view::npos) return;
  line.remove_prefix(begin);
  if (!PatternMatches("^[IWEF][0-9]{4} ", line)) {
    progress(container + ": " + std::string(line));
  }
}

// Follows a node's own report until it is usable.
Result<> WaitUntilUsable(const std::string& container, const Progress& progress) {
  std::string error;
  bool usable = false;
  // Not what it said when it was started before.
  const auto started =
      LinesOf(TRY(Docker({"inspect", "--format", "{{.State.StartedAt}}", container})));
  const auto followed = RunProcess({.argv = {"docker", "logs", "--follow", "--since",
                                             started.empty() ? "0" : started.front(), container},
                                    .timeout = kNodeTimeout,
                                    .on_line = [&](std::string_view line) {
                                      usable = line == "usable";
                                      if (line.starts_with("error: ")) error = line.substr(7);
                                      if (!usable) Report(container, line, progress);
                                      return !usable && error.empty();
                                    }});
  if (usable) return {};
  if (!error.empty()) return Fail(Reason::kInternalError, container + ": " + error);
  if (!followed) return Fail(followed.error());
  // It may be removed now, and its log with it.
  const auto last = RunProcess({.argv = {"docker", "logs", "--tail", "3", container}});
  return Fail(Reason::kInternalError,
              fmt::format("{} ended: {}", container, last ? last->out + last->err : ""));
}

Result<> WriteKubeconfig(const DockerOptions& options) {
  const std::string inside =
      TRY(Docker({"exec", DockerServerName(options.name), "cat", kKubeconfigInside}));
  const std::string text =
      TRY(KubeconfigFor(inside, fmt::format("https://127.0.0.1:{}", options.secure_port),
                        DockerContext(options.name)));
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(options.kubeconfig_path).parent_path(),
                                      ignored);
  return WriteWholeFile(options.kubeconfig_path, text, 0600);
}

Result<> AddAgents(const DockerOptions& options, int servers, const Progress& progress) {
  const int nodes = options.nodes.value_or(1);
  if (nodes == servers) return {};
  const std::string server = DockerServerName(options.name);
  const std::string endpoint = options.etcd_members ? DockerBalancerName(options.name) : server;
  const std::string printed =
      TRY(Docker({"exec", server, "skiff", "token", "create", "--ttl=1h", "--print-join-command"}));
  const auto join = JoinArguments(printed, fmt::format("{}:{}", endpoint, options.secure_port));
  if (join.empty()) {
    return Fail(Reason::kInternalError, server + " printed no join command: " + printed);
  }
  for (int number = 1; number <= nodes - servers; ++number) {
    progress(fmt::format("starting node {} of {}", servers + number, nodes));
    TRY(RunWithVolume(options, DockerAgentName(options.name, number),
                      DockerAgentCommand(options, number, join)));
  }
  for (int number = 1; number <= nodes - servers; ++number) {
    TRY(WaitUntilUsable(DockerAgentName(options.name, number), progress));
  }
  return {};
}

Result<> AddMembers(const DockerOptions& options, const DockerKeys& keys,
                    const Progress& progress) {
  for (int number = 1; number <= *options.etcd_members; ++number) {
    progress(fmt::format("starting member {} of {} of etcd", number, *options.etcd_members));
    TRY(RunWithVolume(options, DockerEtcdName(options.name, number),
                      DockerEtcdCommand(options, number), Given{keys.OfMember(number), "/pki"}));
  }
  return {};
}

// The first one by itself: it writes what all clusters begin with.
Result<> AddServers(const DockerOptions& options, int servers, const DockerKeys* keys,
                    const Progress& progress) {
  std::optional<Given> given;
  if (keys) given = {keys->OfServers(), "/var/lib/skiff"};
  for (int number = 1; number <= servers; ++number) {
    progress(fmt::format("starting node {} of {}", number, options.nodes.value_or(1)));
    const std::string name = DockerServerName(options.name, number);
    TRY(RunWithVolume(options, name, DockerServerCommand(options, number), given));
    if (number == 1) TRY(WaitUntilUsable(name, progress));
  }
  for (int number = 2; number <= servers; ++number) {
    TRY(WaitUntilUsable(DockerServerName(options.name, number), progress));
  }
  return {};
}

Result<> Create(const DockerOptions& options, const Progress& progress) {
  const auto networks = TRY(DockerNetworks());
  const bool has_network = std::any_of(networks.begin(), networks.end(), [&](const auto& network) {
    return network.name == options.name;
  });
  if (!has_network) {
    TRY(Docker({"network", "create", "--label", DockerLabel(options.name), options.name}));
  }
  const int servers = DockerServers(options);
  std::optional<DockerKeys> keys;
  if (options.etcd_members) {
    keys.emplace(TRY(DockerKeys::Make(options)));
    TRY(AddMembers(options, *keys, progress));
  }
  TRY(AddServers(options, servers, keys ? &*keys : nullptr, progress));
  if (keys) {
    TRY(Run(DockerBalancerName(options.name), DockerBalancerCommand(options),
            Given{keys->OfBalancer(), std::string(kBalancerDirectory)}));
  }
  return AddAgents(options, servers, progress);
}

// A new cluster: what was made is removed again when it fails.
Result<> CreateOrRemove(const DockerOptions& options, const Progress& progress) {
  TRY(CheckNames(options));
  TRY(CheckDockerImage(options.image));
  if (options.etcd_members) TRY(CheckEtcdImage(options.etcd_image));
  const auto created = Create(options, progress);
  if (created) return {};
  progress("removing what was made");
  if (const auto removed = DockerDown(options.name, [](const std::string&) {}); !removed) {
    return Fail(created.error().reason,
                fmt::format("{}; and what was made could not be removed: {}",
                            created.error().message, removed.error().message));
  }
  return Fail(created.error());
}

// Containers that were stopped go on where they were. Flags that made them are not given again.
Result<> StartAgain(DockerOptions& options, const std::vector<DockerNode>& containers,
                    const Progress& progress) {
  const std::string server = DockerServerName(options.name);
  const std::string remedy =
      fmt::format("choose another --name, or remove that one with `skiff down --docker --name={}`",
                  options.name);
  const auto count = [&](auto&& is) {
    return std::count_if(containers.begin(), containers.end(), is);
  };
  if (count([&](const DockerNode& node) { return node.name == server; }) == 0) {
    return Fail(Reason::kConflict,
                fmt::format("the cluster \"{}\" has lost its server; {}", options.name, remedy));
  }
  const auto nodes = count([](const DockerNode& node) { return node.is_node(); });
  if (options.nodes && *options.nodes != nodes) {
    return Fail(Reason::kConflict,
                fmt::format("there is a cluster \"{}\" with {} nodes, not {}; {}", options.name,
                            nodes, *options.nodes, remedy));
  }
  const auto members = count([](const DockerNode& node) { return node.role == kDockerEtcdRole; });
  if (options.etcd_members && *options.etcd_members != members) {
    return Fail(Reason::kConflict,
                fmt::format("there is a cluster \"{}\" with {} members of etcd, not {}; {}",
                            options.name, members, *options.etcd_members, remedy));
  }
  const std::string format = fmt::format("{{{{index .Config.Labels \"{}\"}}}}", kDockerPortLabel);
  const std::string port = TRY(Docker({"inspect", "--format", format, server}));
  const int asked = std::exchange(options.secure_port, std::atoi(port.c_str()));
  if (asked != 0 && asked != options.secure_port) {
    return Fail(Reason::kConflict,
                fmt::format("there is a cluster \"{}\" with --secure-port={}, not {}; {}",
                            options.name, options.secure_port, asked, remedy));
  }
  for (const DockerNode& container : containers) {
    progress("starting " + container.name);
    if (const auto started = Docker({"start", container.name}); !started) {
      return Fail(ExplainRun(started.error()));
    }
  }
  for (const DockerNode& container : containers) {
    if (container.is_node()) TRY(WaitUntilUsable(container.name, progress));
  }
  return {};
}

}  // namespace

Result<> DockerUp(const DockerOptions& asked, const Progress& progress) {
  DockerOptions options = asked;
  TRY(CheckOptions(options));
  TRY(CheckDockerEngine());
  const auto containers = TRY(DockerNodes(options.name));
  if (containers.empty()) {
    if (options.secure_port == 0) options.secure_port = TRY(FreePort());
    TRY(CreateOrRemove(options, progress));
  } else {
    TRY(StartAgain(options, containers, progress));
  }
  TRY(WriteKubeconfig(options));
  progress("waiting for the nodes");
  TRY(Docker({"exec", DockerServerName(options.name), "kubectl",
              std::string("--kubeconfig=") + kKubeconfigInside, "wait", "--for=condition=Ready",
              "nodes", "--all", "--timeout=120s"},
             kNodeTimeout + 60s));
  return DockerLoadImages(options.name, options.image_archives, progress);
}

Result<bool> DockerDown(const std::string& name, const Progress& progress) {
  TRY(CheckDockerEngine());
  std::vector<std::string> names;
  for (const DockerNode& container : TRY(DockerNodes(name))) names.push_back(container.name);
  bool any = !names.empty();
  for (const std::string& container : names) progress("removing " + container);
  if (!names.empty()) {
    std::vector<std::string> remove = {"rm", "--force", "--volumes"};
    remove.insert(remove.end(), names.begin(), names.end());
    TRY(Docker(std::move(remove)));
  }
  for (const DockerThing& volume : TRY(DockerVolumes())) {
    if (volume.cluster != name) continue;
    TRY(Docker({"volume", "rm", "--force", volume.name}));
    any = true;
  }
  for (const DockerThing& network : TRY(DockerNetworks())) {
    if (network.cluster != name) continue;
    TRY(Docker({"network", "rm", network.name}));
    any = true;
  }
  return any;
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
                      std::string("--kubeconfig=") + kKubeconfigInside, "get", "nodes", "-o",
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
