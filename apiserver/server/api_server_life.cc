// How an ApiServer comes to be, what of it runs by itself, and how it ends. What becomes of a
// request is in api_server.cc, what the parts are made with in api_server_state.cc.
#include "apiserver/server/api_server.h"

#include "apiserver/admission/plugins.h"
#include "apiserver/server/api_server_state.h"
#include "apiserver/server/bootstrap.h"

namespace skiff {
namespace {

ServiceAllocation::Options NumbersOf(const ApiServerOptions& options) {
  return {.cluster_ip_ranges = options.service_cluster_ip_ranges,
          .node_port_min = options.node_port_min,
          .node_port_max = options.node_port_max,
          .shared = options.shared_store};
}

}  // namespace

ApiServer::ApiServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
ApiServer::~ApiServer() = default;

Result<std::unique_ptr<ApiServer>> ApiServer::Create(ApiServerOptions options, Parts parts) {
  auto state = std::make_unique<State>(std::move(options), parts);
  State& made = *state;
  TRY(made.AddAudit());
  TRY(made.AddAuthorizers(parts));
  TRY(made.AddAuthentication(parts));
  made.allocation = TRY(
      ServiceAllocation::Create(NumbersOf(made.options), made.store, made.clock, made.random));
  made.AddWebhooks(parts);
  TRY(AddAdmissionPlugins(
      {made.store,
       made.caches,
       *made.authorizers,
       made.clock,
       made.random,
       {made.options.default_not_ready_toleration_s, made.options.default_unreachable_toleration_s},
       made.options.warns_of_unserved_kinds,
       made.options.network_policies_are_enforced,
       made.webhooks.get(),
       [&made] { return made.custom_kinds.Now(""); },
       &made.metrics.registry(),
       made.options.mutating_policies_act,
       made.options.admission_settings},
      made.options.enabled_admission_plugins, made.options.disabled_admission_plugins,
      made.admission));
  made.admission.TellTo(made.metrics.registry());
  made.writer = std::make_unique<ObjectWriter>(ObjectWriter::Parts{
      made.store, made.admission, made.clock, made.random, *made.allocation, &made.rule_times});
  made.remover = std::make_unique<ObjectRemover>(
      ObjectRemover::Parts{made.store, made.admission, made.clock, *made.allocation});
  const auto& modes = made.options.authorization_modes;
  const bool has_rbac = made.options.authorization
                            ? made.options.authorization->configuration.Has("RBAC")
                            : std::find(modes.begin(), modes.end(), "RBAC") != modes.end();
  made.core = std::unique_ptr<Core>(
      new Core{made.store, made.clock, made.random, made.caches, made.admission, *made.writer,
               *made.remover, *made.authorizers, made.rbac, *made.authentication, *made.tokens,
               has_rbac, made.nodes, &made.watch_pages, &made.watch_frames, &made.outbound,
               &made.list_jobs, &made.components, made.options.watch_time_min});
  made.core->watch_counts = &made.watch_counts;
  StartOptions start{.has_rbac = has_rbac,
                     .service_ranges = made.options.service_cluster_ip_ranges,
                     .first_service_ip = made.allocation->FirstAddress(),
                     .advertise_address = made.options.advertise_address,
                     .secure_port = made.options.secure_port,
                     .client_ca_pem = made.options.client_ca_pem,
                     .front_proxy = made.options.front_proxy,
                     .kinds = KindsWith(made.options.kinds_on_request),
                     .now = made.clock.Now()};
  made.AddHealth(parts, has_rbac);
  made.AddFigures(parts);
  TRY(WriteStartObjects(*made.core, start));
  // Endpoints may not name a loopback address.
  if (made.options.shared_store && !made.options.advertise_address.starts_with("127.")) {
    made.master_leases = std::make_unique<MasterLeases>(made.store, made.options.advertise_address,
                                                        made.options.other_addresses);
  }
  made.address_repair = std::make_unique<AddressRepair>(made.store, made.clock, made.random);
  start.owns_endpoints = !made.options.shared_store;
  made.AddEntrance();
  std::unique_ptr<ApiServer> server(new ApiServer(std::move(state)));
  made.AddDefinitions(*server);
  made.AddAggregation(parts);
  TRY(server->UseProxyCertificate(made.options.proxy_client_certificate_pem,
                                  made.options.proxy_client_key_pem));
  made.upkeep = std::make_unique<Upkeep>(*made.core, std::move(start), made.ask);
  made.AddIdentityLease();
  return server;
}

void ApiServer::State::AddIdentityLease() {
  const std::string& host = options.identity_host;
  if (host.empty()) return;
  identity_lease = std::make_unique<IdentityLease>(store, clock, random, host, ask);
}

void ApiServer::State::AddDefinitions(ApiServer& server) {
  const auto ask_among = [&server](const http::Request& request,
                                   std::shared_ptr<const Served> kinds) {
    const User self = LoopbackUser();
    Asked asked = server.state_->Ask(request, &self);
    asked.own = true;
    asked.kinds = std::move(kinds);
    return server.Answer(request, std::move(asked));
  };
  ask = [ask_among](const http::Request& request) { return ask_among(request, nullptr); };
  ask_as_client = [&server](const http::Request& request) {
    return server.Handle(request, LoopbackUser());
  };
  definitions = std::make_unique<DefinitionLoop>(DefinitionLoop::Parts{
      *core, ask_among, [this](const auto& definition) { return MakeKinds(definition); },
      [this] { (void)custom_kinds.Now(CustomKinds::kEveryGroup); }});
}

Result<> ApiServer::UseProxyCertificate(const std::string& certificate_pem,
                                        const std::string& key_pem) {
  return state_->aggregation->UseCertificate(certificate_pem, key_pem);
}

Result<> ApiServer::UseAuthenticationConfiguration(const std::string& text) {
  return state_->outside ? state_->outside->Use(text) : Result<>();
}

Result<> ApiServer::UseAuthorizationConfiguration(const std::string& text) {
  return state_->authorizers->Use(text);
}

Result<> ApiServer::UseClientAuthorities(const std::string& client_ca_pem,
                                         const std::string& proxy_ca_pem) {
  TRY(state_->authentication->UseClientAuthorities(client_ca_pem, proxy_ca_pem));
  state_->upkeep->UseClientAuthorities(client_ca_pem, proxy_ca_pem);
  return {};
}

ServedKinds& ApiServer::kinds() {
  return state_->served;
}

Result<std::string> ApiServer::SignToken(const Json& claims) {
  return state_->tokens->Sign(claims);
}

std::vector<ControlLoop*> ApiServer::loops() {
  std::vector<ControlLoop*> loops = {
      state_->upkeep.get(),  state_->definitions.get(),        &state_->watch_pages,
      &state_->watch_frames, state_->flow_configuration.get(), state_->address_repair.get(),
      &state_->outbound};
  for (WatchJobLoop& loop : state_->list_jobs.loops()) loops.push_back(&loop);
  for (ControlLoop* loop : state_->aggregation->loops()) loops.push_back(loop);
  if (state_->outside) loops.push_back(state_->outside.get());
  if (state_->audit) loops.push_back(&state_->audit->log());
  if (state_->master_leases) loops.push_back(state_->master_leases.get());
  if (state_->identity_lease) loops.push_back(state_->identity_lease.get());
  return loops;
}

ControlLoop& ApiServer::WatchHealth() {
  state_->health->LookAside();
  return *state_->health;
}

void ApiServer::BeginShutdown() {
  state_->shutting_down = true;
  state_->ending.notify_all();
  if (state_->master_leases) state_->master_leases->Withdraw();
  if (state_->identity_lease) state_->identity_lease->Withdraw();
}

void ApiServer::EndCalls() {
  state_->webhooks->Stop();
  if (state_->outside) state_->outside->Stop();
  state_->authorizers->Stop();
  state_->aggregation->Stop();
  state_->entrance->Stop();
  state_->outbound.Stop();
}

}  // namespace skiff
