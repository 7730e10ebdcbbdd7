// `skiff kube-proxy`: flags and configuration file of kube-proxy -> the service proxy of this
// machine, against an API server that a kubeconfig names. (`skiff proxy` is kubectl's verb.)
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "apiserver/auth/pki.h"
#include "base/log.h"
#include "skiff/node.h"
#include "skiff/programs.h"
#include "skiff/service_proxy.h"

namespace skiff {
namespace {

constexpr int kHealthPort = 10256;
constexpr int kMetricsPort = 10249;
constexpr int kThreads = 4;
constexpr Duration kStuckAfter = 2min;

void AddFlags(Flags& flags, KubeProxyFlags& to, std::string& config) {
  flags.Add("config", config, "The path to the configuration file.");
  flags.Add("cleanup", to.cleanup, "Remove all service rules and exit.");
  AddApiFlags(flags, to.api);
  AddLogFlags(flags, to.log);
  ProxyConfig& proxy = to.proxy;
  flags.Add("bind-address", proxy.bind_address, "The primary address of this node.");
  flags.Add("healthz-bind-address", proxy.healthz_bind_address,
            "The IP address and port for the health check server; empty serves none.");
  flags.Add("metrics-bind-address", proxy.metrics_bind_address,
            "The IP address and port for the metrics server; empty serves none.");
  flags.Add("cluster-cidr", proxy.cluster_cidr, "The CIDR range of the pods in the cluster.");
  flags.Add("hostname-override", proxy.hostname_override,
            "The name of this node, if it is not the host's.");
  flags.Add("proxy-mode", proxy.mode, "Which proxy mode to use: iptables.");
  flags.Add("iptables-flavour", to.iptables_flavour,
            "Which iptables to use, nft or legacy; auto: the one this machine uses already.");
  flags.Add("masquerade-all", proxy.masquerade_all, "SNAT all traffic sent via service IPs.");
  flags.Add("iptables-localhost-nodeports", proxy.localhost_node_ports,
            "Whether node ports can be reached by 127.0.0.1.");
  IgnoreFlags(flags, {"config-sync-period",
                      "conntrack-max-per-core",
                      "conntrack-min",
                      "conntrack-tcp-timeout-established",
                      "conntrack-tcp-timeout-close-wait",
                      "conntrack-tcp-be-liberal",
                      "conntrack-udp-timeout",
                      "conntrack-udp-timeout-stream",
                      "detect-local-mode",
                      "healthz-port",
                      "metrics-port",
                      "init-only",
                      "iptables-masquerade-bit",
                      "iptables-min-sync-period",
                      "iptables-sync-period",
                      "nodeport-addresses",
                      "oom-score-adj",
                      "pod-bridge-interface",
                      "pod-interface-name-prefix",
                      "profiling",
                      "write-config-to"});
}

Result<> ReadConfig(const std::string& path, KubeProxyFlags& to) {
  const std::string text = TRY(ReadWholeFile(path));
  const std::string node_name = to.proxy.hostname_override;
  to.proxy = TRY(ParseProxyConfig(text));
  if (!to.proxy.kubeconfig.empty()) to.api.kubeconfig = to.proxy.kubeconfig;
  // Of the flags this one still counts.
  if (!node_name.empty()) to.proxy.hostname_override = node_name;
  return {};
}

http::Response Answer(int status, std::string text, const char* type) {
  http::Response response;
  response.status = status;
  response.content_type = type;
  response.body = std::move(text);
  return response;
}

// Plain HTTP, as kube-proxy's: health on one address, metrics on another.
class ProxyServer final : public http::Handler {
 public:
  ProxyServer(const ServiceProxy& proxy, const Clock& clock, MetricRegistry& metrics)
      : proxy_(proxy), clock_(clock), metrics_(metrics) {}

  http::Response Handle(const http::Request& request) override {
    if (request.path == "/healthz" || request.path == "/livez") return Health();
    if (request.path == "/metrics") {
      return Answer(200, metrics_.Text(), MetricRegistry::kContentType);
    }
    constexpr char kPlain[] = "text/plain; charset=utf-8";
    if (request.path == "/proxyMode") return Answer(200, "iptables", kPlain);
    return Answer(404, "404 page not found\n", kPlain);
  }

