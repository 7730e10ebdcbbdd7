#include "apiserver/auth/cert_dir.h"

#include <filesystem>

#include "apiserver/auth/pki.h"
#include "base/pem.h"

namespace skiff {

Result<CertDirFiles> EnsureCertDir(const std::string& directory, const CertificateOrder& order,
                                        TimePoint now) {
  CertDirFiles files{directory + "/apiserver.crt", directory + "/apiserver.key"};
  const bool has_certificate = std::filesystem::exists(files.certificate);
  const bool has_key = std::filesystem::exists(files.key);
  if (has_certificate != has_key) {
    return Fail(Reason::kInvalid, "error reading " +
                                      (has_certificate ? files.key : files.certificate) +
                                      ", certificate and key must be supplied as a pair");
  }
  if (has_certificate) return files;
  std::error_code code;
  std::filesystem::create_directories(directory, code);
  if (code) return Fail(Reason::kInternalError, "mkdir " + directory + ": " + code.message());
  const std::string host = order.dns_names.empty() ? order.common_name : order.dns_names.front();
  const int64_t made_at =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  const std::string made = "@" + std::to_string(made_at);
  const auto authority = TRY(CertificateAuthority::Create(host + "-ca" + made, now));
  CertificateOrder named = order;
  named.common_name = host + made;
  const KeyPair pair = TRY(authority.Issue(named, now));
  TRY(WriteWholeFile(files.key, pair.key_pem, 0600));
  TRY(WriteWholeFile(files.certificate,
                     JoinPem(pair.certificate_pem, authority.pem().certificate_pem), 0644));
  return files;
}

}  // namespace skiff
