// What tokens say whose signatures were found good: to verify one costs more than all else that is
// done for a small request. What they say has to hold each time.
//
//   if (auto claims = verified.Find(token)) ...
//   verified.Keep(token, claims);                 // One of the keys that there always are made it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "api/values.h"
#include "base/hash.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe. Holds no tokens, but digests of them.
class VerifiedTokens {
 public:
  using ClaimsPtr = std::shared_ptr<const Json>;

  ClaimsPtr Find(std::string_view token) const {
    const std::string digest = Sha256(token);
    const MutexLock lock(mutex_);
    const auto found = claims_.find(digest);
    return found == claims_.end() ? nullptr : found->second;
  }
  void Keep(std::string_view token, ClaimsPtr claims) {
    if (token.size() > kTokenBytesMax) return;
    std::string digest = Sha256(token);
    const MutexLock lock(mutex_);
    if (claims_.size() >= kTokensMax) claims_.clear();
    claims_[std::move(digest)] = std::move(claims);
  }
  size_t size() const {
    const MutexLock lock(mutex_);
    return claims_.size();
  }

  // Past it all is forgotten. Claims take a few times the bytes of their token.
  static constexpr size_t kTokensMax = 4096;
  static constexpr size_t kTokenBytesMax = 4 << 10;

 private:
  mutable Mutex mutex_;
  std::unordered_map<std::string, ClaimsPtr> claims_ GUARDED_BY(mutex_);
};

}  // namespace skiff
