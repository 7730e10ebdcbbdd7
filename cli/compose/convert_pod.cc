// What a pod has of its service beside containers and volumes.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "api/rules/names.h"
#include "base/text.h"
#include "cli/compose/parts.h"
#include "cli/compose/scalars.h"
#include "cli/json_text.h"

namespace skiff::cli::compose {
namespace {

void PutHosts(const Scope& scope, Json& pod) {
  std::vector<std::string> order;
  std::map<std::string, Json> names;
  for (const Node& item : scope.node["extra_hosts"].items) {
    const std::string text = item.Text();
    const size_t sign = text.find('=');
    std::string address = text.substr(sign + 1);
    if (address.starts_with('[') && address.ends_with(']')) {
      address = address.substr(1, address.size() - 2);
    }
    if (address == "host-gateway") {
      scope.Note(item, "extra_hosts", "pods do not know their node's address by a name");
      continue;
    }
    if (!names.contains(address)) order.push_back(address);
    names[address].push_back(text.substr(0, sign));
  }
  for (const std::string& address : order) {
    pod["hostAliases"].push_back({{"ip", address}, {"hostnames", names[address]}});
  }
}

void PutDns(const Scope& scope, Json& pod) {
  for (const Node& domain : scope.node["dns_search"].items) {
    if (domain.Says() && domain.Text() != ".") {
      pod["dnsConfig"]["searches"].push_back(domain.Text());
    } else {
      scope.Note(domain, "dns_search", "pods always look in the cluster's domains");
    }
  }
  for (const std::string& option : scope.node["dns_opt"].Texts()) {
    const size_t colon = option.find(':');
    Json entry = {{"name", option.substr(0, colon)}};
    if (colon != option.npos) entry["value"] = option.substr(colon + 1);
    pod["dnsConfig"]["options"].push_back(std::move(entry));
  }
}

// "host" takes the node's; of a service or container it would be another pod's.
void PutNamespaces(const Scope& scope, Json& pod) {
  const Node& network = scope.node["network_mode"];
  const std::string mode = network.Text();
  if (mode == "host") {
    pod["hostNetwork"] = true;
    pod["dnsPolicy"] = "ClusterFirstWithHostNet";
  } else if (mode.starts_with("service:") || mode.starts_with("container:")) {
    scope.Note(network, "network_mode",
               "pods share no network: reach the other one by its name, or put both containers "
               "into one pod");
  } else if (mode != "none" && mode != "bridge" && network.Says()) {
    scope.Note(network, "network_mode", "all pods are in the cluster's one network");
  }
  for (const auto& [key, field] : {std::pair("pid", "hostPID"), std::pair("ipc", "hostIPC")}) {
    const Node& node = scope.node[key];
    if (node.Text() == "host") {
      pod[field] = true;
    } else if (node.Says() && node.Text() != "private" && node.Text() != "shareable") {
      scope.Note(node, key, "it is shared by the containers of one pod alone");
    }
  }
}

// Those of a pod alone, which any node sets.
constexpr std::string_view kSafeSysctls[] = {
    "kernel.shm_rmid_forced",       "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",      "net.ipv4.ping_group_range",
    "net.ipv4.tcp_keepalive_time",  "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_fin_timeout",     "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",            "net.ipv4.tcp_wmem"};

void PutPodSecurity(const Scope& scope, Json& pod) {
  Json context = Json::object();
  for (const Member& member : scope.node["sysctls"].members) {
    const auto end = std::end(kSafeSysctls);
    if (std::find(std::begin(kSafeSysctls), end, member.key) == end) {
      scope.Note(member.node, "sysctls." + member.key,
                 "nodes refuse pods with it, unless told otherwise (--allowed-unsafe-sysctls)");
      continue;
    }
    context["sysctls"].push_back({{"name", member.key}, {"value", member.node.Text()}});
  }
  for (const Node& group : scope.node["group_add"].items) {
    if (const auto number = ReadInteger(group, 0, 2147483647)) {
      context["supplementalGroups"].push_back(*number);
    } else {
      scope.Note(group, "group_add", "Kubernetes knows groups by their numbers alone");
    }
  }
  if (!context.empty()) pod["securityContext"] = std::move(context);
}

bool IsHostName(const std::string& text) {
  return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
}

// As long as a kernel keeps them, which is what an override may be.
constexpr size_t kKernelNameMax = 64;

// A name with a domain overrides that of the pod: DNS does not know it, as it does not for
// containers. Where they are no name together, the first alone may be one.
void PutHostname(const Scope& scope, Json& pod) {
  const Node& host = scope.node["hostname"];
  const Node& domain = scope.node["domainname"];
  const std::string name = host.Text();
  if (host.Says() && IsHostName(name) && !domain.Says()) {
    pod["hostname"] = name;
    return;
  }
  const std::string suffix = domain.Says() ? "." + domain.Text() : "";
  const std::string whole = name.ends_with(suffix) ? name : name + suffix;
  const bool is_own = !pod.contains("hostNetwork");
  const auto is_override = [&](const std::string& text) {
    return host.Says() && is_own && text.size() <= kKernelNameMax &&
           Dns1123SubdomainErrors(text).empty();
  };
  if (is_override(whole)) {
    pod["hostnameOverride"] = whole;
    return;
  }
  const char* why =
      is_own ? "host names of pods are of lower case letters, digits, dashes and dots, at most 64 "
               "with the domain"
             : "it is the node's, as the network is";
  if (IsHostName(name)) {
    pod["hostname"] = name;
  } else if (is_override(name)) {
    pod["hostnameOverride"] = name;
  } else if (host.Says()) {
    scope.Note(host, "hostname", why);
  }
  if (domain.Says()) {
    scope.Note(domain, "domainname", host.Says() ? why : "without a hostname, pods have their own");
  }
}

}  // namespace

void PutPodSettings(const Scope& scope, Json& pod) {
  const Node& node = scope.node;
  // Containers of Compose know neither of an API nor of other services by variables.
  pod["automountServiceAccountToken"] = false;
  pod["enableServiceLinks"] = false;
  PutHosts(scope, pod);
  PutDns(scope, pod);
  PutNamespaces(scope, pod);
  PutPodSecurity(scope, pod);
  PutHostname(scope, pod);
  // The node's first process is there where processes are the node's.
  if (node["init"].IsTrue() && !pod.contains("hostPID")) pod["shareProcessNamespace"] = true;
  const Node& grace = node["stop_grace_period"];
  if (grace.Says()) {
    const auto seconds = scope.Sound(ReadSeconds(grace));
    if (seconds) pod["terminationGracePeriodSeconds"] = *seconds;
  }
  PutPlacement(scope, pod);
}

}  // namespace skiff::cli::compose
