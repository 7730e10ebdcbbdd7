// Requests to other servers through the same loops, for what lasts: watches, logs, upgrades, and
// proxying. Nothing blocks. (Plain calls that may block have httplib, behind client/transport.)
//
//   auto exchange = http::Open(loops, {.host = "10.0.0.7", .port = 10250, .tls = context},
//                              {.method = "GET", .target = "/containerLogs/..."},
//                              [](Result<http::Opened> opened) { ... });
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "http/loop.h"
#include "http/message.h"
#include "http/tls.h"

namespace skiff::http {

class KeptConnections;
std::shared_ptr<KeptConnections> MakeKeptConnections();

// Where to connect, and how.
struct Upstream {
  std::string host;  // An address, or a name that the system resolves.
  int port = 0;
  std::string unix_path;    // Not empty: there instead.
  TlsContext tls;           // MakeClientContext; null: plain.
  std::string server_name;  // For TLS; "": host.
  // Asked, on any thread, of each address that `host` has: when it says no of one, nothing is
  // connected to, and the error is BadRequest "address not allowed". Empty: all are allowed.
  std::function<bool(const std::string& address)> allows;
  Duration connect_timeout = 5s;        // For each address, TLS handshake included.
  Duration head_timeout = kNever;       // From the connection to the answer's head.
  size_t buffer_bytes_max = 256 << 10;  // Received, and not pulled yet; past it nothing is read.
  // Not null: when an answer has been read to its end, its connection waits there for the next
  // request to the same host, port, name and TLS context, for a minute. Null: it is closed. A
  // request on a kept connection that closes before it has answered anything is sent once more,
  // unless it says `once`.
  std::shared_ptr<KeptConnections> kept = {};
  // Not empty: connects in place of all that, to what `host` and `port` only name then. Returns a
  // connected socket, which is the loop's from there on. Blocks, on a thread of
  // Loops::dialers(); the connection is not kept.
  std::function<Result<int>()> dial = {};
};

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";  // Path and query, encoded.
  // Host, Content-Length and "Connection: close" are added where they are missing.
  Headers headers;
  std::string body;
  // Never sent twice: what it does is not to be done twice. On a kept connection that closes when
  // all of it may have come there, it fails.
  bool once = false;
};

// A connection after 101, or after 200 to CONNECT. Dropped without Carry, it is closed.
class RawConnection {
 public:
  virtual ~RawConnection() = default;
  // From now on `duplex` has the connection; it gets what the server sent behind its head. Once;
  // any thread.
  virtual void Carry(std::unique_ptr<Duplex> duplex) = 0;
};

struct Opened {
  int status = 0;
  Headers headers;
  // The body without its framing; kAbort when it broke off. To be pulled on any one thread, or put
  // into a Response. Dropping it closes the connection. Null when `raw` is not.
  std::unique_ptr<StreamSource> body;
  std::unique_ptr<RawConnection> raw;
};

// A request under way. Dropping it cancels what has not been opened yet. Any thread.
class Exchange {
 public:
  virtual ~Exchange() = default;
};

// `done` is called once, on a loop, unless the exchange is dropped before. Errors are
// ServiceUnavailable, in Go's words ("dial tcp 10.0.0.7:80: connect: connection refused"), or
// Timeout.
std::unique_ptr<Exchange> Open(Loops& loops, Upstream upstream, ClientRequest request,
                               std::function<void(Result<Opened>)> done);

// Connects, and carries raw bytes at once: for protocols that are not HTTP. `done` hears of it,
// with the connection.
std::unique_ptr<Exchange> Connect(Loops& loops, Upstream upstream,
                                  std::function<void(Result<std::unique_ptr<RawConnection>>)> done);

}  // namespace skiff::http
