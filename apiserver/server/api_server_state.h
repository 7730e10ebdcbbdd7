// What an ApiServer is made of. For the files api_server*.cc alone.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/crd/custom_kind.h"
#include "apiserver/admission/admission.h"
#include "apiserver/aggregation/aggregation.h"
#include "apiserver/audit/audit.h"
#include "apiserver/auth/authentication.h"
#include "apiserver/auth/bootstrap_tokens.h"
#include "apiserver/auth/rbac.h"
#include "apiserver/auth/service_accounts.h"
#include "apiserver/authorization/authorizers.h"
#include "apiserver/console/console_login.h"
#include "apiserver/console/console_pages.h"
#include "apiserver/flow_control/configuration_loop.h"
#include "apiserver/identity/caches.h"
#include "apiserver/kinds/custom_kinds.h"
#include "apiserver/kinds/definition_loop.h"
#include "apiserver/kinds/made_discovery.h"
#include "apiserver/kinds/openapi_response.h"
#include "apiserver/objects/remover.h"
#include "apiserver/objects/rule_times.h"
#include "apiserver/objects/writer.h"
#include "apiserver/request/request_info.h"
#include "apiserver/server/api_server.h"
#include "apiserver/server/component_statuses.h"
#include "apiserver/server/core.h"
#include "apiserver/server/health_monitor.h"
#include "apiserver/server/identity_lease.h"
#include "apiserver/server/metered_store.h"
#include "apiserver/server/server_metrics.h"
#include "apiserver/server/upkeep.h"
#include "apiserver/services/address_repair.h"
#include "apiserver/services/master_leases.h"
#include "apiserver/services/service_allocation.h"
#include "apiserver/watches/watch_job_loop.h"
#include "apiserver/webhooks/conversion.h"
#include "apiserver/webhooks/outbound_pool.h"
#include "apiserver/webhooks/webhooks.h"
#include "base/mutex.h"

namespace skiff {

// What is known of a request before it is let in.
struct ApiServer::Asked {
  RequestInfo info;
  Result<User> user;
  std::vector<std::string> warnings;
  bool own = false;
  bool in_process = false;
  std::shared_ptr<InitialEvents> initial_events = {};  // Of a watch that has seats.
  std::optional<User> impersonator = {};  // Who asked to be that user.
  ToldRequestPtr told = {};   // Null: nothing is told of it,
  bool audited = false;       // once that has been decided.
  std::shared_ptr<const Served> kinds = {};  // Null: those that everybody is shown.
  bool is_known() const { return user.has_value() && info.unreadable.empty(); }
};

// Where connections to others live; null: nobody can be reached.
http::Loops* LoopsOf(const ApiServer::Parts& parts);

struct ApiServer::State {
  // What still waits is refused, and what is being stored is answered, while all that it might use
  // is there.
  ~State() {
    if (entrance) entrance->Stop();
    MutexLock lock(late_mutex);
    while (late > 0) late_gone.wait(lock);
  }
  // Requests whose writes are left to the store.
  class Late {
   public:
    Late() = default;
    ~Late() {
      if (state_ == nullptr) return;
      MutexLock lock(state_->late_mutex);
      --state_->late;
      state_->late_gone.notify_all();
    }
    Late(const Late&) = delete;
    Late& operator=(const Late&) = delete;
    void Count(State& state) {
      MutexLock lock(state.late_mutex);
      ++state.late;
      state_ = &state;
    }

   private:
    State* state_ = nullptr;
  };
  State(ApiServerOptions given, Parts parts)
      : options(std::move(given)),
        store(parts.store, parts.clock, metrics.registry()),
        clock(parts.clock),
        random(parts.random),
        nodes(parts.nodes),
        checkpoint(std::move(parts.checkpoint)),
        find_moment(std::move(parts.find_moment)),
        served(KindsWith(options.kinds_on_request)),
        components(store, LoopsOf(parts), options.controllers_are_within),
        custom_kinds(store, served, clock,
                     [this](const auto& definition) { return MakeKinds(definition); }),
        caches(store),
        rbac({caches.cluster_roles, caches.cluster_role_bindings, caches.roles,
              caches.role_bindings}) {
    metrics.CountObjectsOf(parts.store);
  }

