#include "dns/socket_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

namespace skiff::dns {
namespace {

constexpr int kBacklog = 1024;
// Room for bursts while the thread that reads is not scheduled.
constexpr int kUdpBufferBytes = 4 << 20;

std::string SystemText(int error) {
  std::string text = std::strerror(error);
  text[0] = static_cast<char>(std::tolower(text[0]));
  return text;
}

tl::unexpected<Error> FailSystem(const char* network, const SocketAddress& address,
                                 const char* call, int fd) {
  const int error = errno;
  if (fd >= 0) close(fd);
  return Fail(Reason::kServiceUnavailable, fmt::format("listen {} {}: {}: {}", network,
                                                       address.Text(), call, SystemText(error)));
}

bool SetOption(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

// More than the machine grants everybody, where we may; else as much as that.
void SetBuffer(int fd, int forced_name, int name) {
  if (!SetOption(fd, SOL_SOCKET, forced_name, kUdpBufferBytes)) {
    SetOption(fd, SOL_SOCKET, name, kUdpBufferBytes);
  }
}

Result<int> OpenBound(const char* network, int type, const SocketAddress& address) {
  const int fd = socket(address.family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return FailSystem(network, address, "socket", fd);
  if (type == SOCK_STREAM) SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (!SetOption(fd, SOL_SOCKET, SO_REUSEPORT, 1)) {
    return FailSystem(network, address, "setsockopt", fd);
  }
  if (address.family() == AF_INET6) {
    SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, address.is_wildcard() ? 0 : 1);
  }
  if (bind(fd, address.get(), address.length) != 0) {
    return FailSystem(network, address, "bind", fd);
  }
  return fd;
}

}  // namespace

SocketAddress::SocketAddress() {
  std::memset(&v6, 0, sizeof v6);
}

std::string SocketAddress::Text() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return fmt::format("{}:{}", text, port());
  }
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  return fmt::format("[{}]:{}", text, port());
}

int SocketAddress::port() const {
  return ntohs(family() == AF_INET ? v4.sin_port : v6.sin6_port);
}

bool SocketAddress::is_wildcard() const {
  if (family() == AF_INET) return v4.sin_addr.s_addr == INADDR_ANY;
  return IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr);
}

IpAddress SocketAddress::ip() const {
  IpAddress address;
  const uint8_t* const v6_bytes = v6.sin6_addr.s6_addr;
  if (family() == AF_INET) {
    std::memcpy(address.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
  } else if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    std::copy(v6_bytes + 12, v6_bytes + 16, address.bytes.begin());
  } else {
    address.v6 = true;
    std::copy(v6_bytes, v6_bytes + 16, address.bytes.begin());
  }
  return address;
}

bool SocketAddress::operator==(const SocketAddress& other) const {
  return port() == other.port() && ip() == other.ip();
}

Result<SocketAddress> MakeSocketAddress(const std::string& text, int port) {
  if (port < 0 || port > 65535) {
    return Fail(Reason::kInvalid, fmt::format("port {} is out of range", port));
  }
  SocketAddress address;
  const uint16_t wire_port = htons(static_cast<uint16_t>(port));
  if (inet_pton(AF_INET, text.c_str(), &address.v4.sin_addr) == 1) {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = wire_port;
    address.length = sizeof address.v4;
    return address;
  }
  const std::string host = text.substr(0, text.find('%'));
  if (inet_pton(AF_INET6, host.c_str(), &address.v6.sin6_addr) != 1) {
    return Fail(Reason::kInvalid, "\"" + text + "\" is not an IP address");
  }
  address.v6.sin6_family = AF_INET6;
  address.v6.sin6_port = wire_port;
  if (host != text) address.v6.sin6_scope_id = if_nametoindex(text.c_str() + host.size() + 1);
  address.length = sizeof address.v6;
  return address;
}

Result<SocketAddress> ParseServerAddress(const std::string& text, int default_port) {
  std::string host = text;
  std::string port;
  const size_t colon = text.rfind(':');
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    host = text.substr(1, end == std::string::npos ? end : end - 1);
    if (end != std::string::npos && end + 1 < text.size()) port = text.substr(end + 1);
    if (!port.empty() && port[0] == ':') port.erase(0, 1);
  } else if (colon != std::string::npos && colon == text.find(':')) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  int number = default_port;
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc() || end != port.data() + port.size() || number == 0) {
      return Fail(Reason::kInvalid, "\"" + text + "\" has no valid port");
    }
  }
  return MakeSocketAddress(host, number);
}

Result<int> BindUdp(const SocketAddress& address) {
  const int fd = TRY(OpenBound("udp", SOCK_DGRAM, address));
  SetBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
  SetBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
  return fd;
}

Result<int> ListenTcp(const SocketAddress& address) {
  const int fd = TRY(OpenBound("tcp", SOCK_STREAM, address));
  if (listen(fd, kBacklog) != 0) return FailSystem("tcp", address, "listen", fd);
  return fd;
}

SocketAddress LocalAddress(int fd) {
  SocketAddress address;
  address.length = sizeof address.v6;
  CHECK(getsockname(fd, &address.any, &address.length) == 0);
  return address;
}

}  // namespace skiff::dns
