// Proxying: a client's request is put to an upstream, and the answer streamed back; after an
// upgrade, bytes flow both ways. No thread waits meanwhile, buffers are bounded both ways, and a
// side that does not read stops the other from sending.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "http/client.h"
#include "http/message.h"

namespace skiff::http {

struct TunnelOptions {
  size_t buffer_bytes_max = 256 << 10;  // Each way.
  // A side that closes only its writing leaves the other way open; else both are closed, when what
  // was sent has arrived.
  bool half_close = false;
};

// Two ends: what one connection's peer sends comes out of the other. When a connection breaks, the
// other one is cut.
std::pair<std::unique_ptr<Duplex>, std::unique_ptr<Duplex>> MakeTunnel(
    const TunnelOptions& options = {});

// Whether the client asks to go over to another protocol.
bool IsUpgrade(const Request& request);
// The same request for an upstream: method, target, body, and headers less those that are for this
// connection only (an upgrade keeps its own). X-Forwarded-For gets the client's address.
ClientRequest ForwardedRequest(const Request& request);

struct Forwarding {
  Upstream upstream;
  ClientRequest request;
  TunnelOptions tunnel = {};
  // Makes the answer when the upstream has given none. Null: 502 with the error's text.
  std::function<Response(const Error&)> on_error = {};
  // May change the answer before it is sent. Null: as the upstream gave it.
  std::function<void(Response&)> on_answer = {};
};

// The upstream's answer, whatever it is, or what on_error makes of a failure. Both functions are
// called on a loop, so they must not block. To a request for an upgrade, an answer below 400 that
// is not 101 is a failure; to any other request 101 is.
Response Forward(Loops& loops, Forwarding forwarding);

// A connection to `upstream` as a Duplex that is at work at once: what is written to it before the
// connection stands is kept, and `on_error` is told why it never will.
std::unique_ptr<Duplex> Dial(Loops& loops, Upstream upstream, const TunnelOptions& options,
                             std::function<void(const Error&)> on_error);

}  // namespace skiff::http
