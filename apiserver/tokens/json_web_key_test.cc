#include "apiserver/tokens/json_web_key.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/hash.h"

namespace skiff {
namespace {

using TestKey = std::shared_ptr<EVP_PKEY>;

TestKey MakeTestKey(const char* type, const char* curve, size_t bits) {
  EVP_PKEY* key =
      curve != nullptr ? EVP_EC_gen(curve) : EVP_PKEY_Q_keygen(nullptr, nullptr, type, bits);
  return {key, &EVP_PKEY_free};
}

std::string NumberOfKey(const TestKey& key, const char* name, int bytes) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key.get(), name, &number);
  std::string text(static_cast<size_t>(std::max(bytes, BN_num_bytes(number))), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(text.data()),
               static_cast<int>(text.size()));
  BN_free(number);
  return text;
}

Json JwkOf(const TestKey& key, const char* curve, int bytes) {
  if (curve == nullptr) {
    return {{"kty", "RSA"},
            {"kid", "k"},
            {"n", Base64Url(NumberOfKey(key, OSSL_PKEY_PARAM_RSA_N, 0))},
            {"e", Base64Url(NumberOfKey(key, OSSL_PKEY_PARAM_RSA_E, 0))}};
  }
  return {{"kty", "EC"},
          {"kid", "k"},
          {"crv", curve},
          {"x", Base64Url(NumberOfKey(key, OSSL_PKEY_PARAM_EC_PUB_X, bytes))},
          {"y", Base64Url(NumberOfKey(key, OSSL_PKEY_PARAM_EC_PUB_Y, bytes))}};
}

std::string SignedBy(const TestKey& key, const EVP_MD* digest, bool padded, int bytes,
                     const std::string& text) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* options = nullptr;
  EVP_DigestSignInit(context, &options, digest, nullptr, key.get());
  if (padded) EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  size_t size = 0;
  EVP_DigestSign(context, nullptr, &size, data, text.size());
  std::string out(size, '\0');
  EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &size, data, text.size());
  EVP_MD_CTX_free(context);
  out.resize(size);
  if (bytes == 0) return out;
  const auto* at = reinterpret_cast<const unsigned char*>(out.data());
  ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(out.size()));
  std::string raw(static_cast<size_t>(2 * bytes), '\0');
  auto* to = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(pair), to, bytes);
  BN_bn2binpad(ECDSA_SIG_get0_s(pair), to + bytes, bytes);
  ECDSA_SIG_free(pair);
  return raw;
}

struct Algorithm {
  const char* name;
  const EVP_MD* digest;
  const char* curve;
  const char* jwk_curve;
  int bytes;
};

const Algorithm kAlgorithms[] = {
    {"RS256", EVP_sha256(), nullptr, nullptr, 0},  {"RS384", EVP_sha384(), nullptr, nullptr, 0},
    {"RS512", EVP_sha512(), nullptr, nullptr, 0},  {"PS256", EVP_sha256(), nullptr, nullptr, 0},
    {"PS384", EVP_sha384(), nullptr, nullptr, 0},  {"PS512", EVP_sha512(), nullptr, nullptr, 0},
    {"ES256", EVP_sha256(), "P-256", "P-256", 32}, {"ES384", EVP_sha384(), "P-384", "P-384", 48},
    {"ES512", EVP_sha512(), "P-521", "P-521", 66}};

TEST(JsonWebKey, EachAlgorithmVerifiesItsOwnSignatureAlone) {
  for (const Algorithm& algorithm : kAlgorithms) {
    SCOPED_TRACE(algorithm.name);
    const TestKey made = MakeTestKey("RSA", algorithm.curve, 2048);
    const auto key = JsonWebKey::Parse(JwkOf(made, algorithm.jwk_curve, algorithm.bytes));
    ASSERT_TRUE(key) << key.error().message;
    const bool padded = algorithm.name[0] == 'P';
    const std::string signature = SignedBy(made, algorithm.digest, padded, algorithm.bytes, "said");
    EXPECT_TRUE(key->Verify(algorithm.name, "said", signature));
    EXPECT_FALSE(key->Verify(algorithm.name, "sais", signature));
    EXPECT_FALSE(key->Verify(algorithm.name, "said", signature + "x"));
    EXPECT_FALSE(key->Verify(algorithm.name, "said", ""));
    for (const Algorithm& other : kAlgorithms) {
      if (std::string_view(other.name) == algorithm.name) continue;
      EXPECT_FALSE(key->Verify(other.name, "said", signature)) << other.name;
    }
    for (const char* none : {"none", "HS256", ""}) {
      EXPECT_FALSE(key->Verify(none, "said", signature)) << none;
    }
  }
}

TEST(JsonWebKey, AShortKeyVerifiesNothing) {
  const TestKey made = MakeTestKey("RSA", nullptr, 1016);
  const auto key = JsonWebKey::Parse(JwkOf(made, nullptr, 0));
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_FALSE(key->Verify("RS256", "said", SignedBy(made, EVP_sha256(), false, 0, "said")));
}

TEST(ReadKeySet, OneBrokenKeyBreaksTheSet) {
  const TestKey made = MakeTestKey("RSA", "P-256", 0);
  const Json good = JwkOf(made, "P-256", 32);
  const auto set = [&](const Json& key) { return ReadKeySet(Json{{"keys", {good, key}}}.dump()); };
  EXPECT_TRUE(set(good));
  EXPECT_TRUE(set({{"kty", "oct"}, {"k", "AAAA"}}));
  Json elsewhere = good;
  elsewhere["y"] = elsewhere["x"];
  for (const Json& broken :
       {Json{{"kty", "XYZ"}}, Json{{"kty", "RSA"}}, Json{{"kty", "EC"}, {"crv", "P-1"}}, elsewhere,
        Json("x"), Json{{"kty", 7}}, Json{{"kty", "RSA"}, {"n", "!"}, {"e", "AQAB"}}}) {
    EXPECT_FALSE(set(broken)) << broken;
  }
  EXPECT_TRUE(ReadKeySet("{}")->empty());
  for (const char* none : {"", "[]", "{", R"({"keys": 7})"}) EXPECT_FALSE(ReadKeySet(none)) << none;
}

TEST(ReadKeySet, MoreKeysThanAnyIssuerHasAreRefused) {
  const Json key = {{"kty", "oct"}, {"k", "AAAA"}};
  EXPECT_TRUE(ReadKeySet(Json{{"keys", std::vector<Json>(kIssuerKeysMax, key)}}.dump()));
  EXPECT_FALSE(ReadKeySet(Json{{"keys", std::vector<Json>(kIssuerKeysMax + 1, key)}}.dump()));
}

}  // namespace
}  // namespace skiff
