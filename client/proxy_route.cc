#include "client/proxy_route.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <future>
#include <utility>

#include "api/codec/base64.h"
#include "api/rules/core/ip.h"
#include "http/dial.h"
#include "http/head.h"
#include "http/socket.h"
#include "http/tunnel.h"

namespace skiff {
namespace {

constexpr size_t kHeadBytesMax = 64 << 10;
constexpr int kPortMax = 65535;

tl::unexpected<Error> Unavailable(std::string why) {
  return Fail(Reason::kServiceUnavailable, std::move(why));
}

// A connected socket while it is agreed on where it leads. Closed unless released.
class Opening {
 public:
  Opening(int fd, Duration patience) : fd_(fd), end_(clock_.Monotonic() + patience) {}
  ~Opening() {
    if (fd_ >= 0) close(fd_);
  }
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;
  int Release() { return std::exchange(fd_, -1); }

  Result<> Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) return Unavailable("write: " + http::ErrnoText(errno));
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return {};
  }
  // So many bytes and no more: what is behind them is the server's. "EOF" where there is none.
  Result<std::string> Read(size_t count) {
    std::string bytes(count, '\0');
    for (size_t read = 0; read < count;) {
      TRY(AwaitBytes());
      const ssize_t got = recv(fd_, bytes.data() + read, count - read, 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Unavailable("read: " + http::ErrnoText(errno));
      if (got == 0) return Unavailable(read == 0 ? "EOF" : "unexpected EOF");
      read += static_cast<size_t>(got);
    }
    return bytes;
  }

 private:
  Result<> AwaitBytes() {
    while (true) {
      const Duration left = end_ - clock_.Monotonic();
      if (left <= Duration(0)) return Unavailable("i/o timeout");
      const auto left_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
      pollfd readable{.fd = fd_, .events = POLLIN, .revents = 0};
      const int ready = poll(&readable, 1, static_cast<int>(std::min<int64_t>(left_ms, 1 << 30)));
      if (ready > 0) return {};
      if (ready < 0 && errno != EINTR) return Unavailable("poll: " + http::ErrnoText(errno));
    }
  }

  int fd_;
  const SystemClock clock_;
  const Duration end_;
};

// "Proxy Authentication Required" of "HTTP/1.1 407 Proxy Authentication Required".
std::string StatusTextOf(std::string_view head, int status) {
  const std::string_view line = head.substr(0, head.find_first_of("\r\n"));
  const size_t code = std::min(line.find(' '), line.size());
  const size_t text = line.find(' ', line.find_first_not_of(' ', code));
  if (text != line.npos && text + 1 < line.size()) return std::string(line.substr(text + 1));
  const std::string_view known = http::StatusText(status);
  return known.empty() ? "unknown status code" : std::string(known);
}

// Asks an HTTP proxy for a connection to `server`.
Result<> AskToConnect(Opening& opening, const std::string& server, const http::Headers& headers) {
  http::Headers sent = headers;
  sent.emplace("Host", server);
  TRY(opening.Write("CONNECT " + server + " HTTP/1.1\r\n" + http::SerializeHeaders(sent) + "\r\n"));
  std::string head;
  http::ResponseHead parsed;
  size_t searched = 0;
  while (http::FindHeadEnd(head, searched) == std::string::npos) {
    if (head.size() >= kHeadBytesMax) {
      return Unavailable("net/http: server response headers exceeded the limit");
    }
    const auto byte = opening.Read(1);
    if (byte) {
      head += *byte;
      continue;
    }
    if (byte.error().message != "EOF") return tl::unexpected(byte.error());
    // What ends without a head may have been something else.
    const auto fault = http::ParseResponseHead(head + "\r\n\r\n", parsed);
    return Unavailable(fault && !head.empty() ? fault->text : "unexpected EOF");
  }
  if (const auto fault = http::ParseResponseHead(head, parsed)) return Unavailable(fault->text);
  if (parsed.status != 200) return Unavailable(StatusTextOf(head, parsed.status));
  return {};
}

constexpr char kSocksVersion = 5;
constexpr char kSocksConnect = 1;
constexpr char kSocksIpv4 = 1;
constexpr char kSocksName = 3;
constexpr char kSocksIpv6 = 4;
constexpr char kSocksNoAuthentication = 0;
constexpr char kSocksUserPassword = 2;
constexpr char kSocksNoMethod = static_cast<char>(0xff);
constexpr size_t kSocksTextBytesMax = 255;

Result<> CheckSocksVersion(char version) {
  if (version == kSocksVersion) return {};
  return Unavailable(fmt::format("unexpected protocol version {}", static_cast<uint8_t>(version)));
}

// Behind its length.
std::string SocksText(const std::string& text) {
  return static_cast<char>(text.size()) + text;
}

Result<> SayWhoAsks(Opening& opening, const std::optional<ForwardProxy::User>& user) {
  std::string hello = {kSocksVersion, 1, kSocksNoAuthentication};
  if (user) hello = {kSocksVersion, 2, kSocksNoAuthentication, kSocksUserPassword};
  TRY(opening.Write(hello));
  const std::string method = TRY(opening.Read(2));
  TRY(CheckSocksVersion(method[0]));
  if (method[1] == kSocksNoMethod) return Unavailable("no acceptable authentication methods");
  if (method[1] == kSocksNoAuthentication) return {};
  if (!user || method[1] != kSocksUserPassword) {
    return Unavailable(
        fmt::format("unsupported authentication method {}", static_cast<uint8_t>(method[1])));
  }
  if (user->name.empty() || user->name.size() > kSocksTextBytesMax ||
      user->password.size() > kSocksTextBytesMax) {
    return Unavailable("invalid username/password");
  }
  TRY(opening.Write("\x01" + SocksText(user->name) + SocksText(user->password)));
  const std::string answer = TRY(opening.Read(2));
  if (answer[0] != 1) return Unavailable("invalid username/password version");
  if (answer[1] != 0) return Unavailable("username/password authentication failed");
  return {};
}

std::string SocksReply(uint8_t code) {
  constexpr const char* kReplies[] = {"succeeded",
                                      "general SOCKS server failure",
                                      "connection not allowed by ruleset",
                                      "network unreachable",
                                      "host unreachable",
                                      "connection refused",
                                      "TTL expired",
                                      "command not supported",
                                      "address type not supported"};
  return code < std::size(kReplies) ? kReplies[code] : fmt::format("unknown code: {}", code);
}

// A name is for the proxy to look up.
Result<std::string> SocksAddress(const ServerUrl& server) {
  std::string out;
  if (const auto address = ParseIp(server.host)) {
    out = address->v6 ? kSocksIpv6 : kSocksIpv4;
    out.append(reinterpret_cast<const char*>(address->bytes.data()), address->v6 ? 16 : 4);
  } else {
    if (server.host.size() > kSocksTextBytesMax) return Unavailable("FQDN too long");
    out = kSocksName + SocksText(server.host);
  }
  return out + static_cast<char>(server.port >> 8) + static_cast<char>(server.port & 0xff);
}

Result<> ReadBoundAddress(Opening& opening, char type) {
  size_t length = 0;
  if (type == kSocksIpv4) {
    length = 4;
  } else if (type == kSocksIpv6) {
    length = 16;
  } else if (type == kSocksName) {
    const std::string count = TRY(opening.Read(1));
    length = static_cast<uint8_t>(count[0]);
  } else {
    return Unavailable(fmt::format("unknown address type {}", static_cast<uint8_t>(type)));
  }
  TRY(opening.Read(length + 2));  // And the port.
  return {};
}

Result<> AskSocks(Opening& opening, const ServerUrl& server,
                  const std::optional<ForwardProxy::User>& user) {
  TRY(SayWhoAsks(opening, user));
  const std::string address = TRY(SocksAddress(server));
  TRY(opening.Write(std::string{kSocksVersion, kSocksConnect, 0} + address));
  const std::string reply = TRY(opening.Read(4));
  TRY(CheckSocksVersion(reply[0]));
  if (reply[1] != 0) return Unavailable("unknown error " + SocksReply(reply[1]));
  if (reply[2] != 0) return Unavailable("non-zero reserved field");
  return ReadBoundAddress(opening, reply[3]);
}

// Waits for a connection of a loop, which gives its own time to it.
Result<std::unique_ptr<http::RawConnection>> ConnectOn(http::Loops& loops,
                                                       http::Upstream upstream) {
  using Connected = Result<std::unique_ptr<http::RawConnection>>;
  const auto promise = std::make_shared<std::promise<Connected>>();
  auto connected = promise->get_future();
  const auto exchange = http::Connect(loops, std::move(upstream), [promise](Connected connection) {
    promise->set_value(std::move(connection));
  });
  return connected.get();
}

}  // namespace

