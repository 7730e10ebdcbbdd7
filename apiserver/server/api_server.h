// The API server as an object: a handler of requests over a store. It has no thread and no socket
// of its own; a program gives it both (program.cc), a simulation neither.
//
//   auto server = TRY(ApiServer::Create(options, {store, clock, random}));
//   http::Response told = server->Handle(request);                   // As the client it says it
//   is. http::Response asked = server->Handle(request, LoopbackUser());  // In process, trusted.
//
// On a loop of connections TryHandle does the same as far as nothing has to be waited for (decision
// 0057).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/values.h"
#include "apiserver/admission/configuration.h"
#include "apiserver/aggregation/forward_limits.h"
#include "apiserver/aggregation/resident.h"
#include "apiserver/audit/audit_options.h"
#include "apiserver/auth/front_proxy.h"
#include "apiserver/auth/user.h"
#include "apiserver/server/browser_access.h"
#include "apiserver/storage/store.h"
#include "apiserver/storage/store_moment.h"
#include "apiserver/watches/watch.h"
#include "base/clock.h"
#include "base/control_loop.h"
#include "base/id.h"
#include "http/late.h"
#include "http/loop.h"
#include "http/message.h"
#include "http/prompt.h"

namespace skiff {

class AtOnce;
struct KindInfo;
struct NodeConnections;
class Encryption;
struct AuthorizationOptions;
struct OutsideTokenOptions;
class ServedKinds;

namespace flow_control {
class Pass;
}

// Of API priority and fairness.
struct FlowControlOptions {
  bool on = true;  // Else requests are only counted.
  // Together the seats that there are; apart the limits where requests are only counted.
  int reading_max = 400;
  int writing_max = 200;
  int read_slots = 0;       // Reads that are worked on at one time; 0: by processors.
  Duration patience = 15s;  // For which a request waits for its turn.
};

struct ApiServerOptions {
  std::vector<std::string> authorization_modes = {"AlwaysAllow"};
  // Of --authorization-config, or where modes need more than their names; null: the modes say all.
  std::shared_ptr<const AuthorizationOptions> authorization = {};
  // Unset: on, except when everything is allowed anyway; then health and version are open still.
  std::optional<bool> anonymous_auth = {};
  bool bootstrap_token_auth = false;  // Secrets of type bootstrap.kubernetes.io/token log in.
  // Tokens that issuers and a webhook vouch for, and who may be anonymous where that says so; null:
  // nobody does.
  std::shared_ptr<const OutsideTokenOptions> outside_tokens = {};
  std::string token_file_text = {};   // Content of --token-auth-file.
  std::vector<std::string> service_cluster_ip_ranges = {"10.0.0.0/24"};
  int node_port_min = 30000;
  int node_port_max = 32767;
  // The first issues tokens, the others' are taken as well; empty: Kubernetes' default.
  std::vector<std::string> service_account_issuers = {};
  std::string service_account_jwks_uri = {};  // Where others find the keys; "": at this server.
  // Nobody gets a token for longer than that, in seconds; 0: for as long as he asks.
  int64_t service_account_max_token_s = 0;
  // What pods get is good for a year, whatever they asked for.
  bool service_account_extends_tokens = true;
  std::vector<std::string> api_audiences = {};
  std::string service_account_signing_key_pem = {};
  std::vector<std::string> service_account_key_pems = {};
  std::string generated_key_path = {};
  std::string advertise_address = "127.0.0.1";
  std::vector<std::string> other_addresses = {};  // At which it is known as well.
  int secure_port = 6443;
  std::string own_address = "::1";  // At which its machine reaches it.
  bool shared_store = false;  // Other servers use the same store.
  bool controllers_are_within = false;  // In this process, and the scheduler.
  std::string client_ca_pem = {};
  FrontProxyOptions front_proxy = {};
  // By which servers behind this one know it; "": not at all.
  std::string proxy_client_certificate_pem = {};
  std::string proxy_client_key_pem = {};
  bool rejects_forwarding_redirects = true;
  // Of services that webhooks and servers behind this one have (ServicePodParts).
  bool routes_to_endpoints = false;
  ForwardLimits forward_limits = {};
  std::vector<std::string> enabled_admission_plugins = {};  // Beyond the default ones.
  std::vector<std::string> disabled_admission_plugins = {};
  AdmissionSettings admission_settings = {};
  int default_not_ready_toleration_s = 300;
  int default_unreachable_toleration_s = 300;
  // Warning headers for what is stored and nothing acts on; kube-apiserver has none of them.
  bool warns_of_unserved_kinds = false;
  bool network_policies_are_enforced = false;  // By the nodes; else nobody is known to do so.
  // Served beside BuiltInKinds(): some of KindsOnRequest(), and whether the
  // MutatingAdmissionPolicies among them act.
  std::vector<const KindInfo*> kinds_on_request = {};
  bool mutating_policies_act = false;
  FlowControlOptions flow_control = {};
  // Until a request that does not last is answered, from its arrival; > 0.
  Duration request_timeout = 60s;
  // What a watch that names no timeout lasts at least, and up to twice as long; 0: without an end.
  Duration watch_time_min = kWatchTimeMin;
  std::optional<Resident> resident = {};
  std::optional<AuditOptions> audit = {};  // Unset: nothing is told.
  BrowserAccessOptions browser_access = {};
  // This machine's name, for the Lease that tells of this server (server/identity_lease.h); "":
  // none does.
  std::string identity_host = {};
  std::string external_hostname = {};  // By which others know this server; "": its address.
  // So likely a request ends its connection of HTTP/2, that clients spread over servers anew.
  double goaway_chance = 0;
};

class ApiServer final : public http::Handler, public http::PromptHandler, public http::LateHandler {
 public:
  struct Parts {  // All outlive the server.
    Store& store;
    const Clock& clock;
    Random& random;
    const NodeConnections* nodes = nullptr;  // nullptr: no logs, exec, proxy.
    // Whether the store does what it should, for /livez and /readyz; null: a read tells. The first
    // fails when only a new start helps.
    std::function<Result<>()> store_alive = {};
    std::function<Result<>()> store_ready = {};
    // For calls of webhooks; nullptr: those of `nodes`, and without either they fail.
    http::Loops* loops = nullptr;
    // Copies the store as it is now (storage/checkpoints.h), and says where to; or why not. Null:
    // it cannot be asked for.
    std::function<Result<std::string>()> checkpoint = {};
    // What seals what the store keeps, for metrics and health; nullptr: nothing does.
    Encryption* encryption = nullptr;
    // Tells which revision was the newest at a moment. Null: nobody knows.
    FindMoment find_moment = {};
    // How many handshakes of TLS have failed at this server's port. Null: it has none.
    std::shared_ptr<const std::atomic<uint64_t>> failed_handshakes = nullptr;
    // How many bytes the store takes on its disk; nullopt where that cannot be told. Null: it has
    // no disk of its own.
    std::function<std::optional<uint64_t>()> store_bytes = {};
  };
  // Writes the objects that a cluster starts with, where they are missing.
  static Result<std::unique_ptr<ApiServer>> Create(ApiServerOptions options, Parts parts);
  ~ApiServer() override;

