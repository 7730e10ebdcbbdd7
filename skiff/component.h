// What kube-controller-manager, kube-scheduler and kube-proxy have in common as programs of their
// own: the flags by which they find the API server, lead, and serve; and the life of such a
// process. `skiff up` runs the same loops without any of this.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apiserver/auth/front_proxy.h"
#include "base/metrics.h"
#include "base/program.h"
#include "client/manager.h"
#include "client/rate_limit.h"
#include "client/transport.h"
#include "http/tls.h"

namespace skiff {

class LeaderElection;

// --kubeconfig and its like.
struct ApiFlags {
  std::string kubeconfig;
  std::string master;  // Overrides the kubeconfig's server.
  RateLimit limit;     // Of each client of the program.
};
// --leader-elect and its like.
struct LeaderFlags {
  bool elect = true;
  Duration lease_duration = 15s;
  Duration renew_deadline = 10s;
  Duration retry_period = 2s;
  std::string name;  // Of the Lease.
  std::string namespace_ = "kube-system";
};
// --secure-port and its like.
struct ServingFlags {
  std::string bind_address = "0.0.0.0";
  int secure_port = 0;  // 0: nothing is served.
  std::string cert_dir;
  std::string tls_cert_file;
  std::string tls_private_key_file;
  std::string client_ca_file;
  std::string tls_min_version;
  std::vector<std::string> tls_cipher_suites;
  std::vector<std::string> sni_certificates;  // As --tls-sni-cert-key.
  int http2_streams_max = 0;                  // Of a connection; else the server's own bound.
  bool disable_http2 = false;
  bool shares_port = false;  // With others who want so.
  std::vector<std::string> always_allow_paths = {"/healthz", "/readyz", "/livez"};
  // Where tokens and rights are asked about; "": where all else is.
  std::string authentication_kubeconfig;
  std::string authorization_kubeconfig;
  // How long the answers are believed.
  Duration token_ttl = 10s;
  Duration allowed_ttl = 10s;
  Duration denied_ttl = 10s;
  // Whether the cluster is not asked for authorities that no flag names, and whether that may fail.
  bool skips_lookup = false;
  bool tolerates_lookup_failure = false;
  std::string client_ca_pem, front_proxy_ca_pem;  // What it said.
  std::string requestheader_client_ca_file;
  FrontProxyOptions front_proxy{.username_headers = {"x-remote-user"},
                                .uid_headers = {"x-remote-uid"},
                                .group_headers = {"x-remote-group"},
                                .extra_header_prefixes = {"x-remote-extra-"}};
};

void AddApiFlags(Flags& flags, ApiFlags& to);
void AddLeaderFlags(Flags& flags, LeaderFlags& to);
void AddServingFlags(Flags& flags, ServingFlags& to);
// Several without effect for one reason.
void AddUnused(Flags& flags, const std::string& why, const std::vector<std::string>& names,
               UnusedValue value = UnusedValue::kText);
// --profiling and --contention-profiling.
void AddProfilingFlags(Flags& flags);

// Where the server is and who asks: by the flags, or as a pod knows it.
Result<HttpsOptions> ServerOf(const ApiFlags& flags);
// Invalid carries Kubernetes' text.
Result<> CheckApiFlags(const ApiFlags& flags);
// In client-go's words: two would lead at once, or one would ask without a pause.
Result<> CheckLeaderFlags(const LeaderFlags& flags);
Result<> CheckServingFlags(const ServingFlags& flags);
// Of --tls-cert-file, else of --cert-dir, else made for this process alone.
Result<http::ServerTls> TlsOf(const ServingFlags& flags, const std::string& name,
                              const Clock& clock);

// workqueue_*: of the manager, which lives as long as the registry is asked.
void AddQueueMetrics(MetricRegistry& metrics, const Manager& manager);

struct Component {
  std::string name;  // "kube-scheduler"
  ApiFlags api;
  LeaderFlags leader;
  ServingFlags serving;
  int threads = 16;
  // Each controller reaches the server at a rate of its own, and, if so, as an account of its own.
  bool has_controllers = false;
  bool by_service_accounts = false;
  std::vector<std::string> controllers = {};  // Their names, for running_managed_controllers.
  std::function<void(Manager&, MetricRegistry&)> add;  // Puts its loops together.
  // What is told at /metrics/resources; null: there is no such path.
  std::function<void(Manager&, MetricRegistry&)> add_resources = nullptr;
  // Whether a leader knows all that he goes by: until then the program is not ready, as
  // kube-scheduler. Asked after `add`, on any thread. Null: it is ready at once.
  std::function<bool()> is_synced = nullptr;
  // Called once, by who leads. The loops hear of everything before, and are ready once they know
  // it; they write nothing until then. Null: one that does not lead hears of nothing.
  std::function<void()> lead = nullptr;
};
// running_managed_controllers; `are_started` is asked on any thread.
void AddRunningControllers(MetricRegistry& metrics, const std::string& program,
                           const std::vector<std::string>& controllers,
                           std::function<bool()> are_started);
// leader_election_*, and running_managed_controllers once these are started. All of them live as
// long as the registry is asked.
void AddLeaderMetrics(MetricRegistry& metrics, const Component& component,
                      const LeaderElection& election, const std::atomic<bool>& is_started);
// Until SIGINT or SIGTERM (0), or until it leads no more (1). Errors are those of its start.
Result<int> RunComponent(const Component& component);

}  // namespace skiff
