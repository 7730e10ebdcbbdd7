// The front that every server here uses: HTTP/1.1, and over TLS HTTP/2 for clients that ask for it.
//
// Connections belong to epoll loops from accept to close: TLS, buffers, keep-alive, slow senders
// and readers, streams. A request whose head and body have arrived is handled on a worker, unless
// it can be answered at once (prompt.h); the loop sends the answer. So a connection costs memory,
// and never a thread.
//
//   http::Loops loops(2);
//   auto server = TRY(http::Server::Start({.port = 6443, .tls = tls}, loops, handler));
//   ... server->port() ...
//   server->Stop(5s);
//
// What the front answers by itself, in Go's words: 400 and close to what is not HTTP, 431 to a head
// over the limit, 429 with Retry-After when too many requests wait for a worker, or when their
// bytes have no room. Of clients that are gone nothing waits; those that have closed their side of
// a connection of HTTP/1.1, and may await the answer, are the first to be refused.
//
// What strangers can make it hold, with the limits as they are: 50,000 connections, 25,000 from one
// address; of those that have asked for nothing yet 8,192 (the oldest make room, of who has most of
// them), each with the 17 KB that TLS takes; 64 MiB of handshakes, 16 MiB from one address; 8
// KiB of request a connection, and beyond that 128 MiB in all, 32 MiB from one address, of which
// certificates that did not verify, 8 KiB each, may take half. Heads, handshakes and bodies have
// deadlines that nothing moves. A connection of HTTP/2 counts as one,
// and what arrives on all of its streams together as that of one.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "http/late.h"
#include "http/loop.h"
#include "http/message.h"
#include "http/prompt.h"
#include "http/tls.h"

namespace skiff::http {

// What TLS takes while a handshake is under way; measured.
inline constexpr size_t kHandshakeBytes = 80 << 10;

// Bounds of a server. Past one of them the client it concerns is refused, never served worse.
struct Limits {
  size_t head_bytes_max = 1 << 20;              // Else 431.
  size_t body_bytes_max = 3 * (1 << 20);        // Else Request::body_too_large.
  size_t connections_max = 50'000;              // Else closed at accept.
  size_t connections_per_address_max = 25'000;  // The same.
  // Connections that have not sent a whole head yet: past it the oldest is closed when it had two
  // seconds, past twice that at once; of the address with most, where that has more than its part.
  size_t arriving_max = 4'096;
  size_t arriving_per_address_max = 1'024;
  // What handshakes may hold that have begun, at kHandshakeBytes each: further ones wait for them,
  // and one that takes longer than the patience gives way.
  size_t handshake_bytes_max = 64 << 20;
  size_t handshake_bytes_per_address_max = 16 << 20;
  Duration handshake_patience = 2s;
  // Bytes of requests that are more than a few KiB, until they have been answered: else 429. The
  // third is for clients whose certificate verified.
  size_t intake_bytes_max = 128 << 20;
  size_t intake_bytes_per_address_max = 32 << 20;
  size_t known_intake_bytes_max = 512 << 20;
  size_t waiting_requests_max = 1'000;  // Else 429, Retry-After: 1.
  int workers_max = 32;                 // Threads, started on demand.
  // From the begin of a round of a loop, in which what came with it is tried by Options::prompt:
  // the rest goes to workers, so as not to hold up what comes in the next round.
  Duration prompt_time = 3ms;
  Duration idle_timeout = 90s;  // Between requests.
  // From a head's first byte to its last; of the first one from accept, TLS handshake included.
  Duration head_timeout = 32s;
  Duration body_timeout = 60s;  // From the end of the head to that of the body.
  // In which the peer takes 64 KiB of the answer that waits for it, or all. Of a stream that has
  // times of its own (a watch): in which it takes anything.
  Duration write_timeout = 60s;
  // The same for other streams, whose readers may pause: as long as kubelets let streams idle.
  Duration stream_stall_timeout = 4h;
  size_t stream_backlog_bytes_max = 64 << 10;  // Unsent bytes at which streams are pulled no more.
  uint32_t http2_streams_max = 100;  // Of a connection at one time: further ones are refused.
};

class Server {
 public:
  struct Options {
    std::string bind_address = "127.0.0.1";  // Numeric; "::" takes IPv4 as well.
    int port = 0;                            // 0: any free one, see port().
    std::string unix_path;                   // Not empty: listens there instead.
    std::optional<ServerTls> tls;
    bool http2 = true;         // Over TLS.
    bool shares_port = false;  // Connections are spread over all who listen so.
    Limits limits;
    // Requests for these paths, and for what lies below them, have workers of their own, so that
    // they are answered whatever the others do. Their handlers must be quick.
    std::vector<std::string> urgent_paths = {};
    PromptHandler* prompt = nullptr;  // Null: all goes to workers. Outlives the server.
    LateHandler* late = nullptr;      // Null: workers wait until there is an answer. Likewise.
    // Counts the handshakes of TLS that fail; null: nobody asks.
    std::shared_ptr<std::atomic<uint64_t>> failed_handshakes = nullptr;
  };
  struct Stats {
    size_t connections = 0;
    size_t accepted = 0;
    size_t requests = 0;
    size_t waiting_requests = 0;
    size_t held_bytes = 0;  // As intake_bytes_max counts them.
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
  // after `grace` at the latest; who still handles a request then is waited for. Blocks; must not
  // be called on a worker or loop.
  void Stop(Duration grace);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace skiff::http
