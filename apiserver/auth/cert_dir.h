// The certificate that --cert-dir speaks of: whoever put one there is served by it; else one is
// made there, by an authority that nobody keeps.
//
//   DIR/apiserver.crt   the certificate, then that of the authority: it can be trusted by itself
//   DIR/apiserver.key   the private key
#pragma once

#include <string>

#include "base/certificates.h"

namespace skiff {

struct CertDirFiles {
  std::string certificate;
  std::string key;
};
// Invalid: one of the two files is there without the other.
Result<CertDirFiles> EnsureCertDir(const std::string& directory, const CertificateOrder& order,
                                        TimePoint now);

}  // namespace skiff
