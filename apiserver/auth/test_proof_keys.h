// Keys of tests, that sign as a page does.
#pragma once

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/certificates.h"
#include "base/clock.h"

namespace skiff {

class ProofKey {
 public:
  // "RSA", "P-256", "P-384", "P-521", "secp256k1"; `bits` of RSA.
  explicit ProofKey(std::string_view kind, size_t bits = 2048)
      : key_(New(std::string(kind), bits), &EVP_PKEY_free) {}

  // Of this key, signed by that authority.
  std::string CertificateOf(const CertificateAuthority& authority, const CertificateOrder& order,
                            const SigningTerms& terms) const {
    return *authority.SignRequest(*MakeCertificateRequest(Pem(), order), terms);
  }
  // ECDSA: both numbers in full length.
  std::string Sign(std::string_view text, const EVP_MD* digest) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          &EVP_MD_CTX_free);
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    size_t size = 1024;
    std::string signature(size, '\0');
    EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get());
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                   text.size());
    signature.resize(size);
    return EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_EC ? InFullLength(signature) : signature;
  }

 private:
  static EVP_PKEY* New(const std::string& kind, size_t bits) {
    if (kind == "RSA") return EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits);
    return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", kind.c_str());
  }
  std::string Pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_PrivateKey(out.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<size_t>(size)};
  }
  std::string InFullLength(const std::string& der) const {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> numbers(
        d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), &ECDSA_SIG_free);
    const int length = (EVP_PKEY_get_bits(key_.get()) + 7) / 8;
    std::string raw(2 * static_cast<size_t>(length), '\0');
    auto* out = reinterpret_cast<unsigned char*>(raw.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(numbers.get()), out, length);
    BN_bn2binpad(ECDSA_SIG_get0_s(numbers.get()), out + length, length);
    return raw;
  }

  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

}  // namespace skiff
