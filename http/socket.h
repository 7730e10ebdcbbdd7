// Sockets, made and named. Internal.
#pragma once

#include <sys/socket.h>

#include <string>

#include "base/error.h"

namespace skiff::http {

struct SocketAddress {
  std::string host;  // Numeric.
  int port = 0;
  std::string unix_path;  // Not empty: this instead.
};

// Non-blocking, listening. A socket file left by a dead server is replaced.
Result<int> ListenOn(const SocketAddress& address);
// Non-blocking; connecting may go on when it returns.
Result<int> StartConnecting(const SocketAddress& address);
// 0, or the errno with which connecting failed.
int ConnectError(int fd);
int LocalPort(int fd);
// The host's part alone: "127.0.0.1", "::1"; an IPv4 address mapped into IPv6 as IPv4.
std::string AddressText(const sockaddr_storage& address);
// No delay, and probes that notice peers that have gone without a word.
void TuneTcp(int fd);

}  // namespace skiff::http
