#include "apiserver/authorization/authorizers.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "apiserver/auth/node_authorizer.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/tokens/server_identity.h"
#include "base/at_once.h"
#include "base/log.h"
#include "client/kubeconfig.h"

namespace skiff {
namespace {

const Log kAuthorizersLog("authorization-config");

// It belongs to whoever has its caches.
class BorrowedAuthorizer final : public Authorizer {
 public:
  explicit BorrowedAuthorizer(Authorizer& borrowed) : borrowed_(borrowed) {}
  Verdict Authorize(const User& user, const Access& access) override {
    return borrowed_.Authorize(user, access);
  }
  void TellRules(const User& user, const std::string& namespace_name, const VisitRule& visit,
                 RulesTold& told) override {
    borrowed_.TellRules(user, namespace_name, visit, told);
  }

 private:
  Authorizer& borrowed_;
};

}  // namespace

Authorizers::Authorizers(AuthorizationOptions options, Parts parts)
    : parts_(parts),
      calls_(parts.loops),
      metrics_(parts.metrics),
      lasting_{{"AlwaysAllow", std::make_shared<AlwaysAllow>()},
               {"AlwaysDeny", std::make_shared<AlwaysDenyAuthorizer>()}} {
  const AuthorizationConfiguration& first = options.configuration;
  if (first.Has("Node")) lasting_["Node"] = std::make_shared<NodeAuthorizer>(parts.store);
  if (first.Has("RBAC")) lasting_["RBAC"] = std::make_shared<BorrowedAuthorizer>(parts.rbac);
  if (first.Has(kAbacMode)) {
    lasting_[kAbacMode] = std::make_shared<AttributeAuthorizer>(std::move(options.policies));
  }
  for (const auto& each : first.authorizers) {
    if (each.type != kWebhookMode) required_.push_back(each.type);
  }
  std::sort(required_.begin(), required_.end());
}

Result<std::unique_ptr<Authorizers>> Authorizers::Create(AuthorizationOptions options,
                                                         Parts parts) {
  std::unique_ptr<Authorizers> made(new Authorizers(options, parts));
  auto chain = made->MakeChain(std::move(options.configuration), options.file_text);
  if (!chain) {
    return Fail(Reason::kInvalid, "invalid authorization config: " + chain.error().message);
  }
  {
    const MutexLock lock(made->mutex_);
    made->asks_others_ = !(*chain)->names.empty();
    made->chain_ = *std::move(chain);
    if (options.file_text.empty()) made->fixed_ = made->chain_;
    made->read_text_ = std::move(options.file_text);
  }
  made->AddMetrics();
  return made;
}

Result<std::shared_ptr<Authorizer>> Authorizers::Make(const AuthorizerConfiguration& each,
                                                      Chain& chain) {
  if (each.type != kWebhookMode) {
    if (const auto found = lasting_.find(each.type); found != lasting_.end()) return found->second;
    if (!IsAuthorizationMode(each.type)) {
      return Fail(Reason::kInvalid,
                  fmt::format("unknown authorization mode {} specified", each.type));
    }
    return Fail(Reason::kInvalid, fmt::format("authorizer type {} is not allowed if it was not "
                                              "enabled at initial server startup",
                                              each.type));
  }
  if (!each.webhook || !each.webhook->kubeconfig_file) {
    return Fail(Reason::kInvalid,
                "connectionInfo.type InClusterConfig cannot be had by the API "
                "server itself: it would ask itself");
  }
  const auto& version = each.webhook->version;
  if (version != "v1" && version != "v1beta1") {
    return Fail(Reason::kInvalid,
                fmt::format("unsupported webhook authorizer version {}, supported versions are "
                            "\"v1\", \"v1beta1\"",
                            Quoted(version)));
  }
  const std::string& file = *each.webhook->kubeconfig_file;
  struct stat found = {};
  if (::stat(file.c_str(), &found) != 0) {
    return Fail(Reason::kInvalid, fmt::format("stat {}: {}", file, StatError(errno)));
  }
  const Kubeconfig kubeconfig = TRY(Kubeconfig::Load(file));
  HttpsOptions server = TRY(kubeconfig.Options());
  std::shared_ptr<AccessWebhook> made =
      TRY(AccessWebhook::Create(each.name, *each.webhook, std::move(server),
                                {.calls = calls_, .clock = parts_.clock, .metrics = metrics_}));
  chain.webhooks.push_back(made);
  chain.names.insert("authorization webhook " + each.name);
  return made;
}

Result<Authorizers::ChainPtr> Authorizers::MakeChain(AuthorizationConfiguration configuration,
                                                     std::string text) {
  if (configuration.authorizers.empty()) {
    return Fail(Reason::kInvalid, "at least one authorization mode must be passed");
  }
  auto chain = std::make_shared<Chain>();
  for (const AuthorizerConfiguration& each : configuration.authorizers) {
    auto authorizer = TRY(Make(each, *chain));
    chain->links.push_back({each.type, each.name, std::move(authorizer)});
  }
  chain->configuration = std::move(configuration);
  chain->text = std::move(text);
  return chain;
}

Authorizers::ChainPtr Authorizers::Now() const {
  if (fixed_) return {ChainPtr(), fixed_.get()};  // As this does, it lasts; nobody counts holders.
  const MutexLock lock(mutex_);
  return chain_;
}

OutboundPool::Names Authorizers::Names() const {
  if (!asks_others_) return {};
  return Now()->names;
}

bool Authorizers::MayAllow(const User& user, const Access& access) {
  return Decide(user, access, nullptr).allowed() || IsVoid();
}

Verdict Authorizers::Authorize(const User& user, const Access& access) {
  return Decide(user, access, &metrics_.decisions);
}

Verdict Authorizers::Decide(const User& user, const Access& access, CounterFamily* counter) {
  if (user.InGroup(kGroupMasters)) return {.decision = Verdict::Decision::kAllow};
  const ChainPtr chain = Now();
  std::vector<std::string> errors;
  std::string reasons;
  for (const Link& link : chain->links) {
    Verdict verdict = link.authorizer->Authorize(user, access);
    // Whoever comes next would decide what is not his.
    if (IsVoid()) return {};
    if (verdict.decision != Verdict::Decision::kNoOpinion) {
      const char* decision = verdict.allowed() ? "allowed" : "denied";
      if (counter != nullptr) counter->Add({link.type, link.name, decision});
      return verdict;
    }
    if (!verdict.error.empty()) errors.push_back(std::move(verdict.error));
    if (verdict.reason.empty()) continue;
    if (!reasons.empty()) reasons += "\n";
    reasons += verdict.reason;
  }
  return {.reason = std::move(reasons), .error = errors.empty() ? "" : JoinedErrors(errors)};
}

void Authorizers::TellRules(const User& user, const std::string& namespace_name,
                            const VisitRule& visit, RulesTold& told) {
  const ChainPtr chain = Now();
  for (const Link& link : chain->links) {
    link.authorizer->TellRules(user, namespace_name, visit, told);
  }
}

Result<> Authorizers::Use(const std::string& text) {
  if (fixed_) return Fail(Reason::kInvalid, "there is no authorization config to take anew");
  {
    const MutexLock lock(mutex_);
    if (text == read_text_) return refused_ ? Result<>(Fail(*refused_)) : Result<>();
    read_text_ = text;
  }
  const auto taken = Take(text);
  {
    const MutexLock lock(mutex_);
    refused_ = taken ? std::nullopt : std::optional<Error>(taken.error());
  }
  if (!taken) {
    kAuthorizersLog.Error("configuration not taken", {{"error", taken.error().message}});
    TellReload(false);
  }
  return taken;
}

Result<> Authorizers::Take(const std::string& text) {
  auto configuration = TRY(LoadAuthorization(text, required_));
  if (configuration == Now()->configuration) return {};
  ChainPtr made = TRY(MakeChain(std::move(configuration), text));
  ChainPtr replaced;
  {
    const MutexLock lock(mutex_);
    // What is asked from now on ends at once.
    if (stopped_) return Fail(Reason::kServiceUnavailable, "context canceled");
    replaced = std::exchange(chain_, made);
    asks_others_ = !made->names.empty();
  }
  // Whoever asks the replaced ones still gets their answer.
  TellReload(true);
  kAuthorizersLog.Info("configuration taken anew", {{"authorizers", made->links.size()}});
  return {};
}

void Authorizers::Stop() {
  ChainPtr chain;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    chain = chain_;
  }
  calls_.Stop();
  if (chain == nullptr) return;
  for (const auto& webhook : chain->webhooks) webhook->Stop();
}

