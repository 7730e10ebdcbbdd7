#include "apiserver/auth/console_challenges.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "apiserver/auth/same_text.h"
#include "base/hash.h"

namespace skiff {
namespace {

int64_t SecondsOf(TimePoint moment) {
  return std::chrono::floor<std::chrono::seconds>(moment.time_since_epoch()).count();
}

tl::unexpected<Error> NoMore() {
  return Fail(Reason::kUnauthorized,
              "this login took longer than a minute, or came to another server than it began at, "
              "or twice; try again");
}

}  // namespace

std::string ConsoleChallenges::Seal(std::string_view body) const {
  return Base64Url(HmacSha256(key_, "console challenge " + std::string(body)));
}

std::string ConsoleChallenges::Make() const {
  const std::string body = std::to_string(SecondsOf(clock_.Now())) + "." + NewSecret(random_);
  return body + "." + Seal(body);
}

Result<> ConsoleChallenges::Check(std::string_view challenge) const {
  const size_t end = challenge.rfind('.');
  if (end == std::string_view::npos) return NoMore();
  const std::string_view body = challenge.substr(0, end);
  if (!SameText(Seal(body), challenge.substr(end + 1))) return NoMore();
  int64_t made = 0;
  std::from_chars(body.data(), body.data() + body.size(), made);
  const int64_t age = SecondsOf(clock_.Now()) - made;
  // One of the future is of before a clock was put back: who knows how old it is.
  if (age < 0 || age >= kTime.count()) return NoMore();
  return {};
}

Result<> ConsoleChallenges::Use(std::string_view challenge, const std::string& user) {
  TRY(Check(challenge));
  const TimePoint now = clock_.Now();
  MutexLock lock(mutex_);
  std::erase_if(used_, [&](const auto& each) { return each.second.until <= now; });
  if (used_.contains(challenge)) return NoMore();
  const auto own = std::count_if(used_.begin(), used_.end(),
                                 [&](const auto& each) { return each.second.user == user; });
  if (static_cast<size_t>(own) >= kUsedMax || used_.size() >= kAllUsedMax) {
    return Fail(Reason::kTooManyRequests,
                "too many logins to the console within a minute; try again later");
  }
  used_.emplace(challenge, Used{user, now + kTime});
  return {};
}

}  // namespace skiff
