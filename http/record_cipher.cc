#include "http/record_cipher.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#ifdef SKIFF_IPSEC_MB
#include <cpuid.h>
#include <intel-ipsec-mb.h>
#endif

#include "base/error.h"

namespace skiff::http {
namespace {

const uint8_t* BytesOf(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

uint8_t* BytesOf(char* text) {
  return reinterpret_cast<uint8_t*>(text);
}

class LibraryCipher final : public RecordCipher {
 public:
  LibraryCipher() : context_(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free) {
    CHECK(context_ != nullptr && EVP_CipherInit_ex(context_.get(), EVP_aes_128_gcm(), nullptr,
                                                   key_.data(), nullptr, 1) == 1);
  }
  ~LibraryCipher() override { OPENSSL_cleanse(key_.data(), key_.size()); }

  void Begin(const Key& key, const Nonce& nonce, std::string_view associated) override {
    Start(key, nonce, associated, /*seal=*/1);
  }
  void Seal(std::string_view text, char* out) override { Update(text, out); }
  void Finish(char* tag) override {
    uint8_t none[kTagBytes];
    int length = 0;
    CHECK(EVP_CipherFinal_ex(context_.get(), none, &length) == 1 &&
          EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag) == 1);
  }
  bool Open(const Key& key, const Nonce& nonce, std::string_view associated,
            std::string_view sealed, std::string_view tag, char* out) override {
    Start(key, nonce, associated, /*seal=*/0);
    CHECK(tag.size() == kTagBytes &&
          EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes,
                              const_cast<char*>(tag.data())) == 1);
    Update(sealed, out);
    uint8_t none[kTagBytes];
    int length = 0;
    return EVP_CipherFinal_ex(context_.get(), none, &length) == 1;
  }

 private:
  void Start(const Key& key, const Nonce& nonce, std::string_view associated, int seal) {
    const bool is_other = key != key_;
    key_ = key;
    int length = 0;
    CHECK(EVP_CipherInit_ex(context_.get(), nullptr, nullptr, is_other ? key.data() : nullptr,
                            nonce.data(), seal) == 1 &&
          EVP_CipherUpdate(context_.get(), nullptr, &length, BytesOf(associated),
                           static_cast<int>(associated.size())) == 1);
  }
  void Update(std::string_view bytes, char* out) {
    int length = 0;
    CHECK(EVP_CipherUpdate(context_.get(), BytesOf(out), &length, BytesOf(bytes),
                           static_cast<int>(bytes.size())) == 1);
  }

  Key key_{};  // That the context has.
  const std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> context_;
};

#ifdef SKIFF_IPSEC_MB

// Of the archive, in Debian 12's version. Its header leads to these by way of a manager, which
// refers to all that the library can do for all processors: ten megabytes, and a self-test of each
// at the start.
extern "C" {
void aes_gcm_precomp_128_vaes_avx512(gcm_key_data* key);
void aes_gcm_init_128_vaes_avx512(const gcm_key_data* key, gcm_context_data* context,
                                  const uint8_t* nonce, const uint8_t* associated, uint64_t length);
void aes_gcm_enc_128_update_vaes_avx512(const gcm_key_data* key, gcm_context_data* context,
                                        uint8_t* out, const uint8_t* in, uint64_t length);
void aes_gcm_enc_128_finalize_vaes_avx512(const gcm_key_data* key, gcm_context_data* context,
                                          uint8_t* tag, uint64_t length);
void aes_gcm_dec_128_vaes_avx512(const gcm_key_data* key, gcm_context_data* context, uint8_t* out,
                                 const uint8_t* in, uint64_t length, const uint8_t* nonce,
                                 const uint8_t* associated, uint64_t associated_length,
                                 uint8_t* tag, uint64_t tag_length);
}

class WideCipher final : public RecordCipher {
 public:
  WideCipher() { Expand(); }
  ~WideCipher() override {
    OPENSSL_cleanse(key_.data(), key_.size());
    OPENSSL_cleanse(&expanded_, sizeof expanded_);
    OPENSSL_cleanse(&context_, sizeof context_);
  }

  void Begin(const Key& key, const Nonce& nonce, std::string_view associated) override {
    Take(key);
    aes_gcm_init_128_vaes_avx512(&expanded_, &context_, nonce.data(), BytesOf(associated),
                                 associated.size());
  }
  void Seal(std::string_view text, char* out) override {
    aes_gcm_enc_128_update_vaes_avx512(&expanded_, &context_, BytesOf(out), BytesOf(text),
                                       text.size());
  }
  void Finish(char* tag) override {
    aes_gcm_enc_128_finalize_vaes_avx512(&expanded_, &context_, BytesOf(tag), kTagBytes);
  }
  bool Open(const Key& key, const Nonce& nonce, std::string_view associated,
            std::string_view sealed, std::string_view tag, char* out) override {
    CHECK(tag.size() == kTagBytes);
    Take(key);
    uint8_t right[kTagBytes];
    aes_gcm_dec_128_vaes_avx512(&expanded_, &context_, BytesOf(out), BytesOf(sealed), sealed.size(),
                                nonce.data(), BytesOf(associated), associated.size(), right,
                                kTagBytes);
    return CRYPTO_memcmp(right, tag.data(), kTagBytes) == 0;
  }

 private:
  void Take(const Key& key) {
    if (key == key_) return;
    key_ = key;
    Expand();
  }
  void Expand() {
    aes_keyexp_128_enc_avx512(key_.data(), expanded_.expanded_keys);
    aes_gcm_precomp_128_vaes_avx512(&expanded_);
  }

  Key key_{};
  alignas(64) gcm_key_data expanded_;  // Of it.
  gcm_context_data context_;
};

// The compilers' names know AVX-512, and that the system keeps its registers, but not all of these.
bool HasWideInstructions() {
  constexpr unsigned kVaes = 1U << 9, kVpclmulqdq = 1U << 10;  // Of leaf 7, in ECX.
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ecx & kVaes) != 0 &&
         (ecx & kVpclmulqdq) != 0 && __builtin_cpu_supports("aes") &&
         __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512cd");
}

#endif

}  // namespace

bool RecordCipher::Has(Engine engine) {
#ifdef SKIFF_IPSEC_MB
  static const bool has_wide = HasWideInstructions();
#else
  static constexpr bool has_wide = false;
#endif
  return engine == Engine::kLibrary || has_wide;
}

std::unique_ptr<RecordCipher> RecordCipher::Make() {
  return Make(Has(Engine::kWide) ? Engine::kWide : Engine::kLibrary);
}

std::unique_ptr<RecordCipher> RecordCipher::Make(Engine engine) {
  CHECK(Has(engine));
#ifdef SKIFF_IPSEC_MB
  if (engine == Engine::kWide) return std::make_unique<WideCipher>();
#endif
  return std::make_unique<LibraryCipher>();
}

}  // namespace skiff::http
