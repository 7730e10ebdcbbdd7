#include "skiff/serving_certificate.h"

#include <algorithm>

#include "apiserver/auth/pki.h"

namespace skiff {
namespace {

std::string CertificatePath(const ServingFiles& files) {
  return files.directory + "/pki/kubelet.crt";
}
std::string KeyPath(const ServingFiles& files) {
  return files.directory + "/pki/kubelet.key";
}

}  // namespace

CertificateOrder ServingOrder(const ServingFiles& files) {
  return {.common_name = "system:node:" + files.node_name,
          .organizations = {"system:nodes"},
          .dns_names = {files.node_name},
          .ip_addresses = files.addresses,
          .server = true};
}

Result<ShownCertificate> LoadServingCertificate(const ServingFiles& files, TimePoint now) {
  const CertificateOrder order = ServingOrder(files);
  const auto certificate = ReadWholeFile(CertificatePath(files));
  const auto key = ReadWholeFile(KeyPath(files));
  if (certificate && key) {
    const auto expiry = ExpiryOf(*certificate);
    const auto names = NamesOfCertificate(*certificate);
    // The machine may have come back with other addresses. One may also be missing for now: that of
    // IPv6 is there when a router has told of itself.
    const bool is_ours = names && std::all_of(order.ip_addresses.begin(), order.ip_addresses.end(),
                                              [&](const std::string& each) {
                                                return std::find(names->ip_addresses.begin(),
                                                                 names->ip_addresses.end(),
                                                                 each) != names->ip_addresses.end();
                                              });
    if (is_ours && expiry && now < *expiry) return ShownCertificate{{*certificate, *key}, true};
  }
  const auto own = TRY(CertificateAuthority::Create(files.node_name, now));
  const KeyPair made = TRY(own.Issue(order, now));
  return ShownCertificate{made, false};
}

Result<> SaveServingCertificate(const ServingFiles& files, const KeyPair& pair) {
  TRY(WriteWholeFile(KeyPath(files), pair.key_pem, 0600));
  return WriteWholeFile(CertificatePath(files), pair.certificate_pem, 0644);
}

}  // namespace skiff