  http::Response Handle(const http::Request& request) override;
  Outcome TryHandle(const http::Request& request) override;
  // Waits for no write that is all that is left of the request (decision 0062).
  std::optional<http::Response> HandleLater(const http::Request& request,
                                            const http::LateReplyPtr& reply) override;
  // The same for a caller that is known already; no credentials are looked at.
  http::Response Handle(const http::Request& request, const User& user);
  std::optional<http::Response> HandleLater(const http::Request& request, const User& user,
                                            const http::LateReplyPtr& reply);

  // By which servers behind this one know it from now on; on error nothing changes. Any thread.
  Result<> UseProxyCertificate(const std::string& certificate_pem, const std::string& key_pem);
  // What --authentication-config says from now on; on error nothing changes. Any thread.
  Result<> UseAuthenticationConfiguration(const std::string& text);
  // Likewise of --authorization-config.
  Result<> UseAuthorizationConfiguration(const std::string& text);
  // Likewise of --client-ca-file and --requestheader-client-ca-file; "" where there was none.
  Result<> UseClientAuthorities(const std::string& client_ca_pem, const std::string& proxy_ca_pem);
  // What is served. Kinds that others make at run time are set here; it is the definitions' own as
  // soon as there are any.
  ServedKinds& kinds();

  // A token of these claims, by the key that signs those of service accounts.
  Result<std::string> SignToken(const Json& claims);
  // From now on /livez and /readyz wait for nothing: they tell what this loop has found out, which
  // the caller runs.
  ControlLoop& WatchHealth();
  // Work between requests; the owner adds them to an executor.
  std::vector<ControlLoop*> loops();
  // Ends the calls of webhooks and of other API servers that are under way, and makes no more: what
  // waits for one fails. To be called once nobody asks any more, and before the loops that
  // connections live on go.
  void EndCalls();
  // From now on /readyz fails, so that clients go elsewhere before the connections close.
  void BeginShutdown();

 private:
  struct State;
  struct Asked;
  struct Serving;
  explicit ApiServer(std::unique_ptr<State> state);
  // Of a request that has been let in. nullopt: the answer comes by `reply`, if there is one.
  std::optional<http::Response> Begin(const http::Request& request, Asked asked,
                                      flow_control::Pass pass,
                                      const http::LateReplyPtr& reply = nullptr);
  std::optional<http::Response> ServeLater(const http::Request& request, Asked asked,
                                           flow_control::Pass pass,
                                           const http::LateReplyPtr& reply);
  http::Response FinishLate(Serving& serving, Result<http::Response> result);
  http::Response ServeAnew(Serving& serving);
  http::Response Answer(const http::Request& request, Asked asked,
                        const flow_control::Pass* pass = nullptr);
  // nullopt in an attempt (base/at_once.h) that has failed; of a user who is known, `asked` is as
  // it was then.
  std::optional<http::Response> TryAnswer(const http::Request& request, Asked& asked,
                                          const flow_control::Pass* pass);
  // Of who is known, in an attempt that has not failed.
  Outcome TryLetIn(const http::Request& request, Asked asked, const AtOnce& attempt);
  std::optional<http::Response> TryAnswerOnWorker(const http::Request& request, Asked& asked,
                                                  flow_control::Pass& pass);
  http::Response Finish(Serving& serving, Result<http::Response> result,
                        const flow_control::Pass* pass);
  void TellOf(Serving& serving, const Result<http::Response>& result, http::Response& response);
  // Once it is known who asks. As Begin.
  std::optional<http::Response> LetIn(const http::Request& request, Asked asked,
                                      const http::LateReplyPtr& reply = nullptr);
  // Where to find out who asks takes waiting for others, as Begin for those it waits for.
  http::Response AskElsewhere(const http::Request& request);
  // Of a request that is kept until its turn, or refused.
  http::Response KeepOut(const http::Request& request, Asked asked, flow_control::Pass pass);
  std::unique_ptr<State> state_;
};

}  // namespace skiff
