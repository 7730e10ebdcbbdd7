// What tokens say whose signatures were found good: to verify one costs more than all else that is
// done for a small request. What they say has to hold each time.
//
//   if (auto claims = verified.Find(token)) ...
//   verified.Keep(token, claims);                 // One of the keys that there always are made it.
#pragma once

#include <deque>
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
    const auto found = entries_.find(digest);
    return found == entries_.end() ? nullptr : found->second.claims;
  }
  void Keep(std::string_view token, ClaimsPtr claims) {
    if (token.size() > kTokenBytesMax) return;
    std::string digest = Sha256(token);
    const MutexLock lock(mutex_);
    if (!entries_.try_emplace(digest, Entry{std::move(claims), token.size()}).second) return;
    bytes_ += token.size();
    order_.push_back(std::move(digest));
    // One after the other: what a token says is for those to choose who have them made, and to let
    // go of the claims of thousands takes long.
    while (entries_.size() > kTokensMax || bytes_ > kBytesMax) ForgetOldest();
  }
  size_t size() const {
    const MutexLock lock(mutex_);
    return entries_.size();
  }

  // Past either the first that came go. Claims take up to ten times the bytes of their token.
  static constexpr size_t kTokensMax = 4096;
  static constexpr size_t kBytesMax = 4 << 20;  // Of tokens.
  static constexpr size_t kTokenBytesMax = 4 << 10;

 private:
  struct Entry {
    ClaimsPtr claims;
    size_t bytes = 0;  // Of the token.
  };
  void ForgetOldest() REQUIRES(mutex_) {
    const auto oldest = entries_.find(order_.front());
    bytes_ -= oldest->second.bytes;
    entries_.erase(oldest);
    order_.pop_front();
  }

  mutable Mutex mutex_;
  std::unordered_map<std::string, Entry> entries_ GUARDED_BY(mutex_);  // By digest.
  std::deque<std::string> order_ GUARDED_BY(mutex_);                   // Digests, first come first.
  size_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace skiff
