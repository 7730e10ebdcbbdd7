// What a client seals of TLS 1.3, in whatever shape a test or a fuzzer wants: keys from the secret
// by HMAC alone, the cipher from the library alone, so that what it checks has its own.
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/tls_records.h"

namespace skiff::http::testing {

class AnyClientRecords {
 public:
  explicit AnyClientRecords(const TrafficSecrets::Secret& secret)
      : secret_(reinterpret_cast<const char*>(secret.data()), secret.size()) {
    TakeKey();
  }

  // A record of `inner`: text, content type, zeros.
  std::string Seal(std::string_view inner) {
    const size_t length = inner.size() + RecordCipher::kTagBytes;
    std::string record = {23, 3, 3, static_cast<char>(length >> 8), static_cast<char>(length)};
    RecordCipher::Nonce nonce;
    for (size_t i = 0; i < nonce.size(); ++i) nonce[i] = static_cast<uint8_t>(iv_[i]);
    for (size_t i = 0; i < 8; ++i) nonce[11 - i] ^= static_cast<uint8_t>(records_ >> (8 * i));
    ++records_;
    std::string sealed(length, '\0');
    cipher_->Begin(key_, nonce, record);
    if (!inner.empty()) cipher_->Seal(inner, sealed.data());
    cipher_->Finish(sealed.data() + inner.size());
    return record + sealed;
  }
  // After a KeyUpdate.
  void TakeNextKey() {
    secret_ = Expand("traffic upd", 32);
    TakeKey();
  }

 private:
  // HKDF-Expand-Label of at most one block of SHA-256 (RFC 5869, RFC 8446).
  std::string Expand(std::string_view label, size_t length) const {
    std::string info = {0, static_cast<char>(length), static_cast<char>(6 + label.size())};
    info += "tls13 ";
    info += label;
    info += std::string("\0\1", 2);
    unsigned char block[EVP_MAX_MD_SIZE];
    unsigned int bytes = 0;
    CHECK(HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
               reinterpret_cast<const unsigned char*>(info.data()), info.size(), block,
               &bytes) != nullptr &&
          bytes == 32);
    return {reinterpret_cast<const char*>(block), length};
  }
  void TakeKey() {
    const std::string key = Expand("key", key_.size());
    std::copy(key.begin(), key.end(), key_.begin());
    iv_ = Expand("iv", 12);
    records_ = 0;
  }

  const std::unique_ptr<RecordCipher> cipher_ = RecordCipher::Make(RecordCipher::Engine::kLibrary);
  std::string secret_;
  RecordCipher::Key key_{};
  std::string iv_;
  uint64_t records_ = 0;
};

}  // namespace skiff::http::testing
