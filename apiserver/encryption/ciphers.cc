#include "apiserver/encryption/ciphers.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sodium.h>

#include "base/hash.h"

namespace skiff {
namespace {

constexpr size_t kBlockBytes = 16;
constexpr size_t kGcmNonceBytes = 12;
constexpr size_t kGcmTagBytes = 16;
constexpr size_t kInfoBytes = 32;
constexpr char kTooShort[] = "the stored data was shorter than the required size";

// Key material, which does not stay in memory that others get.
class KeyBytes {
 public:
  explicit KeyBytes(std::string_view bytes) : bytes_(bytes) {}
  ~KeyBytes() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
  KeyBytes(const KeyBytes&) = delete;
  KeyBytes& operator=(const KeyBytes&) = delete;
  const unsigned char* data() const {
    return reinterpret_cast<const unsigned char*>(bytes_.data());
  }
  std::string_view view() const { return bytes_; }

 private:
  std::string bytes_;
};

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

tl::unexpected<Error> CipherFailed(std::string text) {
  return Fail(Reason::kInternalError, std::move(text));
}

struct FreeCipherContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeCipherContext>;

const EVP_CIPHER* CbcOf(size_t key_bytes) {
  if (key_bytes == 16) return EVP_aes_128_cbc();
  return key_bytes == 24 ? EVP_aes_192_cbc() : EVP_aes_256_cbc();
}
const EVP_CIPHER* GcmOf(size_t key_bytes) {
  if (key_bytes == 16) return EVP_aes_128_gcm();
  return key_bytes == 24 ? EVP_aes_192_gcm() : EVP_aes_256_gcm();
}

class AesCbc final : public ValueCipher {
 public:
  explicit AesCbc(std::string_view key) : key_(key) {}

  Result<std::string> Seal(std::string_view plain, std::string_view) const override {
    std::string out = TRY(RandomBytes(kBlockBytes));
    const size_t padding = kBlockBytes - plain.size() % kBlockBytes;
    std::string padded(plain);
    padded.append(padding, static_cast<char>(padding));
    out.resize(kBlockBytes + padded.size());
    const std::string iv = out.substr(0, kBlockBytes);
    const bool done = Crypt(/*encrypt=*/1, iv, padded, Bytes(out) + kBlockBytes);
    OPENSSL_cleanse(padded.data(), padded.size());
    if (!done) return CipherFailed("AES-CBC failed");
    return out;
  }

  Result<std::string> Open(std::string_view bytes, std::string_view) const override {
    if (bytes.size() < kBlockBytes) return CipherFailed(kTooShort);
    const std::string_view iv = bytes.substr(0, kBlockBytes);
    bytes.remove_prefix(kBlockBytes);
    if (bytes.size() % kBlockBytes != 0) {
      return CipherFailed("the stored data is not a multiple of the block size");
    }
    std::string out(bytes.size(), '\0');
    if (!Crypt(/*encrypt=*/0, iv, bytes, Bytes(out))) return CipherFailed("AES-CBC failed");
    const size_t padding = out.empty() ? 0 : static_cast<uint8_t>(out.back());
    if (padding == 0 || padding > out.size()) {
      return CipherFailed("invalid PKCS7 data (empty or not padded)");
    }
    for (size_t i = out.size() - padding; i < out.size(); ++i) {
      if (out[i] != out.back()) return CipherFailed("invalid padding on input");
    }
    out.resize(out.size() - padding);
    return out;
  }

 private:
  // `in` is of whole blocks; `out` is as long.
  bool Crypt(int encrypt, std::string_view iv, std::string_view in, unsigned char* out) const {
    const CipherContext context(EVP_CIPHER_CTX_new());
    int written = 0;
    return EVP_CipherInit_ex(context.get(), CbcOf(key_.view().size()), nullptr, key_.data(),
                             Bytes(iv), encrypt) == 1 &&
           EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1 &&
           EVP_CipherUpdate(context.get(), out, &written, Bytes(in),
                            static_cast<int>(in.size())) == 1;
  }

  const KeyBytes key_;
};

class AesGcm final : public ValueCipher {
 public:
  explicit AesGcm(std::string_view key) : key_(key) {}

  Result<std::string> Seal(std::string_view plain, std::string_view bound) const override {
    std::string out = TRY(RandomBytes(kGcmNonceBytes));
    out.resize(kGcmNonceBytes + plain.size() + kGcmTagBytes);
    const CipherContext context(EVP_CIPHER_CTX_new());
    int written = 0;
    unsigned char* const text = Bytes(out) + kGcmNonceBytes;
    const bool done =
        EVP_EncryptInit_ex(context.get(), GcmOf(key_.view().size()), nullptr, key_.data(),
                           Bytes(out)) == 1 &&
        EVP_EncryptUpdate(context.get(), nullptr, &written, Bytes(bound),
                          static_cast<int>(bound.size())) == 1 &&
        EVP_EncryptUpdate(context.get(), text, &written, Bytes(plain),
                          static_cast<int>(plain.size())) == 1 &&
        EVP_EncryptFinal_ex(context.get(), text + plain.size(), &written) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kGcmTagBytes,
                            text + plain.size()) == 1;
    if (!done) return CipherFailed("AES-GCM failed");
    return out;
  }

