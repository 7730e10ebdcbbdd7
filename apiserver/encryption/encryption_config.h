// An EncryptionConfiguration (apiserver.config.k8s.io/v1): which resources are sealed at rest, and
// by which providers and keys. Pure.
//
//   resources:                        lists in order: the first that has a resource is its own
//   - resources: [secrets, pandas.awesome.bears.example, '*.apps', '*.', '*.*']
//     providers:                      the first writes, each reads what it wrote
//     - aescbc: {keys: [{name: key1, secret: BASE64}]}
//     - identity: {}
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace skiff {

struct EncryptionKey {
  std::string name;
  std::string secret;  // Its bytes.
};

struct EncryptionProvider {
  enum class Type : uint8_t { kIdentity, kAesCbc, kAesGcm, kSecretbox, kKms };
  Type type = Type::kIdentity;
  std::vector<EncryptionKey> keys;  // Of ciphers.
  // Of KMS.
  std::string kms_name;
  std::string kms_api_version;
  std::string kms_endpoint;
  Duration kms_timeout = 3s;
};

// "*" stands for any.
struct EncryptedResource {
  std::string group;
  std::string resource;
  auto operator<=>(const EncryptedResource&) const = default;
};
EncryptedResource ParseEncryptedResource(std::string_view text);
// As the file has it.
std::string TextOf(const EncryptedResource& resource);

struct EncryptionRule {
  std::vector<EncryptedResource> resources;
  std::vector<EncryptionProvider> providers;
};

struct EncryptionConfig {
  std::vector<EncryptionRule> rules;
};

// Of the text of the file that is called `file`. Invalid carries kube-apiserver's text, but for
// keys, which it shows in one case and this never does. `reload`: it is followed while the server
// runs.
Result<EncryptionConfig> ParseEncryptionConfig(std::string_view text, const std::string& file,
                                               bool reload);

}  // namespace skiff
