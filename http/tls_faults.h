// What goes wrong with TLS towards a server, in the words that Go's clients have for it: they are
// what operators and their tools look for. For clients, here and in client/.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

typedef struct ssl_st SSL;

namespace skiff::http {

// Why the server's certificate was not taken: "x509: certificate signed by unknown authority". As
// Go does, judges the certificate's time first, then its names, then who signed it. After a
// handshake that failed by this.
std::string CertificateFault(SSL* ssl, std::time_t now);
// Of a client's connection, what OpenSSL's `error` says, a code of its queue; 0: none. `first`:
// what the server began with.
std::string TlsFault(SSL* ssl, unsigned long error, std::string_view first);

}  // namespace skiff::http
