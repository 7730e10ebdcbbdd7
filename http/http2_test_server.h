// A server of HTTP/2 for tests.
#pragma once

#include <functional>
#include <utility>

#include "http/test_server.h"
#include "http/x509_test_certs.h"

namespace skiff::http::testing {

// Over TLS, as clients demand who find HTTP/2 by ALPN.
inline Server::Options Http2Options(Limits limits = {}) {
  static const CertificateAndKey kLeaf = TestAuthority().IssueServer();
  return {.tls = ServerTls{.certificate_pem = kLeaf.certificate_pem, .key_pem = kLeaf.key_pem},
          .limits = std::move(limits)};
}

}  // namespace skiff::http::testing