Result<std::shared_ptr<const ProxyRoute>> ProxyRoute::To(const HttpsOptions& options,
                                                         const ServerUrl& server) {
  std::optional<ForwardProxy> proxy;
  if (!options.proxy_url.empty()) {
    proxy = TRY(ParseProxyUrl(options.proxy_url));
  } else {
    const ProxyEnvironment& environment =
        options.proxies ? *options.proxies : ProxyEnvironment::OfProcess();
    proxy = TRY(environment.ProxyFor(server));
  }
  if (!proxy) return std::shared_ptr<const ProxyRoute>();
  const std::shared_ptr<ProxyRoute> route(new ProxyRoute(*std::move(proxy), server));
  if (route->proxy_.protocol == ForwardProxy::Protocol::kHttps) {
    route->tls_ = TRY(http::MakeClientContext({.ca_pem = options.certificate_authority,
                                               .insecure = options.insecure_skip_tls_verify,
                                               .server_name = options.tls_server_name,
                                               .certificate_pem = options.client_certificate,
                                               .key_pem = options.client_key}));
    route->tls_server_name_ = options.tls_server_name;
    route->loops_ = std::make_unique<http::Loops>();
  }
  return route;
}

bool ProxyRoute::AsksProxy() const {
  return !server_.tls && proxy_.protocol != ForwardProxy::Protocol::kSocks5;
}

