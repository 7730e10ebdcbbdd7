// A cluster whose nodes are containers of the Docker engine: one server, the others join it.
// `skiff up --docker --nodes=3` makes one; several live side by side under names of their own.
//
// What belongs to a cluster carries the label skiff.io/cluster=NAME; nothing else is ever touched.
// Every call runs the `docker` program, which finds its engine by itself (DOCKER_HOST, contexts).
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "skiff/cluster.h"

namespace skiff {

struct DockerOptions {
  std::string name = "skiff";
  std::string image = "skiff";
  int nodes = 1;                              // The server among them; 1..50.
  int secure_port = 6443;                     // Of the API, on the host's loopback and inside.
  std::vector<std::string> published_ports;   // HOST:CONTAINER of the server, as docker's -p.
  std::vector<std::string> image_archives;    // Loaded into every node: paths of tar files.
  std::vector<std::string> server_arguments;  // Further flags for `skiff up` inside.
  std::string kubeconfig_path;                // Where the admin's kubeconfig is written.
};

// The command lines, as pure functions of the options.
std::vector<std::string> DockerServerCommand(const DockerOptions& options);
std::vector<std::string> DockerAgentCommand(const DockerOptions& options, int number,
                                            const std::vector<std::string>& join_arguments);
// The arguments of the `skiff join ...` line that `skiff token create --print-join-command`
// printed, with HOST replaced by the server's container; empty when there is no such line.
std::vector<std::string> JoinArguments(const std::string& printed, const std::string& host);
// `text`, an admin's kubeconfig, with its server's address replaced.
std::string KubeconfigFor(const std::string& text, const std::string& server);

// Creates the cluster, or starts what was stopped of it, and returns when all nodes are Ready. What
// was made is removed again when a new cluster fails. Errors say how to mend it.
Result<> DockerUp(const DockerOptions& options, const Progress& progress);

// Removes the containers, the network and the volumes of the cluster. Can be repeated.
Result<> DockerDown(const std::string& name, const Progress& progress);

// Loads image archives into every node of the cluster. kNotFound: no such cluster.
Result<> DockerLoadImages(const std::string& name, const std::vector<std::string>& archives,
                          const Progress& progress);

}  // namespace skiff
