// Sockets, made and named. Internal.
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

#include "base/error.h"

namespace skiff::http {

struct SocketAddress {
  std::string host;  // Numeric.
  int port = 0;
  std::string unix_path;     // Not empty: this instead.
  bool shares_port = false;  // To listen: with others who want so, each has some of who comes.
};

// Non-blocking, listening. A socket file left by a dead server is replaced. 0.0.0.0 is for whoever
// comes, as in Go: by IPv6 as well, where the kernel has it.
Result<int> ListenOn(const SocketAddress& address);
// Non-blocking; connecting may go on when it returns.
Result<int> StartConnecting(const SocketAddress& address);
// 0, or the errno with which connecting failed.
int ConnectError(int fd);
// "tcp 127.0.0.1:80", "unix /run/x.sock".
std::string DescribeAddress(const SocketAddress& address);
// "connection refused".
std::string ErrnoText(int error);
// "read tcp 127.0.0.1:4711->127.0.0.1:80: read: connection reset by peer". The kernel has forgotten
// the peer by then.
std::string ReadFault(int fd, const SocketAddress& peer, int error);
bool IsNumericHost(const std::string& host);
// Asks the system's resolver, and blocks while it is asked; or says what Go's net.Dial does: "dial
// tcp: lookup nosuch.invalid: no such host".
Result<std::vector<std::string>> ResolveHost(const std::string& host);
int LocalPort(int fd);
// The host's part alone: "127.0.0.1", "::1"; an IPv4 address mapped into IPv6 as IPv4.
std::string AddressText(const sockaddr_storage& address);
// No delay, and probes that notice peers that have gone without a word.
void TuneTcp(int fd);

}  // namespace skiff::http
