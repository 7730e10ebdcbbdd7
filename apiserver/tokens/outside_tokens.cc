#include "apiserver/tokens/outside_tokens.h"

#include <algorithm>
#include <utility>

#include "apiserver/tokens/server_identity.h"
#include "base/at_once.h"
#include "base/hash.h"
#include "base/log.h"

namespace skiff {
namespace {

const Log kOutsideLog("authentication-config");
constexpr const char* kWebhookName = "the token webhook";

std::string IssuerName(const std::string& url) {
  return "issuer " + url;
}

double UnixSeconds(TimePoint time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

size_t BytesOfUser(const User& user) {
  size_t bytes = user.name.size() + user.uid.size();
  for (const std::string& group : user.groups) bytes += group.size() + sizeof group;
  for (const auto& [key, values] : user.extra) {
    bytes += key.size() + 64;
    for (const std::string& value : values) bytes += value.size() + sizeof value;
  }
  return bytes;
}

}  // namespace

OutsideTokens::OutsideTokens(Parts parts) : parts_(std::move(parts)), calls_(parts_.loops) {}

OutsideTokens::~OutsideTokens() {
  Stop();
}

Result<std::unique_ptr<OutsideTokens>> OutsideTokens::Create(OutsideTokenOptions options,
                                                             Parts parts) {
  const Violations own = CheckDisallowedIssuers(options.configuration, parts.own_issuers);
  if (!own.empty()) return Fail(Reason::kInvalid, own.Text());
  for (const std::string& algorithm : options.algorithms) {
    const auto& known = SigningAlgorithms();
    if (std::find(known.begin(), known.end(), algorithm) == known.end()) {
      return Fail(Reason::kInvalid, "oidc: unsupported signing alg: \"" + algorithm + "\"");
    }
  }
  for (const JwtConfiguration& jwt : options.configuration.jwt) {
    const std::string& egress = jwt.issuer.egress_selector_type;
    if (egress.empty()) continue;
    return Fail(Reason::kInvalid,
                "oidc: egress lookup required with egress selector type \"" + egress + "\"");
  }
  std::unique_ptr<OutsideTokens> made(new OutsideTokens(std::move(parts)));
  if (options.webhook) {
    made->webhook_ = TRY(TokenWebhook::Create(
        *std::move(options.webhook),
        {.calls = made->calls_, .clock = made->parts_.clock, .audiences = made->parts_.audiences}));
  }
  made->algorithms_ = std::move(options.algorithms);
  made->anonymous_ = options.configuration.anonymous;
  made->issuers_ = made->MakeIssuers(options.configuration, std::move(options.file_text));
  made->AddMetrics();
  return made;
}

OutsideTokens::IssuersPtr OutsideTokens::MakeIssuers(
    const AuthenticationConfiguration& configuration, std::string text) {
  auto made = std::make_shared<Issuers>();
  made->text = std::move(text);
  for (const JwtConfiguration& jwt : configuration.jwt) {
    made->all.push_back(std::make_shared<JwtAuthenticator>(
        jwt, algorithms_,
        IssuerKeys::Parts{.calls = calls_, .clock = parts_.clock, .wake = [this] { Wake(); }}));
  }
  return made;
}

OutsideTokens::IssuersPtr OutsideTokens::Now() const {
  const MutexLock lock(mutex_);
  return issuers_;
}

bool OutsideTokens::has_issuers() const {
  return !Now()->all.empty();
}

std::optional<Result<User>> OutsideTokens::ByIssuer(std::string_view text) {
  const IssuersPtr issuers = Now();
  if (issuers->all.empty()) return std::nullopt;
  const std::string digest = TokenDigest(text, {});
  const Duration now = parts_.clock.Monotonic();
  if (auto known = remembered_.Find(digest, now); known && known->issuers == issuers) {
    return std::move(known->user);
  }
  auto token = IssuedToken::Parse(text);
  if (!token) return std::nullopt;
  const auto found = std::find_if(issuers->all.begin(), issuers->all.end(),
                                  [&](const auto& each) { return each->url() == token->issuer; });
  if (found == issuers->all.end()) return std::nullopt;
  // A signature, and expressions: more than a loop has time for.
  if (!MayWait()) return Fail(WouldWait());
  Result<User> user = (*found)->Authenticate(*token, parts_.clock.Now());
  if (IsVoid()) return user;
  seconds_->Observe({user ? "success" : "failure", (*found)->url_digest()},
                    std::chrono::duration<double>(parts_.clock.Monotonic() - now).count());
  if (!user) return user;
  // Far ahead there are more of them than a Duration holds nanoseconds.
  const auto end = std::min(std::chrono::seconds(token->expiry),
                            std::chrono::duration_cast<std::chrono::seconds>(
                                parts_.clock.Now().time_since_epoch() + 2 * kRemembered));
  const Duration left = end - parts_.clock.Now().time_since_epoch();
  remembered_.Keep(digest, {issuers, *user}, BytesOfUser(*user),
                   now + std::min<Duration>(kRemembered, left));
  return user;
}

std::optional<Result<TokenUser>> OutsideTokens::Authenticate(
    std::string_view token, const std::vector<std::string>& audiences,
    const std::vector<std::string>& shared) {
  std::optional<Error> error;
  const bool for_us = !shared.empty() || audiences.empty();
  if (for_us) {
    if (auto found = ByIssuer(token)) {
      if (*found) return TokenUser{.user = *std::move(*found), .audiences = shared};
      error = std::move(found->error());
      if (IsVoid()) return Fail(*std::move(error));
    }
  }
  if (webhook_) {
    auto verdict = webhook_->Ask(token, audiences);
    if (!verdict) return Fail(WouldWait());
    if (verdict->user) return *std::move(verdict->user);
    if (!verdict->error.empty()) {
      std::string text =
          error ? "[" + error->message + ", " + verdict->error + "]" : std::move(verdict->error);
      error = Error{Reason::kUnauthorized, std::move(text)};
    }
  }
  if (error) return Fail(*std::move(error));
  return std::nullopt;
}

OutboundPool::Names OutsideTokens::NamesFor(std::string_view text) const {
  OutboundPool::Names names;
  if (webhook_) names.insert(kWebhookName);
  const IssuersPtr issuers = Now();
  if (issuers->all.empty()) return names;
  const auto token = IssuedToken::Parse(text);
  for (const auto& each : issuers->all) {
    if (token && each->url() == token->issuer) names.insert(IssuerName(each->url()));
  }
  return names;
}

OutboundPool::Names OutsideTokens::AllNames() const {
  OutboundPool::Names names;
  if (webhook_) names.insert(kWebhookName);
  if (has_issuers()) names.insert("issuers, as a review asks");
  return names;
}

Result<> OutsideTokens::Use(const std::string& text) {
  {
    const MutexLock lock(mutex_);
    if (text == (pending_ ? pending_ : issuers_)->text || text == refused_text_) return {};
  }
  auto configuration = ReadAuthenticationConfiguration(text);
  Result<> taken;
  if (!configuration) {
    taken = Fail(configuration.error());
  } else {
    Violations wrong = PrepareAuthentication(*configuration);
    if (configuration->anonymous != anonymous_) {
      wrong.Forbidden(FieldPath("anonymous"), "changed from initial configuration file");
    }
    if (wrong.empty()) wrong = CheckDisallowedIssuers(*configuration, parts_.own_issuers);
    if (!wrong.empty()) taken = Fail(Reason::kInvalid, wrong.Text());
  }
  if (!taken) {
    kOutsideLog.Error("configuration not taken", {{"error", taken.error().message}});
    TellReload(false);
    // The same text will never be taken.
    const MutexLock lock(mutex_);
    refused_text_ = text;
    return taken;
  }
  auto pending = MakeIssuers(*configuration, text);
  {
    const MutexLock lock(mutex_);
    pending_ = std::move(pending);
    pending_since_ = parts_.clock.Monotonic();
    pending_told_ = false;
    refused_text_.clear();
  }
  Wake();
  return {};
}

// Those of a new file count once all of them are known: until then the ones before do.
Duration OutsideTokens::TendPending(const IssuersPtr& pending) {
  Duration due = kNever;
  bool are_known = true;
  std::string fault;
  for (const auto& each : pending->all) {
    due = std::min(due, each->Tend());
    if (each->keys().Now()) continue;
    are_known = false;
    fault = each->keys().Fault();
  }
  bool is_late = false;
  IssuersPtr replaced;
  {
    const MutexLock lock(mutex_);
    if (pending_ != pending) return Duration::zero();  // Another file has come.
    if (are_known) {
      replaced = std::exchange(issuers_, std::move(pending_));
      pending_ = nullptr;
    } else {
      const Duration over = pending_since_ + kPatience - parts_.clock.Monotonic();
      is_late = over <= Duration::zero() && !pending_told_;
      pending_told_ |= is_late;
      if (!pending_told_) due = std::min(due, std::max(over, Duration::zero()));
    }
  }
  if (are_known) {
    // Nobody tends them any more.
    for (const auto& each : replaced->all) each->Stop();
    remembered_.Clear();
    TellReload(true);
    kOutsideLog.Info("configuration taken anew", {{"issuers", pending->all.size()}});
  } else if (is_late) {
    TellReload(false);
    kOutsideLog.Error("issuers of the new configuration not reached yet", {{"error", fault}});
  }
  return due;
}

Duration OutsideTokens::Step() {
  IssuersPtr current, pending;
  {
    const MutexLock lock(mutex_);
    current = issuers_;
    pending = pending_;
  }
  Duration due = kNever;
  if (pending) due = TendPending(pending);
  for (const auto& each : current->all) due = std::min(due, each->Tend());
  return due;
}

void OutsideTokens::Stop() {
  calls_.Stop();
  if (webhook_) webhook_->Stop();
  const MutexLock lock(mutex_);
  for (const IssuersPtr& issuers : {issuers_, pending_}) {
    if (!issuers) continue;
    for (const auto& each : issuers->all) each->Stop();
  }
}

void OutsideTokens::TellReload(bool succeeded) {
  const MutexLock lock(mutex_);
  Reloads& reloads = reloads_[succeeded ? "success" : "failure"];
  ++reloads.count;
  reloads.last = parts_.clock.Now();
}

void OutsideTokens::AddMetrics() {
  MetricRegistry& metrics = parts_.metrics;
  seconds_ = &metrics.AddHistogram(
      {"apiserver_authentication_jwt_authenticator_latency_seconds",
       "[ALPHA] How long it took to find out whose a token of an issuer is, where that was not "
       "remembered.",
       {"result", "jwt_issuer_hash"}},
      {.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10});
  const std::string server = MetricDigest(ServerIdentity());
  const auto of_issuers = [this](const auto& add) {
    std::vector<Sample> samples;
    for (const auto& each : Now()->all) add(*each, samples);
    return samples;
  };
  metrics.AddMeasured(
      {"apiserver_authentication_jwt_authenticator_jwks_fetch_last_timestamp_seconds",
       "[ALPHA] When the keys of an issuer were last fetched, or could not be.",
       {"result", "jwt_issuer_hash", "apiserver_id_hash"}},
      [of_issuers, server] {
        return of_issuers([&](JwtAuthenticator& issuer, std::vector<Sample>& samples) {
          const IssuerKeys::Told told = issuer.keys().told();
          for (const auto& [result, time] :
               {std::pair("success", told.succeeded), std::pair("failure", told.failed)}) {
            if (!time) continue;
            samples.push_back({{result, issuer.url_digest(), server}, UnixSeconds(*time)});
          }
        });
      });
  metrics.AddMeasured(
      {"apiserver_authentication_jwt_authenticator_jwks_fetch_last_key_set_info",
       "[ALPHA] The digest of the keys of an issuer that were fetched last.",
       {"jwt_issuer_hash", "apiserver_id_hash", "hash"}},
      [of_issuers, server] {
        return of_issuers([&](JwtAuthenticator& issuer, std::vector<Sample>& samples) {
          const std::string digest = issuer.keys().told().digest;
          if (!digest.empty()) samples.push_back({{issuer.url_digest(), server, digest}, 1});
        });
      });
  if (Now()->text.empty()) return;
  const auto reloads = [this, server](const auto& value) {
    std::vector<Sample> samples;
    const MutexLock lock(mutex_);
    for (const auto& [status, each] : reloads_) samples.push_back({{status, server}, value(each)});
    return samples;
  };
  metrics.AddMeasured(
      {"apiserver_authentication_config_controller_automatic_reloads_total",
       "[BETA] How often the authentication configuration was taken anew, or was not.",
       {"status", "apiserver_id_hash"}},
      [reloads] { return reloads([](const Reloads& each) { return each.count; }); },
      MetricRegistry::MeasuredType::kCounter);
  metrics.AddMeasured(
      {"apiserver_authentication_config_controller_automatic_reload_last_timestamp_seconds",
       "[BETA] When that was last.",
       {"status", "apiserver_id_hash"}},
      [reloads] { return reloads([](const Reloads& each) { return UnixSeconds(*each.last); }); });
  metrics.AddMeasured({"apiserver_authentication_config_controller_last_config_info",
                       "[ALPHA] The digest of the authentication configuration that counts.",
                       {"apiserver_id_hash", "hash"}},
                      [this, server] {
                        return std::vector<Sample>{{{server, MetricDigest(Now()->text)}, 1}};
                      });
}

}  // namespace skiff
