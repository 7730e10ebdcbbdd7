// What a page signs to show that it has the key of a certificate (key_proof.h): good once, for a
// minute, and at the process that made it.
//
//   challenge = body "." base64url(HMAC-SHA256(key of this process, body))
//   body      = SECONDS "." NONCE
//
// Whoever asks gets one, so none is kept; of those that led to a login it is known for their
// minute.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "apiserver/auth/secret.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe.
class ConsoleChallenges {
 public:
  static constexpr std::chrono::seconds kTime{60};
  // Logins within kTime: of one user, and of all together. Beyond it one has to wait.
  static constexpr size_t kUsedMax = 16;
  static constexpr size_t kAllUsedMax = 1024;

  // Both outlive it.
  ConsoleChallenges(const Clock& clock, Random& random)
      : clock_(clock), random_(random), key_(NewSecret(random)) {}

  std::string Make() const;
  // Unauthorized for one that is old, and for what this process has not made.
  Result<> Check(std::string_view challenge) const;
  // The same, and for one that was used. Then it is, by this user. TooManyRequests.
  Result<> Use(std::string_view challenge, const std::string& user);

 private:
  struct Used {
    std::string user;
    TimePoint until;
  };
  std::string Seal(std::string_view body) const;

  const Clock& clock_;
  Random& random_;
  const std::string key_;
  Mutex mutex_;
  std::map<std::string, Used, std::less<>> used_ GUARDED_BY(mutex_);
};

}  // namespace skiff
