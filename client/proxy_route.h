// The way to a server through a proxy: HTTP's CONNECT, or SOCKS5; with TLS to the proxy where that
// is asked for. Plain HTTP servers are asked of an HTTP proxy by their whole URL instead.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "client/forward_proxy.h"
#include "client/transport.h"
#include "http/client.h"
#include "http/loop.h"

namespace skiff {

// Thread-safe; immutable but for the loop under connections to a proxy that speaks TLS, which must
// outlive them.
class ProxyRoute {
 public:
  // Null: there is no proxy between. Invalid where `proxy_url` is, or what TLS is made of.
  static Result<std::shared_ptr<const ProxyRoute>> To(const HttpsOptions& options,
                                                      const ServerUrl& server);

  // Through the proxy, to the server: a connected, blocking socket, as if it were the server's.
  // Blocks, as long as `patience` at most, but that a resolver takes the time that it takes. Errors
  // are ServiceUnavailable, in the words of Go's net/http: "Proxy Authentication Required",
  // "proxyconnect tcp: dial tcp 10.0.0.1:3128: connect: connection refused", "socks connect tcp
  // 10.0.0.1:1080->10.0.0.2:6443: unknown error ...".
  Result<int> Tunnel(Duration patience) const;
  // What plain requests go by: the same; where AsksProxy(), to the proxy itself.
  Result<int> Connect(Duration patience) const;
  // Whether requests name the server: their target and headers as that proxy wants them are then
  // Target(...) and those of ProxyHeaders().
  bool AsksProxy() const;
  std::string Target(const std::string& path_and_query) const;
  http::Headers ProxyHeaders() const;

 private:
  ProxyRoute(ForwardProxy proxy, ServerUrl server) : proxy_(std::move(proxy)), server_(server) {}
  Result<int> ToProxy(Duration patience) const;
  Result<int> OverTls(const std::string& host, int port, Duration patience) const;

  const ForwardProxy proxy_;
  const ServerUrl server_;
  // Of the connection to the proxy, where it has TLS. As in Go it is what the server's has.
  http::TlsContext tls_;
  std::string tls_server_name_;
  std::unique_ptr<http::Loops> loops_;
};

}  // namespace skiff
