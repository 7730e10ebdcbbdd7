#include "skiff/secrets_encryption.h"

#include <fmt/format.h>

#include <filesystem>

#include "apiserver/auth/pki.h"
#include "apiserver/encryption/ciphers.h"
#include "base/hash.h"

namespace skiff {
namespace {

constexpr size_t kSecretboxKeyBytes = 32;
constexpr int kOwnersAlone = 0600;

std::string OwnConfigPath(const std::string& data_dir) {
  return data_dir + "/encryption-config.yaml";
}

bool IsThere(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// secretbox: authenticated, and its nonces are long enough to be random for ever.
constexpr char kOwnConfig[] =
    R"(# Which objects of this cluster are kept encrypted, and by which keys: docs/encryption.md.
# A change of this file is taken anew while the cluster runs.
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources:
  - secrets
  providers:
  - secretbox:
      keys:
      - name: key1
        secret: {}
  - identity: {{}}
)";

}  // namespace

std::string EncryptionConfigOf(const ClusterOptions& options) {
  if (!options.encryption_provider_config.empty()) return options.encryption_provider_config;
  const std::string own = OwnConfigPath(options.data_dir);
  return options.secrets_encryption || IsThere(own) ? own : "";
}

Result<> EnsureEncryptionConfig(const ClusterOptions& options) {
  const std::string path = OwnConfigPath(options.data_dir);
  if (IsThere(path)) return {};
  const std::string key = TRY(RandomBytes(kSecretboxKeyBytes));
  return WriteWholeFile(path, fmt::format(kOwnConfig, Base64(key)), kOwnersAlone);
}

Result<> CopyEncryptionConfig(const std::string& from_data_dir, const std::string& to_data_dir) {
  const std::string from = OwnConfigPath(from_data_dir);
  if (!IsThere(from)) return {};
  const std::string text = TRY(ReadWholeFile(from));
  return WriteWholeFile(OwnConfigPath(to_data_dir), text, kOwnersAlone);
}

}  // namespace skiff
