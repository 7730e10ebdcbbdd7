// What makes values unreadable to whoever has the disk, or etcd, alone: encryption at rest. A store
// hands it each value on its way out, and each that it reads; which of them are encrypted, and by
// what, is not the store's to know.
//
//   Seal(place, "{...}") ─► "k8s:enc:aescbc:v1:key1:..."      Open(place, those bytes) ─► "{...}"
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace skiff {

// How every sealed value begins, by agreement with kube-apiserver; no value that is none does.
inline constexpr std::string_view kSealedPrefix = "k8s:enc:";
inline bool IsSealed(std::string_view bytes) {
  return bytes.starts_with(kSealedPrefix);
}

// By which key something is sealed: equal where the same provider does it with the same key.
using SealId = uint64_t;
inline constexpr SealId kNoSeal = 0;  // As it is.

// Thread-safe.
class Sealing {
 public:
  // Where a value lies. What is sealed for one place cannot be opened in another, by providers that
  // see to it.
  struct Place {
    std::string_view key;    // Of the record.
    std::string_view bound;  // Of the entry in the database.
  };
  struct Value {
    std::string bytes;
    SealId seal = kNoSeal;
  };

  virtual ~Sealing() = default;
  // Whether values of that place may be sealed, or were: the others are left alone.
  virtual bool Covers(std::string_view key) const = 0;
  // With kNoSeal the value is to be kept as it is, and there are no bytes. Fails where it cannot be
  // done now. Waits for nobody.
  virtual Result<Value> Seal(const Place& place, std::string_view plain) = 0;
  // Of bytes that are sealed or not. May wait for who has the key.
  virtual Result<Value> Open(const Place& place, std::string_view bytes) = 0;
  // By what Seal would seal it now.
  virtual SealId Current(std::string_view key) const = 0;
};

// The same where nothing is sealed: `sealing` may be nullptr. Values that nobody can open fail.
inline Result<Sealing::Value> OpenSealed(Sealing* sealing, const Sealing::Place& place,
                                         std::string_view bytes) {
  if (sealing != nullptr) return sealing->Open(place, bytes);
  if (!IsSealed(bytes)) return Sealing::Value{std::string(bytes)};
  return Fail(Reason::kInternalError, "identity transformer tried to read encrypted data");
}

}  // namespace skiff
