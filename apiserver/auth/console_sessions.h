// How somebody who has credentials by which no page can log in, a client certificate, lets one into
// his name (decision 0076):
//
//   MakeLink -> a code, good once and for a minute -> Redeem -> a token -> Find
//
// A code stands for what its maker showed: for a token, that token itself; for a certificate, a
// session, which lives half a day and no longer than the certificate. A page that has shown the key
// of a certificate (decision 0096) needs no code: Begin -> a token. Both are in memory alone,
// codes and tokens of sessions as digests: they end with the process.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "apiserver/auth/user.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/mutex.h"

namespace skiff {

// What somebody showed who wants a link, or a session at once.
struct LinkCredential {
  User user;
  std::string token;  // "": by a certificate.
  TimePoint until;    // Of the certificate; of a token not looked at.
  std::string certificate_pem = {};  // With those between it and its authority; "" by a token.
  // Of ConsoleSessions, read before he was judged by the certificate.
  uint64_t generation = 0;
};

// Thread-safe.
class ConsoleSessions {
 public:
  static constexpr std::chrono::seconds kLinkTime{60};
  static constexpr std::chrono::hours kSessionTime{12};
  // Of one user. His oldest goes for his newest.
  static constexpr size_t kLinksMax = 4;
  static constexpr size_t kSessionsMax = 16;
  // Of all together; beyond it there are no new ones.
  static constexpr size_t kAllLinksMax = 512;
  static constexpr size_t kAllSessionsMax = 2048;

  // Both outlive it.
  ConsoleSessions(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

  // TooManyRequests where too many others are there; Conflict where its certificate was judged by
  // authorities that are replaced since.
  Result<std::string> MakeLink(LinkCredential credential);
  // The token that this code stands for. Unauthorized for one that is used, old or none.
  Result<std::string> Redeem(std::string_view code);
  // The token of a session of who is known by a certificate. As MakeLink and Redeem refuse.
  Result<std::string> Begin(LinkCredential credential);
  // Whose session that token is of.
  std::optional<User> Find(std::string_view token) const;
  void End(std::string_view token);
  // To be called once other authorities are trusted: what stands for a certificate that they did
  // not sign ends, and nothing comes any more of who was judged before.
  using IsTrusted = std::function<bool(const std::string& certificate_pem)>;
  void EndOfCertificates(const IsTrusted& is_trusted);
  // How often that was.
  uint64_t Generation() const;

 private:
  struct Link {
    LinkCredential credential;
    TimePoint until;
  };
  struct Session {
    User user;
    TimePoint until;
    std::string certificate_pem;
  };
  void ForgetOld(TimePoint now) REQUIRES(mutex_);
  Result<> CheckGeneration(const LinkCredential& credential) const REQUIRES(mutex_);
  Result<std::string> BeginSession(LinkCredential credential, TimePoint now) REQUIRES(mutex_);

  const Clock& clock_;
  Random& random_;
  mutable Mutex mutex_;  // Not held while it is asked whether a certificate is trusted.
  uint64_t generation_ GUARDED_BY(mutex_) = 0;
  // By the digest of what leads to them.
  std::map<std::string, Link, std::less<>> links_ GUARDED_BY(mutex_);
  std::map<std::string, Session, std::less<>> sessions_ GUARDED_BY(mutex_);
};

}  // namespace skiff
