// What rules look at inside certificates and keys. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace skiff {

// Why a server could not use this certificate with this key, in the words of Go's tls package; ""
// when it can. Both are PEM.
std::string KeyPairFault(std::string_view certificate_pem, std::string_view key_pem);

// Why no client could check servers by the authorities of this text, in the words of Go's clients;
// "" when one can: one certificate among its PEM blocks is enough.
std::string AuthoritiesFault(std::string_view pem);

// Why a PEM certificate request is none, or is not of whoever has its key; "" when it is. In the
// words of Go's x509 package, but for what it says of bytes that it cannot read.
std::string RequestFault(std::string_view request_pem);
// Why a text is no list of PEM certificates, in the words of kube-apiserver; "" when it is one.
std::string CertificatesFault(std::string_view pem);

// The organizations that the subject of a PEM certificate request names.
Result<std::vector<std::string>> RequestedOrganizations(std::string_view request_pem);
// Its common name; "" when it has none.
Result<std::string> RequestedCommonName(std::string_view request_pem);

}  // namespace skiff
