// The cluster's own certificates: an authority, and what it issues. Files under one directory, as
// kubeadm lays them out, so that other tools find their way:
//
//   ca.crt ca.key                the authority, ten years
//   apiserver.crt apiserver.key  what the server shows, one year
//   sa.pub sa.key                what signs the tokens of service accounts
//   front-proxy-ca.crt .key      the authority of front-proxy-client, by which the server is known
//                                to those behind it
//
//   const auto pki = TRY(Pki::Open(dir, clock));
//   TRY(pki.EnsureLeaf("apiserver", order, now));
//   const KeyPair admin = TRY(pki.authority().Issue(admin_order, now));
//   WriteWholeFile("admin.kubeconfig", KubeconfigText(...), 0600);
#pragma once

#include <string>
#include <string_view>

#include "base/certificates.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/whole_file.h"

namespace skiff {

// Those files in a directory.
class Pki {
 public:
  // Creates an authority where there never was one. `directory` is made with mode 0700, keys with
  // 0600. Fails with NotFound when a half of it is lost: see LostHalf. `authority`: the name of its
  // files; one of another name issues certificates of other names into the same directory.
  static Result<Pki> Open(const std::string& directory, TimePoint now,
                          const std::string& authority = "ca");

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

// The path of the authority's key or certificate, when it is gone and certificates are there that
// were signed with it: a new one would sign what nobody trusts who trusts the old one. "": all is
// there, or nothing yet.
std::string LostHalf(const std::string& directory, const std::string& authority = "ca");

inline constexpr const char* kFrontProxyAuthority = "front-proxy-ca";
inline constexpr const char* kFrontProxyClient = "front-proxy-client";
// The authority and the certificate of that name. True when the latter was written.
Result<bool> EnsureFrontProxy(const std::string& directory, TimePoint now);

// A kubeconfig with everything in it.
std::string KubeconfigText(std::string_view server_url, std::string_view ca_pem,
                           std::string_view user, const KeyPair& client);

}  // namespace skiff
