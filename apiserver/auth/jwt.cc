#include "apiserver/auth/jwt.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "api/codec/json.h"
#include "base/hash.h"

namespace skiff {
namespace {

// A P-256 signature: two numbers of 32 bytes.
constexpr int kEcNumberBytes = 32;

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;
using ContextPtr = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
using SignaturePtr = std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)>;
using BigNumberPtr = std::unique_ptr<BIGNUM, decltype(&BN_free)>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string PublicDer(evp_pkey_st* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return "";
  std::string text(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return text;
}

std::string Number(evp_pkey_st* key, const char* name, int bytes) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return "";
  const BigNumberPtr number(raw, &BN_free);
  const int size = std::max(bytes, BN_num_bytes(raw));
  std::string text(static_cast<size_t>(size), '\0');
  BN_bn2binpad(raw, reinterpret_cast<unsigned char*>(text.data()), size);
  return text;
}

// One PEM block; nullptr for one that holds no key.
evp_pkey_st* KeyOf(const char* name, const unsigned char* data, long size) {
  const std::string_view kind = name;
  const unsigned char* at = data;
  if (kind == "CERTIFICATE") {
    X509* certificate = d2i_X509(nullptr, &at, size);
    if (certificate == nullptr) return nullptr;
    evp_pkey_st* key = X509_get_pubkey(certificate);
    X509_free(certificate);
    return key;
  }
  if (kind == "PUBLIC KEY") return d2i_PUBKEY(nullptr, &at, size);
  if (kind == "RSA PUBLIC KEY") return d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, size);
  if (kind.ends_with("PRIVATE KEY")) return d2i_AutoPrivateKey(nullptr, &at, size);
  return nullptr;
}

// The fixed form that a JWS has, of DER's.
std::string RawFromDer(std::string_view der) {
  const unsigned char* at = Bytes(der);
  const SignaturePtr signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())),
                               &ECDSA_SIG_free);
  if (!signature) return "";
  std::string raw(2 * kEcNumberBytes, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, kEcNumberBytes);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + kEcNumberBytes, kEcNumberBytes);
  return raw;
}

}  // namespace

std::string EcdsaDer(std::string_view raw, int number_bytes) {
  if (raw.size() != 2 * static_cast<size_t>(number_bytes)) return "";
  const SignaturePtr signature(ECDSA_SIG_new(), &ECDSA_SIG_free);
  BIGNUM* r = BN_bin2bn(Bytes(raw), number_bytes, nullptr);
  BIGNUM* s = BN_bin2bn(Bytes(raw) + number_bytes, number_bytes, nullptr);
  if (ECDSA_SIG_set0(signature.get(), r, s) != 1) return "";
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  if (size <= 0) return "";
  std::string text(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return text;
}

std::optional<TokenParts> SplitToken(std::string_view token) {
  const size_t first = token.find('.');
  const size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return std::nullopt;
  }
  const auto header = FromBase64Url(token.substr(0, first));
  const auto claims = FromBase64Url(token.substr(first + 1, second - first - 1));
  auto signature = FromBase64Url(token.substr(second + 1));
  if (!header || !claims || !signature) return std::nullopt;
  // Nobody knows yet who sent this: what nests too deeply to be walked over is no token.
  TokenParts parts{.header = ParseJson(*header).value_or(Json()),
                   .claims = ParseJson(*claims).value_or(Json()),
                   .signed_text = token.substr(0, second),
                   .signature = std::move(*signature)};
  if (!parts.header.is_object() || !parts.claims.is_object()) return std::nullopt;
  return parts;
}

TokenKey::TokenKey(std::shared_ptr<evp_pkey_st> key)
    : key_(std::move(key)), rsa_(EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_RSA) {
  const std::string der = PublicDer(key_.get());
  id_ = Base64Url(Sha256(der));
}

