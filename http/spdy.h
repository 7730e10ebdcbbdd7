// SPDY/3.1 sessions over a connection of the front: a Duplex with streams, as Kubernetes' exec,
// attach and port-forward use it. Peers neither send nor honour windows, so what bounds memory is
// that a session whose handler takes no more stops reading its socket, all streams together.
//
//   response.status = 101; ...; response.upgrade = MakeSpdy(SpdyRole::kServer, move(handler));
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/message.h"
#include "http/spdy_frames.h"

namespace skiff::http {

struct SpdyOptions {
  size_t backlog_bytes_max = 256 << 10;  // Queued and not sent; past it Send refuses.
  size_t streams_max = 1'000;            // Open at once; more are refused.
  Duration ping_every = 0s;              // 0: no pings.
};

// The sending half. Any thread; without effect on streams and sessions that have ended.
class SpdySender {
 public:
  virtual ~SpdySender() = default;
  // Opens a stream of our own; 0 when the session has ended.
  virtual SpdyStreamId Open(Headers headers) = 0;
  // False when the backlog is full or the session has ended: nothing was queued.
  virtual bool Send(SpdyStreamId stream, std::string data) = 0;
  // Half-closes: we send nothing more on it. After what is queued, as all of these; told again
  // while it is queued, it is queued once.
  virtual void Finish(SpdyStreamId stream) = 0;
  virtual void Reset(SpdyStreamId stream) = 0;
  // GOAWAY, and the connection ends when that is sent.
  virtual void Close() = 0;
  // Bytes until Send refuses.
  virtual size_t Room() const = 0;
  // Has OnRoom called, and refused data offered again.
  virtual void Wake() = 0;
};

// What a program does with streams. Called on one thread at a time, a loop's: must not block.
class SpdyHandler {
 public:
  virtual ~SpdyHandler() = default;
  // Before everything else.
  virtual void OnOpen(std::shared_ptr<SpdySender> sender) = 0;
  // The peer opens a stream. True: it is replied to; false: it is reset.
  virtual bool OnStream(SpdyStreamId stream, const Headers& headers) = 0;
  // A stream of ours was replied to; data may be sent.
  virtual void OnReply(SpdyStreamId /*stream*/) {}
  // Returns how much was taken; less stops reading until sender->Wake().
  virtual size_t OnData(SpdyStreamId stream, std::string_view bytes) = 0;
  // The peer sends nothing more on it.
  virtual void OnFin(SpdyStreamId stream) = 0;
  virtual void OnReset(SpdyStreamId stream) = 0;
  // The peer takes more, about `bytes`. Also after each Wake.
  virtual void OnRoom(size_t /*bytes*/) {}
  // Once: the connection has ended, whoever ended it. Nothing is called after.
  virtual void OnClose() = 0;
};

enum class SpdyRole { kServer, kClient };
std::unique_ptr<Duplex> MakeSpdy(SpdyRole role, std::unique_ptr<SpdyHandler> handler,
                                 const SpdyOptions& options = {});

bool IsSpdy(const Request& request);
// The 101 to a request for SPDY with the protocol that was chosen of X-Stream-Protocol-Version, or
// the answer that refuses it, in Kubernetes' words: 400 without offers, 403 with nothing in common.
// `make` gives the handler for a protocol, and is not called otherwise.
Response AcceptSpdy(const Request& request, const std::vector<std::string>& known,
                    const std::function<std::unique_ptr<SpdyHandler>(const std::string&)>& make,
                    const SpdyOptions& options = {});
// Adds what asks an upstream for SPDY, `protocols` best first.
void AskForSpdy(Headers& headers, const std::vector<std::string>& protocols);

}  // namespace skiff::http
