// The DNS configuration of a pod, which the runtime writes to its /etc/resolv.conf. Pure, but for
// the reading of the node's own.
#pragma once

#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "kubelet/cri.h"

namespace skiff::kubelet {

struct DnsSettings {
  std::vector<std::string> cluster_servers;  // Empty: pods use the node's.
  std::string cluster_domain = "cluster.local";
  cri::DnsConfig node;           // Of the node's resolv.conf ...
  std::string node_resolv_conf;  // ... which is this file; "": `node` stays as it is.
};

// With the node's resolv.conf as it is now: networks come and go.
DnsSettings ReadNodeDns(DnsSettings settings);

// What an Event tells of a pod whose DNS configuration is not what it asked for.
struct DnsWarning {
  std::string reason;
  std::string message;
  bool operator==(const DnsWarning&) const = default;
};

// By spec.dnsPolicy and spec.dnsConfig, cut to what resolvers take. `warnings` may be null.
cri::DnsConfig PodDns(const core_v1::Pod& pod, const DnsSettings& settings,
                      std::vector<DnsWarning>* warnings = nullptr);

// What is wrong with the node's resolv.conf, whatever pods ask for, as an Event tells it once; "":
// nothing.
std::string ResolvConfProblem(const DnsSettings& settings);

// The parts of a resolv.conf.
cri::DnsConfig ParseResolvConf(const std::string& text);

}  // namespace skiff::kubelet
