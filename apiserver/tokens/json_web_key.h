// Public keys as issuers of tokens publish them, and what they signed: the algorithms of RFC 7518
// that have a public half.
//
//   const auto keys = TRY(ReadKeySet(body));
//   if (keys[0].Verify("ES256", text, signature)) ...
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"
#include "base/error.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace skiff {

// "ES256", "ES384" and so on, sorted.
const std::vector<std::string>& SigningAlgorithms();

// A member of a JWK set. Immutable. One of another kind than RSA and EC verifies nothing.
class JsonWebKey {
 public:
  static Result<JsonWebKey> Parse(const Json& json);
  const std::string& id() const { return id_; }
  // `signature` as a JWS holds it. False for an algorithm that is none of such a key.
  bool Verify(std::string_view algorithm, std::string_view text, std::string_view signature) const;

 private:
  std::string id_;
  std::shared_ptr<evp_pkey_st> key_;  // Null: nothing that verifies.
  int coordinate_bytes_ = 0;          // Of a curve; 0: RSA.
};

// One that answers with more keys is taken for broken: without a kid each of them has to be tried.
inline constexpr size_t kIssuerKeysMax = 256;

// A JWK set. One key that is wrong makes all of it wrong, as it does to kube-apiserver.
Result<std::vector<JsonWebKey>> ReadKeySet(std::string_view body);

}  // namespace skiff
