// AES with 128 bits in GCM (NIST SP 800-38D), as records of TLS want it: messages in parts, one
// after the other, whoever's key they have. Not thread-safe.
//
//   cipher.Begin(key, nonce, head);
//   cipher.Seal(part, out), ...     // as many bytes out as in; `out` may be where they lie
//   cipher.Finish(tag);
//
// What a busy server does most is this. OpenSSL 3.0 takes 16 bytes at a time; the archive of
// intel-ipsec-mb takes 64 where the processor can (VAES with AVX-512), in a third of the time.
//
// What is made of a key takes a kilobyte and a tenth of a microsecond: so it is not kept with each
// of ten thousand connections, but made when another one's turn comes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace skiff::http {

class RecordCipher {
 public:
  static constexpr size_t kKeyBytes = 16;
  static constexpr size_t kNonceBytes = 12;
  static constexpr size_t kTagBytes = 16;
  using Key = std::array<uint8_t, kKeyBytes>;
  using Nonce = std::array<uint8_t, kNonceBytes>;

  enum class Engine { kLibrary, kWide };
  // Whether this machine has it; kLibrary is always there.
  static bool Has(Engine engine);
  // What is fastest here, or the one that is asked for, which must be there.
  static std::unique_ptr<RecordCipher> Make();
  static std::unique_ptr<RecordCipher> Make(Engine engine);

  // What it knows of keys is overwritten.
  virtual ~RecordCipher() = default;

  // A message; no nonce may come twice with one key.
  virtual void Begin(const Key& key, const Nonce& nonce, std::string_view associated) = 0;
  virtual void Seal(std::string_view text, char* out) = 0;
  virtual void Finish(char* tag) = 0;

  // A whole one: true when it is what somebody with the key sealed. `out` may be where `sealed`
  // lies; what is written there is of no use to anybody when this is false.
  virtual bool Open(const Key& key, const Nonce& nonce, std::string_view associated,
                    std::string_view sealed, std::string_view tag, char* out) = 0;
};

}  // namespace skiff::http