std::string ProxyRoute::Target(const std::string& path_and_query) const {
  return "http://" + server_.authority + path_and_query;
}

http::Headers ProxyRoute::ProxyHeaders() const {
  if (!proxy_.user) return {};
  const std::string who = proxy_.user->name + ":" + proxy_.user->password;
  return {{"Proxy-Authorization", "Basic " + EncodeBase64(who)}};
}

Result<int> ProxyRoute::Connect(Duration patience) const {
  return AsksProxy() ? ToProxy(patience) : Tunnel(patience);
}

Result<int> ProxyRoute::Tunnel(Duration patience) const {
  const SystemClock clock;
  const Duration end = clock.Monotonic() + patience;
  const int fd = TRY(ToProxy(patience));
  Opening opening(fd, end - clock.Monotonic());
  if (proxy_.protocol != ForwardProxy::Protocol::kSocks5) {
    TRY(AskToConnect(opening, server_.HostPort(), ProxyHeaders()));
    return opening.Release();
  }
  const auto connected = AskSocks(opening, server_, proxy_.user);
  if (connected) return opening.Release();
  return Unavailable(fmt::format("socks connect tcp {}:{}->{}: {}", proxy_.host, proxy_.port,
                                 server_.HostPort(), connected.error().message));
}

Result<int> ProxyRoute::ToProxy(Duration patience) const {
  int port = 0;
  const std::string& digits = proxy_.port;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (parsed.ec != std::errc() || port > kPortMax) {
    return Unavailable(fmt::format("proxyconnect tcp: dial tcp: address {}: invalid port", digits));
  }
  const std::string host = proxy_.host.empty() ? "localhost" : proxy_.host;
  auto fd = tls_ ? OverTls(host, port, patience) : http::DialHost(host, port, patience);
  if (fd) return fd;
  return Fail(fd.error().reason, "proxyconnect tcp: " + fd.error().message);
}

// A loop has the connection to the proxy; what it is used by is one end of a pair of sockets, with
// a tunnel from the other.
Result<int> ProxyRoute::OverTls(const std::string& host, int port, Duration patience) const {
  auto far = TRY(ConnectOn(*loops_, {.host = host,
                                     .port = port,
                                     .tls = tls_,
                                     .server_name = tls_server_name_,
                                     .connect_timeout = patience}));
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return Unavailable("socketpair: " + http::ErrnoText(errno));
  }
  Opening ours(ends[0], patience), theirs(ends[1], patience);
  auto near =
      TRY(ConnectOn(*loops_, {.dial = [&theirs] { return Result<int>(theirs.Release()); }}));
  auto [to_far, to_near] = http::MakeTunnel();
  far->Carry(std::move(to_far));
  near->Carry(std::move(to_near));
  return ours.Release();
}

}  // namespace skiff
