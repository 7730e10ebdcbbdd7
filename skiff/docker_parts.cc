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
constexpr int kMaxOfAKind = 64;  // No cluster has more of one.

using Naming = std::string (*)(const std::string& cluster, int number);

// Those of which there is a container or, where `volumes` count, a volume.
std::set<int> NumbersOf(const DockerOptions& options, const DockerParts& parts, Naming name_of,
                        bool volumes) {
  std::set<int> numbers;
  for (int number = 1; number <= kMaxOfAKind; ++number) {
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

// How many a cluster was made with.
struct DockerCounts {
  int members = 0;
  int servers = 1;
};

// By what is there, where an older skiff made it and wrote nothing down.
DockerCounts CountsThere(const DockerOptions& options, const DockerParts& parts) {
  const auto members = NumbersOf(options, parts, &DockerEtcdName, true);
  if (members.empty()) return {};
  const auto servers = NumbersOf(options, parts, &DockerServerName, true);
  return {*members.rbegin(), servers.empty() ? 1 : *servers.rbegin()};
}

std::optional<DockerCounts> CountsIn(const std::string& settings) {
  const auto parsed = Json::parse(settings, nullptr, false);
  if (!parsed.is_object()) return {};
  const auto count = [&](const char* name) {
    const auto found = parsed.find(name);
    return found != parsed.end() && found->is_number_integer() ? found->get<int>() : -1;
  };
  const DockerCounts counts = {count("members"), count("servers")};
  const bool possible = counts.members >= 0 && counts.members <= kMaxOfAKind &&
                        counts.servers >= 1 && counts.servers <= kMaxOfAKind;
  return possible ? std::optional(counts) : std::nullopt;
}

Result<> CheckVolume(const DockerOptions& options, const DockerParts& parts,
                     const std::string& name) {
  if (parts.volumes.contains(name)) return {};
  return Fail(Reason::kConflict,
              fmt::format("the cluster \"{}\" lacks the volume {}: it was removed, or an up ended "
                          "before it had made that; {}",
                          options.name, name, Remedy(options)));
}

// A member without its data is another one, and its keys lie beside these; so do a server's.
Result<> CheckVolumes(const DockerOptions& options, const DockerParts& parts,
                      const DockerMissing& missing) {
  if (!missing.members.empty() && DockerSettingsOf(options.name, parts).empty()) {
    return Fail(Reason::kConflict,
                fmt::format("the cluster \"{}\" has lost a member of its etcd, and with it the "
                            "keys that an older skiff put into its container; {}",
                            options.name, Remedy(options)));
  }
  for (const int number : missing.members) {
    TRY(CheckVolume(options, parts, DockerEtcdName(options.name, number)));
  }
  for (const int number : missing.servers) {
    TRY(CheckVolume(options, parts, DockerServerName(options.name, number)));
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

std::string JoinWithBlanks(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

std::vector<std::string> SplitAtBlanks(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

// As it was said, by what a label keeps of it.
std::string FlagOf(const char* flag, const std::string& label) {
  return label.empty() ? fmt::format("no {}", flag) : fmt::format("{}={}", flag, label);
}

// It has the ports where its servers are gone, and is not made again with them.
Result<> CheckSaidOfBalancer(const DockerOptions& options, const DockerParts& parts) {
  const std::string balancer = DockerBalancerName(options.name);
  const std::string asked = JoinWithBlanks(options.published_ports);
  if (asked.empty() || !parts.containers.contains(balancer)) return {};
  const auto label = TRY(LabelOf(balancer, kDockerPublishLabel));
  if (label && asked == *label) return {};
  // One of an older skiff tells nothing.
  const std::string has = label ? FlagOf("--publish", *label) : "ports that it does not tell";
  return Fail(Reason::kConflict,
              fmt::format("there is a cluster \"{}\" whose balancer has {}, not {}; choose another "
                          "--name, or have that made anew: docker rm -f {}, and this once more",
                          options.name, has, FlagOf("--publish", asked), balancer));
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
  const auto volumes = TRY(DockerVolumes());
  add(volumes, parts.volumes);
  for (const DockerThing& volume : volumes) {
    const bool has = volume.cluster == cluster && !volume.settings.empty();
    if (has) parts.settings[volume.name] = volume.settings;
  }
  add(TRY(DockerNetworks()), parts.networks);
  return parts;
}

Result<DockerMissing> MissingOf(DockerOptions& options, const DockerParts& parts) {
  const auto agents_there = NumbersOf(options, parts, &DockerAgentName, false);
  const bool anew = NumbersOf(options, parts, &DockerEtcdName, true).empty() &&
                    NumbersOf(options, parts, &DockerServerName, true).empty() &&
                    NumbersOf(options, parts, &DockerAgentName, true).empty();
  if (!anew) {
    const DockerCounts made =
        CountsIn(DockerSettingsOf(options.name, parts)).value_or(CountsThere(options, parts));
    if (options.etcd_members && *options.etcd_members != made.members) {
      return Fail(NotSoMany(options, made.members, "members of etcd", *options.etcd_members));
    }
    if (made.members > 0) options.etcd_members = made.members;
    // Nodes that came later are agents, though there be fewer servers than members.
    options.servers = made.servers;
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
  const Json settings = {{"members", options.etcd_members.value_or(0)},
                         {"servers", DockerServers(options)},
                         {"image", options.image},
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

std::string DockerSettingsOf(const std::string& cluster, const DockerParts& parts) {
  const auto own = parts.settings.find(DockerSettingsName(cluster));
  if (own != parts.settings.end()) return own->second;
  return parts.settings.empty() ? "" : parts.settings.begin()->second;
}

Result<> AddDockerSettings(DockerOptions& options, const DockerParts& parts) {
  if (!parts.volumes.contains(DockerServerName(options.name))) return {};  // It is made anew.
  const struct {
    const char* label;
    std::vector<std::string>& to;
    bool asked;
  } kSaid[] = {
      {kDockerPublishLabel, options.published_ports, !options.published_ports.empty()},
      {kDockerArgumentsLabel, options.server_arguments, !options.server_arguments.empty()}};
  TakeDockerSettings(DockerSettingsOf(options.name, parts), options);
  if (parts.settings.contains(DockerSettingsName(options.name))) return {};
  // Something else may have been said since the other volumes were made.
  std::string container = ServerThere(options, parts);
  if (container.empty()) container = DockerBalancerName(options.name);
  if (!parts.containers.contains(container)) return {};
  for (const auto& each : kSaid) {
    if (each.asked) continue;
    const auto label = TRY(LabelOf(container, each.label));
    // The label does not tell blanks in a word from those between them.
    if (label && *label != JoinWithBlanks(each.to)) each.to = SplitAtBlanks(*label);
  }
  if (options.image_is_asked) return {};
  const auto image =
      LinesOf(TRY(Docker({"inspect", "--format", "{{.Config.Image}}", container})));
  if (!image.empty()) options.image = image.front();
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
    const std::string asked = JoinWithBlanks(each.asked);
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
