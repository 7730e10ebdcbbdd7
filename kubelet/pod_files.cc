#include "kubelet/pod_files.h"

#include <fmt/format.h>

namespace skiff::kubelet {
namespace {

constexpr size_t kHostnameMax = 63;
constexpr size_t kKernelHostnameMax = 64;  // utsname's nodename, without its end.

void AppendAliases(const core_v1::Pod& pod, std::string& text) {
  if (pod.spec.host_aliases.empty()) return;
  text += "\n# Entries added by HostAliases.\n";
  for (const auto& alias : pod.spec.host_aliases) {
    text += alias.ip;
    for (const std::string& name : alias.hostnames) text += "\t" + name;
    text += "\n";
  }
}

}  // namespace

std::string Hostname(const core_v1::Pod& pod) {
  std::string name = pod.spec.hostname.empty() ? pod.metadata.name : pod.spec.hostname;
  if (pod.spec.hostname_override) name = *pod.spec.hostname_override;
  if (name.size() > kHostnameMax) name.resize(kHostnameMax);
  while (name.ends_with('-') || name.ends_with('.')) name.pop_back();
  return name;
}

std::string HostDomain(const core_v1::Pod& pod, const std::string& cluster_domain) {
  if (pod.spec.subdomain.empty() || pod.spec.hostname_override) return "";
  return pod.spec.subdomain + "." + pod.metadata.namespace_ + ".svc." + cluster_domain;
}

Result<std::string> KernelHostname(const core_v1::Pod& pod, const std::string& cluster_domain) {
  const std::string host = Hostname(pod);
  const std::string domain = HostDomain(pod, cluster_domain);
  if (domain.empty() || !pod.spec.set_hostname_as_fqdn.value_or(false)) return host;
  std::string name = host + "." + domain;
  if (name.size() > kKernelHostnameMax) {
    return Fail(Reason::kInvalid,
                fmt::format("failed to construct FQDN from pod hostname and cluster domain, FQDN "
                            "{} is too long ({} characters is the max, {} characters requested)",
                            name, kKernelHostnameMax, name.size()));
  }
  return name;
}

std::string EtcHosts(const core_v1::Pod& pod, const std::vector<std::string>& pod_ips,
                     const std::string& cluster_domain, const std::string& node_hosts) {
  std::string text;
  if (pod.spec.host_network) {
    text = "# Kubernetes-managed hosts file (host network).\n" + node_hosts;
  } else {
    text =
        "# Kubernetes-managed hosts file.\n"
        "127.0.0.1\tlocalhost\n"
        "::1\tlocalhost ip6-localhost ip6-loopback\n"
        "fe00::0\tip6-localnet\n"
        "fe00::0\tip6-mcastprefix\n"
        "fe00::1\tip6-allnodes\n"
        "fe00::2\tip6-allrouters\n";
    const std::string host = Hostname(pod);
    const std::string domain = HostDomain(pod, cluster_domain);
    for (const std::string& ip : pod_ips) {
      text += ip + "\t" + (domain.empty() ? host : host + "." + domain + "\t" + host) + "\n";
    }
  }
  AppendAliases(pod, text);
  return text;
}

}  // namespace skiff::kubelet
