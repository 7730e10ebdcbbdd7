// Texts of the files that every container of a pod gets: /etc/hosts, and the DNS configuration that
// the runtime writes to /etc/resolv.conf. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "kubelet/cri.h"

namespace skiff::kubelet {

// spec.hostname or the pod's name, cut to what a host name may be.
std::string Hostname(const core_v1::Pod& pod);
// "sub.ns.svc.cluster.local"; "" without a subdomain.
std::string HostDomain(const core_v1::Pod& pod, const std::string& cluster_domain);

// `node_hosts` is the node's own file, for pods on the host's network.
std::string EtcHosts(const core_v1::Pod& pod, const std::vector<std::string>& pod_ips,
                     const std::string& cluster_domain, const std::string& node_hosts);

struct DnsSettings {
  std::vector<std::string> cluster_servers;  // Empty: pods use the node's.
  std::string cluster_domain = "cluster.local";
  cri::DnsConfig node;  // Of the node's resolv.conf.
};
cri::DnsConfig PodDns(const core_v1::Pod& pod, const DnsSettings& settings);

// The parts of a resolv.conf.
cri::DnsConfig ParseResolvConf(const std::string& text);

}  // namespace skiff::kubelet