 private:
  // As kube-proxy: unhealthy before the first rules, and when a change has waited too long.
  http::Response Health() const {
    const proxy::Proxier& proxier = proxy_.proxier();
    const Duration since = proxier.waiting_since();
    const bool stuck = since != kNever && clock_.Monotonic() - since > kStuckAfter;
    const std::string now = Time(clock_.Now()).Rfc3339Micro();
    const std::string last =
        proxier.synced() ? Time(proxier.last_updated()).Rfc3339Micro() : std::string();
    return Answer(
        proxier.synced() && !stuck ? 200 : 503,
        fmt::format(R"({{"lastUpdated": "{}","currentTime": "{}", "nodeEligible": true}})", last,
                    now),
        "application/json");
  }

  const ServiceProxy& proxy_;
  const Clock& clock_;
  MetricRegistry& metrics_;
};

Result<std::unique_ptr<http::Server>> ServeAt(const std::string& address, int default_port,
                                              http::Loops& loops, http::Handler& handler) {
  if (address.empty()) return std::unique_ptr<http::Server>();
  const HostPort at = TRY(ParseHostPort(address, default_port));
  return http::Server::Start({.bind_address = at.host, .port = at.port}, loops, handler);
}

Result<> Run(const KubeProxyFlags& flags) {
  SystemClock clock;
  SystemRandom random;
  MetricRegistry metrics;
  const HttpsOptions server = TRY(ServerOf(flags.api));
  auto https = TRY(MakeHttpsTransport(server));
  const auto transport = MakeCountingTransport(
      std::move(https), server.server.substr(server.server.rfind('/') + 1), metrics);
  Client client(*transport, "kube-proxy");
  InformerFactory informers({client, clock, random});
  ThreadExecutor executor("kube-proxy", kThreads);
  proxy::IptablesOptions rules;
  rules.pod_cidr = flags.proxy.cluster_cidr;
  rules.masquerade_all = flags.proxy.masquerade_all;
  rules.localhost_node_ports = flags.proxy.localhost_node_ports;
  rules.node_ips = {NodeAddress()};
  const std::string node = NodeName({.node_name = flags.proxy.hostname_override});
  const auto flavour = TRY(proxy::ParseIptablesFlavour(flags.iptables_flavour));
  const auto proxy = TRY(ServiceProxy::Make(node, rules, flavour, informers, clock));
  metrics.AddProcessMetrics();
  ProxyServer handler(*proxy, clock, metrics);
  http::Loops loops(1);
  const auto health = TRY(ServeAt(flags.proxy.healthz_bind_address, kHealthPort, loops, handler));
  const auto metered = TRY(ServeAt(flags.proxy.metrics_bind_address, kMetricsPort, loops, handler));
  proxy->Start(executor);
  informers.Start(executor);
  Log("kube-proxy").Info("proxying", {{"node", node}});
  WaitForSignal();
  for (const auto& each : {health.get(), metered.get()}) {
    if (each != nullptr) each->Stop(1s);
  }
  informers.Stop();
  return {};
}

}  // namespace

Result<std::optional<KubeProxyFlags>> ParseKubeProxyFlags(const std::vector<std::string>& args) {
  KubeProxyFlags to;
  std::string config;
  Flags flags("kube-proxy");
  AddFlags(flags, to, config);
  TRY(flags.Parse(args));
  if (flags.help_asked()) {
    std::fputs(flags.Help().c_str(), stdout);
    return std::nullopt;
  }
  if (!config.empty()) TRY(ReadConfig(config, to));
  const std::string& mode = to.proxy.mode;
  if (!mode.empty() && mode != "iptables") {
    return Fail(Reason::kInvalid,
                fmt::format("KubeProxyConfiguration.mode: Invalid value: \"{}\": must be iptables "
                            "or blank (blank means the best-available proxy [currently iptables])",
                            mode));
  }
  return to;
}

int KubeProxyMain(const std::vector<std::string>& args) {
  return RunProgram(ParseKubeProxyFlags(args), [](const KubeProxyFlags& flags) -> Result<int> {
    if (flags.cleanup) {
      TRY(proxy::CleanupIptables());
    } else {
      BeginProgram(flags.log);
      TRY(Run(flags));
    }
    return 0;
  });
}

}  // namespace skiff
