#include "apiserver/auth/key_proof.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <optional>

#include "apiserver/auth/jwt.h"
#include "base/x509_chain.h"

namespace skiff {
namespace {

// As short as handshakes take them, and as long as Go does.
constexpr int kShortestRsaBits = 2048;
constexpr int kLongestRsaBits = 8192;
constexpr int kLongestExponentBits = 31;

struct Scheme {
  const EVP_MD* digest;  // nullptr: the signature has its own.
  int number_bytes;      // Of the two numbers of ECDSA; 0: the signature is one text.
};

bool IsQuickRsa(EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (bits < kShortestRsaBits || bits > kLongestRsaBits) return false;
  BIGNUM* exponent = nullptr;
  EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent);
  const bool is_short = exponent != nullptr && BN_num_bits(exponent) <= kLongestExponentBits;
  BN_free(exponent);
  return is_short;
}

std::optional<Scheme> SchemeOf(EVP_PKEY* key) {
  if (key == nullptr) return std::nullopt;
  const int kind = EVP_PKEY_get_base_id(key);
  if (kind == EVP_PKEY_ED25519) return Scheme{nullptr, 0};
  if (kind == EVP_PKEY_RSA) {
    if (!IsQuickRsa(key)) return std::nullopt;
    return Scheme{EVP_sha256(), 0};
  }
  char curve[32] = {};
  if (kind != EVP_PKEY_EC || EVP_PKEY_get_group_name(key, curve, sizeof curve, nullptr) != 1) {
    return std::nullopt;
  }
  const std::string_view name = curve;
  if (name == "prime256v1") return Scheme{EVP_sha256(), 32};
  if (name == "secp384r1") return Scheme{EVP_sha384(), 48};
  if (name == "secp521r1") return Scheme{EVP_sha512(), 66};
  return std::nullopt;
}

const unsigned char* AsBytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string SignedText(std::string_view origin, std::string_view challenge) {
  std::string text = "skiff console: login by the key of a client certificate\n";
  return text.append(origin).append("\n").append(challenge);
}

Result<> CheckProof(const KeyProof& proof) {
  // The others are not read before the key of this one has signed.
  const OfChain<X509> first = NextOfChain(ReaderOfChain(proof.certificate_pem).get());
  if (!first) {
    ERR_clear_error();
    return Fail(Reason::kInvalid, "this is no certificate in PEM");
  }
  EVP_PKEY* const key = X509_get0_pubkey(first.get());
  const auto scheme = SchemeOf(key);
  if (!scheme) {
    ERR_clear_error();
    return Fail(Reason::kInvalid,
                "a login takes keys of RSA (2048 to 8192 bits, a common exponent), ECDSA (P-256, "
                "P-384, P-521) and Ed25519, and the certificate has another one");
  }
  const std::string signature =
      scheme->number_bytes == 0 ? proof.signature : EcdsaDer(proof.signature, scheme->number_bytes);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  const bool is_good =
      EVP_DigestVerifyInit(context.get(), nullptr, scheme->digest, nullptr, key) == 1 &&
      EVP_DigestVerify(context.get(), AsBytes(signature), signature.size(), AsBytes(proof.text),
                       proof.text.size()) == 1;
  ERR_clear_error();
  if (is_good) return {};
  return Fail(Reason::kUnauthorized,
              "the certificate is of another key than the one that signed the challenge");
}

}  // namespace skiff
