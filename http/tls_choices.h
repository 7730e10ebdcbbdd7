// What operators choose of TLS, in the names that Go has for it, and which of several certificates
// a client is shown. Pure but for OpenSSL's own tables.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

typedef struct ssl_ctx_st SSL_CTX;

namespace skiff::http {

struct TlsChoices {
  bool only_tls13 = false;
  // OpenSSL's list for TLS 1.2; "": what it has by itself. Those of TLS 1.3 are no matter of choice,
  // as in Go.
  std::string ciphers = {};
};

// "VersionTLS12" or ""; names such as "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256". Versions below 1.2
// allow what is not spoken here anyway. Where none of the suites is of TLS 1.2, or OpenSSL has none
// of them, TLS 1.3 alone is spoken. Invalid carries Kubernetes' texts.
Result<TlsChoices> ParseTlsChoices(const std::string& min_version,
                                   const std::vector<std::string>& suites);

// A certificate for clients that ask for one of its names (SNI).
struct NamedCertificate {
  std::string certificate_pem;  // The leaf first, then its chain.
  std::string key_pem;
  // As "foo.example" or "*.example"; empty: those that the certificate has.
  std::vector<std::string> names = {};
};

// Of several for one name the first is shown; whoever asks for another name, or for none, gets what
// the context has by itself. Invalid: one that cannot be used.
Result<> ShowByName(SSL_CTX* context, const std::vector<NamedCertificate>& certificates);

}  // namespace skiff::http
