// Addresses of sockets, and the sockets of a DNS server.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "api/rules/core/ip.h"
#include "base/error.h"

namespace skiff::dns {

// An IP address and port, as the kernel takes it.
struct SocketAddress {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t length = 0;

  SocketAddress();
  const sockaddr* get() const { return &any; }
  int family() const { return any.sa_family; }
  // "10.0.0.1:53", "[fd00::1]:53".
  std::string Text() const;
  int port() const;
  // IPv4 addresses mapped into IPv6 as plain ones.
  IpAddress ip() const;
  bool is_wildcard() const;
  // IPv4 addresses mapped into IPv6 are the same as plain ones.
  bool operator==(const SocketAddress& other) const;
};

// `text` is a numeric address, with "%eth0" where IPv6 wants it.
Result<SocketAddress> MakeSocketAddress(const std::string& text, int port);
// "10.0.0.1", "10.0.0.1:5353", "fd00::1", "[fd00::1]:5353".
Result<SocketAddress> ParseServerAddress(const std::string& text, int default_port);

// Both non-blocking and bound with SO_REUSEPORT, so that each thread has its own. Errors in Go's
// words: "listen udp 0.0.0.0:53: bind: permission denied".
Result<int> BindUdp(const SocketAddress& address);
Result<int> ListenTcp(const SocketAddress& address);
// Where a socket is bound to.
SocketAddress LocalAddress(int fd);

}  // namespace skiff::dns
