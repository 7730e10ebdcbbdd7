// The parts of the server, each made of its flags: who may be who, health, webhooks, the audit log.
#include "apiserver/server/api_server_state.h"

#include <algorithm>

#include "apiserver/encryption/encryption.h"
#include "apiserver/identity/node_connections.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/resources.h"
#include "apiserver/server/health_checks.h"
#include "base/at_once.h"
#include "base/build_info.h"
#include "base/feature_gates.h"
#include "base/log.h"

namespace skiff {
namespace {

const Log kStateLog("apiserver");

}  // namespace

Result<> ApiServer::State::AddAudit() {
  if (!options.audit) return {};
  audit = TRY(Audit::Create(*options.audit, clock, random, metrics.registry()));
  return {};
}

Result<> ApiServer::State::AddAuthorizers(const Parts& parts) {
  AuthorizationOptions given;
  if (options.authorization) {
    given = *options.authorization;
  } else {
    given.configuration = AuthorizationOfModes(options.authorization_modes);
  }
  authorizers = TRY(Authorizers::Create(std::move(given), {.clock = clock,
                                                           .loops = LoopsOf(parts),
                                                           .metrics = metrics.registry(),
                                                           .store = store,
                                                           .rbac = rbac}));
  return {};
}

namespace {

// As this server has heard of it; what another one has just made may not be known here, and is
// read. Null where it is not there.
Result<RecordPtr> ShownOrRead(Store& store, const std::string& key) {
  auto record = store.GetAny(key);
  if (!record && record.error().reason == Reason::kNotFound) record = store.Get(key);
  if (!record && record.error().reason == Reason::kNotFound) return nullptr;
  return record;
}

}  // namespace

Result<std::optional<ServiceAccountTokens::Present>> ApiServer::State::PresentObject(
    std::string_view resource, std::string_view namespace_name, std::string_view name) {
  const KindInfo* kind = FindResource("", "v1", resource);
  if (kind == nullptr) return std::nullopt;
  const std::string key = KeyOf(*kind, namespace_name, name);
  const RecordPtr record = TRY(ShownOrRead(store, key));
  if (!record) return std::nullopt;
  const ObjectView view = TRY(ObjectView::Of(*record));
  ServiceAccountTokens::Present present{.uid = std::string(view.uid())};
  // Hardly any object is being deleted, and only those are read further.
  if (view.body().find("\"deletionTimestamp\"") == std::string_view::npos) return present;
  const Object object = TRY(ObjectOf(*kind, *record));
  if (const auto& deletion = object.metadata().deletion_timestamp) {
    present.deletion = deletion->point();
  }
  return present;
}

Result<std::optional<core_v1::Secret>> ApiServer::State::SecretAt(const std::string& namespace_name,
                                                                  const std::string& name) {
  const KindInfo& kind = core_v1::Secret::Info();
  const RecordPtr record = TRY(ShownOrRead(store, KeyOf(kind, namespace_name, name)));
  if (!record) return std::nullopt;
  const Object object = TRY(ObjectOf(kind, *record));
  return *object.As<core_v1::Secret>();
}

// Who uses the token does not wait for that to succeed: the next use tries again.
void ApiServer::State::MarkTokenUsed(const std::string& namespace_name, const std::string& name,
                                     const std::string& date) {
  if (!ask) return;
  http::Request request;
  request.method = "PATCH";
  request.path = "/api/v1/namespaces/" + namespace_name + "/secrets/" + name;
  request.headers.emplace("User-Agent", "kube-apiserver");
  request.headers.emplace("Content-Type", "application/merge-patch+json");
  request.body = Json{{"metadata", {{"labels", {{kLegacyTokenLastUsed, date}}}}}}.dump();
  const http::Response answer = ask(request);
  if (answer.status < 400) return;
  kStateLog.Debug("use of a token not put down",
             {{"secret", namespace_name + "/" + name}, {"error", answer.body}});
}

Result<> ApiServer::State::AddOutsideTokens(const Parts& parts, Authentication::Options& auth) {
  if (!options.outside_tokens) return {};
  if (const auto& anonymous = options.outside_tokens->configuration.anonymous) {
    auth.anonymous = anonymous->enabled && anonymous->paths.empty();
    auth.anonymous_paths = anonymous->paths;
  }
  outside =
      TRY(OutsideTokens::Create(*options.outside_tokens, {.clock = clock,
                                                          .loops = LoopsOf(parts),
                                                          .metrics = metrics.registry(),
                                                          .audiences = tokens->audiences(),
                                                          .own_issuers = tokens->Issuers()}));
  auth.outside = outside.get();
  return {};
}

Result<> ApiServer::State::AddAuthentication(const Parts& parts) {
  ServiceAccountTokens::Options token_options{
      .audiences = options.api_audiences,
      .signing_key_pem = options.service_account_signing_key_pem,
      .verify_key_pems = options.service_account_key_pems,
      .generated_key_path = options.generated_key_path,
      .key_set_url = options.service_account_jwks_uri,
      .lifetime_max_s = options.service_account_max_token_s,
      .extends_projected = options.service_account_extends_tokens};
  if (const auto& issuers = options.service_account_issuers; !issuers.empty()) {
    token_options.issuer = issuers.front();
    token_options.other_issuers.assign(issuers.begin() + 1, issuers.end());
  }
  tokens = TRY(ServiceAccountTokens::Create(
      std::move(token_options),
      [this](std::string_view resource, std::string_view space, std::string_view name) {
        return PresentObject(resource, space, name);
      },
      {[this](const std::string& space, const std::string& name) { return SecretAt(space, name); },
       [this](const std::string& space, const std::string& name, const std::string& date) {
         MarkTokenUsed(space, name, date);
       }},
      clock, random));
  const auto secret_for = [this](std::string_view purpose) { return tokens->SecretFor(purpose); };
  console_sessions = std::make_unique<ConsoleSessions>(store, clock, random, secret_for);
  console_challenges = std::make_unique<ConsoleChallenges>(store, clock, random, secret_for);
  const auto& modes = options.authorization_modes;
  // As in Kubernetes, whatever is said of anonymous requests; with a file the modes say nothing.
  const bool by_modes = !options.authorization || options.authorization->file_text.empty();
  const bool allows_all =
      by_modes && std::find(modes.begin(), modes.end(), "AlwaysAllow") != modes.end();
  Authentication::Options auth{
      .anonymous = options.anonymous_auth.value_or(true) && !allows_all,
      .service_accounts = tokens.get(),
      .console = console_sessions.get(),
      .clock = &clock,
      .client_ca_pem = options.client_ca_pem,
      .front_proxy = options.front_proxy,
      .shown_certificate = [this](Duration left) { metrics.ShownCertificate(left); }};
  // Whoever waits for the server has no credentials yet. Who says --anonymous-auth=false means it.
  if (options.anonymous_auth.value_or(true)) {
    auth.anonymous_paths = {"/healthz", "/livez", "/readyz", "/version", "/version/"};
  }
  TRY(AddOutsideTokens(parts, auth));
  if (options.bootstrap_token_auth) {
    bootstrap_tokens = std::make_unique<BootstrapTokens>(store, clock);
    auth.bootstrap = bootstrap_tokens.get();
  }
  auth.tokens = TRY(TokenFile::Parse(options.token_file_text));
  authentication = std::make_unique<Authentication>(std::move(auth));
  return {};
}

void ApiServer::State::AddHealth(const Parts& parts, bool has_rbac) {
  HealthParts health_parts{
      .store = store,
      .caches = caches,
      .shutting_down = shutting_down,
      .has_rbac = has_rbac,
      .has_client_ca = !options.client_ca_pem.empty() || !options.front_proxy.client_ca_pem.empty(),
      .store_alive = parts.store_alive,
      .store_ready = parts.store_ready};
  health_parts.definitions_read = [this]() -> Result<> {
    if (custom_kinds.Take("").lacked_groups.empty()) return {};
    return Fail(Reason::kInternalError, "definitions of custom resources cannot be read");
  };
  health_parts.services_read = [this]() -> Result<> {
    (void)aggregation->Table();
    return {};
  };
  if (!options.identity_host.empty()) {
    // As in Kubernetes, whose hooks begin it and wait for nothing: nobody is kept from a server
    // that answers by what it is about to write of itself.
    health_parts.lease_begun = []() -> Result<> { return {}; };
  }
  if (nodes != nullptr) {
    health_parts.longest_round = [loops = &nodes->loops] { return loops->LongestRound(); };
  }
  if (parts.encryption != nullptr) {
    parts.encryption->AddMetrics(metrics.registry());
    if (parts.encryption->HasHealthCheck()) {
      health_parts.kms_providers = [sealing = parts.encryption] { return sealing->Health(); };
    }
  }
  health = std::make_unique<HealthMonitor>(clock, HealthChecks(health_parts));
}

void ApiServer::State::AddFigures(const Parts& parts) {
  tokens->AddMetrics(metrics.registry());
  allocation->AddMetrics(metrics.registry());
  if (parts.store_bytes) metrics.TellStoreBytes(parts.store_bytes);
  if (parts.failed_handshakes) metrics.TellFailedHandshakes(parts.failed_handshakes);
  AddFeatureMetric(metrics.registry(),
                   {{"APIServerIdentity", "BETA", !options.identity_host.empty()},
                    {kMaxUnavailableGate, "BETA", IsOn(SharedGate::kMaxUnavailableStatefulSet)},
                    {"MutatingAdmissionPolicy", "BETA", options.mutating_policies_act}});
}

http::Loops* LoopsOf(const ApiServer::Parts& parts) {
  if (parts.loops == nullptr && parts.nodes != nullptr) return &parts.nodes->loops;
  return parts.loops;
}

void ApiServer::State::AddWebhooks(const Parts& parts) {
  http::Loops* loops = LoopsOf(parts);
  webhooks = std::make_unique<Webhooks>(
      Webhooks::Parts{.store = store,
                      .caches = caches,
                      .authorizer = *authorizers,
                      .random = random,
                      .served = [this] { return custom_kinds.Now(""); },
                      .loops = loops,
                      .nodes = nodes,
                      .metrics = metrics.registry(),
                      .ask_self = [this](const auto& request) { return ask_as_client(request); },
                      .to_endpoints = options.routes_to_endpoints});
  conversions = std::make_unique<Conversions>(webhooks->caller(), random, metrics.registry());
}

void ApiServer::State::AddAggregation(const Parts& parts) {
  http::Loops* loops = LoopsOf(parts);
  http::Upstream own;
  own.host = options.own_address;
  own.port = options.secure_port;
  aggregation = std::make_unique<Aggregation>(
      Aggregation::Parts{.store = store,
                         .clock = clock,
                         .random = random,
                         .loops = loops,
                         .nodes = nodes,
                         .metrics = metrics.registry(),
                         .ask = ask,
                         .front_proxy = options.front_proxy,
                         .rejects_redirects = options.rejects_forwarding_redirects,
                         .to_endpoints = options.routes_to_endpoints,
                         .own_host = HostOf(own),
                         .limits = options.forward_limits,
                         .resident = options.resident ? &*options.resident : nullptr});
}

void ApiServer::State::Authenticate(const http::Request& request, const User* trusted,
                                    Asked& asked) {
  const Duration begin = clock.Monotonic();
  asked.user =
      trusted != nullptr ? *trusted : authentication->Authenticate(request, asked.warnings);
  if (trusted == nullptr && !IsVoid()) {
    metrics.Authenticated(asked.user, clock.Monotonic() - begin);
  }
  if (!asked.user) return;
  // Whoever is known already may ask for somebody else like anyone, if the authorizer lets it.
  if (!audit) {
    asked.user = Impersonate(request, *std::move(asked.user), *authorizers);
    return;
  }
  Result<User> user = Impersonate(request, *asked.user, *authorizers);
  if (!user || *user != *asked.user) asked.impersonator = *std::move(asked.user);
  asked.user = std::move(user);
}

bool ApiServer::State::BeginAudit(const http::Request& request, Asked& asked) {
  if (!audit || asked.told || asked.audited) return true;
  if (!audit->AwaitRoom()) return false;
  asked.audited = true;
  static const User kNobody;
  const User* const user = asked.user ? &*asked.user : nullptr;
  const User& asking = asked.impersonator ? *asked.impersonator : user ? *user : kNobody;
  asked.told =
      audit->Begin(request, asked.info, asking, asked.impersonator ? user : nullptr);
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view shown = request.Header("Authorization");
  if (!asked.told || !shown.starts_with(kBearer)) return true;
  if (!asking.name.starts_with("system:serviceaccount:")) return true;
  const std::string note = tokens->StaleNote(shown.substr(kBearer.size()));
  if (!note.empty()) asked.told->annotations().emplace("authentication.k8s.io/stale-token", note);
  return true;
}

RemoteServicePtr ApiServer::State::RemoteFor(const ApiRequest& request, const RouteMatch& match) {
  const bool is_built_in = match.kind != nullptr && RuntimeKindOf(*match.kind) == nullptr;
  if (is_built_in || request.own) return nullptr;
  return aggregation->RemoteAt(request.http.path);
}

void ApiServer::State::CountRefused(const http::Request& request,
                                    const http::Response& response) {
  ApiRequest refused{.http = request,
                     .info = ParseRequestInfo(request),
                     .user = {},
                     .served = served.Now()};
  if (refused.info.is_resource) {
    const RouteMatch match = refused.served->routes.Find(refused.info, request.method);
    refused.kind = match.kind;
    refused.route = match.route;
  }
  metrics.Refused(refused, response);
}

}  // namespace skiff