  Mutex late_mutex;
  CondVar late_gone;
  int late GUARDED_BY(late_mutex) = 0;
  Mutex account_mutex;
  CondVar ending;  // Told when shutting_down becomes true: who waits for an account ends that.
  ApiServerOptions options;
  ServerMetrics metrics;
  RuleTimes rule_times{metrics.registry()};
  WatchCounts watch_counts{metrics.registry()};
  MeteredStore store;
  const Clock& clock;
  Random& random;
  const NodeConnections* nodes;
  const std::function<Result<std::string>()> checkpoint;
  const FindMoment find_moment;
  ServedKinds served;
  const ComponentStatuses components;
  CustomKinds custom_kinds;
  Caches caches;
  RbacAuthorizer rbac;
  std::unique_ptr<Authorizers> authorizers;
  std::unique_ptr<ServiceAccountTokens> tokens;
  std::unique_ptr<BootstrapTokens> bootstrap_tokens;  // Null: off.
  std::unique_ptr<ConsoleSessions> console_sessions;
  std::unique_ptr<ConsoleChallenges> console_challenges;
  std::unique_ptr<OutsideTokens> outside;  // Null: nobody else vouches for tokens.
  std::unique_ptr<Authentication> authentication;
  std::unique_ptr<ServiceAllocation> allocation;
  std::unique_ptr<Webhooks> webhooks;
  std::unique_ptr<Conversions> conversions;
  AdmissionChain admission;
  std::unique_ptr<ObjectWriter> writer;
  std::unique_ptr<ObjectRemover> remover;
  std::unique_ptr<Core> core;
  std::unique_ptr<MasterLeases> master_leases;  // Null: it is alone, or cannot be reached.
  std::unique_ptr<IdentityLease> identity_lease;  // Null: none tells of this server.
  std::unique_ptr<AddressRepair> address_repair;
  std::atomic<bool> shutting_down = false;
  std::unique_ptr<HealthMonitor> health;
  WatchJobLoop watch_pages, watch_frames;
  ListJobs list_jobs;
  OpenApiDocuments openapi;
  MadeDiscovery discovery;
  ConsolePages console{ConsoleFiles()};
  const BrowserAccess browser_access{options.browser_access};
  std::unique_ptr<Upkeep> upkeep;
  std::unique_ptr<DefinitionLoop> definitions;
  std::unique_ptr<Aggregation> aggregation;
  // As the server's own hand.
  std::function<http::Response(const http::Request&)> ask;
  // By the same hand, and served as anybody's: admitted, and sent to who is behind this server.
  std::function<http::Response(const http::Request&)> ask_as_client;
  std::unique_ptr<Audit> audit;  // Null: nothing is told.
  std::unique_ptr<flow_control::Entrance> entrance;
  std::unique_ptr<flow_control::ConfigurationLoop> flow_configuration;
  OutboundPool outbound{clock};  // The last: what runs there uses all of this.

  // Those that a definition makes.
  RuntimeKinds MakeKinds(const crd::DefinitionText& definition) {
    return crd::MakeKinds(definition,
                          [this](const Json& converted) { return conversions->Of(converted); });
  }
  Result<> AddAuthorizers(const Parts& parts);
  Result<> AddAudit();
  Result<> AddAuthentication(const Parts& parts);
  Result<> AddOutsideTokens(const Parts& parts, Authentication::Options& auth);
  // For tokens that are bound to it.
  Result<std::optional<ServiceAccountTokens::Present>> PresentObject(
      std::string_view resource, std::string_view namespace_name, std::string_view name);
  Result<std::optional<core_v1::Secret>> SecretAt(const std::string& namespace_name,
                                                  const std::string& name);
  void MarkTokenUsed(const std::string& namespace_name, const std::string& name,
                     const std::string& date);
  // What the request says, and who says it; `trusted`: who is known already.
  Asked Ask(const http::Request& request, const User* trusted);
  Result<http::Response> Serve(ApiRequest& request, Result<User> user);
  void AddHealth(const Parts& parts, bool has_rbac);
  // What is told of parts that are made apart.
  void AddFigures(const Parts& parts);
  void AddWebhooks(const Parts& parts);
  void AddAggregation(const Parts& parts);
  // And how the server is asked by its own hand.
  void AddDefinitions(ApiServer& server);
  // Asks by `ask`, which is there by then.
  void AddIdentityLease();
  // Who else answers for what this server has nothing built in for; nullptr: nobody.
  RemoteServicePtr RemoteFor(const ApiRequest& request, const RouteMatch& match);
  // Whom the request may have to wait for: webhooks, those that convert, the controller that makes
  // the account of a new pod, and programs that are asked how they are.
  std::set<std::string> WaitsFor(const http::Request& request, const RequestInfo& info,
                                 const User& user);
  // The same on a worker, which asks no other program for it.
  std::set<std::string> WaitsForFromWorker(const http::Request& request, const RequestInfo& info,
                                           const User& user);
  // What a request takes for the documents of the object that it changes: a patch may be small.
  size_t BytesOfChanged(const http::Request& request, const RequestInfo& info, size_t questions);
  // For who has to ask an authorizer: whom he may wait for, where nobody takes all the places.
  std::set<std::string> NamesOfQuestions(const User& user) const;
  // Whether it is allowed, or somebody else has to be asked.
  bool MayBeAllowed(const User& user, const Access& access) const;
  // Of a request that asks whose a token is.
  std::set<std::string> NamesOfTokens(const http::Request& request, const RequestInfo& info,
                                      const User& user);
  std::set<std::string> NamesOfAsked(const http::Request& request, const RequestInfo& info,
                                     const User& user);
  // Whether the namespace is there, and its default account is not.
  bool IsToGetItsAccount(const std::string& namespace_name);
  bool IsBeforeItsAccount(const http::Request& request, const RequestInfo& info);
  // Whether it writes a definition that takes many times its text while it is worked on.
  bool WritesLargeDefinition(const http::Request& request, const RequestInfo& info);
  // Blocks until that is no longer so, or it has taken as long as kube-apiserver looks for it.
  void AwaitAccount(const http::Request& request, const RequestInfo& info);
  void AddEntrance();
  // Who is not let in comes to no handler, whose answers are counted there.
  void CountRefused(const http::Request& request, const http::Response& response);
  // What anybody may have, whoever it is; nullopt: that is not what is asked for.
  std::optional<http::Response> PublicPage(const http::Request& request);
  // What every answer has.
  void AddHeaders(const http::Request& request, const std::vector<std::string>& warnings,
                  http::Response& response, const ToldRequest* told = nullptr);
  // "10.0.0.1:6443", by which others are told of this server.
  std::string ServerAddress() const;
  Result<http::Response> Route(ApiRequest& request);
  void Authenticate(const http::Request& request, const User* trusted, Asked& asked);
  // Once for each request. False in an attempt that would have to wait.
  bool BeginAudit(const http::Request& request, Asked& asked);
};

}  // namespace skiff
