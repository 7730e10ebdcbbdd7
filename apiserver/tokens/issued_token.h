// What is to be true of a token of an issuer but for its signature, and who comes of its claims, as
// the OIDC authenticator of kube-apiserver has them. Pure; errors are its texts.
//
//   const auto token = IssuedToken::Parse(text);               // nullopt: no JWT that names one.
//   TRY(CheckIssuedToken(*token, config, algorithms, now));
//   ... the signature, distributed claims ...
//   const User user = TRY(UserOfClaims(config, claims));
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/auth/jwt.h"
#include "apiserver/auth/user.h"
#include "apiserver/tokens/authentication_configuration.h"
#include "base/clock.h"
#include "base/error.h"

namespace skiff {

// Clocks differ: so long before its time a token is taken.
inline constexpr auto kNotBeforeLeeway = 60s;

struct IssuedToken {
  std::string issuer;
  std::string algorithm;
  std::string key_id;  // "": it names none.
  int64_t expiry = 0;  // Seconds since 1970.
  TokenParts parts;

  static std::optional<IssuedToken> Parse(std::string_view text);
};

// Keeps what it finds out in `token`.
Result<> CheckIssuedToken(IssuedToken& token, const JwtConfiguration& config,
                          const std::vector<std::string>& algorithms, TimePoint now);

// Where a claim is that the token does not hold itself (OIDC Core, 5.6.2).
struct ClaimSource {
  std::string endpoint;
  std::string access_token;
};
// Of the claim of groups; nullopt: it is there, or nowhere.
Result<std::optional<ClaimSource>> SourceOfGroups(const JwtConfiguration& config,
                                                  const Json& claims);

Result<User> UserOfClaims(const JwtConfiguration& config, const Json& claims);

}  // namespace skiff
