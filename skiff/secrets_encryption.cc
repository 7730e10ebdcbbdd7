#include "skiff/secrets_encryption.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
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

// Stays where a key was made, to tell a file that is lost from one that never was.
std::string MadePath(const std::string& data_dir) {
  return data_dir + "/encryption-config.made";
}

// The name of a new file is on the disk before anything is that only its key can read.
Result<> SyncFolder(const std::string& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = folder >= 0 && ::fsync(folder) == 0;
  const int error = errno;
  if (folder >= 0) ::close(folder);
  if (synced) return {};
  return Fail(Reason::kInternalError, fmt::format("sync {}: {}", path, std::strerror(error)));
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
  TRY(WriteWholeFile(path, fmt::format(kOwnConfig, Base64(key)), kOwnersAlone));
  TRY(WriteWholeFile(MadePath(options.data_dir), "", kOwnersAlone));
  return SyncFolder(options.data_dir);
}

Result<> CheckEncryptionConfig(const ClusterOptions& options) {
  const std::string path = OwnConfigPath(options.data_dir);
  const std::string made = MadePath(options.data_dir);
  if (!options.encryption_provider_config.empty() || IsThere(path) || !IsThere(made)) return {};
  return Fail(Reason::kInvalid,
              fmt::format("{} is missing, by whose keys objects of this cluster are encrypted: put "
                          "it back; where nothing is encrypted any more, remove {}",
                          path, made));
}

Result<> CopyEncryptionConfig(const std::string& from_data_dir, const std::string& to_data_dir) {
  const std::string from = OwnConfigPath(from_data_dir);
  if (!IsThere(from)) return {};
  const std::string text = TRY(ReadWholeFile(from));
  TRY(WriteWholeFile(OwnConfigPath(to_data_dir), text, kOwnersAlone));
  TRY(WriteWholeFile(MadePath(to_data_dir), "", kOwnersAlone));
  return SyncFolder(to_data_dir);
}

}  // namespace skiff