  Result<std::string> Open(std::string_view bytes, std::string_view bound) const override {
    if (bytes.size() < kGcmNonceBytes) return CipherFailed(kTooShort);
    const std::string_view nonce = bytes.substr(0, kGcmNonceBytes);
    bytes.remove_prefix(kGcmNonceBytes);
    const auto wrong = [] { return CipherFailed("cipher: message authentication failed"); };
    if (bytes.size() < kGcmTagBytes) return wrong();
    std::string tag(bytes.substr(bytes.size() - kGcmTagBytes));
    bytes.remove_suffix(kGcmTagBytes);
    std::string out(bytes.size(), '\0');
    const CipherContext context(EVP_CIPHER_CTX_new());
    int written = 0;
    unsigned char rest[kBlockBytes];
    const bool done =
        EVP_DecryptInit_ex(context.get(), GcmOf(key_.view().size()), nullptr, key_.data(),
                           Bytes(nonce)) == 1 &&
        EVP_DecryptUpdate(context.get(), nullptr, &written, Bytes(bound),
                          static_cast<int>(bound.size())) == 1 &&
        EVP_DecryptUpdate(context.get(), Bytes(out), &written, Bytes(bytes),
                          static_cast<int>(bytes.size())) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kGcmTagBytes, tag.data()) == 1 &&
        EVP_DecryptFinal_ex(context.get(), rest, &written) == 1;
    if (!done) return wrong();
    return out;
  }

 private:
  const KeyBytes key_;
};

class SecretboxCipher final : public ValueCipher {
 public:
  explicit SecretboxCipher(std::string_view key) : key_(key) {
    CHECK(key.size() == crypto_secretbox_KEYBYTES);
    CHECK(sodium_init() >= 0);
  }

  Result<std::string> Seal(std::string_view plain, std::string_view) const override {
    std::string out = TRY(RandomBytes(crypto_secretbox_NONCEBYTES));
    out.resize(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + plain.size());
    crypto_secretbox_easy(Bytes(out) + crypto_secretbox_NONCEBYTES, Bytes(plain), plain.size(),
                          Bytes(out), key_.data());
    return out;
  }

  Result<std::string> Open(std::string_view bytes, std::string_view) const override {
    constexpr size_t kOverhead = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
    if (bytes.size() < kOverhead) return CipherFailed(kTooShort);
    std::string out(bytes.size() - kOverhead, '\0');
    const unsigned char* const nonce = Bytes(bytes);
    const int opened = crypto_secretbox_open_easy(
        Bytes(out), nonce + crypto_secretbox_NONCEBYTES,
        bytes.size() - crypto_secretbox_NONCEBYTES, nonce, key_.data());
    // kube-apiserver's words for it.
    if (opened != 0) return CipherFailed("output array was not large enough for encryption");
    return out;
  }

 private:
  const KeyBytes key_;
};

class DerivedAesGcm final : public ValueCipher {
 public:
  explicit DerivedAesGcm(std::string_view seed) : seed_(seed) {}

  Result<std::string> Seal(std::string_view plain, std::string_view bound) const override {
    std::string info = TRY(RandomBytes(kInfoBytes));
    return info + TRY(AesGcm(Derive(info).view()).Seal(plain, bound));
  }

  Result<std::string> Open(std::string_view bytes, std::string_view bound) const override {
    if (bytes.size() < kInfoBytes) return CipherFailed(kTooShort);
    const KeyBytes key = Derive(bytes.substr(0, kInfoBytes));
    return AesGcm(key.view()).Open(bytes.substr(kInfoBytes), bound);
  }

 private:
  // HKDF-Expand to one block: T(1) = HMAC(seed, info | 0x01).
  KeyBytes Derive(std::string_view info) const {
    return KeyBytes(HmacSha256(seed_.view(), std::string(info) + '\x01'));
  }

  const KeyBytes seed_;
};

}  // namespace

std::unique_ptr<ValueCipher> MakeAesCbc(std::string_view key) {
  return std::make_unique<AesCbc>(key);
}

std::unique_ptr<ValueCipher> MakeAesGcm(std::string_view key) {
  return std::make_unique<AesGcm>(key);
}

std::unique_ptr<ValueCipher> MakeSecretbox(std::string_view key) {
  return std::make_unique<SecretboxCipher>(key);
}

Result<std::unique_ptr<ValueCipher>> MakeDerivedAesGcm(std::string_view seed) {
  if (seed.size() < kSeedBytes) {
    return CipherFailed(fmt::format("invalid seed length {} used for key generation", seed.size()));
  }
  return std::make_unique<DerivedAesGcm>(seed);
}

Result<std::string> RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(Bytes(bytes), static_cast<int>(count)) == 1) return bytes;
  return CipherFailed("unable to read sufficient random bytes");
}

}  // namespace skiff
