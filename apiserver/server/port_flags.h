// The flags of kube-apiserver that say how its port is served: TLS, certificates by name, what
// browsers are told, and by which name others know the server.
#pragma once

#include <string>
#include <vector>

#include "apiserver/server/browser_access.h"
#include "base/error.h"
#include "base/flags.h"
#include "http/tls_choices.h"

namespace skiff {

struct PortFlags {
  std::string tls_min_version;
  std::vector<std::string> tls_cipher_suites;
  std::vector<std::string> tls_sni_cert_keys;  // "cert,key" or "cert,key:name,name" each.
  BrowserAccessOptions browser_access;
  std::string external_hostname;
  std::string goaway_chance = "0";
};

// A certificate of --tls-sni-cert-key, and where it lies.
struct NamedFiles {
  std::string certificate;
  std::string key;
  std::vector<std::string> names;  // Empty: those in the certificate.
};

void AddPortFlags(Flags& flags, PortFlags& to);
// Invalid carries kube-apiserver's text.
Result<> CheckPortFlags(const PortFlags& flags);
// In [0, 0.02].
Result<double> GoawayChanceOf(const PortFlags& flags);
Result<std::vector<NamedFiles>> NamedFilesOf(const PortFlags& flags);
// With the files read.
Result<std::vector<http::NamedCertificate>> NamedCertificatesOf(const PortFlags& flags);

}  // namespace skiff
