#include "skiff/docker_parts.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <utility>

#include "api/values.h"
#include "skiff/docker_servers.h"

namespace skiff {
namespace {

constexpr int kUsualPort = 6443;

using Naming = std::string (*)(const std::string& cluster, int number);

// Those of which there is a container or, where `volumes` count, a volume.
std::set<int> NumbersOf(const DockerOptions& options, const DockerParts& parts, Naming name_of,
                        bool volumes) {
  // No cluster has more of a kind.
  constexpr int kMax = 64;
  std::set<int> numbers;
  for (int number = 1; number <= kMax; ++number) {
    const std::string name = name_of(options.name, number);
    if (parts.containers.contains(name) || (volumes && parts.volumes.contains(name))) {
      numbers.insert(number);
    }
  }
  return numbers;
}

std::set<int> UpToWithout(int count, const std::set<int>& there) {
  std::set<int> missing;
  for (int number = 1; number <= count; ++number) {
    if (!there.contains(number)) missing.insert(number);
  }
  return missing;
}

// As many as are asked for, else those whose volume is there.
std::set<int> MissingAgents(const DockerOptions& options, const DockerParts& parts, int others) {
  const auto there = NumbersOf(options, parts, &DockerAgentName, false);
  std::set<int> missing;
  if (!options.nodes) {
    for (const int number : NumbersOf(options, parts, &DockerAgentName, true)) {
      if (!there.contains(number)) missing.insert(number);
    }
    return missing;
  }
  const int wanted = *options.nodes - others;
  for (int number = 1; static_cast<int>(missing.size()) < wanted; ++number) {
    if (!there.contains(number)) missing.insert(number);
  }
  return missing;
}

std::string Remedy(const DockerOptions& options) {
  return fmt::format(
      "choose another --name, or remove that one with `skiff down --docker --name={}`",
      options.name);
}

Error NotSoMany(const DockerOptions& options, int there, const char* what, int asked) {
  return {Reason::kConflict, fmt::format("there is a cluster \"{}\" with {} {}, not {}; {}",
                                         options.name, there, what, asked, Remedy(options))};
}

Error HasLost(const DockerOptions& options, const std::string& what) {
  return {Reason::kConflict,
          fmt::format("the cluster \"{}\" has lost {}; {}", options.name, what, Remedy(options))};
}

// A member without its data is another one, and its keys lie beside these; so do a server's.
Result<> CheckVolumes(const DockerOptions& options, const DockerParts& parts,
                      const DockerMissing& missing) {
  if (!missing.members.empty() && !parts.volumes.contains(DockerSettingsName(options.name))) {
    return Fail(HasLost(options, "a member of its etcd, and with it the keys that an older skiff "
                                 "put into its container"));
  }
  for (const int number : missing.members) {
    const std::string name = DockerEtcdName(options.name, number);
    if (!parts.volumes.contains(name)) return Fail(HasLost(options, "the volume " + name));
  }
  for (const int number : missing.servers) {
    const std::string name = DockerServerName(options.name, number);
    if (!parts.volumes.contains(name)) return Fail(HasLost(options, "the volume " + name));
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

// A server's container, the first one's where there are several; "": there is none.
std::string ServerThere(const DockerOptions& options, const DockerParts& parts) {
  const auto there = NumbersOf(options, parts, &DockerServerName, false);
  return there.empty() ? "" : DockerServerName(options.name, *there.begin());
}

// As it was said, by what a label keeps of it.
std::string FlagOf(const char* flag, const std::string& label) {
  return label.empty() ? fmt::format("no {}", flag) : fmt::format("{}={}", flag, label);
}

// It has the ports where its servers are gone, and is not made again with them.
Result<> CheckSaidOfBalancer(const DockerOptions& options, const DockerParts& parts) {
  const std::string balancer = DockerBalancerName(options.name);
  const std::string asked = fmt::format("{}", fmt::join(options.published_ports, " "));
  if (asked.empty() || !parts.containers.contains(balancer)) return {};
  const auto label = TRY(LabelOf(balancer, kDockerPublishLabel));
  if (!label || asked == *label) return {};
  return Fail(Reason::kConflict,
              fmt::format("there is a cluster \"{}\" whose balancer has {}, not {}; choose another "
                          "--name, or have that made anew: docker rm -f {}, and this once more",
                          options.name, FlagOf("--publish", *label), FlagOf("--publish", asked),
                          balancer));
}

std::vector<std::string> SplitAtBlanks(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

}  // namespace

Result<DockerParts> DockerPartsOf(const std::string& cluster) {
  DockerParts parts;
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

Result<DockerMissing> MissingOf(DockerOptions& options, const DockerParts& parts) {
  const auto members_there = NumbersOf(options, parts, &DockerEtcdName, true);
  const auto servers_there = NumbersOf(options, parts, &DockerServerName, true);
  const auto agents_there = NumbersOf(options, parts, &DockerAgentName, false);
  const bool anew = members_there.empty() && servers_there.empty() &&
                    NumbersOf(options, parts, &DockerAgentName, true).empty();
  const int members = members_there.empty() ? 0 : *members_there.rbegin();
  if (!anew) {
    if (options.etcd_members && *options.etcd_members != members) {
      return Fail(NotSoMany(options, members, "members of etcd", *options.etcd_members));
    }
    if (members > 0) options.etcd_members = members;
    // Nodes that came later are agents, though there be fewer servers than members.
    options.servers = members == 0 || servers_there.empty() ? 1 : *servers_there.rbegin();
  }
  const int servers = DockerServers(options);
  const int nodes = servers + static_cast<int>(agents_there.size());
  if (options.nodes && *options.nodes < nodes) {
    return Fail(NotSoMany(options, nodes, "nodes", *options.nodes));
  }
  DockerMissing missing;
  missing.members = UpToWithout(options.etcd_members.value_or(0),
                                NumbersOf(options, parts, &DockerEtcdName, false));
  missing.servers = UpToWithout(servers, NumbersOf(options, parts, &DockerServerName, false));
  missing.agents = MissingAgents(options, parts, nodes);
  missing.balancer = options.etcd_members.value_or(0) > 0 &&
                     !parts.containers.contains(DockerBalancerName(options.name));
  options.nodes = nodes + static_cast<int>(missing.agents.size());
  if (!anew) TRY(CheckVolumes(options, parts, missing));
  return missing;
}

std::string DockerSettingsName(const std::string& cluster) {
  return cluster + "-settings";
}

std::string DockerSettingsText(const DockerOptions& options) {
  const Json settings = {{"image", options.image},
                         {"etcdImage", options.etcd_image},
                         {"publish", options.published_ports},
                         {"serverArgs", options.server_arguments}};
  return settings.dump(-1, ' ', true, Json::error_handler_t::replace);
}

void TakeDockerSettings(const std::string& text, DockerOptions& options) {
  const auto settings = Json::parse(text, nullptr, false);
  const auto word = [&](const char* name, std::string& to) {
    const auto found = settings.find(name);
    if (found != settings.end() && found->is_string()) to = found->get<std::string>();
  };
  const auto list = [&](const char* name, std::vector<std::string>& to) {
    const auto found = settings.find(name);
    if (!to.empty() || found == settings.end() || !found->is_array()) return;
    for (const auto& each : *found) {
      if (each.is_string()) to.push_back(each.get<std::string>());
    }
  };
  if (!settings.is_object()) return;
  if (!options.image_is_asked) word("image", options.image);
  if (!options.etcd_image_is_asked) word("etcdImage", options.etcd_image);
  list("publish", options.published_ports);
  list("serverArgs", options.server_arguments);
}

Result<std::string> DockerSettingsOf(const std::string& cluster, const DockerParts& parts) {
  const std::string volume = DockerSettingsName(cluster);
  if (!parts.volumes.contains(volume)) return std::string();
  return LabelOfVolume(volume, kDockerSettingsLabel);
}

Result<> AddDockerSettings(DockerOptions& options, const DockerParts& parts) {
  if (!parts.volumes.contains(DockerServerName(options.name))) return {};  // It is made anew.
  const std::string settings = TRY(DockerSettingsOf(options.name, parts));
  if (!settings.empty()) {
    TakeDockerSettings(settings, options);
    return {};
  }
  const std::string server = ServerThere(options, parts);
  if (server.empty()) return {};
  const struct {
    const char* label;
    std::vector<std::string>& to;
  } kKept[] = {{kDockerPublishLabel, options.published_ports},
               {kDockerArgumentsLabel, options.server_arguments}};
  for (const auto& each : kKept) {
    const auto label = TRY(LabelOf(server, each.label));
    if (each.to.empty() && label) each.to = SplitAtBlanks(*label);
  }
  return {};
}

Result<> CheckDockerSaid(const DockerOptions& options, const DockerParts& parts) {
  const std::string server = ServerThere(options, parts);
  if (server.empty()) return CheckSaidOfBalancer(options, parts);
  const std::string image = TRY(Docker({"inspect", "--format", "{{.Image}}", server}));
  const auto wrong = [&](const std::string& has, const std::string& asked) {
    std::vector<std::string> all = {server};
    if (options.etcd_members) {
      all.clear();
      for (int number = 1; number <= DockerServers(options); ++number) {
        all.push_back(DockerServerName(options.name, number));
      }
      all.push_back(DockerBalancerName(options.name));
    }
    return Fail(Reason::kConflict,
                fmt::format("there is a cluster \"{}\" with {}, not {}; choose another --name, or "
                            "have {} made anew over {}: docker rm -f {}, and this once more",
                            options.name, has, asked,
                            options.etcd_members ? "its servers" : "its server",
                            options.etcd_members ? "their volumes" : "its volume",
                            fmt::join(all, " ")));
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
    return wrong(FlagOf(each.flag, *label), FlagOf(each.flag, asked));
  }
  if (!options.image_is_asked) return {};
  TRY(CheckDockerImage(options.image));
  const std::string asked =
      TRY(Docker({"image", "inspect", "--format", "{{.Id}}", options.image}));
  if (asked == image) return {};
  return wrong("another image", "--image=" + options.image);
}

Result<> ChooseDockerPort(DockerOptions& options, const DockerParts& parts) {
  const std::string server = ServerThere(options, parts);
  if (!server.empty()) {
    const std::string port = TRY(LabelOf(server, kDockerPortLabel)).value_or("");
    const int asked = std::exchange(options.secure_port, std::atoi(port.c_str()));
    if (asked == 0 || asked == options.secure_port) return {};
    return Fail(Reason::kConflict,
                fmt::format("there is a cluster \"{}\" with --secure-port={}, not {}; {}",
                            options.name, options.secure_port, asked, Remedy(options)));
  }
  // Where agents look for a server that is gone; 0 where nobody knows.
  const std::string volume = DockerServerName(options.name);
  const int port = parts.volumes.contains(volume)
                       ? std::atoi(TRY(LabelOfVolume(volume, kDockerPortLabel)).c_str())
                       : 0;
  if (options.secure_port == 0) options.secure_port = port;
  if (options.secure_port == 0) options.secure_port = TRY(FreePort());
  if (port == 0 || port == options.secure_port) return {};
  return Fail(Reason::kConflict,
              fmt::format("--secure-port: what is left of the cluster \"{}\" knows its server at "
                          "port {}, not {}",
                          options.name, port, options.secure_port));
}

Result<> CheckDockerNames(const DockerOptions& options) {
  const auto names = DockerContainerNames(options);
  std::set<std::string> wanted(names.begin(), names.end());
  const std::set<std::string> containers = wanted;
  wanted.insert(DockerSettingsName(options.name));
  const struct {
    const char* kind;
    const char* remove;
    Result<std::vector<DockerThing>> things;
    std::set<std::string> names;
  } taken[] = {{"container", "docker rm -f", DockerContainers(), containers},
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

}  // namespace skiff
