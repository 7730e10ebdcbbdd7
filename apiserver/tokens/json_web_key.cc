#include "apiserver/tokens/json_web_key.h"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>

#include "api/codec/json.h"
#include "apiserver/auth/jwt.h"
#include "base/hash.h"

namespace skiff {
namespace {

using PublicKeyPtr = std::shared_ptr<evp_pkey_st>;
using JwkNumberPtr = std::unique_ptr<BIGNUM, decltype(&BN_free)>;
using JwkContextPtr = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;
using JwkDigestPtr = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
using JwkBuilderPtr = std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)>;
using JwkParamsPtr = std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)>;

// Shorter ones verify nothing, as in Go since 1.24; of longer ones one signature takes long.
constexpr int kRsaBitsMin = 1024;
constexpr int kRsaBitsMax = 16384;
constexpr size_t kExponentBytesMax = 8;

struct JwkCurve {
  std::string_view name;  // In a JWK.
  const char* group;      // In OpenSSL.
  int coordinate_bytes;
  std::string_view algorithm;
};
constexpr JwkCurve kJwkCurves[] = {{"P-256", "prime256v1", 32, "ES256"},
                                   {"P-384", "secp384r1", 48, "ES384"},
                                   {"P-521", "secp521r1", 66, "ES512"}};

tl::unexpected<Error> BrokenKey(std::string text) {
  return Fail(Reason::kInvalid, std::move(text));
}

const unsigned char* JwkBytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

JwkNumberPtr JwkNumber(std::string_view bytes) {
  return {BN_bin2bn(JwkBytes(bytes), static_cast<int>(bytes.size()), nullptr), &BN_free};
}

// A member that is text; "" where it is not there.
Result<std::string> JwkText(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return std::string();
  if (!found->is_string()) return BrokenKey(fmt::format("{} of a key is no text", name));
  return found->get<std::string>();
}

Result<std::string> JwkMember(const Json& json, const char* name) {
  const std::string text = TRY(JwkText(json, name));
  auto bytes = FromBase64Url(text);
  if (!bytes) return BrokenKey(fmt::format("{} of a key is not encoded in base64url", name));
  return *std::move(bytes);
}

PublicKeyPtr MakePublicKey(const char* type, OSSL_PARAM_BLD* builder) {
  const JwkParamsPtr params(OSSL_PARAM_BLD_to_param(builder), &OSSL_PARAM_free);
  const JwkContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr),
                              &EVP_PKEY_CTX_free);
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return {key, &EVP_PKEY_free};
}

Result<PublicKeyPtr> RsaKey(const Json& json) {
  const std::string n = TRY(JwkMember(json, "n"));
  const std::string e = TRY(JwkMember(json, "e"));
  if (n.empty() || e.empty()) return BrokenKey("invalid RSA key, missing n/e values");
  const JwkNumberPtr modulus = JwkNumber(n);
  const JwkNumberPtr exponent = JwkNumber(e);
  const int bits = BN_num_bits(modulus.get());
  const bool is_usable =
      bits >= kRsaBitsMin && bits <= kRsaBitsMax && e.size() <= kExponentBytesMax;
  if (!is_usable) return PublicKeyPtr();
  const JwkBuilderPtr builder(OSSL_PARAM_BLD_new(), &OSSL_PARAM_BLD_free);
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  return MakePublicKey("RSA", builder.get());
}

Result<PublicKeyPtr> CurveKey(const Json& json, int& coordinate_bytes) {
  const std::string name = TRY(JwkText(json, "crv"));
  const auto* curve = std::find_if(std::begin(kJwkCurves), std::end(kJwkCurves),
                                   [&](const JwkCurve& each) { return each.name == name; });
  if (curve == std::end(kJwkCurves)) {
    return BrokenKey(fmt::format("unsupported elliptic curve '{}'", name));
  }
  const std::string x = TRY(JwkMember(json, "x"));
  const std::string y = TRY(JwkMember(json, "y"));
  coordinate_bytes = curve->coordinate_bytes;
  const auto size = static_cast<size_t>(coordinate_bytes);
  if (x.size() != size) return BrokenKey("invalid EC public key, wrong length for x");
  if (y.size() != size) return BrokenKey("invalid EC public key, wrong length for y");
  const std::string point = "\x04" + x + y;
  const JwkBuilderPtr builder(OSSL_PARAM_BLD_new(), &OSSL_PARAM_BLD_free);
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  PublicKeyPtr key = MakePublicKey("EC", builder.get());
  if (!key) return BrokenKey("invalid EC key, X/Y are not on declared curve");
  return key;
}

const EVP_MD* JwkDigest(std::string_view algorithm) {
  if (algorithm.ends_with("256")) return EVP_sha256();
  if (algorithm.ends_with("384")) return EVP_sha384();
  return EVP_sha512();
}

}  // namespace

const std::vector<std::string>& SigningAlgorithms() {
  static const std::vector<std::string> all = {"ES256", "ES384", "ES512", "PS256", "PS384",
                                               "PS512", "RS256", "RS384", "RS512"};
  return all;
}

Result<JsonWebKey> JsonWebKey::Parse(const Json& json) {
  if (!json.is_object()) return BrokenKey("a key of the set is no object");
  JsonWebKey key;
  key.id_ = TRY(JwkText(json, "kid"));
  const std::string type = TRY(JwkText(json, "kty"));
  if (type == "RSA") {
    key.key_ = TRY(RsaKey(json));
  } else if (type == "EC") {
    key.key_ = TRY(CurveKey(json, key.coordinate_bytes_));
  } else if (type != "oct" && type != "OKP") {
    return BrokenKey(fmt::format("unknown json web key type '{}'", type));
  }
  return key;
}

bool JsonWebKey::Verify(std::string_view algorithm, std::string_view text,
                        std::string_view signature) const {
  if (!key_) return false;
  const bool is_padded = algorithm.starts_with("PS");
  std::string raw(signature);
  if (coordinate_bytes_ > 0) {
    const auto* curve = std::find_if(
        std::begin(kJwkCurves), std::end(kJwkCurves),
        [&](const JwkCurve& each) { return each.coordinate_bytes == coordinate_bytes_; });
    if (algorithm != curve->algorithm) return false;
    raw = EcdsaDer(signature, coordinate_bytes_);
  } else if (!is_padded && !algorithm.starts_with("RS")) {
    return false;
  }
  const JwkDigestPtr context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_PKEY_CTX* options = nullptr;
  if (EVP_DigestVerifyInit(context.get(), &options, JwkDigest(algorithm), nullptr, key_.get()) !=
      1) {
    return false;
  }
  if (is_padded && (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
                    EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_AUTO) != 1)) {
    return false;
  }
  return EVP_DigestVerify(context.get(), JwkBytes(raw), raw.size(), JwkBytes(text), text.size()) ==
         1;
}

Result<std::vector<JsonWebKey>> ReadKeySet(std::string_view body) {
  const auto document = ParseJson(body);
  if (!document) return BrokenKey("failed to decode keys: " + document.error().message);
  if (!document->is_object()) return BrokenKey("failed to decode keys: it is no object");
  std::vector<JsonWebKey> keys;
  const auto found = document->find("keys");
  if (found == document->end() || found->is_null()) return keys;
  if (!found->is_array()) return BrokenKey("failed to decode keys: keys is no list");
  if (found->size() > kIssuerKeysMax) {
    return BrokenKey(fmt::format("failed to decode keys: there are {}, more than {}", found->size(),
                                 kIssuerKeysMax));
  }
  for (const Json& each : *found) {
    JsonWebKey key = TRY(JsonWebKey::Parse(each));
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace skiff
