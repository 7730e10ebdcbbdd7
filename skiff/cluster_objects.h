// What a cluster holds so that machines can join it, as kubeadm leaves it: where the server is and
// by which authority it is known (kube-public/cluster-info, for anyone to read), what the network
// is (kube-system/kubeadm-config, for nodes and those who become one), and who may do what for it.
#pragma once

#include <string>
#include <vector>

#include "client/bootstrap_token.h"
#include "client/client.h"

namespace skiff {

struct ClusterFacts {
  std::string server_url;  // "https://10.0.0.5:6443"
  std::string authority_pem;
  std::string service_cidr;
  std::string cluster_cidr;
  bool has_dns = true;  // Of its own.
};

// The documents themselves.
std::vector<Json> ClusterObjects(const ClusterFacts& facts);

// Creates what is missing, and writes anew what says something else about this cluster. Signatures
// of cluster-info stay; its signer renews them.
Result<> WriteClusterObjects(Client& client, const ClusterFacts& facts);

// The class of claims that name none, made where it is missing: directories on the node of the
// claim's first pod; in a simulation, which has none, bound at once. One that is there stays as its
// administrator has it.
Result<> EnsureDefaultStorageClass(Client& client, bool simulated);

// The class of what HAProxy here serves; made where it is missing, and left as its administrator
// has it. It is not marked as the default one: Ingresses without a class are served as well.
Result<> EnsureIngressClass(Client& client);

// The value of --bootstrap-token; Invalid when it is no token.
Result<BootstrapToken> ParseGivenToken(const std::string& text);
// A token for nodes that never expires; one of that id that is there already stays.
Result<> EnsureBootstrapToken(Client& client, const std::string& text);

// The label of a server's node, and the key of the taint that keeps pods off it, as of kubeadm and
// kind.
inline constexpr char kControlPlaneRole[] = "node-role.kubernetes.io/control-plane";

// Gives the node the role control-plane, by its label. kNotFound: it
// is not registered.
Result<> MarkControlPlane(Client& client, const std::string& node);

}  // namespace skiff
