#include "skiff/docker_cluster.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
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
  TRY(Docker({"volume", "create", "--label", DockerLabel(options.name), "--label",
              fmt::format("{}={}", kDockerPortLabel, options.secure_port), name}));
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

// Makes those agents, and waits for them.
Result<> AddAgents(const DockerOptions& options, const std::set<int>& numbers,
                   const Progress& progress) {
  if (numbers.empty()) return {};
  const std::string server = DockerServerName(options.name);
  const std::string endpoint = options.etcd_members ? DockerBalancerName(options.name) : server;
  const std::string printed =
      TRY(Docker({"exec", server, "skiff", "token", "create", "--ttl=1h", "--print-join-command"}));
  const auto join = JoinArguments(printed, fmt::format("{}:{}", endpoint, options.secure_port));
  if (join.empty()) {
    return Fail(Reason::kInternalError, server + " printed no join command: " + printed);
  }
  const int servers = DockerServers(options);
  for (const int number : numbers) {
    progress(fmt::format("starting node {} of {}", servers + number, options.nodes.value_or(1)));
    TRY(RunWithVolume(options, DockerAgentName(options.name, number),
                      DockerAgentCommand(options, number, join)));
  }
  for (const int number : numbers) {
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

Result<> AddNetwork(const std::string& name) {
  const auto networks = TRY(DockerNetworks());
  const bool is_there = std::any_of(networks.begin(), networks.end(),
                                    [&](const auto& network) { return network.name == name; });
  if (!is_there) TRY(Docker({"network", "create", "--label", DockerLabel(name), name}));
  return {};
}

Result<> Create(const DockerOptions& options, const std::set<int>& agents,
                const Progress& progress) {
  TRY(AddNetwork(options.name));
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
  return AddAgents(options, agents, progress);
}

// What the engine has of a cluster, by name.
struct Parts {
  std::set<std::string> containers, volumes, networks;
};

Result<Parts> PartsOf(const std::string& cluster) {
  Parts parts;
  const auto add = [&](const std::vector<DockerThing>& things, std::set<std::string>& names) {
    for (const DockerThing& thing : things) {
      if (thing.cluster == cluster) names.insert(thing.name);
    }
  };
  add(TRY(DockerContainers()), parts.containers);
  add(TRY(DockerVolumes()), parts.volumes);
  add(TRY(DockerNetworks()), parts.networks);
  return parts;
}

// All of it, but for that. False when there was nothing.
Result<bool> Remove(const std::string& cluster, const Parts& but, const Progress& progress) {
  std::vector<std::string> remove = {"rm", "--force", "--volumes"};
  const size_t none = remove.size();
  for (const DockerNode& container : TRY(DockerNodes(cluster))) {
    if (but.containers.contains(container.name)) continue;
    progress("removing " + container.name);
    remove.push_back(container.name);
  }
  bool any = remove.size() > none;
  if (any) TRY(Docker(std::move(remove)));
  const Parts left = TRY(PartsOf(cluster));
  for (const std::string& volume : left.volumes) {
    if (but.volumes.contains(volume)) continue;
    TRY(Docker({"volume", "rm", "--force", volume}));
    any = true;
  }
  for (const std::string& network : left.networks) {
    if (but.networks.contains(network)) continue;
    TRY(Docker({"network", "rm", network}));
    any = true;
  }
  return any;
}

// Does it; where it fails, what it has made is removed again, and nothing else: volumes that were
// there hold somebody's cluster.
Result<> OrRemove(const std::string& cluster, const Progress& progress,
                  const std::function<Result<>()>& make) {
  const Parts before = TRY(PartsOf(cluster));
  const auto made = make();
  if (made) return {};
  progress("removing what was made");
  if (const auto removed = Remove(cluster, before, [](const std::string&) {}); !removed) {
    return Fail(made.error().reason,
                fmt::format("{}; and what was made could not be removed: {}",
                            made.error().message, removed.error().message));
  }
  return Fail(made.error());
}

Result<> CheckImages(const DockerOptions& options) {
  TRY(CheckNames(options));
  TRY(CheckDockerImage(options.image));
  if (options.etcd_members) TRY(CheckEtcdImage(options.etcd_image));
  for (const DockerThing& volume : TRY(DockerVolumes())) {
    // The keys of etcd lie in containers.
    const bool of_etcd = volume.name.starts_with(options.name + "-etcd-");
    if (volume.cluster != options.name || !(of_etcd || options.etcd_members)) continue;
    return Fail(Reason::kConflict,
                fmt::format("a volume {} of a cluster \"{}\" is there, whose containers are gone, "
                            "and with them the keys of its etcd; choose another --name, or remove "
                            "what is left with `skiff down --docker --name={}`",
                            volume.name, options.name, options.name));
  }
  return {};
}

int NumberOfAgent(const std::string& cluster, const std::string& name) {
  const std::string prefix = DockerAgentName(cluster, 0);
  const std::string_view before = std::string_view(prefix).substr(0, prefix.size() - 1);
  return name.starts_with(before) ? std::atoi(name.c_str() + before.size()) : 0;
}

// Which agents there are to be that have no container: as many as are asked for, else those whose
// volume is there.
std::set<int> LostAgents(const DockerOptions& options, const Parts& parts, int others) {
  std::set<int> lost;
  if (!options.nodes) {
    for (const std::string& volume : parts.volumes) {
      const int number = NumberOfAgent(options.name, volume);
      if (number > 0 && !parts.containers.contains(volume)) lost.insert(number);
    }
    return lost;
  }
  for (int number = 1; others + static_cast<int>(lost.size()) < *options.nodes; ++number) {
    if (!parts.containers.contains(DockerAgentName(options.name, number))) lost.insert(number);
  }
  return lost;
}

// Of a label that an older skiff did not give it nothing is known.
Result<std::optional<std::string>> LabelOf(const std::string& container, const char* label) {
  const std::string format = fmt::format(
      "{{{{range $name, $value := .Config.Labels}}}}{{{{if eq $name \"{}\"}}}}={{{{$value}}}}"
      "{{{{end}}}}{{{{end}}}}",
      label);
  const auto lines = LinesOf(TRY(Docker({"inspect", "--format", format, container})));
  if (lines.empty()) return std::optional<std::string>();
  return std::optional(lines.front().substr(1));
}

// Where agents look for a server that is gone; 0 where nobody knows.
Result<int> PortOfVolume(const std::string& volume) {
  const std::string format = fmt::format("{{{{index .Labels \"{}\"}}}}", kDockerPortLabel);
  const auto lines = LinesOf(TRY(Docker({"volume", "inspect", "--format", format, volume})));
  return lines.empty() ? 0 : std::atoi(lines.front().c_str());
}

// Of a server that is made over what is left.
Result<> ChoosePort(DockerOptions& options, const Parts& parts) {
  const std::string server = DockerServerName(options.name);
  const int port = parts.volumes.contains(server) ? TRY(PortOfVolume(server)) : 0;
  if (options.secure_port == 0) options.secure_port = port;
  if (options.secure_port == 0) options.secure_port = TRY(FreePort());
  if (port == 0 || port == options.secure_port) return {};
  return Fail(Reason::kConflict,
              fmt::format("--secure-port: what is left of the cluster \"{}\" knows its server at "
                          "port {}, not {}",
                          options.name, port, options.secure_port));
}

// What was said when a container was made cannot be said anew. Beside etcd no server is made again.
Result<> CheckSaid(const DockerOptions& options, const std::string& server, bool by_etcd) {
  const std::string image =
      TRY(Docker({"inspect", "--format", "{{.Image}}", server}));
  const auto wrong = [&](const std::string& has, const std::string& asked) {
    return Fail(Reason::kConflict,
                fmt::format("there is a cluster \"{}\" with {}, not {}; choose another --name{}",
                            options.name, has, asked,
                            by_etcd ? ""
                                    : fmt::format(", or have its server made anew over its volume: "
                                                  "docker rm -f {}, and this once more",
                                                  server)));
  };
  const struct {
    const char* label;
    const char* flag;
    const std::vector<std::string>& asked;
  } kSaid[] = {{kDockerPublishLabel, "--publish", options.published_ports},
               {kDockerArgumentsLabel, "--server-arg", options.server_arguments}};
  for (const auto& each : kSaid) {
    const std::string asked = fmt::format("{}", fmt::join(each.asked, " "));
    const auto label = TRY(LabelOf(server, each.label));
    if (asked.empty() || !label || asked == *label) continue;
    const std::string& has = *label;
    return wrong(has.empty() ? fmt::format("no {}", each.flag)
                             : fmt::format("{}={}", each.flag, has),
                 fmt::format("{}={}", each.flag, asked));
  }
  if (!options.image_is_asked) return {};
  TRY(CheckDockerImage(options.image));
  const std::string asked =
      TRY(Docker({"image", "inspect", "--format", "{{.Id}}", options.image}));
  if (asked == image) return {};
  return wrong("another image", "--image=" + options.image);
}

// Containers that were stopped go on where they were.
Result<> StartAgain(DockerOptions& options, const std::vector<DockerNode>& containers,
                    const Progress& progress) {
  const std::string server = DockerServerName(options.name);
  const std::string remedy =
      fmt::format("choose another --name, or remove that one with `skiff down --docker --name={}`",
                  options.name);
  const Parts parts = TRY(PartsOf(options.name));
  const auto count = [&](auto&& is) {
    return static_cast<int>(std::count_if(containers.begin(), containers.end(), is));
  };
  const int members = count([](const DockerNode& node) { return node.role == kDockerEtcdRole; });
  const bool has_server = parts.containers.contains(server);
  const bool has_balancer = parts.containers.contains(DockerBalancerName(options.name));
  if ((!has_server && (members > 0 || !parts.volumes.contains(server))) ||
      (members > 0 && !has_balancer)) {
    return Fail(Reason::kConflict,
                fmt::format("the cluster \"{}\" has lost its {}; {}", options.name,
                            has_server ? "balancer" : "server", remedy));
  }
  const int nodes =
      count([](const DockerNode& node) { return node.is_node(); }) + (has_server ? 0 : 1);
  if (options.nodes && *options.nodes < nodes) {
    return Fail(Reason::kConflict,
                fmt::format("there is a cluster \"{}\" with {} nodes, not {}; {}", options.name,
                            nodes, *options.nodes, remedy));
  }
  if (options.etcd_members && *options.etcd_members != members) {
    return Fail(Reason::kConflict,
                fmt::format("there is a cluster \"{}\" with {} members of etcd, not {}; {}",
                            options.name, members, *options.etcd_members, remedy));
  }
  if (has_server) {
    TRY(CheckSaid(options, server, members > 0));
    const std::string port = TRY(LabelOf(server, kDockerPortLabel)).value_or("");
    const int asked = std::exchange(options.secure_port, std::atoi(port.c_str()));
    if (asked != 0 && asked != options.secure_port) {
      return Fail(Reason::kConflict,
                  fmt::format("there is a cluster \"{}\" with --secure-port={}, not {}; {}",
                              options.name, options.secure_port, asked, remedy));
    }
  } else {
    TRY(ChoosePort(options, parts));
  }
  const std::set<int> lost = LostAgents(options, parts, nodes);
  options.nodes = nodes + static_cast<int>(lost.size());
  if (members > 0) options.etcd_members = members;
  TRY(CheckNames(options));
  if (!has_server || !lost.empty()) TRY(CheckDockerImage(options.image));
  return OrRemove(options.name, progress, [&]() -> Result<> {
    TRY(AddNetwork(options.name));
    if (!has_server) TRY(AddServers(options, 1, nullptr, progress));
    for (const DockerNode& container : containers) {
      progress("starting " + container.name);
      if (const auto started = Docker({"start", container.name}); !started) {
        return Fail(ExplainRun(started.error()));
      }
    }
    for (const DockerNode& container : containers) {
      if (container.is_node()) TRY(WaitUntilUsable(container.name, progress));
    }
    return AddAgents(options, lost, progress);
  });
}

}  // namespace

Result<> DockerUp(const DockerOptions& asked, const Progress& progress) {
  DockerOptions options = asked;
  TRY(CheckOptions(options));
  TRY(CheckDockerEngine());
  const auto containers = TRY(DockerNodes(options.name));
  if (containers.empty()) {
    const Parts parts = TRY(PartsOf(options.name));
    TRY(ChoosePort(options, parts));
    const int servers = DockerServers(options);
    const std::set<int> agents = LostAgents(options, parts, servers);
    if (!agents.empty()) options.nodes = servers + static_cast<int>(agents.size());
    TRY(CheckImages(options));
    TRY(OrRemove(options.name, progress, [&] { return Create(options, agents, progress); }));
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
  // Without a name it would be the containers of all clusters, and volumes that are of none.
  if (name.empty()) return Fail(Reason::kInvalid, "--name: no cluster is named");
  TRY(CheckDockerEngine());
  return Remove(name, {}, progress);
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
