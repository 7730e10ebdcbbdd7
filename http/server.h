// The HTTP/1.1 front that every server here uses.
//
// Connections belong to epoll loops from accept to close: TLS, buffers, keep-alive, slow senders
// and readers, streams. A request whose head and body have arrived is handled on a worker; the loop
// sends the answer. So a connection costs memory, and never a thread.
//
//   http::Loops loops(2);
//   auto server = TRY(http::Server::Start({.port = 6443, .tls = tls}, loops, handler));
//   ... server->port() ...
//   server->Stop(5s);
//
// What the front answers by itself, in Go's words: 400 and close to what is not HTTP, 431 to a head
// over the limit, 429 with Retry-After when too many requests wait for a worker.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "http/loop.h"
#include "http/message.h"
#include "http/tls.h"

namespace skiff::http {

// Bounds of a server. Past one of them the client it concerns is refused, never served worse.
struct Limits {
  size_t head_bytes_max = 1 << 20;        // Else 431.
  size_t body_bytes_max = 3 * (1 << 20);  // Else Request::body_too_large.
  size_t connections_max = 50'000;        // Else closed at accept.
  size_t waiting_requests_max = 1'000;    // Else 429, Retry-After: 1.
  int workers_max = 32;                   // Threads, started on demand.
  Duration idle_timeout = 90s;            // Between requests.
  Duration head_timeout = 32s;            // From its first byte, TLS handshake included.
  Duration body_timeout = 60s;            // Without any byte of the body.
  Duration write_timeout = 60s;           // Without the peer taking a byte of what waits for it.
  size_t stream_backlog_bytes_max = 64 << 10;  // Unsent bytes at which streams are pulled no more.
};

class Server {
 public:
  struct Options {
    std::string bind_address = "127.0.0.1";  // Numeric; "::" takes IPv4 as well.
    int port = 0;                            // 0: any free one, see port().
    std::string unix_path;                   // Not empty: listens there instead.
    std::optional<ServerTls> tls;
    Limits limits;
  };
  struct Stats {
    size_t connections = 0;
    size_t accepted = 0;
    size_t requests = 0;
    size_t waiting_requests = 0;
    int workers = 0;
  };

  // Listens and serves when it returns. `loops` and `handler` outlive the server.
  static Result<std::unique_ptr<Server>> Start(Options options, Loops& loops, Handler& handler);
  ~Server();  // Stop(0).

  int port() const;
  // New connections use the new material; old ones live on. Any thread. On error nothing changes.
  Result<> ReloadTls(const ServerTls& tls);
  Stats stats() const;
  // Stops accepting, lets requests in flight finish, ends streams in order, and closes everything
  // after `grace` at the latest. Blocks; must not be called on a worker or loop.
  void Stop(Duration grace);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace skiff::http
