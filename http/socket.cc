#include "http/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstring>

namespace skiff::http {
namespace {

constexpr int kBacklog = 4096;

struct RawAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Result<RawAddress> Encode(const SocketAddress& address) {
  RawAddress raw;
  if (!address.unix_path.empty()) {
    auto* un = reinterpret_cast<sockaddr_un*>(&raw.storage);
    un->sun_family = AF_UNIX;
    if (address.unix_path.size() >= sizeof un->sun_path) {
      return Fail(Reason::kInvalid, "socket path too long: " + address.unix_path);
    }
    std::memcpy(un->sun_path, address.unix_path.c_str(), address.unix_path.size() + 1);
    raw.length = sizeof *un;
    return raw;
  }
  if (address.port < 0 || address.port > 65535) return Fail(Reason::kInvalid, "port out of range");
  auto* v4 = reinterpret_cast<sockaddr_in*>(&raw.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&raw.storage);
  if (inet_pton(AF_INET, address.host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(static_cast<uint16_t>(address.port));
    raw.length = sizeof *v4;
    return raw;
  }
  if (inet_pton(AF_INET6, address.host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<uint16_t>(address.port));
    raw.length = sizeof *v6;
    return raw;
  }
  return Fail(Reason::kInvalid, "not an IP address: " + address.host);
}

// In Go's words, which users of Kubernetes know: "listen tcp [::1]:80: bind: permission denied".
tl::unexpected<Error> FailSystem(const char* purpose, const SocketAddress& address,
                                 const char* call, int error) {
  return Fail(Reason::kServiceUnavailable, std::string(purpose) + " " + DescribeAddress(address) +
                                               ": " + call + ": " + ErrnoText(error));
}

bool HasIpv6() {
  const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

// A socket file that nobody listens on any more is in the way of bind.
void RemoveDeadSocket(const RawAddress& raw, const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  if (connect(fd, raw.get(), raw.length) != 0 && errno == ECONNREFUSED) unlink(path.c_str());
  close(fd);
}

}  // namespace

std::string DescribeAddress(const SocketAddress& address) {
  if (!address.unix_path.empty()) return "unix " + address.unix_path;
  const bool v6 = address.host.find(':') != std::string::npos;
  return "tcp " + (v6 ? "[" + address.host + "]" : address.host) + ":" +
         std::to_string(address.port);
}

std::string ErrnoText(int error) {
  std::string text = std::strerror(error);
  text[0] = static_cast<char>(std::tolower(text[0]));
  return text;
}

std::string ReadFault(int fd, const SocketAddress& peer, int error) {
  const std::string why = ": read: " + ErrnoText(error);
  if (!peer.unix_path.empty()) return "read unix @->" + peer.unix_path + why;
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  const std::string own = DescribeAddress({AddressText(address), LocalPort(fd), ""});
  constexpr size_t kNetwork = std::string_view("tcp ").size();
  return "read " + own + "->" + DescribeAddress(peer).substr(kNetwork) + why;
}

bool IsNumericHost(const std::string& host) {
  char buffer[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), buffer) == 1 ||
         inet_pton(AF_INET6, host.c_str(), buffer) == 1;
}

Result<std::vector<std::string>> ResolveHost(const std::string& host) {
  const addrinfo hints{.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0) {
    const bool is_unknown = error == EAI_NONAME || error == EAI_NODATA;
    const std::string why = is_unknown ? "no such host" : gai_strerror(error);
    return Fail(Reason::kServiceUnavailable, "dial tcp: lookup " + host + ": " + why);
  }
  std::vector<std::string> addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    sockaddr_storage address{};
    std::memcpy(&address, at->ai_addr, at->ai_addrlen);
    addresses.push_back(AddressText(address));
  }
  freeaddrinfo(found);
  return addresses;
}

Result<int> ListenOn(const SocketAddress& address) {
  SocketAddress at = address;
  if (at.host == "0.0.0.0" && HasIpv6()) at.host = "::";
  const RawAddress raw = TRY(Encode(at));
  const int fd = socket(raw.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return FailSystem("listen", address, "socket", errno);
  const int one = 1;
  const int zero = 0;
  if (!address.unix_path.empty()) {
    RemoveDeadSocket(raw, address.unix_path);
  } else {
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (address.shares_port) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  }
  if (raw.storage.ss_family == AF_INET6) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
  }
  const bool bound = bind(fd, raw.get(), raw.length) == 0;
  if (!bound || listen(fd, kBacklog) != 0) {
    const int error = errno;
    close(fd);
    return FailSystem("listen", address, bound ? "listen" : "bind", error);
  }
  return fd;
}

Result<int> StartConnecting(const SocketAddress& address) {
  const RawAddress raw = TRY(Encode(address));
  const int fd = socket(raw.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return FailSystem("dial", address, "socket", errno);
  if (address.unix_path.empty()) TuneTcp(fd);
  if (connect(fd, raw.get(), raw.length) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    close(fd);
    return FailSystem("dial", address, "connect", error);
  }
  return fd;
}

int ConnectError(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

int LocalPort(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
  }
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
  }
  return 0;
}

std::string AddressText(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
  } else if (address.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
      inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, sizeof text);
    } else {
      inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    }
  }
  return text;
}

void TuneTcp(int fd) {
  const int one = 1;
  const int idle_s = 30;
  const int interval_s = 15;
  const int probes = 4;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

}  // namespace skiff::http