void Authorizers::TellReload(bool succeeded) {
  const MutexLock lock(mutex_);
  Reloads& reloads = reloads_[succeeded ? "success" : "failure"];
  ++reloads.count;
  reloads.last = parts_.clock.Now();
}

void Authorizers::AddMetrics() {
  if (Now()->text.empty()) return;
  const std::string server = MetricDigest(ServerIdentity());
  const auto reloads = [this, server](const auto& value) {
    std::vector<Sample> samples;
    const MutexLock lock(mutex_);
    for (const auto& [status, each] : reloads_) samples.push_back({{status, server}, value(each)});
    return samples;
  };
  parts_.metrics.AddMeasured(
      {"apiserver_authorization_config_controller_automatic_reloads_total",
       "[BETA] How often the authorization configuration was taken anew, or was not.",
       {"status", "apiserver_id_hash"}},
      [reloads] { return reloads([](const Reloads& each) { return each.count; }); },
      MetricRegistry::MeasuredType::kCounter);
  parts_.metrics.AddMeasured(
      {"apiserver_authorization_config_controller_automatic_reload_last_timestamp_seconds",
       "[BETA] When that was last.",
       {"status", "apiserver_id_hash"}},
      [reloads] {
        return reloads([](const Reloads& each) {
          return std::chrono::duration<double>(each.last->time_since_epoch()).count();
        });
      });
  parts_.metrics.AddMeasured({"apiserver_authorization_config_controller_last_config_info",
                              "[ALPHA] The digest of the authorization configuration that counts.",
                              {"apiserver_id_hash", "hash"}},
                             [this, server] {
                               return std::vector<Sample>{{{server, MetricDigest(Now()->text)}, 1}};
                             });
}

}  // namespace skiff
