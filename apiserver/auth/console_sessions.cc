#include "apiserver/auth/console_sessions.h"

#include <algorithm>
#include <set>
#include <utility>

#include "apiserver/auth/secret.h"
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

// All accounts of a namespace are one: whoever may make them may make many.
std::string_view OwnerOf(const User& user) {
  constexpr std::string_view kAccount = "system:serviceaccount:";
  const std::string_view name = user.name;
  if (!name.starts_with(kAccount)) return name;
  return name.substr(0, name.find(':', kAccount.size()));
}

// Whose oldest goes where `user` has as many as he may; whether there is room then.
bool MakeRoom(auto& entries, const User& user, size_t own_max, size_t all_max) {
  size_t own = 0;
  auto oldest = entries.end();
  for (auto at = entries.begin(); at != entries.end(); ++at) {
    if (OwnerOf(UserOf(at->second)) != OwnerOf(user)) continue;
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

void ConsoleSessions::ForgetOld(TimePoint now) {
  std::erase_if(links_, [&](const auto& each) { return each.second.until <= now; });
  std::erase_if(sessions_, [&](const auto& each) { return each.second.until <= now; });
}

Result<> ConsoleSessions::CheckGeneration(const LinkCredential& credential) const {
  if (!credential.token.empty() || credential.generation == generation_) return {};
  return Fail(Reason::kConflict,
              "whose client certificates are trusted has just changed; try again");
}

Result<std::string> ConsoleSessions::MakeLink(LinkCredential credential) {
  const std::string code = NewSecret(random_);
  const TimePoint now = clock_.Now();
  MutexLock lock(mutex_);
  TRY(CheckGeneration(credential));
  ForgetOld(now);
  if (!MakeRoom(links_, credential.user, kLinksMax, kAllLinksMax)) return TooMany();
  links_.emplace(Sha256(code), Link{std::move(credential), now + kLinkTime});
  return code;
}

Result<std::string> ConsoleSessions::Redeem(std::string_view code) {
  const TimePoint now = clock_.Now();
  MutexLock lock(mutex_);
  ForgetOld(now);
  const auto found = links_.find(Sha256(code));
  if (found == links_.end()) {
    return Fail(Reason::kUnauthorized,
                "this link was used already, or is older than a minute, or the server was started "
                "anew since; `skiff console` makes another one");
  }
  LinkCredential& credential = found->second.credential;
  const std::string user = credential.user.name;
  const bool has_token = !credential.token.empty();
  // Where there is no room the link is still good.
  Result<std::string> token = has_token ? credential.token : BeginSession(credential, now);
  if (!token) return token;
  links_.erase(found);
  kLog.Info("a link to the console was used", {{"user", user}});
  return token;
}

Result<std::string> ConsoleSessions::Begin(LinkCredential credential) {
  const std::string user = credential.user.name;
  const TimePoint now = clock_.Now();
  MutexLock lock(mutex_);
  TRY(CheckGeneration(credential));
  ForgetOld(now);
  auto token = TRY(BeginSession(std::move(credential), now));
  kLog.Info("the console was logged in to by a certificate's key", {{"user", user}});
  return token;
}

Result<std::string> ConsoleSessions::BeginSession(LinkCredential credential, TimePoint now) {
  if (!MakeRoom(sessions_, credential.user, kSessionsMax, kAllSessionsMax)) return TooMany();
  const std::string token = std::string(kTokenPrefix) + NewSecret(random_);
  const TimePoint until = std::min<TimePoint>(now + kSessionTime, credential.until);
  sessions_.emplace(Sha256(token), Session{std::move(credential.user), until,
                                           std::move(credential.certificate_pem)});
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

void ConsoleSessions::EndOfCertificates(const IsTrusted& is_trusted) {
  std::set<std::string> shown;
  {
    MutexLock lock(mutex_);
    ++generation_;
    for (const auto& [digest, session] : sessions_) shown.insert(session.certificate_pem);
    for (const auto& [digest, link] : links_) {
      if (link.credential.token.empty()) shown.insert(link.credential.certificate_pem);
    }
  }
  std::erase_if(shown, is_trusted);
  MutexLock lock(mutex_);
  std::erase_if(sessions_,
                [&](const auto& each) { return shown.contains(each.second.certificate_pem); });
  std::erase_if(links_, [&](const auto& each) {
    const LinkCredential& credential = each.second.credential;
    return credential.token.empty() && shown.contains(credential.certificate_pem);
  });
}

uint64_t ConsoleSessions::Generation() const {
  MutexLock lock(mutex_);
  return generation_;
}

void ConsoleSessions::End(std::string_view token) {
  const std::string digest = Sha256(token);
  MutexLock lock(mutex_);
  sessions_.erase(digest);
}

}  // namespace skiff
