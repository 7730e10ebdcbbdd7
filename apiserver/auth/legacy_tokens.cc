#include "apiserver/auth/legacy_tokens.h"

#include <fmt/format.h>

#include "apiserver/auth/same_text.h"

namespace skiff {
namespace {

constexpr const char* kInvalidated = "Token has been invalidated";

tl::unexpected<Error> RefuseLegacy(std::string message) {
  return Fail(Reason::kUnauthorized, std::move(message));
}

Result<std::string> Claim(const Json& claims, const char* name, const char* called) {
  const auto found = claims.find(name);
  if (found != claims.end() && found->is_string()) {
    std::string text = found->get<std::string>();
    if (!text.empty()) return text;
  }
  return RefuseLegacy(std::string(called) + " claim is missing");
}

}  // namespace

Result<LegacyClaims> ReadLegacyClaims(const Json& claims) {
  if (!claims.is_object()) return RefuseLegacy("sub claim is missing");
  const std::string subject = TRY(Claim(claims, "sub", "sub"));
  LegacyClaims read;
  read.namespace_name = TRY(Claim(claims, kLegacyNamespaceClaim, "namespace"));
  read.secret = TRY(Claim(claims, kLegacySecretClaim, "secretName"));
  read.account = TRY(Claim(claims, kLegacyAccountClaim, "serviceAccountName"));
  read.account_uid = TRY(Claim(claims, kLegacyAccountUidClaim, "serviceAccountUID"));
  if (subject != "system:serviceaccount:" + read.namespace_name + ":" + read.account) {
    return RefuseLegacy("sub claim is invalid");
  }
  return read;
}

Result<> CheckHeld(std::string_view token, const std::optional<core_v1::Secret>& secret) {
  if (!secret || secret->metadata.deletion_timestamp) return RefuseLegacy(kInvalidated);
  const auto held = secret->data.find("token");
  if (held == secret->data.end() || !SameText(held->second, token)) {
    return RefuseLegacy("Token does not match server's copy");
  }
  return {};
}

Result<> CheckNotInvalidated(const LegacyClaims& claims, const core_v1::Secret& secret) {
  const auto since = secret.metadata.labels.find(kLegacyTokenInvalidSince);
  if (since == secret.metadata.labels.end() || since->second.empty()) return {};
  return RefuseLegacy(fmt::format(
      "the token in secret {}/{} for service account {}/{} has been marked invalid. Use tokens "
      "from the TokenRequest API or manually created secret-based tokens, or remove the '{}' label "
      "from the secret to temporarily allow use of this token",
      claims.namespace_name, claims.secret, claims.namespace_name, claims.account,
      kLegacyTokenInvalidSince));
}

}  // namespace skiff
