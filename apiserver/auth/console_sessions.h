// How somebody who has credentials by which no page can log in, a client certificate, lets one into
// his name (decisions 0076, 0096 and 0097):
//
//   MakeLink -> a code, good once and for a minute -> Redeem -> Begin -> a token -> Find
//
// A code stands for what its maker showed: for a token, that token itself; for a certificate, a
// session, which lives half a day and no longer than the certificate. A page that has shown the key
// of a certificate (decision 0096) needs no code. A session is a ticket that the page holds
// (console_tickets.h), and is known to all servers that have the same key; a link lies in the
// store, sealed by its code, and so is once for all of them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "apiserver/auth/console_records.h"
#include "apiserver/auth/console_tickets.h"
#include "apiserver/auth/user.h"
#include "apiserver/storage/follower.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/mutex.h"

namespace skiff {

// What somebody showed who wants a link, or a session at once.
struct LinkCredential {
  std::string user;
  std::string token;  // "": by a certificate.
  TimePoint until;    // Of the certificate; of a token not looked at.
  std::string certificate_pem = {};  // With those between it and its authority; "" by a token.
  bool by_proof = false;             // It came with a signature, and not by a handshake.
};

// Thread-safe.
class ConsoleSessions {
 public:
  static constexpr std::chrono::seconds kLinkTime{60};
  static constexpr std::chrono::hours kSessionTime{12};
  // Of one user. His oldest goes for his newest.
  static constexpr size_t kLinksMax = 4;
  // Of all together; beyond it there are no new ones.
  static constexpr size_t kAllLinksMax = 512;
  // Of one certificate, sessions that were logged out and would still be good. Whoever logs out of
  // one more ends all that it has.
  static constexpr size_t kEndedMax = 16;
  static constexpr size_t kAllEndedMax = 2048;

  // 32 bytes, the same each time. May have to wait for them.
  using SecretFor = std::function<Result<std::string>(std::string_view purpose)>;
  // All outlive it.
  ConsoleSessions(Store& store, const Clock& clock, Random& random, SecretFor secret_for);

  // TooManyRequests where too many others are there.
  Result<std::string> MakeLink(const LinkCredential& credential);
  // What this code stands for. Unauthorized for one that is used, old or none.
  Result<LinkCredential> Redeem(std::string_view code);
  // The token of a session of who is known by a certificate.
  Result<std::string> Begin(const LinkCredential& credential);
  // The session of that token, if it is one and is not over. Whether its certificate is still good
  // is for others to say. In an attempt (base/at_once.h) that is void it is none.
  std::optional<ConsoleTicket> Find(std::string_view token);
  // So for all servers, also after they were started anew. What is no session need not end.
  // TooManyRequests where too many others have ended theirs. Where it fails the session goes on.
  Result<> End(std::string_view token);

 private:
  using CipherPtr = std::shared_ptr<const ValueCipher>;
  Result<CipherPtr> Cipher();
  bool IsEnded(const ConsoleTicket& ticket);
  // Whether it is known which ones are; a store that fails leaves the last state.
  bool CatchUp() REQUIRES(mutex_);
  void Take(const Record& record) REQUIRES(mutex_);

  Store& store_;
  const Clock& clock_;
  Random& random_;
  const SecretFor secret_for_;
  ConsoleRecords links_;
  ConsoleRecords ended_;

  // Held while the store is asked which sessions have ended.
  Mutex mutex_;
  CipherPtr cipher_ GUARDED_BY(mutex_);
  Follower follower_ GUARDED_BY(mutex_);
  Revision seen_ GUARDED_BY(mutex_);
  bool was_read_ GUARDED_BY(mutex_) = false;
  // Ids of sessions, and of certificates with the second up to which theirs have ended. About
  // kAllEndedMax at most.
  std::map<std::string, std::string, std::less<>> ended_ids_ GUARDED_BY(mutex_);
};

}  // namespace skiff
