// Who seals values, and reads what it has sealed: a provider of an EncryptionConfiguration, and
// several of them in order. What is kept tells by its beginning who can read it, as kube-apiserver
// writes it:
//
//   k8s:enc:aescbc:v1:key1:...      a provider, and the name of one of its keys
//   k8s:enc:kms:v2:vault:...        a KMS plugin by its name
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/encryption/encryption_config.h"
#include "apiserver/storage/sealing.h"

namespace skiff {

// Thread-safe.
class SealingProvider {
 public:
  virtual ~SealingProvider() = default;
  // How all begins that is its own; "": what is not sealed.
  virtual const std::string& prefix() const = 0;
  // Appends to `out`, which ends with the prefix. What it has sealed by.
  virtual Result<SealId> Seal(const Sealing::Place& place, std::string_view plain,
                              std::string& out) = 0;
  // `bytes` is without the prefix.
  virtual Result<Sealing::Value> Open(const Sealing::Place& place, std::string_view bytes) = 0;
  virtual SealId Current() const = 0;
};
using SealingProviderPtr = std::shared_ptr<SealingProvider>;

// Of identity and of ciphers; the keys of the latter are checked already.
SealingProviderPtr MakeProvider(const EncryptionProvider& provider);

// The same wherever the provider and its key are the same, in every process.
SealId SealIdOf(std::string_view provider, std::string_view key);

// Providers of a resource: the first seals, each opens what is its own.
class ProviderChain {
 public:
  // What became of one attempt, for metrics: "" where it went well.
  using Note = std::function<void(std::string_view prefix, const std::string& error)>;

  void Add(SealingProviderPtr provider) { providers_.push_back(std::move(provider)); }
  Result<Sealing::Value> Seal(const Sealing::Place& place, std::string_view plain,
                              const Note& note) const;
  Result<Sealing::Value> Open(const Sealing::Place& place, std::string_view bytes,
                              const Note& note) const;
  SealId Current() const { return providers_.front()->Current(); }

 private:
  std::vector<SealingProviderPtr> providers_;  // One at least.
};

}  // namespace skiff
