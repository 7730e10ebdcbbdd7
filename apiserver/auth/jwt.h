// JSON Web Tokens, signed with RS256 or ES256: what service accounts are known by.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"
#include "base/error.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace skiff {

// A public key, or a private one with its public half. Immutable.
class TokenKey {
 public:
  // All keys of a PEM text: RSA or P-256, private or public, or certificates.
  static Result<std::vector<TokenKey>> FromPem(std::string_view pem);

  const std::string& id() const { return id_; }  // base64url(SHA-256(public key in DER))
  std::string_view algorithm() const { return rsa_ ? "RS256" : "ES256"; }
  // Raw signature as a JWS holds it. Only for private keys.
  Result<std::string> Sign(std::string_view text) const;
  bool Verify(std::string_view text, std::string_view signature) const;
  // 32 bytes that follow from the private key, others for each purpose, and tell nothing of it.
  Result<std::string> SecretFor(std::string_view purpose) const;
  // The public half as a member of a JWK set.
  Json Jwk() const;

 private:
  explicit TokenKey(std::shared_ptr<evp_pkey_st> key);
  std::shared_ptr<evp_pkey_st> key_;
  bool rsa_ = true;
  std::string id_;
};

// What stands in a JSON Web Token, whoever made it. `signed_text` looks into the token.
struct TokenParts {
  Json header;
  Json claims;
  std::string_view signed_text;
  std::string signature;
};
// nullopt for text that is no such token.
std::optional<TokenParts> SplitToken(std::string_view token);
// The signature of ECDSA in DER, of the two numbers of so many bytes that a JWS holds; "" for what
// is none.
std::string EcdsaDer(std::string_view raw, int number_bytes);

// header.claims.signature
Result<std::string> SignToken(const TokenKey& key, const Json& claims);

// The claims of a token whose signature one of the keys made. Expiry and audience are the caller's
// to check. nullopt for text that is no token of ours.
std::optional<Json> VerifyToken(const std::vector<TokenKey>& keys, std::string_view token);
// The claims without any check; nullopt when the text is no JWT.
std::optional<Json> PeekClaims(std::string_view token);

}  // namespace skiff
