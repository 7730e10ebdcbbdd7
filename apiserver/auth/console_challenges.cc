#include "apiserver/auth/console_challenges.h"

#include <charconv>
#include <cstdint>
#include <utility>

#include "apiserver/auth/same_text.h"
#include "apiserver/auth/secret.h"
#include "base/hash.h"

namespace skiff {
namespace {

int64_t SecondsOf(TimePoint moment) {
  return std::chrono::floor<std::chrono::seconds>(moment.time_since_epoch()).count();
}

// Of one that a server of ours has sealed.
TimePoint MadeAt(std::string_view challenge) {
  int64_t seconds = 0;
  std::from_chars(challenge.data(), challenge.data() + challenge.size(), seconds);
  return TimePoint(std::chrono::seconds(seconds));
}

tl::unexpected<Error> NoMore() {
  return Fail(Reason::kUnauthorized,
              "this login took longer than a minute, or came to a server of another cluster than "
              "it began at, or twice; try again");
}

}  // namespace

ConsoleChallenges::ConsoleChallenges(Store& store, const Clock& clock, Random& random,
                                     SecretFor secret_for)
    : clock_(clock),
      random_(random),
      secret_for_(std::move(secret_for)),
      used_(store, clock, "challenges", {.own_max = kUsedMax, .all_max = kAllUsedMax}) {}

Result<std::string> ConsoleChallenges::Seal(std::string_view body) const {
  const std::string key = TRY(secret_for_(kChallengePurpose));
  return Base64Url(HmacSha256(key, "console challenge " + std::string(body)));
}

Result<std::string> ConsoleChallenges::Make() const {
  const std::string body = std::to_string(SecondsOf(clock_.Now())) + "." + NewSecret(random_);
  const std::string seal = TRY(Seal(body));
  return body + "." + seal;
}

Result<> ConsoleChallenges::Check(std::string_view challenge) const {
  const size_t end = challenge.rfind('.');
  if (end == std::string_view::npos) return NoMore();
  const std::string_view body = challenge.substr(0, end);
  const std::string seal = TRY(Seal(body));
  if (!SameText(seal, challenge.substr(end + 1))) return NoMore();
  const int64_t age = SecondsOf(clock_.Now()) - SecondsOf(MadeAt(challenge));
  // A server whose clock is ahead of ours made it. One that is of a later future is of before a
  // clock was put back: who knows how old it is.
  if (age < -kServerClocksApartMax.count() || age >= kTime.count()) return NoMore();
  return {};
}

Result<> ConsoleChallenges::Use(std::string_view challenge, const std::string& user) {
  TRY(Check(challenge));
  // As long as it is good at any server, though the clock of whoever removes this is ahead.
  const Result<> used = used_.Add({.id = Hex(Sha256(challenge)),
                                   .owner = Hex(Sha256(user)),
                                   .until = MadeAt(challenge) + kTime + kServerClocksApartMax});
  if (used) return {};
  if (used.error().reason == Reason::kAlreadyExists) return NoMore();
  return used;
}

}  // namespace skiff
