// The ciphers by which values are sealed at rest, each as kube-apiserver has it: what one of the
// two wrote the other reads. The door to libsodium. Pure but for random bytes.
//
//   aescbc      16 bytes of IV, then AES-CBC with PKCS #7: secrecy alone, `bound` is not looked at
//   aesgcm      12 bytes of nonce, then AES-GCM and its tag; `bound` is authenticated
//   secretbox   24 bytes of nonce, then XSalsa20-Poly1305; `bound` is not looked at
//   derived     32 bytes of info, then as aesgcm by the key HKDF-Expand(SHA-256, seed, info): a key
//               for each value, so that no number of values wears a seed out
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace skiff {

// Thread-safe.
class ValueCipher {
 public:
  virtual ~ValueCipher() = default;
  virtual Result<std::string> Seal(std::string_view plain, std::string_view bound) const = 0;
  virtual Result<std::string> Open(std::string_view bytes, std::string_view bound) const = 0;
};

// Keys of 16, 24 or 32 bytes.
std::unique_ptr<ValueCipher> MakeAesCbc(std::string_view key);
std::unique_ptr<ValueCipher> MakeAesGcm(std::string_view key);
// Of 32 bytes.
std::unique_ptr<ValueCipher> MakeSecretbox(std::string_view key);
inline constexpr size_t kSeedBytes = 32;
// Fails for a seed that is shorter than that.
Result<std::unique_ptr<ValueCipher>> MakeDerivedAesGcm(std::string_view seed);

// From the kernel, by way of OpenSSL.
Result<std::string> RandomBytes(size_t count);

}  // namespace skiff
