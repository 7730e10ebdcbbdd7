// Which proxy, if any, a server is reached by: that of a kubeconfig, else that of the environment.
// As client-go has it, by the rules of Go's net/http and httpproxy. Pure, but for OfProcess.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "client/server_url.h"

namespace skiff {

struct ForwardProxy {
  enum class Protocol : uint8_t { kHttp, kHttps, kSocks5 };
  Protocol protocol = Protocol::kHttp;
  std::string host;  // Without brackets; "" is this machine.
  std::string port;  // Decimal digits, of which there may be too many.
  // Who we are to the proxy.
  struct User {
    std::string name;
    std::string password;
    bool operator==(const User&) const = default;
  };
  std::optional<User> user;
  bool operator==(const ForwardProxy&) const = default;
};

// The "proxy-url" of a kubeconfig's cluster. Invalid, in client-go's words: "could not parse: ::1",
// or `unsupported scheme "ftp", must be http, https, or socks5`.
Result<ForwardProxy> ParseProxyUrl(const std::string& text);

// What HTTPS_PROXY, HTTP_PROXY and NO_PROXY say, and REQUEST_METHOD: where that is set, HTTP_PROXY
// may come from a stranger.
struct ProxyEnvironment {
  std::string http_proxy;
  std::string https_proxy;
  // Separated by commas, each with ":port" where it is meant for that one only: "example.com" (and
  // what is under it), ".example.com" (only that), addresses, CIDRs. "*": all servers.
  std::string no_proxy;
  bool is_cgi = false;

  // Upper case wins over lower case. `variable` gives "" for those that are not set.
  static ProxyEnvironment From(const std::function<std::string(const char* name)>& variable);
  // Of this process; read once, as in Go.
  static const ProxyEnvironment& OfProcess();

  // None: the server is reached without. What cannot be a proxy's URL is passed over. Loopback and
  // "localhost" are never reached by a proxy. BadRequest: HTTP_PROXY is not to be trusted.
  Result<std::optional<ForwardProxy>> ProxyFor(const ServerUrl& server) const;
};

}  // namespace skiff
