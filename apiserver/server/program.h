// `skiff apiserver`: flags of kube-apiserver -> a store, an ApiServer, a listening socket.
//
//   auto process = TRY(ApiServerProcess::Start(options));     // Serves when it returns.
//   ... process->server().Handle(request, LoopbackUser()) ...  // In process.
//   process->Stop();
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/server/api_server.h"
#include "apiserver/server/audit_flags.h"
#include "apiserver/server/authorization_flags.h"
#include "apiserver/server/port_flags.h"
#include "apiserver/server/token_flags.h"
#include "apiserver/storage/store.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/program.h"

namespace skiff {

struct ApiServerFlags {
  std::string data_dir = "/var/lib/skiff";
  std::string bind_address = "0.0.0.0";
  std::string advertise_address = "";  // "": an address of this machine
  int secure_port = 6443;
  int http2_max_streams_per_connection = 0;  // 0: as many as http/ has by itself.
  bool disable_http2_serving = false;
  std::string durability = "sync";  // sync, interval, memory
  std::string tls_cert_file = "";
  std::string tls_private_key_file = "";
  // Where the server's certificate is found, or made: apiserver.crt and apiserver.key. "": below
  // data_dir, from an authority of its own.
  std::string cert_dir = "";
  std::vector<std::string> extra_names = {};  // Of a certificate that is made; no flag.
  std::string client_ca_file = "";
  std::string requestheader_client_ca_file = "";
  FrontProxyOptions front_proxy = {};  // But for its authorities.
  std::string proxy_client_cert_file = "";
  std::string proxy_client_key_file = "";
  bool aggregator_reject_forwarding_redirect = true;
  bool enable_aggregator_routing = false;
  OutsideTokenFlags tokens = {};
  std::string token_auth_file = "";
  std::vector<std::string> authorization_modes = {"AlwaysAllow"};
  AuthorizationFlags authorization = {};
  std::optional<bool> anonymous_auth = {};  // Never with AlwaysAllow among the modes.
  bool enable_bootstrap_token_auth = false;
  std::vector<std::string> service_cluster_ip_ranges = {"10.0.0.0/24"};
  std::string service_node_port_range = "30000-32767";
  PortFlags port = {};
  std::vector<std::string> service_account_issuers = {};
  std::string service_account_jwks_uri = "";
  Duration service_account_max_token = Duration::zero();  // None.
  bool service_account_extend_tokens = true;
  std::vector<std::string> api_audiences = {};
  std::string service_account_signing_key_file = "";
  std::vector<std::string> service_account_key_files = {};
  std::string kubelet_client_certificate = "";
  std::string kubelet_client_key = "";
  std::string kubelet_certificate_authority = "";
  std::vector<std::string> enable_admission_plugins = {};
  std::vector<std::string> disable_admission_plugins = {};
  AdmissionSettings admission_settings = {};  // Of --admission-control-config-file.
  int default_not_ready_toleration_s = 300;
  int default_unreachable_toleration_s = 300;
  bool warn_unserved_kinds = false;
  bool network_policies_are_enforced = false;
  bool controllers_are_within = false;  // And the scheduler.
  // Those of KindsOnRequest() that --runtime-config asks for, and whether the feature gate lets
  // MutatingAdmissionPolicies act.
  std::vector<const KindInfo*> kinds_on_request = {};
  bool mutating_policies_act = false;
  bool has_identity_lease = true;      // The feature gate APIServerIdentity.
  bool keeps_max_unavailable = false;  // The feature gate MaxUnavailableStatefulSet.
  FlowControlOptions flow_control = {};
  Duration request_timeout = 60s;
  int min_request_timeout_s = 1800;
  AuditFlags audit = {};
  std::vector<std::string> etcd_servers = {};  // Empty: the embedded store.
  std::string etcd_ca_file = "";
  std::string etcd_cert_file = "";
  std::string etcd_key_file = "";
  std::string etcd_prefix = "/registry";
  Duration etcd_compaction_interval = 5min;
  Duration history = 5min;  // What compaction of the embedded store leaves; no flag.
  Duration event_ttl = 1h;
  Duration storage_initialization_timeout = 1min;
  std::string storage_backend = "";
  std::string encryption_provider_config = "";  // File; "": objects are kept as they are.
  bool encryption_provider_config_automatic_reload = false;
  Duration shutdown_delay = Duration::zero();
  // Where simulated nodes answer (NodeConnections); no flag.
  std::function<std::string(const std::string& node)> socket_of_simulated = {};
  // What a part of this process answers for; no flag.
  std::optional<Resident> resident = {};
  LogFlags log;
};

// The same with flags beside those that somebody has set already: "tls-min-version=VersionTLS13",
// also with dashes before it. Invalid carries kube-apiserver's text.
Result<ApiServerFlags> WithApiServerArguments(ApiServerFlags set,
                                              const std::vector<std::string>& arguments);
// Invalid carries kube-apiserver's text; nullopt after --help was printed.
Result<std::optional<ApiServerFlags>> ParseApiServerFlags(const std::vector<std::string>& args);
// What is in the file that a flag names; "" where it names none.
Result<std::string> FileOrEmpty(const std::string& path);

class ApiServerProcess {
 public:
  static Result<std::unique_ptr<ApiServerProcess>> Start(const ApiServerFlags& flags);
  ~ApiServerProcess();

  ApiServer& server();
  Store& store();
  int port() const;
  // PEM of the authority that signed what the server shows; "" when files were given.
  const std::string& authority_pem() const;
  // Finishes the requests in flight, then closes everything. Once.
  void Stop();

 private:
  struct Impl;
  explicit ApiServerProcess(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The program: until SIGINT or SIGTERM. Returns the exit code.
int ApiServerMain(const std::vector<std::string>& args);

}  // namespace skiff
