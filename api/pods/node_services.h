// The second identity of a node. Its kubelet is system:node:NAME and may do what Kubernetes lets a
// kubelet do; what serves the network of the whole cluster from each node, and so must know more
// than the node itself (service proxy, routes between nodes, DNS, the reclaiming of volumes), is
// somebody else, as kube-proxy is in Kubernetes.
#pragma once

#include <string>
#include <string_view>

namespace skiff {

inline constexpr std::string_view kNodeServicesPrefix = "skiff:node-services:";
inline constexpr std::string_view kNodeServicesGroup = "skiff:node-services";

// "skiff:node-services:NAME"
inline std::string NodeServicesUser(std::string_view node) {
  return std::string(kNodeServicesPrefix).append(node);
}

}  // namespace skiff
