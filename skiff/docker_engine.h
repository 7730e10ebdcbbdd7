// The `docker` program, which finds its engine by itself (DOCKER_HOST, contexts), and what the
// engine has of one cluster. What belongs to a cluster carries the label skiff.io/cluster=NAME.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace skiff {

inline constexpr char kDockerClusterLabel[] = "skiff.io/cluster";
// What a container is to its cluster; of those without it, an older skiff's, all are nodes.
inline constexpr char kDockerRoleLabel[] = "skiff.io/role";
inline constexpr char kDockerEtcdRole[] = "etcd";          // A member.
inline constexpr char kDockerBalancerRole[] = "balancer";  // Leads to a server that lives.
inline constexpr char kDockerServerRole[] = "server";      // A node with an API server.
inline constexpr char kDockerAgentRole[] = "agent";        // Another node.
// On the server, and on volumes: the port of the API, on the host's loopback and inside.
inline constexpr char kDockerPortLabel[] = "skiff.io/port";
// On servers, the first one on the balancer, too: what --publish and --server-arg said when it was
// made, with blanks between.
inline constexpr char kDockerPublishLabel[] = "skiff.io/publish";
inline constexpr char kDockerArgumentsLabel[] = "skiff.io/server-args";
// On volumes: what the cluster was made with (skiff/docker_parts.h).
inline constexpr char kDockerSettingsLabel[] = "skiff.io/settings";
// On volumes: whose call made it. The engine says of one that is there that it was made.
inline constexpr char kDockerMakerLabel[] = "skiff.io/maker";

// Runs `docker ARGUMENTS...` and returns its stdout. An error says what its stderr said.
Result<std::string> Docker(std::vector<std::string> arguments, Duration timeout = 60s);

// Lines that are not empty.
std::vector<std::string> LinesOf(const std::string& text);

// There is such a program and its engine answers; else the error says how to mend it.
Result<> CheckDockerEngine();
Result<> CheckDockerImage(const std::string& image);
Result<> CheckEtcdImage(const std::string& image);

struct DockerNode {  // A container of a cluster.
  std::string cluster;
  std::string name;   // Of the container, and of the node.
  std::string state;  // The engine's word: "running", "exited", ...
  std::string ports;  // "127.0.0.1:6443->6443/tcp"
  std::string role;   // kDockerServerRole, ...
  bool is_node() const { return role == kDockerServerRole || role == kDockerAgentRole; }
};
// Of that cluster, or of all clusters when `cluster` is "": by cluster, in an order in which they
// can be started: members of etcd, servers, agents, the balancer.
Result<std::vector<DockerNode>> DockerNodes(const std::string& cluster);
// The same from what `docker ps` printed.
std::vector<DockerNode> ParseDockerNodes(const std::string& printed);

// Something of the engine, and the cluster it belongs to: "" when it is none of ours.
struct DockerThing {
  std::string name;
  std::string cluster;
  std::string settings;  // What is written on it of these, on some volumes.
};
Result<std::vector<DockerThing>> DockerVolumes();
Result<std::vector<DockerThing>> DockerNetworks();
Result<std::vector<DockerThing>> DockerContainers();
// "" where it has none.
Result<std::string> LabelOfVolume(const std::string& volume, const char* label);

// What `docker run` says when a port of the host is taken: that port, else "".
std::string TakenPortOf(std::string_view message);

}  // namespace skiff
