// Tokens of service accounts that lie in Secrets of type kubernetes.io/service-account-token. They
// never expire: such a token is good as long as its Secret holds it and its account is there. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/gen/core_v1.h"
#include "api/pods/token_secrets.h"
#include "api/values.h"

namespace skiff {

// Labels of such a Secret, with a date each: 2026-01-02.
inline constexpr const char* kLegacyTokenLastUsed = "kubernetes.io/legacy-token-last-used";
inline constexpr const char* kLegacyTokenInvalidSince = "kubernetes.io/legacy-token-invalid-since";

struct LegacyClaims {
  std::string namespace_name;
  std::string account;
  std::string account_uid;
  std::string secret;
};

// Unauthorized when one is missing, or they do not speak of one account.
Result<LegacyClaims> ReadLegacyClaims(const Json& claims);
// Unauthorized when the Secret (nullopt: there is none) does not hold this token any more.
Result<> CheckHeld(std::string_view token, const std::optional<core_v1::Secret>& secret);
// Unauthorized when the Secret says that its token is to be good no longer.
Result<> CheckNotInvalidated(const LegacyClaims& claims, const core_v1::Secret& secret);

}  // namespace skiff
