// A cluster whose nodes are containers of the Docker engine: one server, or several over an etcd
// (skiff/docker_servers.h), the others join it. `skiff up --docker --nodes=3` makes one; several
// live side by side under names of their own.
//
// Nothing is ever touched that does not carry the cluster's label (skiff/docker_engine.h).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "skiff/cluster.h"

namespace skiff {

struct DockerOptions {
  std::string name = "skiff";
  std::string image = "skiff";
  bool image_is_asked = false;  // Not the usual one because nobody said another.
  std::optional<int> nodes;  // The server among them; 1..50. Unset: 1, or those that are there.
  std::optional<int> etcd_members;  // Unset: one server, which keeps the objects itself.
  std::optional<int> servers;  // Of a cluster that is there; unset: the first `etcd_members` nodes.
  std::string etcd_image = "etcd";  // With /usr/local/bin/etcd: e2e/docker/etcd.sh, or etcd's own.
  bool etcd_image_is_asked = false;
  int secure_port =
      0;  // Of the API, on the host's loopback and inside. 0: 6443, or another where that is taken.
  std::vector<std::string> published_ports;   // HOST:CONTAINER of the server, as docker's -p.
  std::vector<std::string> image_archives;    // Loaded into every node: as for DockerLoadImages.
  std::vector<std::string> server_arguments;  // Further flags for `skiff up` inside.
  std::string kubeconfig_path;                // Where the admin's kubeconfig is written.
};

// Its containers, which are its nodes' names too, and the label on all that is the cluster's.
std::string DockerServerName(const std::string& cluster, int number = 1);
std::string DockerAgentName(const std::string& cluster, int number);
std::string DockerLabel(const std::string& cluster);

// The command lines, as pure functions of the options.
std::vector<std::string> DockerServerCommand(const DockerOptions& options, int number = 1);
std::vector<std::string> DockerAgentCommand(const DockerOptions& options, int number,
                                            const std::vector<std::string>& join_arguments);
// The arguments of the `skiff join ...` line that `skiff token create --print-join-command`
// printed, with HOST replaced by the server's container; empty when there is no such line.
std::vector<std::string> JoinArguments(const std::string& printed, const std::string& host);
// What the cluster is called in kubeconfigs: "skiff-NAME".
std::string DockerContext(const std::string& cluster);
// `text`, an admin's kubeconfig, with its server's address replaced, and all in it named `context`,
// so that several clusters fit into one file.
Result<std::string> KubeconfigFor(const std::string& text, const std::string& server,
                                  const std::string& context);

// Creates the cluster, or starts what was stopped of it and makes again what was removed by other
// hands and has its volume still, with what the cluster was made with unless another is said, and
// returns when all nodes are Ready. What this very call made is removed again when that fails, and
// nothing else. kConflict: the same is under way already. Errors say how to mend it.
Result<> DockerUp(const DockerOptions& options, const Progress& progress);

// Removes the containers, the network and the volumes of the cluster. Can be repeated; false when
// there was nothing of it. `first` is done before anything is removed, where there are containers.
Result<bool> DockerDown(const std::string& name, const Progress& progress,
                        const std::function<void()>& first);

// The certificate of its authority (PEM), as a node that runs has it; "": none tells.
std::string DockerAuthority(const std::string& name);

// A table of the cluster's nodes, or of those of all clusters when `name` is "". kNotFound: no such
// cluster.
Result<std::string> DockerStatus(const std::string& name);

// Loads images into every node of the cluster: archives by their paths, or images of the engine by
// their names. kNotFound: no such cluster, or no such file or image.
Result<> DockerLoadImages(const std::string& name, const std::vector<std::string>& images,
                          const Progress& progress);

}  // namespace skiff
