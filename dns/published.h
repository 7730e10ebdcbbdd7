// What leads pods to the cluster's DNS. Every node may have a server of its own, says so on its
// Node, and gets an EndpointSlice of the Service kube-system/kube-dns:
//
//   Node n1: annotation skiff.io/dns-port: "10053", InternalIP 192.0.2.1, Ready
//     ──► EndpointSlice kube-dns-n1: 192.0.2.1:10053, ready, hint: for node n1
//
// The Service prefers endpoints on the same node: a pod asks its own node as long as that is ready,
// else any other. Pure.
#pragma once

#include <optional>
#include <string>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"

namespace skiff::dns {

inline constexpr char kDnsPortAnnotation[] = "skiff.io/dns-port";
inline constexpr char kDnsNamespace[] = "kube-system";
inline constexpr char kDnsService[] = "kube-dns";

// The tenth address of the service range, as everywhere; "" when the range is too small.
std::string ClusterDnsAddress(const std::string& service_cidr);

core_v1::Service WantedService(const std::string& address);
// nullopt when the node has no server, or no address by which pods reach it.
std::optional<discovery_v1::EndpointSlice> WantedSlice(const core_v1::Node& node);
// Whether WantedSlice made it, for this node or one that is gone.
bool IsOwnSlice(const discovery_v1::EndpointSlice& slice);

}  // namespace skiff::dns
