#include "skiff/component.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <utility>

#include "api/rules/core/ip.h"
#include "apiserver/auth/pki.h"
#include "apiserver/server/port_flags.h"
#include "base/build_info.h"
#include "base/certificates.h"
#include "base/log.h"
#include "base/pem.h"
#include "client/kubeconfig.h"
#include "client/leader_election.h"
#include "http/certificate_flags.h"
#include "http/tls.h"
#include "skiff/authentication_lookup.h"
#include "skiff/component_clients.h"
#include "skiff/component_port.h"
#include "skiff/component_server.h"

namespace skiff {
namespace {

constexpr char kAccountDirectory[] = "/var/run/secrets/kubernetes.io/serviceaccount";
std::string TextOf(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

std::string HostName() {
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  return host;
}

}  // namespace

void AddApiFlags(Flags& flags, ApiFlags& to) {
  flags.Add("kubeconfig", to.kubeconfig,
            "Path to kubeconfig file with authorization and master location information.");
  flags.Add("master", to.master,
            "The address of the Kubernetes API server (overrides any value in kubeconfig).");
  flags.Add("kube-api-qps", to.limit.qps,
            "Requests a second to the API server, for each of the program's clients; negative: as "
            "many as there are.");
  flags.Add("kube-api-burst", to.limit.burst, "Requests at once before that.");
  // The last is Kubernetes' own: an encoding of the same, that nobody sees.
  flags.AddUnused({"kube-api-content-type",
                   "JSON is spoken",
                   {"", "application/json", "application/vnd.kubernetes.protobuf"},
                   /*is_switch=*/false,
                   /*is_refused=*/true});
}

void AddLeaderFlags(Flags& flags, LeaderFlags& to) {
  flags.Add("leader-elect", to.elect,
            "Start a leader election client and gain leadership before executing the main loop.");
  flags.Add("leader-elect-lease-duration", to.lease_duration,
            "How long candidates wait after the last renewal before they take over.");
  flags.Add("leader-elect-renew-deadline", to.renew_deadline,
            "How long the leader tries to renew before it stops leading.");
  flags.Add("leader-elect-retry-period", to.retry_period,
            "The pause between attempts to acquire or renew.");
  flags.Add("leader-elect-resource-name", to.name, "The name of the Lease.");
  flags.Add("leader-elect-resource-namespace", to.namespace_, "The namespace of the Lease.");
  flags.AddUnused({"leader-elect-resource-lock",
                   "the lock is a Lease",
                   {"leases"},
                   /*is_switch=*/false,
                   /*is_refused=*/true});
}

namespace {

// Who asks, and what for, is asked of an API server.
void AddAskingFlags(Flags& flags, ServingFlags& to) {
  flags.Add("authentication-kubeconfig", to.authentication_kubeconfig,
            "Names the API server that is asked whose tokens are; without it, that of "
            "--kubeconfig.");
  flags.Add("authorization-kubeconfig", to.authorization_kubeconfig,
            "Names the API server that is asked who may see what; without it, that of "
            "--kubeconfig.");
  flags.Add("authentication-token-webhook-cache-ttl", to.token_ttl,
            "How long it is believed whose a token is.");
  flags.Add("authorization-webhook-cache-authorized-ttl", to.allowed_ttl,
            "How long it is believed that somebody may see something.");
  flags.Add("authorization-webhook-cache-unauthorized-ttl", to.denied_ttl,
            "How long it is believed that somebody may not.");
  flags.Add("authentication-skip-lookup", to.skips_lookup,
            "Authorities of certificates are those of flags alone, and not those of the cluster of "
            "--authentication-kubeconfig.");
  flags.Add("authentication-tolerate-lookup-failure", to.tolerates_lookup_failure,
            "Whether it goes on where those cannot be read.");
}

void AddFrontProxyFlags(Flags& flags, ServingFlags& to) {
  flags.Add("requestheader-client-ca-file", to.requestheader_client_ca_file,
            "Who shows a certificate of these authorities names the user in headers.");
  flags.Add("requestheader-allowed-names", to.front_proxy.allowed_names,
            "Common names that such certificates may have; empty: any.");
  flags.Add("requestheader-username-headers", to.front_proxy.username_headers,
            "Headers to look for the user's name in, such as X-Remote-User.");
  flags.Add("requestheader-uid-headers", to.front_proxy.uid_headers,
            "Headers to look for the user's uid in, such as X-Remote-Uid.");
  flags.Add("requestheader-group-headers", to.front_proxy.group_headers,
            "Headers to look for groups in, such as X-Remote-Group.");
  flags.Add("requestheader-extra-headers-prefix", to.front_proxy.extra_header_prefixes,
            "How headers begin that say more of the user, such as X-Remote-Extra-.");
}

}  // namespace

void AddServingFlags(Flags& flags, ServingFlags& to) {
  flags.Add("bind-address", to.bind_address,
            "The IP address on which to listen for the --secure-port port.");
  flags.Add("secure-port", to.secure_port, "The port on which to serve HTTPS; 0 serves nothing.");
  flags.Add("cert-dir", to.cert_dir, "The directory where the TLS certs are located.");
  flags.Add("tls-cert-file", to.tls_cert_file, "File with the certificate for HTTPS.");
  flags.Add("tls-private-key-file", to.tls_private_key_file, "File with its private key.");
  flags.Add("client-ca-file", to.client_ca_file,
            "Clients that show a certificate of these authorities are its common name.");
  flags.Add("authorization-always-allow-paths", to.always_allow_paths,
            "Paths that anyone may ask for.");
  AddAskingFlags(flags, to);
  AddFrontProxyFlags(flags, to);
  flags.Add("tls-min-version", to.tls_min_version,
            "The oldest TLS that is spoken: VersionTLS12 or VersionTLS13.");
  flags.Add("tls-cipher-suites", to.tls_cipher_suites,
            "The cipher suites of TLS 1.2 that are spoken, in Go's names.");
  flags.AddEach("tls-sni-cert-key", to.sni_certificates,
                "A certificate and its key for clients that ask for one of its names, or of those "
                "behind a colon: foo.crt,foo.key:foo.example,*.foo.example.");
  flags.Add(
      "http2-max-streams-per-connection", to.http2_streams_max,
      "How many requests a connection of HTTP/2 may have open; 0 or less: the server's own bound.");
  flags.Add("disable-http2-serving", to.disable_http2, "Speak HTTP/1.1 alone.");
  flags.Add("permit-port-sharing", to.shares_port,
            "Other processes that want so too may listen on the port as well.");
  flags.AddUnused({"permit-address-sharing",
                   "a port may be taken again at once",
                   {"false", "true"},
                   /*is_switch=*/true});
  AddProfilingFlags(flags);
  AddVersionFlags(flags);
}

void AddUnused(Flags& flags, const std::string& why, const std::vector<std::string>& names,
               UnusedValue value) {
  for (const std::string& name : names) {
    flags.AddUnused({.name = name, .why = why, .value = value});
  }
}

void AddProfilingFlags(Flags& flags) {
  for (const char* name : {"profiling", "contention-profiling"}) {
    flags.AddUnused({name,
                     "no profiles are served",
                     {"false"},
                     /*is_switch=*/true,
                     /*is_refused=*/true});
  }
}

Result<HttpsOptions> ServerOf(const ApiFlags& flags) {
  if (flags.kubeconfig.empty() && flags.master.empty()) {
    return InClusterOptions(TextOf("KUBERNETES_SERVICE_HOST"), TextOf("KUBERNETES_SERVICE_PORT"),
                            kAccountDirectory);
  }
  HttpsOptions options;
  if (!flags.kubeconfig.empty()) {
    const Kubeconfig config = TRY(Kubeconfig::Load(flags.kubeconfig));
    options = TRY(config.Options());
  }
  if (!flags.master.empty()) options.server = flags.master;
  return options;
}

Result<> CheckApiFlags(const ApiFlags& flags) {
  return CheckRateLimit(flags.limit);
}

Result<> CheckLeaderFlags(const LeaderFlags& flags) {
  constexpr double kJitter = 1.2;  // Candidates come up to that much later than they mean to.
  const double latest = kJitter * static_cast<double>(flags.retry_period.count());
  const auto wrong = [](const char* why) { return Fail(Reason::kInvalid, why); };
  if (!flags.elect) return {};
  if (flags.lease_duration <= flags.renew_deadline) {
    return wrong("leaseDuration must be greater than renewDeadline");
  }
  if (static_cast<double>(flags.renew_deadline.count()) <= latest) {
    return wrong("renewDeadline must be greater than retryPeriod*JitterFactor");
  }
  if (flags.lease_duration <= Duration(0)) return wrong("leaseDuration must be greater than zero");
  if (flags.renew_deadline <= Duration(0)) return wrong("renewDeadline must be greater than zero");
  if (flags.retry_period <= Duration(0)) return wrong("retryPeriod must be greater than zero");
  return {};
}

Result<> CheckServingFlags(const ServingFlags& flags) {
  constexpr int kPortMax = 65535;
  if (!ParseIp(flags.bind_address)) {
    return Fail(Reason::kInvalid,
                fmt::format("invalid argument \"{0}\" for \"--bind-address\" flag: failed to parse "
                            "IP: \"{0}\"",
                            flags.bind_address));
  }
  if (flags.secure_port < 0 || flags.secure_port > kPortMax) {
    return Fail(Reason::kInvalid,
                fmt::format("--secure-port {} must be between 0 and {}, inclusive. 0 for turning "
                            "off secure port",
                            flags.secure_port, kPortMax));
  }
  TRY(http::ParseTlsChoices(flags.tls_min_version, flags.tls_cipher_suites));
  const PortFlags port{.tls_sni_cert_keys = flags.sni_certificates};
  TRY(NamedFilesOf(port));
  return CheckFrontProxy(flags.front_proxy);
}

namespace {

Result<http::ServerTls> CertificateOf(const ServingFlags& flags, const std::string& name,
                                      const Clock& clock) {
  TRY(http::CheckGivenTogether(flags.tls_cert_file, flags.tls_private_key_file, "--tls-cert-file",
                               "--tls-private-key-file"));
  if (!flags.tls_cert_file.empty()) {
    return http::ServerTls::FromFiles(flags.tls_cert_file, flags.tls_private_key_file,
                                      flags.client_ca_file);
  }
  const std::string kept = flags.cert_dir + "/" + name;
  std::error_code unseen;
  if (!flags.cert_dir.empty() && std::filesystem::exists(kept + ".crt", unseen)) {
    return http::ServerTls::FromFiles(kept + ".crt", kept + ".key", flags.client_ca_file);
  }
  const auto authority = TRY(CertificateAuthority::Create(HostName() + "-ca", clock.Now()));
  const KeyPair pair = TRY(authority.Issue({.common_name = HostName(),
                                            .dns_names = {HostName(), "localhost"},
                                            .ip_addresses = {"127.0.0.1", "::1"},
                                            .server = true},
                                           clock.Now()));
  std::string clients = TRY(http::ReadAuthorities(flags.client_ca_file));
  return http::ServerTls{pair.certificate_pem, pair.key_pem, std::move(clients)};
}

}  // namespace

Result<http::ServerTls> TlsOf(const ServingFlags& flags, const std::string& name,
                              const Clock& clock) {
  http::ServerTls tls = TRY(CertificateOf(flags, name, clock));
  tls.choices = TRY(http::ParseTlsChoices(flags.tls_min_version, flags.tls_cipher_suites));
  tls.named = TRY(NamedCertificatesOf({.tls_sni_cert_keys = flags.sni_certificates}));
  // Either may have signed what a client shows; which one did is looked at on the request.
  const std::string of_proxies = TRY(http::ReadAuthorities(flags.requestheader_client_ca_file));
  for (const std::string& pem : {of_proxies, flags.client_ca_pem, flags.front_proxy_ca_pem}) {
    tls.client_ca_pem = JoinPem(tls.client_ca_pem, pem);
  }
  return tls;
}

namespace {

// By the names of the queues: some controllers have several of one, and nothing may be told twice.
std::map<std::string, WorkQueue::Counts> QueuesByName(const Manager& manager) {
  std::map<std::string, WorkQueue::Counts> sums;
  for (const auto& [queue, counts] : manager.Queues()) {
    WorkQueue::Counts& sum = sums[queue];
    sum.depth += counts.depth;
    sum.adds += counts.adds;
    sum.retries += counts.retries;
    sum.waited += counts.waited;
    sum.worked += counts.worked;
    sum.going_on += counts.going_on;
    sum.going_longest = std::max(sum.going_longest, counts.going_longest);
  }
  return sums;
}

double SecondsIn(Duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

void AddQueueMetrics(MetricRegistry& metrics, const Manager& manager) {
  using Type = MetricRegistry::MeasuredType;
  const auto add = [&](const char* name, const char* help, Type type, auto number) {
    metrics.AddMeasured(
        {name, help, {"name"}},
        [&manager, number] {
          std::vector<Sample> samples;
          for (const auto& [queue, sum] : QueuesByName(manager)) {
            samples.push_back({{queue}, static_cast<double>(number(sum))});
          }
          return samples;
        },
        type);
  };
  using Counts = WorkQueue::Counts;
  add("workqueue_depth", "[ALPHA] Current depth of workqueue", Type::kGauge,
      [](const Counts& sum) { return sum.depth; });
  add("workqueue_adds_total", "[ALPHA] Total number of adds handled by workqueue", Type::kCounter,
      [](const Counts& sum) { return sum.adds; });
  add("workqueue_retries_total", "[ALPHA] Total number of retries handled by workqueue",
      Type::kCounter, [](const Counts& sum) { return sum.retries; });
  add("workqueue_unfinished_work_seconds",
      "[ALPHA] For how long all that is worked on has been, together.", Type::kGauge,
      [](const Counts& sum) { return SecondsIn(sum.going_on); });
  add("workqueue_longest_running_processor_seconds",
      "[ALPHA] For how long that has been worked on which is for longest.", Type::kGauge,
      [](const Counts& sum) { return SecondsIn(sum.going_longest); });
  const auto add_times = [&](const char* name, const char* help, QueueTimes Counts::*times) {
    const auto& bounds = QueueTimes::kBounds;
    metrics.AddMeasuredHistogram(
        {name, help, {"name"}}, {bounds.begin(), bounds.end()}, [&manager, times] {
          std::vector<HistogramSample> samples;
          for (const auto& [queue, sum] : QueuesByName(manager)) {
            const QueueTimes& of = sum.*times;
            samples.push_back({{queue}, {of.counts.begin(), of.counts.end()}, of.sum});
          }
          return samples;
        });
  };
  add_times("workqueue_queue_duration_seconds",
            "[ALPHA] How long in seconds an item stays in workqueue before being requested.",
            &Counts::waited);
  add_times("workqueue_work_duration_seconds",
            "[ALPHA] How long in seconds processing an item from workqueue takes.",
            &Counts::worked);
}

namespace {

// Null: it is the one that all else is asked of.
Result<std::unique_ptr<Transport>> OtherServer(const std::string& kubeconfig, const ApiFlags& api) {
  if (kubeconfig.empty() || kubeconfig == api.kubeconfig) return nullptr;
  return MakeHttpsTransport(TRY(ServerOf({.kubeconfig = kubeconfig})));
}

// Null: all parts of the program are one client.
std::function<Transport&(const std::string&, const std::string&)> TransportsOf(
    const Component& component, ComponentClients& clients) {
  if (!component.has_controllers) return nullptr;
  const bool by_accounts = component.by_service_accounts;
  return [&clients, by_accounts](const std::string& controller,
                                 const std::string& account) -> Transport& {
    if (!by_accounts || account.empty()) return clients.OfController(controller);
    return clients.OfAccount(controller, account);
  };
}

// By the names that Kubernetes' programs have for them. One that cannot renew its lease ends by
// itself, and one that waits for it may have nothing to know.
std::vector<HealthCheck> ChecksOf(const Component& component, const LeaderElection& election) {
  const auto well = [] { return std::string(); };
  std::vector<HealthCheck> checks;
  if (component.leader.elect) checks.push_back({"healthz", "leaderElection", well});
  if (!component.is_synced) return checks;
  if (component.leader.elect) checks.push_back({"readyz", "leaderElection", well});
  checks.push_back({"readyz", "shutdown", well});
  checks.push_back({"readyz", "sched-handler-sync", [&component, &election]() -> std::string {
                      const bool waits =
                          component.leader.elect && !component.lead && !election.leading();
                      if (waits || component.is_synced()) return "";
                      return "handlers are not fully synchronized";
                    }});
  return checks;
}

LeaderElection::Options ElectionOf(const LeaderFlags& leader, Random& random,
                                   std::function<void()> on_started) {
  return {.lease = {leader.namespace_, leader.name},
          .identity = fmt::format("{}_{}", HostName(), random.Uid()),
          .lease_duration = leader.lease_duration,
          .renew_deadline = leader.renew_deadline,
          .retry_period = leader.retry_period,
          .on_started = std::move(on_started),
          .on_stopped = &EndProgram};
}

}  // namespace

void AddLeaderMetrics(MetricRegistry& metrics, const Component& component,
                      const LeaderElection& election, const std::atomic<bool>& is_started) {
  metrics.AddMeasured({"leader_election_master_status", "[ALPHA] 1 for the leader.", {"name"}},
                      [&] {
                        const double leads = election.leading() || !component.leader.elect ? 1 : 0;
                        return std::vector<Sample>{{{component.leader.name}, leads}};
                      });
  metrics.AddMeasured(
      {"leader_election_slowpath_total",
       "[ALPHA] How often the leader had to read the lease anew to renew it.",
       {"name"}},
      [&] {
        std::vector<Sample> samples;
        const auto count = static_cast<double>(election.slow_renewals());
        if (count > 0) samples.push_back({{component.leader.name}, count});
        return samples;
      },
      MetricRegistry::MeasuredType::kCounter);
  AddRunningControllers(metrics, component.name, component.controllers,
                        [&] { return is_started.load(); });
}

void AddRunningControllers(MetricRegistry& metrics, const std::string& program,
                           const std::vector<std::string>& controllers,
                           std::function<bool()> are_started) {
  if (controllers.empty()) return;
  metrics.AddMeasured({"running_managed_controllers",
                       "[ALPHA] Always 1; the labels say which controllers run in this process.",
                       {"name", "manager"}},
                      [program, controllers, are_started = std::move(are_started)] {
                        std::vector<Sample> samples;
                        if (!are_started()) return samples;
                        for (const std::string& name : controllers) {
                          samples.push_back({{name, program}, 1});
                        }
                        return samples;
                      });
}

Result<int> RunComponent(const Component& component) {
  SystemClock clock;
  SystemRandom random;
  MetricRegistry metrics, resources;
  const HttpsOptions server = TRY(ServerOf(component.api));
  const auto clients = TRY(ComponentClients::Make(
      server,
      {.name = component.name,
       .limit = component.api.limit,
       .has_accounts = component.by_service_accounts,
       .election_timeout = std::max<Duration>(component.leader.renew_deadline / 2, 1s)},
      {metrics, clock}));
  Client client(clients->OfInformers(), component.name + "/shared-informers");
  Client election_client(clients->OfElection(), component.name + "/leader-election");
  const auto tokens = TRY(OtherServer(component.serving.authentication_kubeconfig, component.api));
  const auto rights = TRY(OtherServer(component.serving.authorization_kubeconfig, component.api));
  Client token_client(tokens ? *tokens : clients->Unlimited(), component.name + "/reviews");
  Client rights_client(rights ? *rights : clients->Unlimited(), component.name + "/reviews");
  ServingFlags serving = component.serving;
  TRY(LookUpAuthentication(token_client, serving));
  InformerFactory informers({client, clock, random});
  Manager manager({.transport = clients->Limited(),
                   .clock = clock,
                   .random = random,
                   .informers = informers,
                   .user_agent = component.name,
                   .transport_of = TransportsOf(component, *clients),
                   .events_transport = &clients->Limited()});
  component.add(manager, metrics);
  if (component.add_resources) component.add_resources(manager, resources);
  AddProgramMetrics(metrics);
  AddCompatibilityMetric(metrics);
  AddQueueMetrics(metrics, manager);
  ThreadExecutor executor(component.name, component.threads);
  // Workers that all wait for slow webhooks must not hold up a renewal: the program would end.
  ThreadExecutor election_executor(component.name + "-lead", 1);
  std::atomic<bool> is_started = false;
  const auto start = [&] {
    component.lead ? component.lead() : manager.Start(executor);
    is_started = true;
  };
  LeaderElection election(election_client, clock, random,
                          ElectionOf(component.leader, random, start));
  AddLeaderMetrics(metrics, component, election, is_started);
  const MetricRegistry* const of_resources = component.add_resources ? &resources : nullptr;
  const ComponentServer::Access access = TRY(AccessOf(serving));
  ComponentServer handler(
      {token_client, rights_client, clock, metrics, of_resources, ChecksOf(component, election)},
      access);
  http::Loops loops(1);
  const auto front = TRY(ServePort(serving, component.name, clock, loops, handler));
  if (component.lead) manager.Start(executor);
  if (component.leader.elect) {
    election_executor.Add(election);
  } else {
    start();
  }
  const bool asked = WaitForSignal();
  if (front) front->Stop(1s);
  election_executor.Remove(election);
  clients->Close();
  manager.Stop();
  election.Release();
  if (!asked) Log(component.name).Error("leaderelection lost");
  return asked ? 0 : 1;
}

}  // namespace skiff
