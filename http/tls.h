// TLS material and the contexts made from it. All text is PEM.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "http/tls_choices.h"

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;
struct stack_st_X509;

namespace skiff::http {

struct PeerCertificate;
struct TrafficSecrets;

struct ServerTls {
  std::string certificate_pem;  // The leaf first, then its chain.
  std::string key_pem;
  // Not empty: clients are asked for a certificate of these authorities; to send none is fine. One
  // of them that is broken is an error.
  std::string client_ca_pem;
  TlsChoices choices = {};
  std::vector<NamedCertificate> named = {};

  // `client_ca_file` may be "".
  static Result<ServerTls> FromFiles(const std::string& certificate_file,
                                     const std::string& key_file,
                                     const std::string& client_ca_file);
};

// The certificates in a file, PEM; the error names the file, also where it holds none or a broken
// one. "" of "".
Result<std::string> ReadAuthorities(const std::string& path);

struct ClientTls {
  std::string ca_pem;  // "": the system's authorities.
  bool insecure = false;
  // What the server's certificate must name; "": the host that is connected to.
  std::string server_name;
  std::string certificate_pem;  // "": no client certificate.
  std::string key_pem;
};

// A context to make connections from; thread-safe, never null when returned as a value.
using TlsContext = std::shared_ptr<SSL_CTX>;

// TLS 1.2 and later, or as was chosen; buffers of idle connections are released. `http2`: clients
// that ask for HTTP/2 get it.
Result<TlsContext> MakeServerContext(const ServerTls& tls, bool http2);
Result<TlsContext> MakeClientContext(const ClientTls& tls);

// Of a connection of a server's context: has the handshake fill `secrets`, until ForgetSecrets.
void KeepSecrets(SSL* ssl, TrafficSecrets& secrets);
void ForgetSecrets(SSL* ssl);

// Whom the peer of a finished handshake says to be. Null without a certificate, and when it did not
// verify: `error` says why.
std::shared_ptr<const PeerCertificate> DescribePeer(SSL* ssl, std::string& error);
// Of a chain that verified: the certificate, those between, and its authority.
std::shared_ptr<const PeerCertificate> DescribeChain(stack_st_X509* chain);

}  // namespace skiff::http
