// A watch over a WebSocket: a message an event, text for JSON and binary for protobuf, as
// kube-apiserver does it for clients that ask for an upgrade (Java's fabric8 among them).
#pragma once

#include <memory>

#include "apiserver/request/media.h"
#include "http/message.h"
#include "http/stream.h"

namespace skiff {

// The 101 that carries what `watch` yields, a frame a piece; 400 when the handshake is not in
// order. What the client sends is ignored, but for its close.
http::Response WatchOverWebSocket(const http::Request& request, Encoding encoding,
                                  std::unique_ptr<http::StreamSource> watch);

}  // namespace skiff
