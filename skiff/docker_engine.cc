#include "skiff/docker_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <tuple>

#include "api/text/patterns.h"
#include "base/process.h"

namespace skiff {
namespace {

std::vector<std::string> FieldsOf(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream in(line);
  for (std::string field; std::getline(in, field, '\t');) fields.push_back(field);
  return fields;
}

Result<std::vector<DockerThing>> Things(std::vector<std::string> list, const std::string& name) {
  list.insert(list.end(),
              {"--format", fmt::format("{{{{.{}}}}}\t{{{{.Label \"{}\"}}}}\t{{{{.Label \"{}\"}}}}",
                                       name, kDockerClusterLabel, kDockerSettingsLabel)});
  std::vector<DockerThing> things;
  for (const std::string& line : LinesOf(TRY(Docker(std::move(list))))) {
    auto fields = FieldsOf(line);
    fields.resize(3);
    things.push_back({fields[0], fields[1], fields[2]});
  }
  return things;
}

}  // namespace

Result<std::string> Docker(std::vector<std::string> arguments, Duration timeout) {
  arguments.insert(arguments.begin(), "docker");
  return RunChecked({.argv = std::move(arguments), .timeout = timeout});
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

Result<> CheckDockerEngine() {
  if (!FindProgram("docker")) {
    return Fail(Reason::kNotFound,
                "docker: no such program; install it (Debian: apt-get install docker.io)");
  }
  if (const auto version = Docker({"version", "--format", "{{.Server.Version}}"}); !version) {
    return Fail(Reason::kServiceUnavailable,
                "the Docker engine does not answer: " + version.error().message +
                    "; start it (systemctl start docker), become a member of the group docker, or "
                    "say where it is with DOCKER_HOST");
  }
  return {};
}

namespace {

bool HasImage(const std::string& image) {
  return Docker({"image", "inspect", "--format", "{{.Id}}", image}).has_value();
}

}  // namespace

Result<> CheckEtcdImage(const std::string& image) {
  if (HasImage(image)) return {};
  return Fail(Reason::kNotFound,
              fmt::format("there is no image \"{0}\" of etcd; make it of Debian's package, in "
                          "skiff's source folder: e2e/docker/etcd.sh {0} debian:12-slim   or name "
                          "another with --etcd-image",
                          image));
}

Result<> CheckDockerImage(const std::string& image) {
  if (HasImage(image)) return {};
  return Fail(Reason::kNotFound,
              fmt::format("there is no image \"{0}\"; build it in skiff's source folder: docker "
                          "build -t {0} .   or name another with --image",
                          image));
}

std::vector<DockerNode> ParseDockerNodes(const std::string& printed) {
  std::vector<DockerNode> nodes;
  for (const std::string& line : LinesOf(printed)) {
    auto fields = FieldsOf(line);
    fields.resize(5);
    if (fields[4].empty()) {
      fields[4] = fields[1] == fields[0] + "-server" ? kDockerServerRole : kDockerAgentRole;
    }
    nodes.push_back({fields[0], fields[1], fields[2], fields[3], fields[4]});
  }
  const auto order = [](const DockerNode& node) {
    constexpr std::array<std::string_view, 4> kRoles = {kDockerEtcdRole, kDockerServerRole,
                                                        kDockerAgentRole, kDockerBalancerRole};
    // agent-10 comes after agent-9: shorter names first.
    return std::make_tuple(node.cluster,
                           std::find(kRoles.begin(), kRoles.end(), node.role) - kRoles.begin(),
                           node.name.size(), node.name);
  };
  std::sort(nodes.begin(), nodes.end(),
            [&](const auto& a, const auto& b) { return order(a) < order(b); });
  return nodes;
}

Result<std::vector<DockerNode>> DockerNodes(const std::string& cluster) {
  const std::string filter = cluster.empty() ? "" : "=" + cluster;
  return ParseDockerNodes(
      TRY(Docker({"ps", "--all", "--filter", fmt::format("label={}{}", kDockerClusterLabel, filter),
                  "--format",
                  fmt::format("{{{{.Label \"{}\"}}}}\t{{{{.Names}}}}\t{{{{.State}}}}\t"
                              "{{{{.Ports}}}}\t{{{{.Label \"{}\"}}}}",
                              kDockerClusterLabel, kDockerRoleLabel)})));
}

Result<std::vector<DockerThing>> DockerVolumes() {
  return Things({"volume", "ls"}, "Name");
}
Result<std::vector<DockerThing>> DockerNetworks() {
  return Things({"network", "ls"}, "Name");
}
Result<std::vector<DockerThing>> DockerContainers() {
  return Things({"ps", "--all"}, "Names");
}

Result<std::string> LabelOfVolume(const std::string& volume, const char* label) {
  const std::string format = fmt::format("{{{{index .Labels \"{}\"}}}}", label);
  const auto lines = LinesOf(TRY(Docker({"volume", "inspect", "--format", format, volume})));
  return lines.empty() ? "" : lines.front();
}

std::string TakenPortOf(std::string_view message) {
  // Of another container: "Bind for 127.0.0.1:6443 failed: port is already allocated"; of another
  // program: "listen tcp4 127.0.0.1:6443: bind: address already in use", and in engines from 28 on
  // "failed to bind host port for 127.0.0.1:6443: ...: address already in use".
  constexpr std::string_view kTaken =
      "(?:Bind for|listen tcp[46]?|failed to bind host port(?: for)?) "
      "((?:[0-9.]+|\\[[0-9a-f:]*\\]):"
      "\\d+)[^\n]*(?:already allocated|address already in use)";
  std::string address;
  RE2::PartialMatch(message, *TakePattern(kTaken).compiled, &address);
  return address;
}

}  // namespace skiff
