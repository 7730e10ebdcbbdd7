// How a machine becomes a node of a cluster that runs elsewhere, as `kubeadm join` does it:
//
//   find the cluster ──► is the name free? ──► does its network fit? ──► get an identity ──► save
//   it
//     (discovery)          (by the token)        (kubeadm-config)       (node_certificates)
//
// Nothing of the node runs yet when this ends; skiff/joined_node runs it.
#pragma once

#include <functional>
#include <string>

#include "skiff/cluster.h"
#include "skiff/discovery.h"
#include "skiff/node_certificates.h"

namespace skiff {

inline constexpr Duration kCertificateTimeout = 60s;

// The cluster's network, as ConfigMap kube-system/kubeadm-config says.
struct ClusterNetwork {
  std::string service_cidr;
  std::string cluster_cidr;
  bool has_dns = true;  // The cluster brings its own, at the tenth address of the services.
};
struct JoinOptions {
  JoinTarget target;
  std::string data_dir;
  std::string node_name;
  Duration discovery_timeout = Duration(0);  // How long a server that is not up yet is waited for.
  // Whether this machine can be part of such a network: asked before the cluster knows of it.
  std::function<Result<>(const ClusterNetwork& network)> accepts = {};
};

// Pure. `text`: key ClusterConfiguration.
Result<ClusterNetwork> ParseClusterConfiguration(const std::string& text);
Result<ClusterNetwork> ReadClusterNetwork(Client& client);

// AlreadyExists when a node of that name is there and Ready: it is another machine.
Result<> CheckNodeNameIsFree(Client& client, const std::string& node_name);

// What is wrong with this machine's clock as the server sees it; "" when nothing is, or when the
// server cannot be asked. A machine that has joined goes on as well as it can.
std::string ClockProblem(const NodeIdentity& identity, const Clock& clock);

// Becomes a node, or stays the one that it is: what has joined already with this data directory
// keeps its identity and needs no token, unless its certificate has ended meanwhile. A node that
// runs renews it by itself (skiff/certificate_rotation).
Result<NodeIdentity> JoinCluster(const JoinOptions& options, const Clock& clock, Random& random,
                                 const Progress& progress);

}  // namespace skiff
