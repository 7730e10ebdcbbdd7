#include "apiserver/auth/legacy_tokens.h"

#include <fmt/format.h>

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

// Takes as long whatever the two have in common.
bool Same(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return difference == 0;
}

}  // namespace

Result<LegacyClaims> ReadLegacyClaims(const Json& claims) {
  if (!claims.is_object()) return RefuseLegacy("sub claim is missing");
  const std::string subject = TRY(Claim(claims, "sub", "sub"));
  LegacyClaims read;
  read.namespace_name =
      TRY(Claim(claims, "kubernetes.io/serviceaccount/namespace", "namespace"));
  read.secret = TRY(Claim(claims, "kubernetes.io/serviceaccount/secret.name", "secretName"));
  read.account =
      TRY(Claim(claims, "kubernetes.io/serviceaccount/service-account.name", "serviceAccountName"));
  read.account_uid =
      TRY(Claim(claims, "kubernetes.io/serviceaccount/service-account.uid", "serviceAccountUID"));
  if (subject != "system:serviceaccount:" + read.namespace_name + ":" + read.account) {
    return RefuseLegacy("sub claim is invalid");
  }
  return read;
}

Result<> CheckHeld(std::string_view token, const std::optional<core_v1::Secret>& secret) {
  if (!secret || secret->metadata.deletion_timestamp) return RefuseLegacy(kInvalidated);
  const auto held = secret->data.find("token");
  if (held == secret->data.end() || !Same(held->second, token)) {
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
