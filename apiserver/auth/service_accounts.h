// Tokens of service accounts: issued by TokenRequest, shown by pods, bound to objects that must
// still be there.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/type.h"
#include "apiserver/auth/jwt.h"
#include "apiserver/auth/legacy_tokens.h"
#include "apiserver/auth/user.h"
#include "apiserver/auth/verified_tokens.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/metrics.h"
#include "base/mutex.h"

namespace skiff {

inline constexpr std::string_view kDefaultIssuer = "https://kubernetes.default.svc.cluster.local";
// What the kubelet asks for a projected token; such a token really lives a year, so that programs
// that never read the file again go on working.
inline constexpr int64_t kProjectedTokenSeconds = 3607;
inline constexpr int64_t kExtendedTokenSeconds = 365 * 24 * 3600;
// Clocks differ: by so much a token may be too old or too new. What is deleted but still there (it
// has finalizers, or its grace is not over) takes its tokens along this long after the time of its
// deletion.
inline constexpr auto kLeeway = 60s;

// An object that a token speaks of.
struct TokenObject {
  std::string name;
  std::string uid;
};

struct TokenOrder {
  std::string namespace_name;
  TokenObject service_account;
  std::optional<TokenObject> pod;
  std::optional<TokenObject> secret;
  std::optional<TokenObject> node;
  std::vector<std::string> audiences;
  int64_t lifetime_s = 3600;
  int64_t warn_after_s = 0;  // 0: none
  std::string id = {};       // By which others tell it from others; "": any.
};

struct TokenUser {
  User user;
  std::vector<std::string> audiences;  // Those of the token that were asked for.
};

// Thread-safe.
class ServiceAccountTokens {
 public:
  struct Options {
    std::string issuer = std::string(kDefaultIssuer);
    // Whose tokens are taken as well: what this issuer was called, or is to be called.
    std::vector<std::string> other_issuers = {};
    std::vector<std::string> audiences = {};  // Empty: the issuers.
    std::string signing_key_pem = {};         // Empty: a key made when the first token is signed.
    std::vector<std::string> verify_key_pems = {};
    // Where a key that was made is kept; "": in memory alone.
    std::string generated_key_path = {};
    std::string key_set_url = {};  // Where others find the keys; "": at this server.
    int64_t lifetime_max_s = 0;    // Of who asks for a longer one; 0: none.
    // Projected tokens live for kExtendedTokenSeconds, whatever lifetime_max_s is.
    bool extends_projected = true;
  };
  // The Secrets in which tokens lie that name no time. Without `find` such tokens are not ours.
  struct Secrets {
    // nullopt when it does not exist; fails where that cannot be told.
    std::function<Result<std::optional<core_v1::Secret>>(const std::string& namespace_name,
                                                         const std::string& name)>
        find = {};
    // Puts down the day on which the token of a Secret was last used.
    std::function<void(const std::string& namespace_name, const std::string& name,
                       const std::string& date)>
        mark_used = {};
  };
  // An object that a token may be bound to, as it is now.
  struct Present {
    std::string uid;
    std::optional<TimePoint> deletion;  // metadata.deletionTimestamp
  };
  // As Secrets::find.
  using Lookup = std::function<Result<std::optional<Present>>(
      std::string_view resource, std::string_view namespace_name, std::string_view name)>;

  static Result<std::unique_ptr<ServiceAccountTokens>> Create(Options options, Lookup find,
                                                              Secrets secrets, const Clock& clock,
                                                              Random& random);

  // What the claims say, with the key that signs.
  Result<std::string> Sign(const Json& claims);
  Result<std::string> Issue(const TokenOrder& order);
  // TokenKey::SecretFor of the key that signs: the same at all servers that have it. May have to
  // make that key first.
  Result<std::string> SecretFor(std::string_view purpose);
  // nullopt: not a token of a service account of ours. Unauthorized: one, but not good (any more).
  // Other errors: nobody can tell at present.
  std::optional<Result<TokenUser>> Authenticate(std::string_view token,
                                                const std::vector<std::string>& audiences);
  // What the audit log says of a token that was taken though its holder ought to have read a newer
  // one by now; "": it is none.
  std::string StaleNote(std::string_view token);
  const std::vector<std::string>& audiences() const { return options_.audiences; }
  const std::string& issuer() const { return options_.issuer; }
  // All whose tokens are taken.
  std::vector<std::string> Issuers() const;
  const Options& options() const { return options_; }
  // {"keys": [...]}
  Result<Json> KeySet();
  std::string_view algorithm();
  // How often a signature had to be verified.
  uint64_t verifications() const { return verifications_; }
  // How many tokens were taken: serviceaccount_*_tokens_total. This outlives what asks `registry`.
  void AddMetrics(MetricRegistry& registry) const;

 private:
  bool IsIssuer(const std::string& name) const;
  ServiceAccountTokens(Options options, Lookup find, Secrets secrets, const Clock& clock,
                       Random& random)
      : options_(std::move(options)),
        find_(std::move(find)),
        secrets_(std::move(secrets)),
        clock_(clock),
        random_(random) {}
  using Keys = std::shared_ptr<const std::vector<TokenKey>>;
  // The first signs; all verify. Makes the signing key when there is none.
  Result<Keys> SigningKeys();
  using ClaimsPtr = VerifiedTokens::ClaimsPtr;
  // Of a token that one of the keys signed.
  Result<ClaimsPtr> Verified(std::string_view token);
  Result<User> UserOf(const Json& claims);
  // What an object that a token is bound to is called, and what is said when it is gone.
  struct Bound {
    std::string_view resource;
    std::string_view kind;
    std::string_view claim;
    std::string missing;
    std::string deleted;
  };
  Result<> CheckBound(const Json& reference, const Bound& bound, std::string_view namespace_name);
  // Of a token that lies in a Secret.
  Result<User> LegacyUserOf(const Json& claims, std::string_view token);
  void MarkUsed(const core_v1::Secret& secret);
  Result<TokenUser> CheckLegacy(std::string_view token, const Json& claims,
                                const std::vector<std::string>& audiences);
  Result<TokenUser> Check(const Json& claims, const std::vector<std::string>& audiences);
  // By so many seconds the holder of a token ought to have read a newer one; 0: by none.
  int64_t SecondsLate(const Json& claims) const;

  Options options_;
  const Lookup find_;
  const Secrets secrets_;
  const Clock& clock_;
  Random& random_;
  Mutex mutex_;
  Keys keys_ GUARDED_BY(mutex_);
  VerifiedTokens verified_;
  std::atomic<uint64_t> verifications_ = 0;
  // Of tokens that were taken: all with a lifetime, those of them whose holder ought to have read a
  // newer one, and those without one, which lie in Secrets.
  std::atomic<uint64_t> valid_ = 0, stale_ = 0, legacy_ = 0;
};

}  // namespace skiff
