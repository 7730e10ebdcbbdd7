// How a pod is called, and the text of the file that each of its containers gets as /etc/hosts.
// Pure.
#pragma once

#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/error.h"

namespace skiff::kubelet {

// spec.hostname or the pod's name, cut to what a host name may be.
std::string Hostname(const core_v1::Pod& pod);
// "sub.ns.svc.cluster.local"; "" without a subdomain.
std::string HostDomain(const core_v1::Pod& pod, const std::string& cluster_domain);

// What the kernel of the pod's namespace is told: its host name, or with spec.setHostnameAsFQDN
// that with its domain, unless that is longer than the kernel takes.
Result<std::string> KernelHostname(const core_v1::Pod& pod, const std::string& cluster_domain);

// `node_hosts` is the node's own file, for pods on the host's network.
std::string EtcHosts(const core_v1::Pod& pod, const std::vector<std::string>& pod_ips,
                     const std::string& cluster_domain, const std::string& node_hosts);

}  // namespace skiff::kubelet
