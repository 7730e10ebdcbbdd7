// How a machine becomes a node of a cluster that runs elsewhere, as `kubeadm join` does it:
//
//   find the cluster ──► is the name free? ──► what is its network? ──► get an identity ──► save it
//     (discovery)          (by the token)        (kubeadm-config)      (node_certificates)
//
// Nothing of the node runs yet when this ends; skiff/joined_node runs it.
#pragma once

#include <string>

#include "skiff/cluster.h"
#include "skiff/discovery.h"
#include "skiff/node_certificates.h"

namespace skiff {

inline constexpr Duration kCertificateTimeout = 60s;

struct JoinOptions {
  JoinTarget target;
  std::string data_dir;
  std::string node_name;
  Duration discovery_timeout = Duration(0);  // How long a server that is not up yet is waited for.
};

// The cluster's network, as ConfigMap kube-system/kubeadm-config says.
struct ClusterNetwork {
  std::string service_cidr;
  std::string cluster_cidr;
  bool has_dns = true;  // The cluster brings its own, at the tenth address of the services.
};
// Pure. `text`: key ClusterConfiguration.
Result<ClusterNetwork> ParseClusterConfiguration(const std::string& text);
Result<ClusterNetwork> ReadClusterNetwork(Client& client);

// AlreadyExists when a node of that name is there and Ready: it is another machine.
Result<> CheckNodeNameIsFree(Client& client, const std::string& node_name);

// Becomes a node, or stays the one that it is: what has joined already with this data directory
// keeps its identity, renewed when little of its life is left, and needs no token.
Result<NodeIdentity> JoinCluster(const JoinOptions& options, const Clock& clock, Random& random,
                                 const Progress& progress);

}  // namespace skiff