Result<std::vector<TokenKey>> TokenKey::FromPem(std::string_view pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  std::vector<TokenKey> keys;
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  while (PEM_read_bio(bio.get(), &name, &header, &data, &size) == 1) {
    evp_pkey_st* key = KeyOf(name, data, size);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    if (key == nullptr) continue;
    const std::shared_ptr<evp_pkey_st> shared(key, &EVP_PKEY_free);
    const int type = EVP_PKEY_get_base_id(key);
    if (type == EVP_PKEY_RSA || (type == EVP_PKEY_EC && EVP_PKEY_get_bits(key) == 256)) {
      keys.push_back(TokenKey(shared));
    }
  }
  if (keys.empty()) {
    return Fail(Reason::kInvalid,
                "data does not contain any valid RSA or ECDSA public or private keys");
  }
  return keys;
}

Result<std::string> TokenKey::Sign(std::string_view text) const {
  const ContextPtr context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, Bytes(text), text.size()) != 1) {
    return Fail(Reason::kInternalError, "the key cannot sign");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     Bytes(text), text.size()) != 1) {
    return Fail(Reason::kInternalError, "the key cannot sign");
  }
  signature.resize(size);
  return rsa_ ? signature : RawFromDer(signature);
}

bool TokenKey::Verify(std::string_view text, std::string_view signature) const {
  const std::string der = rsa_ ? std::string(signature) : EcdsaDer(signature, kEcNumberBytes);
  const ContextPtr context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(der), der.size(), Bytes(text), text.size()) == 1;
}

// HKDF (RFC 5869) to one block. Of the number alone, so that it does not depend on how the key was
// written.
Result<std::string> TokenKey::SecretFor(std::string_view purpose) const {
  const std::string number = rsa_ ? Number(key_.get(), OSSL_PKEY_PARAM_RSA_D, 0)
                                  : Number(key_.get(), OSSL_PKEY_PARAM_PRIV_KEY, kEcNumberBytes);
  if (number.empty()) return Fail(Reason::kInternalError, "the key has no private half");
  const std::string extracted = HmacSha256("skiff", number);
  return HmacSha256(extracted, std::string(purpose) + '\x01');
}

Json TokenKey::Jwk() const {
  Json jwk = {{"use", "sig"}, {"kid", id_}, {"alg", algorithm()}};
  if (rsa_) {
    jwk["kty"] = "RSA";
    jwk["n"] = Base64Url(Number(key_.get(), OSSL_PKEY_PARAM_RSA_N, 0));
    jwk["e"] = Base64Url(Number(key_.get(), OSSL_PKEY_PARAM_RSA_E, 0));
  } else {
    jwk["kty"] = "EC";
    jwk["crv"] = "P-256";
    jwk["x"] = Base64Url(Number(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, kEcNumberBytes));
    jwk["y"] = Base64Url(Number(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, kEcNumberBytes));
  }
  return jwk;
}

Result<std::string> SignToken(const TokenKey& key, const Json& claims) {
  const Json header = {{"alg", key.algorithm()}, {"kid", key.id()}};
  std::string text = Base64Url(header.dump()) + "." + Base64Url(claims.dump());
  const std::string signature = TRY(key.Sign(text));
  return text + "." + Base64Url(signature);
}

std::optional<Json> VerifyToken(const std::vector<TokenKey>& keys, std::string_view token) {
  auto parts = SplitToken(token);
  if (!parts) return std::nullopt;
  const Json algorithm = parts->header.value("alg", Json());
  const Json id = parts->header.value("kid", Json());
  for (const TokenKey& key : keys) {
    if (algorithm != key.algorithm()) continue;
    if (id.is_string() && id != key.id()) continue;
    if (key.Verify(parts->signed_text, parts->signature)) return std::move(parts->claims);
  }
  return std::nullopt;
}

std::optional<Json> PeekClaims(std::string_view token) {
  auto parts = SplitToken(token);
  if (!parts) return std::nullopt;
  return std::move(parts->claims);
}

}  // namespace skiff
