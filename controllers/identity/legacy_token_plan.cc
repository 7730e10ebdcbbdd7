#include "controllers/identity/legacy_token_plan.h"

#include <algorithm>

#include "api/pods/token_secrets.h"

namespace skiff {
namespace {

std::string LabelOf(const core_v1::Secret& secret, const char* name) {
  const auto found = secret.metadata.labels.find(name);
  return found == secret.metadata.labels.end() ? "" : found->second;
}

// Its token was made for the account, and not asked for by somebody.
bool IsGenerated(const core_v1::Secret& secret, const core_v1::ServiceAccount* account) {
  if (account == nullptr) return false;
  const auto uid = secret.metadata.annotations.find(kTokenSecretAccountUid);
  const bool names_another = uid != secret.metadata.annotations.end() && !uid->second.empty() &&
                             uid->second != account->metadata.uid;
  if (names_another) return false;
  return std::any_of(account->secrets.begin(), account->secrets.end(),
                     [&](const auto& each) { return each.name == secret.metadata.name; });
}

}  // namespace

std::string DateOf(TimePoint at) {
  constexpr size_t kDateSize = sizeof("2006-01-02") - 1;
  return Time(at).Rfc3339().substr(0, kDateSize);
}

std::optional<TimePoint> ParseDate(std::string_view text) {
  const auto parsed = Time::Parse(std::string(text) + "T00:00:00Z");
  if (!parsed) return std::nullopt;
  return parsed->point();
}

bool TracksLongEnough(std::string_view since, Duration period, TimePoint now) {
  const auto first = ParseDate(since);
  return first && now >= *first + 24h + period;
}

TokenFate FateOf(const core_v1::Secret& secret, const TokenFacts& facts) {
  if (secret.type != kTokenSecretType || secret.metadata.deletion_timestamp) {
    return TokenFate::kKeep;
  }
  const TimePoint oldest = facts.now - facts.period;
  if (secret.metadata.creation_timestamp.point() >= oldest) return TokenFate::kKeep;
  const std::string oldest_day = DateOf(oldest);
  if (secret.metadata.labels.contains(kTokenLastUsed)) {
    const std::string used = LabelOf(secret, kTokenLastUsed);
    // Of what cannot be read nobody knows.
    if (!ParseDate(used) || used >= oldest_day) return TokenFate::kKeep;
  }
  if (!IsGenerated(secret, facts.account) || facts.is_mounted) return TokenFate::kKeep;
  const std::string invalid = LabelOf(secret, kTokenInvalidSince);
  if (!ParseDate(invalid)) return TokenFate::kMark;
  return invalid >= oldest_day ? TokenFate::kKeep : TokenFate::kDelete;
}

}  // namespace skiff
