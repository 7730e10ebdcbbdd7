// What a joined node's kubelet shows on its port: at first a certificate of its own making, which
// nobody trusts; then one that the cluster has signed, which skiff/certificate_rotation asks for.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "skiff/node_certificates.h"

namespace skiff {

struct ServingFiles {
  std::string directory;  // Holds pki/kubelet.crt and pki/kubelet.key.
  std::string node_name;
  std::vector<std::string> addresses;
};

// Whom the certificate names.
CertificateOrder ServingOrder(const ServingFiles& files);

struct ShownCertificate {
  KeyPair pair;
  bool is_signed = false;  // By the cluster.
};
// The one that is kept, if it is still good and for all of these addresses; else a new one that
// nobody signed.
Result<ShownCertificate> LoadServingCertificate(const ServingFiles& files, TimePoint now);
Result<> SaveServingCertificate(const ServingFiles& files, const KeyPair& pair);

}  // namespace skiff
