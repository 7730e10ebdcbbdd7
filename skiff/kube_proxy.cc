// `skiff kube-proxy`: flags and configuration file of kube-proxy -> the service proxy of this
// machine, against an API server that a kubeconfig names. (`skiff proxy` is kubectl's verb.)
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "api/rules/core/ip.h"
#include "apiserver/auth/pki.h"
#include "base/build_info.h"
#include "base/log.h"
#include "kubelet/network/own_address.h"
#include "skiff/cluster_ranges.h"
#include "skiff/component_clients.h"
#include "skiff/network_policies.h"
#include "skiff/node.h"
#include "skiff/programs.h"
#include "skiff/service_proxy.h"
#include "skiff/service_proxy_server.h"

namespace skiff {
namespace {

constexpr int kThreads = 4;

void AddUnusedProxyFlags(Flags& flags) {
  AddUnused(flags, "watches tell of every change at once", {"config-sync-period"});
  AddUnused(flags, "connection tracking keeps this machine's settings",
            {"conntrack-max-per-core", "conntrack-min", "conntrack-tcp-timeout-established",
             "conntrack-tcp-timeout-close-wait", "conntrack-udp-timeout",
             "conntrack-udp-timeout-stream"});
  flags.AddUnused({"conntrack-tcp-be-liberal",
                   "connection tracking keeps this machine's settings", {"false"}, true});
  AddUnused(flags, "--healthz-bind-address says it", {"healthz-port"});
  AddUnused(flags, "--metrics-bind-address says it", {"metrics-port"});
  AddUnused(flags, "who starts it chooses", {"oom-score-adj"});
  AddProfilingFlags(flags);
  constexpr bool kRefused = true;
  flags.AddUnused({"init-only", "nothing has to be done with more rights before", {"false"}, true,
                   kRefused});
  flags.AddUnused({"write-config-to", "no configuration is written", {""}, false, kRefused});
}

void AddFlags(Flags& flags, KubeProxyFlags& to, std::string& config) {
  flags.Add("config", config, "The path to the configuration file.");
  flags.Add("cleanup", to.cleanup, "Remove all rules of services and network policies, and exit.");
  flags.Add("enforce-network-policies", to.enforce_network_policies,
            "Also enforce NetworkPolicies for the pods of this node, where no network plugin does. "
            "Whom the kubeconfig names must be allowed to list and watch networkpolicies, pods and "
            "namespaces, too.");
  AddApiFlags(flags, to.api);
  AddLogFlags(flags, to.log);
  ProxyConfig& proxy = to.proxy;
  flags.Add("bind-address", proxy.bind_address, "The primary address of this node.");
  flags.Add("healthz-bind-address", proxy.healthz_bind_address,
            "The IP address and port for the health check server; empty serves none.");
  flags.Add("metrics-bind-address", proxy.metrics_bind_address,
            "The IP address and port for the metrics server; empty serves none.");
  flags.Add(
      "cluster-cidr", proxy.cluster_cidr,
      "The CIDR range of the pods in the cluster; of both families, with a comma between, where it "
      "is dual-stack.");
  flags.Add("hostname-override", proxy.hostname_override,
            "The name of this node, if it is not the host's.");
  flags.Add("proxy-mode", proxy.mode, "Which proxy mode to use: iptables.");
  flags.Add("iptables-flavour", to.iptables_flavour,
            "Which iptables to use, nft or legacy; auto: the one this machine uses already.");
  flags.Add("masquerade-all", proxy.masquerade_all, "SNAT all traffic sent via service IPs.");
  flags.Add("iptables-localhost-nodeports", proxy.localhost_node_ports,
            "Whether node ports can be reached by 127.0.0.1.");
  flags.Add("nodeport-addresses", proxy.node_port_addresses,
            "Node ports are served on addresses of these CIDRs alone, or on the node's primary one "
            "(primary); on all by default.");
  flags.Add("detect-local-mode", proxy.detect_local_mode,
            "How traffic of local pods is told: ClusterCIDR, NodeCIDR, BridgeInterface or "
            "InterfaceNamePrefix.");
  flags.Add("pod-bridge-interface", proxy.bridge_interface,
            "Traffic that comes in by this bridge is local; with BridgeInterface.");
  flags.Add("pod-interface-name-prefix", proxy.interface_name_prefix,
            "Traffic of interfaces with this prefix is local; with InterfaceNamePrefix.");
  flags.Add("iptables-sync-period", proxy.sync_period,
            "When rules that could not be written are tried again.");
  flags.Add("iptables-min-sync-period", proxy.min_sync_period,
            "The least time between two changes of the rules.");
  flags.Add("iptables-masquerade-bit", proxy.masquerade_bit,
            "The bit of the packet's mark that says: masquerade.");
  AddUnusedProxyFlags(flags);
}

Result<> ReadConfig(const std::string& path, KubeProxyFlags& to) {
  const std::string text = TRY(ReadWholeFile(path));
  const std::string node_name = to.proxy.hostname_override;
  to.proxy = TRY(ParseProxyConfig(text));
  if (!to.proxy.kubeconfig.empty()) to.api.kubeconfig = to.proxy.kubeconfig;
  to.api.limit = to.proxy.limit;
  // Of the flags this one still counts.
  if (!node_name.empty()) to.proxy.hostname_override = node_name;
  return {};
}

// Of that family; "primary" is the address that the node is known by.
std::vector<std::string> NodePortCidrs(const ProxyConfig& config, bool v6) {
  std::vector<std::string> cidrs;
  for (const std::string& each : config.node_port_addresses) {
    const bool is_primary = each == "primary";
    std::string cidr = !is_primary ? each : v6 ? OwnIpv6Address() + "/128" : NodeAddress() + "/32";
    if (cidr != "/128" && HasIpv6(cidr) == v6) cidrs.push_back(std::move(cidr));
  }
  return cidrs;
}

bool ServesNodePortsAt(const std::vector<std::string>& cidrs, const char* address) {
  return cidrs.empty() || std::any_of(cidrs.begin(), cidrs.end(), [&](const std::string& text) {
           const auto cidr = ParseCidr(text);
           return cidr && cidr->Contains(*ParseIp(address));
         });
}

// The ranges of local pods, one of each family at most; none where they are told otherwise, or not
// at all.
Result<std::vector<std::string>> LocalCidrs(const ProxyConfig& config, Client& client,
                                            const std::string& node_name) {
  const bool is_by_interface = config.detect_local_mode == "BridgeInterface" ||
                               config.detect_local_mode == "InterfaceNamePrefix";
  if (is_by_interface) return std::vector<std::string>();
  if (config.detect_local_mode != "NodeCIDR") return CidrsOf(config.cluster_cidr);
  const auto node = TRY(client.Get<core_v1::Node>({"", node_name}));
  if (node->spec.pod_cidr.empty()) {
    return Fail(Reason::kServiceUnavailable,
                fmt::format("node \"{}\" has no PodCIDR yet, which detect-local-mode NodeCIDR "
                            "needs",
                            node_name));
  }
  if (!node->spec.pod_cidrs.empty()) return node->spec.pod_cidrs;
  return std::vector<std::string>{node->spec.pod_cidr};
}

proxy::IptablesOptions RulesOf(const ProxyConfig& config, const ProxiedFamily& family) {
  proxy::IptablesOptions rules;
  const auto& [v6, local] = family;
  rules.family = v6 ? proxy::IpFamily::kIpv6 : proxy::IpFamily::kIpv4;
  rules.masquerade_all = config.masquerade_all;
  rules.localhost_node_ports = config.localhost_node_ports;
  rules.masquerade_bit = config.masquerade_bit;
  std::string address = v6 ? OwnIpv6Address() : NodeAddress();
  if (!address.empty()) rules.node_ips = {std::move(address)};
  rules.node_port_cidrs = NodePortCidrs(config, v6);
  rules.localhost_node_ports &= ServesNodePortsAt(rules.node_port_cidrs, v6 ? "::1" : "127.0.0.1");
  if (config.detect_local_mode == "BridgeInterface") {
    rules.local_interface = config.bridge_interface;
  } else if (config.detect_local_mode == "InterfaceNamePrefix") {
    rules.local_interface = config.interface_name_prefix + "+";
  } else {
    // "010.0.0.0/8" is 8.0.0.0/8 to iptables.
    const auto cidr = ParseCidr(local);
    rules.pod_cidr = cidr ? cidr->Text() : local;
  }
  return rules;
}

Result<> Run(const KubeProxyFlags& flags) {
  SystemClock clock;
  SystemRandom random;
  MetricRegistry metrics;
  const HttpsOptions server = TRY(ServerOf(flags.api));
  const auto clients = TRY(ComponentClients::Make(
      server, {.name = "kube-proxy", .limit = flags.api.limit}, {metrics, clock}));
  Client client(clients->Limited(), "kube-proxy");
  Client watching(clients->OfInformers(), "kube-proxy");
  InformerFactory informers({watching, clock, random});
  ThreadExecutor executor("kube-proxy", kThreads);
  const std::string node = NodeName({.node_name = flags.proxy.hostname_override});
  const auto local = TRY(LocalCidrs(flags.proxy, client, node));
  std::vector<ServiceProxy::Family> families;
  std::vector<proxy::IpFamily> names;
  for (const ProxiedFamily& each : ProxiedFamilies(local)) {
    families.push_back({.rules = RulesOf(flags.proxy, each), .is_named = !each.local.empty()});
    names.push_back(families.back().rules.family);
  }
  proxy::ProxyMetrics figures(metrics, names, clock);
  for (auto& family : families) family.metrics = &figures.Of(family.rules.family);
  const auto flavour = TRY(proxy::ParseIptablesFlavour(flags.iptables_flavour));
  const auto proxy = TRY(ServiceProxy::Make(
      node, families, flavour, informers, clock,
      {.min_sync_period = flags.proxy.min_sync_period, .sync_period = flags.proxy.sync_period}));
  std::unique_ptr<NetworkPolicies> policies;
  if (flags.enforce_network_policies) {
    policies = std::make_unique<NetworkPolicies>(
        node,
        NetworkPolicies::Dependencies{informers, std::nullopt, {client, clock, random}, nullptr});
  }
  AddProgramMetrics(metrics);
  http::Loops loops(1);
  ServiceProxyServer served({*proxy, clock, metrics, figures, loops});
  TRY(served.ServeHealth(flags.proxy.healthz_bind_address));
  TRY(served.ServeMetrics(flags.proxy.metrics_bind_address));
  proxy->Start(executor);
  if (policies) policies->Start(executor);
  informers.Start(executor);
  Log("kube-proxy").Info("proxying", {{"node", node}});
  WaitForSignal();
  served.Stop();
  clients->Close();
  informers.Stop();
  return {};
}

}  // namespace

Result<std::optional<KubeProxyFlags>> ParseKubeProxyFlags(const std::vector<std::string>& args) {
  KubeProxyFlags to;
  std::string config;
  Flags flags("kube-proxy");
  AddFlags(flags, to, config);
  const bool goes_on = TRY(ParseOrHelp(flags, args));
  if (!goes_on) return std::nullopt;
  if (!config.empty()) TRY(ReadConfig(config, to));
  TRY(CheckApiFlags(to.api));
  const std::string& mode = to.proxy.mode;
  if (!mode.empty() && mode != "iptables") {
    return Fail(Reason::kInvalid,
                fmt::format("KubeProxyConfiguration.mode: Invalid value: \"{}\": must be iptables "
                            "or blank (blank means the best-available proxy [currently iptables])",
                            mode));
  }
  TRY(ValidateProxyConfig(to.proxy));
  std::vector<std::string>& notes = to.log.notes;
  notes.insert(notes.end(), to.proxy.unused_fields.begin(), to.proxy.unused_fields.end());
  return to;
}

int KubeProxyMain(const std::vector<std::string>& args) {
  return RunProgram(ParseKubeProxyFlags(args), [](const KubeProxyFlags& flags) -> Result<int> {
    if (flags.cleanup) {
      TRY(netpol::CleanupPolicies());
      TRY(proxy::CleanupIptables());
    } else {
      BeginProgram(flags.log);
      TRY(Run(flags));
    }
    return 0;
  });
}

}  // namespace skiff
