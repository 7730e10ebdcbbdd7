#include "skiff/component_clients.h"

#include <algorithm>

#include "client/whole_updates.h"
#include "skiff/account_rights.h"

namespace skiff {
namespace {

// Connections that the accounts of all controllers share.
constexpr int kAccountConnections = 64;

// Of controllers that Kubernetes gives more than the others.
struct More {
  std::string_view controller;
  double qps;
  int burst;
};
constexpr More kMore[] = {
    // It asks for a lot, for what all kinds have left in a namespace.
    {"namespace-controller", 20, 100},
    // It asks twice for each object that goes.
    {"garbage-collector-controller", 2, 1},
};

RateLimit Times(const RateLimit& limit, double qps, int burst) {
  return {limit.qps * qps, limit.burst * burst};
}

RateLimit LimitOf(std::string_view controller, const RateLimit& limit) {
  for (const More& more : kMore) {
    if (more.controller == controller) return Times(limit, more.qps, more.burst);
  }
  return limit;
}

HttpsOptions WithoutCredentials(HttpsOptions server) {
  HttpsOptions nobody;
  nobody.server = std::move(server.server);
  nobody.certificate_authority = std::move(server.certificate_authority);
  nobody.tls_server_name = std::move(server.tls_server_name);
  nobody.insecure_skip_tls_verify = server.insecure_skip_tls_verify;
  nobody.proxy_url = std::move(server.proxy_url);
  nobody.proxies = std::move(server.proxies);
  nobody.connections_max = kAccountConnections;
  return nobody;
}

}  // namespace

Result<std::unique_ptr<ComponentClients>> ComponentClients::Make(const HttpsOptions& server,
                                                                 const Options& options,
                                                                 Dependencies dependencies) {
  const RequestMetrics metrics(dependencies.metrics);
  const std::string host = HostOfServer(server.server);
  const auto connect = [&](const HttpsOptions& to) -> Result<std::unique_ptr<Transport>> {
    return MakeCountingTransport(TRY(MakeHttpsTransport(to)), host, dependencies.clock, metrics);
  };
  std::unique_ptr<ComponentClients> made(new ComponentClients(options, dependencies));
  made->own_ = TRY(connect(server));
  HttpsOptions election = server;
  election.request_timeout_ms = static_cast<int>(
      std::min<int64_t>(options.election_timeout / 1ms, election.request_timeout_ms));
  made->election_ = TRY(connect(election));
  if (options.has_accounts) made->unnamed_ = TRY(connect(WithoutCredentials(server)));
  return made;
}

LimitedTransport& ComponentClients::Limit(Transport& below, const RateLimit& limit) {
  auto limited = std::make_unique<LimitedTransport>(below, limit, dependencies_.clock);
  LimitedTransport& added = *limited;
  layers_.push_back(std::move(limited));
  return added;
}

Transport& ComponentClients::LimitUntilClosed(Transport& below, const RateLimit& limit) {
  return *closed_at_end_.emplace_back(&Limit(below, limit));
}

Transport& ComponentClients::Limited() {
  return LimitUntilClosed(*own_, options_.limit);
}

Transport& ComponentClients::OfInformers() {
  return LimitUntilClosed(*own_, Times(options_.limit, 2, 2));
}

Transport& ComponentClients::OfController(const std::string& controller) {
  return LimitUntilClosed(*own_, LimitOf(controller, options_.limit));
}

Transport& ComponentClients::OfElection() {
  return Limit(*election_, options_.limit);
}

Transport& ComponentClients::OfAccount(const std::string& controller, const std::string& account) {
  if (!accounts_) accounts_ = std::make_unique<Client>(Limited(), options_.name + "/accounts");
  auto tokens = std::make_unique<AccountTokens>(*accounts_, dependencies_.clock,
                                                ObjectKey{"kube-system", account});
  layers_.push_back(std::make_unique<AccountTransport>(*unnamed_, std::move(tokens)));
  const auto object_of = [rights = AccountRights(account)](const std::string& path) {
    return rights.ObjectToUpdate(path);
  };
  layers_.push_back(std::make_unique<WholeUpdates>(*layers_.back(), object_of));
  return LimitUntilClosed(*layers_.back(), LimitOf(controller, options_.limit));
}

void ComponentClients::Close() {
  for (LimitedTransport* each : closed_at_end_) each->Close();
}

}  // namespace skiff
