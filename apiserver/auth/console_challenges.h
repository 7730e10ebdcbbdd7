// What a page signs to show that it has the key of a certificate (key_proof.h): good once, for a
// minute, and at the servers of one cluster.
//
//   challenge = body "." base64url(HMAC-SHA256(key of the servers, body))
//   body      = SECONDS "." NONCE
//
// Whoever asks gets one, so none is kept; of those that led to a login the store knows for as long
// as they could be shown again. The time is of the server that made it, and a browser's clock is
// asked by nobody; those of two servers may be kServerClocksApartMax apart.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "apiserver/auth/console_records.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"

namespace skiff {

// What their key is derived for (ServiceAccountTokens::SecretFor).
inline constexpr std::string_view kChallengePurpose = "challenges of the console";

// Thread-safe. All of it may have to wait.
class ConsoleChallenges {
 public:
  static constexpr std::chrono::seconds kTime{60};
  // Logins within kTime and kServerClocksApartMax: of one user, and of all together. Beyond it one
  // has to wait.
  static constexpr size_t kUsedMax = 16;
  static constexpr size_t kAllUsedMax = 512;

  // As of ConsoleSessions.
  using SecretFor = std::function<Result<std::string>(std::string_view purpose)>;
  // All outlive it.
  ConsoleChallenges(Store& store, const Clock& clock, Random& random, SecretFor secret_for);

  Result<std::string> Make() const;
  // Unauthorized for one that is old, and for what none of these servers has made.
  Result<> Check(std::string_view challenge) const;
  // The same, and for one that was used. Then it is, by this user. TooManyRequests.
  Result<> Use(std::string_view challenge, const std::string& user);

 private:
  Result<std::string> Seal(std::string_view body) const;

  const Clock& clock_;
  Random& random_;
  const SecretFor secret_for_;
  ConsoleRecords used_;
};

}  // namespace skiff
