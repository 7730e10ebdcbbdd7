// The cluster's own certificates: an authority, and what it issues. Files under one directory, as
// kubeadm lays them out, so that other tools find their way:
//
//   ca.crt ca.key                the authority, ten years
//   apiserver.crt apiserver.key  what the server shows, one year
//   sa.pub sa.key                what signs the tokens of service accounts
//
//   const auto pki = TRY(Pki::Open(dir, clock));
//   TRY(pki.EnsureServing(names));
//   const KeyPair admin = TRY(pki.authority().Issue(ClientRequest("admin", {"system:masters"}),
//   now)); WriteFile("admin.kubeconfig", KubeconfigText(...));
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

struct evp_pkey_st;
struct x509_st;

namespace skiff {

inline constexpr Duration kAuthorityLifetime = 24h * 3650;
inline constexpr Duration kLeafLifetime = 24h * 365;
// A leaf is issued again when less than this part of its life is left.
inline constexpr double kRenewBelow = 0.3;

struct KeyPair {
  std::string certificate_pem;
  std::string key_pem;
};

struct CertificateOrder {
  std::string common_name;
  std::vector<std::string> organizations = {};
  std::vector<std::string> dns_names = {};
  std::vector<std::string> ip_addresses = {};
  bool server = false;
  bool client = false;
  Duration lifetime = kLeafLifetime;
};

// Issues P-256 certificates. Immutable.
class CertificateAuthority {
 public:
  static Result<CertificateAuthority> Create(std::string_view common_name, TimePoint now);
  static Result<CertificateAuthority> FromPem(const KeyPair& pem);

  Result<KeyPair> Issue(const CertificateOrder& order, TimePoint now) const;
  // Signs the public key and subject of a PEM certificate request.
  Result<std::string> Sign(std::string_view request_pem, const CertificateOrder& order,
                           TimePoint now) const;
  const KeyPair& pem() const { return pem_; }

 private:
  CertificateAuthority() = default;
  std::shared_ptr<evp_pkey_st> key_;
  std::shared_ptr<x509_st> certificate_;
  KeyPair pem_;
};

// When the first certificate of a PEM text ends.
Result<TimePoint> ExpiryOf(std::string_view certificate_pem);
// Begins and ends of validity taken together: whether it should be issued again now.
bool NeedsRenewal(std::string_view certificate_pem, TimePoint now);

enum class KeyKind { kRsa2048, kP256 };
// A private key in PEM (PKCS 8), and its public half.
struct SigningKeyPair {
  std::string private_pem;
  std::string public_pem;
};
Result<SigningKeyPair> NewSigningKey(KeyKind kind);

// Those files in a directory.
class Pki {
 public:
  // Creates what is missing. `directory` is made with mode 0700, keys with 0600.
  static Result<Pki> Open(const std::string& directory, TimePoint now);

  const CertificateAuthority& authority() const { return authority_; }
  const std::string& directory() const { return directory_; }
  std::string Path(std::string_view file) const { return directory_ + "/" + std::string(file); }
  // Issues DIRECTORY/NAME.crt and .key unless they are there, name the same order, and are fresh.
  // True when something was written.
  Result<bool> EnsureLeaf(std::string_view name, const CertificateOrder& order, TimePoint now);
  // sa.key and sa.pub
  Result<> EnsureServiceAccountKey(KeyKind kind);

 private:
  Pki(std::string directory, CertificateAuthority authority)
      : directory_(std::move(directory)), authority_(std::move(authority)) {}
  std::string directory_;
  CertificateAuthority authority_;
};

// A kubeconfig with everything in it.
std::string KubeconfigText(std::string_view server_url, std::string_view ca_pem,
                           std::string_view user, const KeyPair& client);

Result<std::string> ReadWholeFile(const std::string& path);
// Replaces the file in one step.
Result<> WriteWholeFile(const std::string& path, std::string_view text, int mode);

}  // namespace skiff
