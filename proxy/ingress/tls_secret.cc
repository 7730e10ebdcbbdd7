#include <fmt/format.h>

#include "base/certificates.h"
#include "base/pem.h"
#include "base/text.h"
#include "http/tls.h"
#include "proxy/ingress/ingress_plan.h"
#include "proxy/ingress/route_keys.h"

namespace skiff::ingress {
namespace {

std::string DataOf(const core_v1::Secret& secret, const std::string& key) {
  const auto found = secret.data.find(key);
  return found == secret.data.end() ? "" : found->second;
}

// Those by which HAProxy would show it: alternative names, and the common one.
std::set<std::string> HostsOf(const std::string& certificate_pem) {
  std::set<std::string> hosts;
  const auto names = NamesOfCertificate(certificate_pem);
  if (!names) return hosts;
  for (const std::string& name : names->dns_names) hosts.insert(Lower(name));
  hosts.insert(Lower(names->common_name));
  std::erase_if(hosts, [](const std::string& host) { return !IsRouteHost(host); });
  return hosts;
}

}  // namespace

Result<TlsCertificate> TlsCertificateOf(const core_v1::Secret& secret, int rsa_bits_max) {
  http::ServerTls tls;
  for (const std::string& certificate : SplitCertificates(DataOf(secret, "tls.crt"))) {
    tls.certificate_pem = JoinPem(tls.certificate_pem, certificate);
  }
  if (tls.certificate_pem.empty()) {
    return Fail(Reason::kInvalid, "it has no certificate in tls.crt");
  }
  // HAProxy is given what was read here, and not the text that it was read in: that may say
  // something else to whoever reads it in another way.
  auto key = RewrittenKey(DataOf(secret, "tls.key"));
  if (!key) return Fail(Reason::kInvalid, "it has no private key in tls.key that can be used");
  tls.key_pem = std::move(*key);
  if (const auto bits = RsaBitsOf(tls.key_pem); bits && *bits > rsa_bits_max) {
    return Fail(Reason::kInvalid,
                fmt::format("its key of RSA has {} bits, and {} are the most that "
                            "are taken: each handshake takes that much longer",
                            *bits, rsa_bits_max));
  }
  if (tls.certificate_pem.size() + tls.key_pem.size() > kCertificateBytesMax) {
    return Fail(Reason::kInvalid, fmt::format("its certificates and key have more than {} KiB",
                                              kCertificateBytesMax >> 10));
  }
  // What makes a server's context of them makes HAProxy's, too.
  if (const auto usable = http::MakeServerContext(tls, true); !usable) {
    return Fail(Reason::kInvalid, usable.error().message);
  }
  return TlsCertificate{JoinPem(tls.certificate_pem, tls.key_pem), HostsOf(tls.certificate_pem)};
}

}  // namespace skiff::ingress
