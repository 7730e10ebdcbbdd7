#include "apiserver/auth/console_sessions.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/hash.h"
#include "base/log.h"

namespace skiff {
namespace {

const Log kLog("console");

// So that no other kind of token is ever looked for here.
constexpr std::string_view kTokenPrefix = "skiff-console.";

const User& UserOf(const auto& entry) {
  if constexpr (requires { entry.credential; }) {
    return entry.credential.user;
  } else {
    return entry.user;
  }
}

// Whose oldest goes where `user` has as many as he may; whether there is room then.
bool MakeRoom(auto& entries, const User& user, size_t own_max, size_t all_max) {
  size_t own = 0;
  auto oldest = entries.end();
  for (auto at = entries.begin(); at != entries.end(); ++at) {
    if (UserOf(at->second).name != user.name) continue;
    ++own;
    if (oldest == entries.end() || at->second.until < oldest->second.until) oldest = at;
  }
  if (own >= own_max) entries.erase(oldest);
  return entries.size() < all_max;
}

tl::unexpected<Error> TooMany() {
  return Fail(Reason::kTooManyRequests, "too many people log in to the console; try again later");
}

}  // namespace

// 256 bits of the kernel's generator.
std::string ConsoleSessions::Secret() {
  std::string bytes;
  for (int i = 0; i < 4; ++i) {
    const uint64_t next = random_.Next();
    bytes.append(reinterpret_cast<const char*>(&next), sizeof next);
  }
  return Base64Url(bytes);
}

void ConsoleSessions::ForgetOld(TimePoint now) {
  std::erase_if(links_, [&](const auto& each) { return each.second.until <= now; });
  std::erase_if(sessions_, [&](const auto& each) { return each.second.until <= now; });
}

Result<std::string> ConsoleSessions::MakeLink(LinkCredential credential) {
  const std::string code = Secret();
  const TimePoint now = clock_.Now();
  MutexLock lock(mutex_);
  ForgetOld(now);
  if (!MakeRoom(links_, credential.user, kLinksMax, kAllLinksMax)) return TooMany();
  links_.emplace(Sha256(code), Link{std::move(credential), now + kLinkTime});
  return code;
}

Result<std::string> ConsoleSessions::Redeem(std::string_view code) {
  const std::string token = std::string(kTokenPrefix) + Secret();
  const TimePoint now = clock_.Now();
  MutexLock lock(mutex_);
  ForgetOld(now);
  auto found = links_.extract(Sha256(code));
  if (!found) {
    return Fail(Reason::kUnauthorized,
                "this link was used already, or is older than a minute, or the server was started "
                "anew since; `skiff console` makes another one");
  }
  LinkCredential credential = std::move(found.mapped().credential);
  kLog.Info("a link to the console was used", {{"user", credential.user.name}});
  if (!credential.token.empty()) return std::move(credential.token);
  if (!MakeRoom(sessions_, credential.user, kSessionsMax, kAllSessionsMax)) return TooMany();
  const TimePoint until = std::min<TimePoint>(now + kSessionTime, credential.until);
  sessions_.emplace(Sha256(token), Session{std::move(credential.user), until});
  return token;
}

std::optional<User> ConsoleSessions::Find(std::string_view token) const {
  if (!token.starts_with(kTokenPrefix)) return std::nullopt;
  const std::string digest = Sha256(token);
  MutexLock lock(mutex_);
  const auto found = sessions_.find(digest);
  if (found == sessions_.end() || found->second.until <= clock_.Now()) return std::nullopt;
  return found->second.user;
}

void ConsoleSessions::End(std::string_view token) {
  const std::string digest = Sha256(token);
  MutexLock lock(mutex_);
  sessions_.erase(digest);
}

}  // namespace skiff
