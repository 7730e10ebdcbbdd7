#include "controllers/controller_manager.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "base/flags.h"
#include "base/log.h"
#include "client/kubeconfig.h"
#include "client/leader_election.h"

namespace skiff {
namespace {

const Log kLog("controller-manager");

// Calls to the API block the thread that makes them.
constexpr int kThreadsMax = 16;

struct Numbers {
  std::string node_eviction_rate = "0.1";
  std::string secondary_node_eviction_rate = "0.01";
  std::string unhealthy_zone_threshold = "0.55";
};

void AddNodeFlags(Flags& flags, ControllerOptions& to, Numbers& numbers) {
  flags.Add("allocate-node-cidrs", to.allocate_node_cidrs,
            "Should CIDRs for Pods be allocated and set on the nodes.");
  flags.Add("cluster-cidr", to.cluster_cidrs, "CIDR Range for Pods in cluster.");
  flags.Add("service-cluster-ip-range", to.service_cidrs, "CIDR Range for Services in cluster.");
  flags.Add("node-cidr-mask-size", to.node_cidr_mask_size_ipv4, "Mask size for node cidr.");
  flags.Add("node-cidr-mask-size-ipv4", to.node_cidr_mask_size_ipv4,
            "Mask size for IPv4 node cidr.");
  flags.Add("node-cidr-mask-size-ipv6", to.node_cidr_mask_size_ipv6,
            "Mask size for IPv6 node cidr.");
  flags.Add("node-monitor-period", to.node_monitor_period, "The period for syncing NodeStatus.");
  flags.Add("node-monitor-grace-period", to.node_monitor_grace_period,
            "Amount of time which we allow running Node to be unresponsive before marking it "
            "unhealthy.");
  flags.Add("node-startup-grace-period", to.node_startup_grace_period,
            "Amount of time which we allow starting Node to be unresponsive before marking it "
            "unhealthy.");
  flags.Add("node-eviction-rate", numbers.node_eviction_rate,
            "Number of nodes per second on which pods are deleted in case of node failure when a "
            "zone is healthy.");
  flags.Add("secondary-node-eviction-rate", numbers.secondary_node_eviction_rate,
            "Number of nodes per second on which pods are deleted in case of node failure when a "
            "zone is unhealthy.");
  flags.Add("unhealthy-zone-threshold", numbers.unhealthy_zone_threshold,
            "Fraction of Nodes in a zone which needs to be not Ready for zone to be treated as "
            "unhealthy.");
  flags.Add("large-cluster-size-threshold", to.large_cluster_size_threshold,
            "Number of nodes from which the eviction logic treats the cluster as large.");
}

void AddFlags(Flags& flags, ControllerManagerFlags& to, Numbers& numbers) {
  flags.Add("kubeconfig", to.kubeconfig, "Path to kubeconfig file with authorization information.");
  flags.Add("master", to.master,
            "The address of the Kubernetes API server (overrides kubeconfig).");
  flags.Add("controllers", to.controllers.controllers,
            "A list of controllers to enable. '*' enables all on-by-default controllers, 'foo' "
            "enables the controller named 'foo', '-foo' disables it.");
  flags.Add("leader-elect", to.leader_elect,
            "Start a leader election client and gain leadership before executing the main loop.");
  flags.Add("leader-elect-lease-duration", to.lease_duration,
            "The duration that non-leader candidates will wait before taking over.");
  flags.Add("leader-elect-renew-deadline", to.renew_deadline,
            "The interval between attempts by the acting master to renew its leadership.");
  flags.Add("leader-elect-retry-period", to.retry_period,
            "The duration the clients should wait between attempts to acquire leadership.");
  flags.Add("leader-elect-resource-name", to.lease_name, "The name of the lease.");
  flags.Add("leader-elect-resource-namespace", to.lease_namespace, "The namespace of the lease.");
  flags.Add("root-ca-file", to.root_ca_file,
            "If set, this root certificate authority will be included in service account's "
            "kube-root-ca.crt config map.");
  flags.Add("terminated-pod-gc-threshold", to.controllers.terminated_pod_gc_threshold,
            "Number of terminated pods that can exist before the terminated pod garbage collector "
            "starts deleting them.");
  flags.Add("max-endpoints-per-slice", to.controllers.max_endpoints_per_slice,
            "The maximum number of endpoints that will be added to an EndpointSlice.");
  flags.Add("local-path-directory", to.controllers.local_path_directory,
            "Where the built-in provisioner keeps its volumes on each node; empty turns it off.");
  flags.Add("v", to.verbosity, "Number for the log level verbosity.");
  flags.Add("logging-format", to.logging_format, "Sets the log format: text or json.");
  AddNodeFlags(flags, to.controllers, numbers);
  for (const char* name : {"authentication-kubeconfig",
                           "authorization-kubeconfig",
                           "bind-address",
                           "secure-port",
                           "cluster-name",
                           "cluster-signing-cert-file",
                           "cluster-signing-key-file",
                           "cloud-provider",
                           "configure-cloud-routes",
                           "client-ca-file",
                           "requestheader-client-ca-file",
                           "profiling",
                           "service-account-private-key-file",
                           "use-service-account-credentials",
                           "feature-gates",
                           "kube-api-qps",
                           "kube-api-burst",
                           "min-resync-period",
                           "concurrent-deployment-syncs",
                           "concurrent-replicaset-syncs",
                           "concurrent-rc-syncs",
                           "concurrent-endpoint-syncs",
                           "concurrent-service-endpoint-syncs",
                           "concurrent-namespace-syncs",
                           "concurrent-gc-syncs",
                           "enable-garbage-collector",
                           "flex-volume-plugin-dir",
                           "tls-cert-file",
                           "tls-private-key-file",
                           "cert-dir"}) {
    flags.Ignore(name, "Accepted for compatibility; has no effect here.");
  }
}

Result<double> ParseNumber(const std::string& flag, const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (text.empty() || *end) {
    return Fail(
        Reason::kInvalid,
        fmt::format("invalid argument \"{}\" for \"--{}\" flag: strconv.ParseFloat: parsing "
                    "\"{}\": invalid syntax",
                    text, flag, text));
  }
  return number;
}

Result<> CheckNames(const std::vector<std::string>& wanted) {
  const auto known = ControllerNames();
  for (const std::string& entry : wanted) {
    const std::string name = entry.starts_with('-') ? entry.substr(1) : entry;
    if (name == "*" || std::find(known.begin(), known.end(), name) != known.end()) continue;
    return Fail(Reason::kInvalid,
                fmt::format("\"{}\" is not in the list of known controllers", name));
  }
  return {};
}

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Fail(Reason::kNotFound, fmt::format("open {}: no such file or directory", path));
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<HttpsOptions> ServerOf(const ControllerManagerFlags& flags) {
  const auto config = TRY(LoadKubeconfig(flags.kubeconfig, "", ""));
  auto options = TRY(config.Options());
  if (!flags.master.empty()) options.server = flags.master;
  return options;
}

std::string Identity(Random& random) {
  char host[256] = {};
  gethostname(host, sizeof(host) - 1);
  return fmt::format("{}_{}", host, random.Uid());
}

// Waits for a signal; SIGUSR1 is our own "no longer the leader".
int RunUntilSignal(ControllerManagerFlags& flags, Transport& transport) {
  SystemClock clock;
  SystemRandom random;
  Client client(transport, "kube-controller-manager/shared-informers");
  Client election_client(transport, "kube-controller-manager/leader-election");
  InformerFactory informers({client, clock, random});
  Manager manager({transport, clock, random, informers, "kube-controller-manager"});
  AddControllers(manager, flags.controllers);
  ThreadExecutor executor("controllers", kThreadsMax);
  LeaderElection election(election_client, clock, random,
                          {.lease = {flags.lease_namespace, flags.lease_name},
                           .identity = Identity(random),
                           .lease_duration = flags.lease_duration,
                           .renew_deadline = flags.renew_deadline,
                           .retry_period = flags.retry_period,
                           .on_started = [&] { manager.Start(executor); },
                           .on_stopped = [] { kill(getpid(), SIGUSR1); }});
  if (flags.leader_elect) {
    executor.Add(election);
  } else {
    manager.Start(executor);
  }
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) sigaddset(&signals, signal);
  int signal = 0;
  sigwait(&signals, &signal);
  if (flags.leader_elect) executor.Remove(election);
  manager.Stop();
  if (signal == SIGUSR1) kLog.Error("leaderelection lost");
  return signal == SIGUSR1 ? 1 : 0;
}

Result<int> Run(ControllerManagerFlags& flags) {
  const auto server = TRY(ServerOf(flags));
  flags.controllers.root_ca = server.certificate_authority;
  if (!flags.root_ca_file.empty()) {
    flags.controllers.root_ca = TRY(ReadFile(flags.root_ca_file));
  }
  const auto transport = TRY(MakeHttpsTransport(server));
  return RunUntilSignal(flags, *transport);
}

}  // namespace

