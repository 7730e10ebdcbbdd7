#include "kubelet/pod_files.h"

#include <algorithm>
#include <sstream>

namespace skiff::kubelet {
namespace {

constexpr size_t kHostnameMax = 63;
constexpr size_t kNameserversMax = 3;
constexpr size_t kSearchesMax = 32;

void AppendUnique(std::vector<std::string>& list, const std::vector<std::string>& more) {
  for (const std::string& item : more) {
    if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
  }
}

std::string OptionName(const std::string& option) {
  return option.substr(0, option.find(':'));
}

void MergeOptions(const core_v1::PodDNSConfig& config, std::vector<std::string>& options) {
  for (const auto& option : config.options) {
    std::erase_if(options, [&](const auto& each) { return OptionName(each) == option.name; });
    options.push_back(option.value ? option.name + ":" + *option.value : option.name);
  }
}

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
  if (pod.spec.hostname_override) return *pod.spec.hostname_override;
  std::string name = pod.spec.hostname.empty() ? pod.metadata.name : pod.spec.hostname;
  if (name.size() > kHostnameMax) name.resize(kHostnameMax);
  while (name.ends_with('-') || name.ends_with('.')) name.pop_back();
  return name;
}

std::string HostDomain(const core_v1::Pod& pod, const std::string& cluster_domain) {
  if (pod.spec.subdomain.empty()) return "";
  return pod.spec.subdomain + "." + pod.metadata.namespace_ + ".svc." + cluster_domain;
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

cri::DnsConfig PodDns(const core_v1::Pod& pod, const DnsSettings& settings) {
  const std::string& policy = pod.spec.dns_policy;
  const bool wants_cluster =
      policy == "ClusterFirstWithHostNet" || (policy == "ClusterFirst" && !pod.spec.host_network);
  cri::DnsConfig dns;
  if (wants_cluster && !settings.cluster_servers.empty()) {
    dns.servers = settings.cluster_servers;
    const std::string& domain = settings.cluster_domain;
    dns.searches = {pod.metadata.namespace_ + ".svc." + domain, "svc." + domain, domain};
    AppendUnique(dns.searches, settings.node.searches);
    dns.options = {"ndots:5"};
  } else if (policy != "None") {
    dns = settings.node;
  }
  if (pod.spec.dns_config) {
    AppendUnique(dns.servers, pod.spec.dns_config->nameservers);
    AppendUnique(dns.searches, pod.spec.dns_config->searches);
    MergeOptions(*pod.spec.dns_config, dns.options);
  }
  if (dns.servers.size() > kNameserversMax) dns.servers.resize(kNameserversMax);
  if (dns.searches.size() > kSearchesMax) dns.searches.resize(kSearchesMax);
  return dns;
}

cri::DnsConfig ParseResolvConf(const std::string& text) {
  cri::DnsConfig dns;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find_first_of("#;")));
    std::string keyword;
    words >> keyword;
    std::vector<std::string> values;
    for (std::string word; words >> word;) values.push_back(word);
    if (keyword == "nameserver" && !values.empty()) {
      dns.servers.push_back(values[0]);
    } else if (keyword == "search") {
      std::erase(values, ".");
      dns.searches = std::move(values);
    } else if (keyword == "options") {
      dns.options = std::move(values);
    }
  }
  return dns;
}

}  // namespace skiff::kubelet
