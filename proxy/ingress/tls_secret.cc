#include <fmt/format.h>

#include "base/certificates.h"
#include "base/pem.h"
#include "base/text.h"
#include "http/tls.h"
#include "proxy/ingress/ingress_plan.h"
#include "proxy/ingress/route_keys.h"

namespace skiff::ingress {
namespace {

// From the first line that begins a private key to the one that ends it. Whoever reads the file
// takes the first key in it: there must be no other.
std::string FirstPrivateKey(const std::string& pem) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kMark = "PRIVATE KEY-----";
  size_t begin = pem.find(kBegin);
  for (; begin != std::string::npos; begin = pem.find(kBegin, begin + 1)) {
    const size_t end_of_line = pem.find('\n', begin);
    if (end_of_line == std::string::npos) return "";
    const std::string_view label =
        std::string_view(pem).substr(begin + kBegin.size(), end_of_line - begin - kBegin.size());
    const std::string_view trimmed =
        label.ends_with('\r') ? label.substr(0, label.size() - 1) : label;
    if (!trimmed.ends_with(kMark)) continue;
    const std::string end_mark = "-----END " + std::string(trimmed);
    const size_t end = pem.find(end_mark, end_of_line);
    if (end == std::string::npos) return "";
    return pem.substr(begin, end + end_mark.size() - begin) + "\n";
  }
  return "";
}

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

Result<TlsCertificate> TlsCertificateOf(const core_v1::Secret& secret) {
  http::ServerTls tls;
  for (const std::string& certificate : SplitCertificates(DataOf(secret, "tls.crt"))) {
    tls.certificate_pem = JoinPem(tls.certificate_pem, certificate);
  }
  if (tls.certificate_pem.empty()) {
    return Fail(Reason::kInvalid, "it has no certificate in tls.crt");
  }
  tls.key_pem = FirstPrivateKey(DataOf(secret, "tls.key"));
  if (tls.key_pem.empty()) return Fail(Reason::kInvalid, "it has no private key in tls.key");
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
