// What the proxy of one node has to bring about: every service port with the endpoints that traffic
// of each kind goes to. Pure: Services, EndpointSlices and the node in, a map out. Backends
// (iptables, nftables) turn it into rules and look at nothing else.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"

namespace skiff::proxy {

// Of one Service, counted for each of its ports: so many rules are written for it on every node.
// One of 2,000 ports and 1,000 endpoints, which the API takes, would have half a gigabyte of them.
inline constexpr size_t kEndpointsOfAServiceMax = 100'000;
// Of all Services of a namespace together: who may write in one is not to have the memory of all
// nodes, by a thousand Services of the same thousand pods.
inline constexpr size_t kEndpointsOfANamespaceMax = 1'000'000;
// The same of its external addresses, of those of its load balancer, and of who may use that.
inline constexpr size_t kAddressesOfAServiceMax = 50'000;

enum class IpFamily : uint8_t { kIpv4, kIpv6 };

struct NodeFacts {
  std::string name;
  std::string zone;  // Label topology.kubernetes.io/zone; "" when unknown.
  IpFamily family = IpFamily::kIpv4;
};

struct ServiceEndpoint {
  std::string ip;
  int port = 0;
  bool is_local = false;  // On this node.
  bool ready = false;
  bool serving = false;
  bool terminating = false;
  std::vector<std::string> zone_hints;
  std::vector<std::string> node_hints;
  // "10.0.0.1:80", "[::1]:80".
  std::string Address() const;
  bool operator==(const ServiceEndpoint&) const = default;
};

// One port of one service, in one address family.
struct ServicePortRules {
  std::string name;      // "ns/name:port", or "ns/name" when the port has no name.
  std::string protocol;  // "tcp", "udp", "sctp"
  std::string cluster_ip;
  int port = 0;
  int node_port = 0;               // 0: none.
  int health_check_node_port = 0;  // 0: none.
  std::vector<std::string> external_ips;
  std::vector<std::string> load_balancer_ips;
  std::vector<std::string> source_ranges;  // Who may use the load balancer; empty: everyone.
  int affinity_seconds = 0;                // 0: no session affinity.
  bool internal_local = false;             // internalTrafficPolicy: Local
  bool external_local = false;             // externalTrafficPolicy: Local
  // Where traffic goes under the policies Cluster and Local; sorted by address.
  std::vector<ServiceEndpoint> cluster_endpoints;
  std::vector<ServiceEndpoint> local_endpoints;
  // Some endpoint exists somewhere, usable from here or not: decides between REJECT and DROP.
  bool has_endpoints = false;
  // There are more endpoints than the Service may have: traffic goes to some of them. Or more
  // addresses: the first ones are served.
  bool is_cut = false;
  // Of UDP ports: addresses of all endpoints that serve, wherever they are. A client that talks to
  // one of them already is left alone.
  std::vector<std::string> serving;

  const std::vector<ServiceEndpoint>& InternalEndpoints() const {
    return internal_local ? local_endpoints : cluster_endpoints;
  }
  const std::vector<ServiceEndpoint>& ExternalEndpoints() const {
    return external_local ? local_endpoints : cluster_endpoints;
  }
  // Reached from outside the cluster somehow.
  bool IsExternal() const {
    return node_port != 0 || !external_ips.empty() || !load_balancer_ips.empty();
  }
  bool operator==(const ServicePortRules&) const = default;
};

// By name and protocol ("ns/name:port/tcp").
using ServiceMap = std::map<std::string, ServicePortRules>;

using ServicePtr = std::shared_ptr<const core_v1::Service>;
using SlicePtr = std::shared_ptr<const discovery_v1::EndpointSlice>;

// Addresses and ranges that cannot be read; none of them is in any rule.
using Unreadable = std::set<std::string>;

// The ports of one service; `slices` are those that carry its name. A service without a cluster IP,
// of type ExternalName or served by another proxy has none. Beyond `endpoints_max` each port has an
// equal share of the endpoints, but one at least, ports side by side different ones; beyond
// kAddressesOfAServiceMax all ports have the first addresses.
ServiceMap BuildServicePorts(const core_v1::Service& service, const std::vector<SlicePtr>& slices,
                             const NodeFacts& node, Unreadable* unreadable = nullptr,
                             size_t endpoints_max = kEndpointsOfAServiceMax);

// How many endpoints Services have, by their "namespace/name".
class EndpointRoom {
 public:
  explicit EndpointRoom(size_t namespace_max = kEndpointsOfANamespaceMax)
      : namespace_max_(namespace_max) {}
  // So many the Service may have beside the others of its namespace.
  size_t Left(const std::string& service) const;
  // It has those of these ports now, and none any more that it had.
  void Take(const std::string& service, const ServiceMap& ports);
  // Of those that were cut the ones that would have notably more if they were built now.
  std::vector<std::string> Grown() const;
  bool HasGrown(const std::string& service) const;

 private:
  size_t namespace_max_;
  std::map<std::string, size_t> of_services_, of_namespaces_;  // None are not in it.
  std::map<std::string, size_t> cut_;  // What was left for those that were cut.
};
// "namespace/name" of the service that a slice belongs to; "" for none, and for headless ones.
std::string ServiceOf(const discovery_v1::EndpointSlice& slice);

// The ports of all services. Services without a cluster IP, of type ExternalName or served by
// another proxy are left out.
ServiceMap BuildServiceMap(const std::vector<ServicePtr>& services,
                           const std::vector<SlicePtr>& slices, const NodeFacts& node);

}  // namespace skiff::proxy
