#include "apiserver/encryption/providers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "apiserver/encryption/ciphers.h"
#include "apiserver/request/api_errors.h"
#include "base/hash.h"

namespace skiff {
namespace {

class IdentityProvider final : public SealingProvider {
 public:
  const std::string& prefix() const override { return prefix_; }
  Result<SealId> Seal(const Sealing::Place&, std::string_view, std::string&) override {
    return kNoSeal;
  }
  Result<Sealing::Value> Open(const Sealing::Place&, std::string_view bytes) override {
    if (!IsSealed(bytes)) return Sealing::Value{std::string(bytes)};
    return Fail(Reason::kInternalError, "identity transformer tried to read encrypted data");
  }
  SealId Current() const override { return kNoSeal; }

 private:
  const std::string prefix_;
};

// Named keys of one cipher: the first seals.
class KeyedProvider final : public SealingProvider {
 public:
  struct Key {
    std::string mark;  // "key1:"
    std::unique_ptr<ValueCipher> cipher;
    SealId seal;
  };
  KeyedProvider(std::string prefix, std::string_view kind, std::vector<Key> keys)
      : prefix_(std::move(prefix)),
        none_(fmt::format("no matching key was found for the provided {} transformer", kind)),
        keys_(std::move(keys)) {}

  const std::string& prefix() const override { return prefix_; }

  Result<SealId> Seal(const Sealing::Place& place, std::string_view plain,
                      std::string& out) override {
    const Key& first = keys_.front();
    const std::string sealed = TRY(first.cipher->Seal(plain, place.bound));
    out.reserve(out.size() + first.mark.size() + sealed.size());
    out.append(first.mark).append(sealed);
    return first.seal;
  }

  Result<Sealing::Value> Open(const Sealing::Place& place, std::string_view bytes) override {
    std::vector<std::string> errors;
    for (const Key& key : keys_) {
      if (!bytes.starts_with(key.mark)) continue;
      auto plain = key.cipher->Open(bytes.substr(key.mark.size()), place.bound);
      if (plain) return Sealing::Value{*std::move(plain), key.seal};
      errors.push_back(plain.error().message);
    }
    return Fail(Reason::kInternalError, errors.empty() ? none_ : JoinedErrors(errors));
  }

  SealId Current() const override { return keys_.front().seal; }

 private:
  const std::string prefix_;
  const std::string none_;
  const std::vector<Key> keys_;
};

}  // namespace

SealingProviderPtr MakeProvider(const EncryptionProvider& provider) {
  using Type = EncryptionProvider::Type;
  if (provider.type == Type::kIdentity) return std::make_shared<IdentityProvider>();
  const char* name = "aescbc";
  auto* make = &MakeAesCbc;
  if (provider.type == Type::kAesGcm) {
    name = "aesgcm";
    make = &MakeAesGcm;
  } else if (provider.type == Type::kSecretbox) {
    name = "secretbox";
    make = &MakeSecretbox;
  }
  const std::string prefix = fmt::format("{}{}:v1:", kSealedPrefix, name);
  std::vector<KeyedProvider::Key> keys;
  for (const EncryptionKey& key : provider.keys) {
    std::string mark = key.name + ":";
    const SealId seal = SealIdOf(prefix + mark, key.secret);
    keys.push_back({std::move(mark), make(key.secret), seal});
  }
  const bool is_box = provider.type == Type::kSecretbox;
  return std::make_shared<KeyedProvider>(prefix, is_box ? "Secretbox" : "AES", std::move(keys));
}

SealId SealIdOf(std::string_view provider, std::string_view key) {
  const std::string digest = HmacSha256(key, provider);
  SealId id = 0;
  for (size_t i = 0; i < sizeof id; ++i) id = id << 8 | static_cast<uint8_t>(digest[i]);
  return id == kNoSeal ? 1 : id;
}

Result<Sealing::Value> ProviderChain::Seal(const Sealing::Place& place, std::string_view plain,
                                           const Note& note) const {
  SealingProvider& first = *providers_.front();
  Sealing::Value value{first.prefix()};
  const auto sealed = first.Seal(place, plain, value.bytes);
  note(first.prefix(), sealed ? "" : sealed.error().message);
  value.seal = TRY(sealed);
  if (value.seal == kNoSeal) value.bytes.clear();
  return value;
}

Result<Sealing::Value> ProviderChain::Open(const Sealing::Place& place, std::string_view bytes,
                                           const Note& note) const {
  std::vector<std::string> errors;
  for (const SealingProviderPtr& provider : providers_) {
    const std::string& prefix = provider->prefix();
    if (!bytes.starts_with(prefix)) continue;
    auto opened = provider->Open(place, bytes.substr(prefix.size()));
    // What is sealed is none of identity's business; another one may follow.
    if (prefix.empty() && !opened) continue;
    note(prefix.empty() ? "identity" : prefix, opened ? "" : opened.error().message);
    if (opened) return opened;
    errors.push_back(opened.error().message);
  }
  if (!errors.empty()) return Fail(Reason::kInternalError, JoinedErrors(errors));
  const std::string none = "no matching prefix found";
  note("unknown", none);
  return Fail(Reason::kInternalError, none);
}

}  // namespace skiff
