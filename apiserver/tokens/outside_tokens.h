// Tokens that others vouch for: issuers (--authentication-config, --oidc-*), whose keys verify
// them, and a webhook that is asked. All that has to be learnt over the network for that is learnt
// by this loop, or waited for on a thread that may (base/at_once.h).
//
//   auto outside = TRY(OutsideTokens::Create(std::move(options), {clock, loops, ...}));
//   auto found = outside->Authenticate(token, audiences, shared);   // nullopt: nobody's here.
//   TRY(outside->Use(text));                                        // The file has changed.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/auth/service_accounts.h"
#include "apiserver/identity/outbound_calls.h"
#include "apiserver/identity/remembered.h"
#include "apiserver/tokens/issued_token.h"
#include "apiserver/tokens/issuer_keys.h"
#include "apiserver/tokens/token_webhook.h"
#include "apiserver/webhooks/outbound_pool.h"
#include "base/control_loop.h"
#include "base/metrics.h"

namespace skiff {

struct OutsideTokenOptions {
  AuthenticationConfiguration configuration = {};  // Prepared.
  std::string file_text = {};  // Of --authentication-config; "": there is none, and no reload.
  std::vector<std::string> algorithms = {};
  std::optional<TokenWebhookOptions> webhook = {};
};

// An issuer at work. Thread-safe.
class JwtAuthenticator {
 public:
  JwtAuthenticator(JwtConfiguration config, const std::vector<std::string>& algorithms,
                   IssuerKeys::Parts parts);

  // Fails in an attempt that may not wait as long as this takes: the attempt is void.
  Result<User> Authenticate(IssuedToken& token, TimePoint now);
  const std::string& url() const { return config_.issuer.url; }
  const std::string& url_digest() const { return url_digest_; }
  IssuerKeys& keys() { return keys_; }
  // Of a loop's thread: its keys, and those of others that its tokens lead to.
  Duration Tend();
  void Stop();

  static constexpr size_t kOtherIssuersMax = 8;  // Of one issuer's distributed claims.

 private:
  Result<> CheckSignature(IssuerKeys& keys, const IssuedToken& token);
  Result<> ExpandClaims(Json& claims, TimePoint now);
  std::shared_ptr<IssuerKeys> KeysOf(const std::string& issuer);

  const JwtConfiguration config_;
  const std::vector<std::string> algorithms_;
  const IssuerKeys::Parts parts_;
  const std::string url_digest_;
  IssuerKeys keys_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<IssuerKeys>> others_ GUARDED_BY(mutex_);
};

class OutsideTokens final : public ControlLoop {
 public:
  struct Parts {
    const Clock& clock;
    http::Loops* loops;  // nullptr: nobody can be reached.
    MetricRegistry& metrics;
    std::vector<std::string> audiences;    // The server's own.
    std::vector<std::string> own_issuers;  // Whose tokens nobody else may vouch for.
  };
  static Result<std::unique_ptr<OutsideTokens>> Create(OutsideTokenOptions options, Parts parts);
  ~OutsideTokens() override;

  // How long it is remembered whom an issuer's token names.
  static constexpr Duration kRemembered = 10s;
  // For which a new configuration waits for its issuers before that is told as a failure. It goes
  // on waiting.
  static constexpr Duration kPatience = 60s;

  // `shared`: those of `audiences` that are the server's own. nullopt: nobody's.
  std::optional<Result<TokenUser>> Authenticate(std::string_view token,
                                                const std::vector<std::string>& audiences,
                                                const std::vector<std::string>& shared);
  // Whom somebody who shows such a token may have to wait for.
  OutboundPool::Names NamesFor(std::string_view token) const;
  OutboundPool::Names AllNames() const;
  // The file says so from now on: as soon as its issuers can be reached, those count and no others.
  // Fails where it cannot be taken.
  Result<> Use(const std::string& text);
  Duration Step() override;
  // Ends the wait for every answer, and asks no more. Any thread.
  void Stop();

  bool has_issuers() const;
  TokenWebhook* webhook() { return webhook_.get(); }

 private:
  // Never changes; who is authenticated by one that is no longer counts is so no longer.
  struct Issuers {
    std::vector<std::shared_ptr<JwtAuthenticator>> all;
    std::string text;  // Of the file.
  };
  using IssuersPtr = std::shared_ptr<const Issuers>;
  struct Known {
    IssuersPtr issuers;
    User user;
  };
  explicit OutsideTokens(Parts parts);
  IssuersPtr MakeIssuers(const AuthenticationConfiguration& configuration, std::string text);
  IssuersPtr Now() const;
  Duration TendPending(const IssuersPtr& pending);
  std::optional<Result<User>> ByIssuer(std::string_view token);
  void AddMetrics();
  void TellReload(bool succeeded);

  const Parts parts_;
  OutboundCalls calls_;
  std::vector<std::string> algorithms_;
  std::optional<AnonymousConfiguration> anonymous_;  // As the file had it at first.
  std::unique_ptr<TokenWebhook> webhook_;            // Null: there is none.
  HistogramFamily* seconds_ = nullptr;
  Remembered<Known> remembered_;
  mutable Mutex mutex_;
  IssuersPtr issuers_ GUARDED_BY(mutex_);
  IssuersPtr pending_ GUARDED_BY(mutex_);  // Null: none waits.
  Duration pending_since_ GUARDED_BY(mutex_) = Duration::zero();
  bool pending_told_ GUARDED_BY(mutex_) = false;
  std::string refused_text_ GUARDED_BY(mutex_);
  struct Reloads {
    double count = 0;
    std::optional<TimePoint> last;
  };
  std::map<std::string, Reloads> reloads_ GUARDED_BY(mutex_);  // By status.
};

}  // namespace skiff
