#include "kubelet/pod_dns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <sstream>

#include "api/rules/core/ip.h"
#include "api/text/go_text.h"
#include "base/whole_file.h"
#include "http/socket.h"

namespace skiff::kubelet {
namespace {

// What resolvers of containers read, at most.
constexpr size_t kNameserversMax = 3;
constexpr size_t kSearchesMax = 32;
constexpr size_t kSearchLineMax = 2048;
constexpr size_t kClusterSearches = 3;  // Those of the cluster's domain.
constexpr size_t kDomainMax = 253;      // Some resolvers abort on longer ones.

void AppendUnique(std::vector<std::string>& list, const std::vector<std::string>& more) {
  for (const std::string& item : more) {
    if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
  }
}

std::string OptionName(const std::string& option) {
  return option.substr(0, option.find(':'));
}

void SetOption(std::vector<std::string>& options, const std::string& option) {
  std::erase_if(options, [&](const auto& each) { return OptionName(each) == OptionName(option); });
  options.push_back(option);
}

size_t LineBytes(const std::vector<std::string>& words) {
  size_t bytes = words.empty() ? 0 : words.size() - 1;
  for (const std::string& word : words) bytes += word.size();
  return bytes;
}

void FitNameservers(std::vector<std::string>& servers, std::vector<DnsWarning>& warnings) {
  if (servers.size() <= kNameserversMax) return;
  servers.resize(kNameserversMax);
  warnings.push_back(
      {"DNSConfigForming",
       fmt::format("Nameserver limits were exceeded, some nameservers have been omitted, the "
                   "applied nameserver line is: {}",
                   fmt::join(servers, " "))});
}

void FitSearches(std::vector<std::string>& searches, std::vector<DnsWarning>& warnings) {
  const size_t wanted = searches.size();
  if (searches.size() > kSearchesMax) searches.resize(kSearchesMax);
  std::erase_if(searches, [](const std::string& each) { return each.size() > kDomainMax; });
  while (LineBytes(searches) > kSearchLineMax) searches.pop_back();
  if (searches.size() == wanted) return;
  warnings.push_back(
      {"DNSConfigForming",
       fmt::format("Search Line limits were exceeded, some search paths have been omitted, the "
                   "applied search line is: {}",
                   fmt::join(searches, " "))});
}

// A line of it that names none.
bool NamesNoServer(const std::string& resolv_conf) {
  std::istringstream lines(resolv_conf);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string keyword;
    std::string server;
    if (words >> keyword && keyword == "nameserver" && !(words >> server)) return true;
  }
  return false;
}

bool IsLoopback(const std::string& server) {
  const auto address = ParseIp(server);
  if (!address) return false;
  return address->v6 ? address->Text() == "::1" : address->bytes[0] == 127;
}

// What the node asks. A server on its own loopback, as systemd-resolved and Docker have it, is not
// there in the pod's network: the cluster's, which asks that one, takes its place.
cri::DnsConfig NodeDns(const core_v1::Pod& pod, const DnsSettings& settings) {
  cri::DnsConfig dns = settings.node;
  if (pod.spec.host_network || settings.cluster_servers.empty()) return dns;
  if (std::erase_if(dns.servers, IsLoopback) > 0 && dns.servers.empty()) {
    dns.servers = settings.cluster_servers;
  }
  return dns;
}

bool WantsCluster(const core_v1::Pod& pod) {
  const std::string& policy = pod.spec.dns_policy;
  if (policy == "ClusterFirst") return !pod.spec.host_network;
  return policy != "Default" && policy != "None";
}

cri::DnsConfig ClusterDns(const core_v1::Pod& pod, const DnsSettings& settings) {
  cri::DnsConfig dns;
  dns.servers = settings.cluster_servers;
  const std::string& domain = settings.cluster_domain;
  if (!domain.empty()) {
    dns.searches = {pod.metadata.namespace_ + ".svc." + domain, "svc." + domain, domain};
  }
  AppendUnique(dns.searches, settings.node.searches);
  dns.options = {"ndots:5"};
  return dns;
}

}  // namespace

cri::DnsConfig PodDns(const core_v1::Pod& pod, const DnsSettings& settings,
                      std::vector<DnsWarning>* warnings) {
  std::vector<DnsWarning> found;
  cri::DnsConfig dns;
  if (WantsCluster(pod) && !settings.cluster_servers.empty()) {
    dns = ClusterDns(pod, settings);
  } else if (pod.spec.dns_policy != "None") {
    dns = NodeDns(pod, settings);
    if (WantsCluster(pod)) {
      found.push_back(
          {"MissingClusterDNS",
           fmt::format("pod: \"{}_{}({})\". kubelet does not have ClusterDNS IP configured and "
                       "cannot create Pod using \"ClusterFirst\" policy. Falling back to "
                       "\"Default\" policy.",
                       pod.metadata.name, pod.metadata.namespace_, pod.metadata.uid)});
    }
  }
  if (const auto& config = pod.spec.dns_config) {
    AppendUnique(dns.servers, config->nameservers);
    AppendUnique(dns.searches, config->searches);
    for (const auto& option : config->options) {
      SetOption(dns.options, option.value ? option.name + ":" + *option.value : option.name);
    }
  }
  FitNameservers(dns.servers, found);
  FitSearches(dns.searches, found);
  if (warnings != nullptr) *warnings = std::move(found);
  return dns;
}

DnsSettings ReadNodeDns(DnsSettings settings) {
  if (settings.node_resolv_conf.empty()) return settings;
  settings.node = ParseResolvConf(ReadWholeFile(settings.node_resolv_conf).value_or(""));
  return settings;
}

std::string ResolvConfProblem(const DnsSettings& settings) {
  const std::string& path = settings.node_resolv_conf;
  if (path.empty()) return "";
  const auto text = ReadWholeFile(path);
  if (!text) return text.error().message;
  // The kubelet's words, which end so; it looks no further then.
  if (NamesNoServer(*text)) return "nameserver list is empty ";
  const auto searches = ParseResolvConf(*text).searches;
  const size_t searches_max =
      settings.cluster_domain.empty() ? kSearchesMax : kSearchesMax - kClusterSearches;
  if (searches.size() > searches_max) {
    return fmt::format(
        "Resolv.conf file '{}' contains search line consisting of more than {} domains!", path,
        searches_max);
  }
  const bool has_long = std::any_of(searches.begin(), searches.end(),
                                    [](const auto& each) { return each.size() > kDomainMax; });
  if (has_long) {
    return fmt::format(
        "Resolv.conf file {} contains a search path which length is more than "
        "allowed {} chars!",
        GoQuote(path), kDomainMax);
  }
  if (LineBytes(searches) <= kSearchLineMax) return "";
  return fmt::format(
      "Resolv.conf file '{}' contains search line which length is more than allowed "
      "{} chars!",
      path, kSearchLineMax);
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
      // The same domain with and without its dot counts once.
      for (std::string& value : values) {
        if (value.ends_with('.')) value.pop_back();
      }
      dns.searches = std::move(values);
    } else if (keyword == "options") {
      for (const std::string& value : values) SetOption(dns.options, value);
    }
  }
  return dns;
}

}  // namespace skiff::kubelet