Result<std::optional<ControllerManagerFlags>> ParseControllerManagerFlags(
    const std::vector<std::string>& args) {
  ControllerManagerFlags to;
  to.controllers.controllers.clear();
  Numbers numbers;
  Flags flags("kube-controller-manager");
  AddFlags(flags, to, numbers);
  TRY(flags.Parse(args));
  if (flags.help_asked()) {
    std::fputs(flags.Help().c_str(), stdout);
    return std::nullopt;
  }
  if (to.controllers.controllers.empty()) to.controllers.controllers = {"*"};
  TRY(CheckNames(to.controllers.controllers));
  ControllerOptions& options = to.controllers;
  options.node_eviction_rate = TRY(ParseNumber("node-eviction-rate", numbers.node_eviction_rate));
  options.secondary_node_eviction_rate =
      TRY(ParseNumber("secondary-node-eviction-rate", numbers.secondary_node_eviction_rate));
  options.unhealthy_zone_threshold =
      TRY(ParseNumber("unhealthy-zone-threshold", numbers.unhealthy_zone_threshold));
  return to;
}

int ControllerManagerMain(const std::vector<std::string>& args) {
  auto flags = ParseControllerManagerFlags(args);
  if (!flags) {
    std::fprintf(stderr, "Error: %s\n", flags.error().message.c_str());
    return 1;
  }
  if (!*flags) return 0;
  Log::Configure((*flags)->verbosity >= 4 ? LogLevel::kDebug : LogLevel::kInfo,
                 (*flags)->logging_format == "json" ? LogFormat::kJson : LogFormat::kText);
  // Blocked before any thread starts, so that every thread has them blocked.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  const auto code = Run(**flags);
  if (code) return *code;
  std::fprintf(stderr, "Error: %s\n", code.error().message.c_str());
  return 1;
}

}  // namespace skiff
