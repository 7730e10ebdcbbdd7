// pods/log over a WebSocket: the API server answers the upgrade itself and fills it from the plain
// answer of the kubelet, which knows nothing of it.
//
//   protocol               a message
//   none, binary.k8s.io    bytes of the log, binary
//   base64.binary.k8s.io   the same in base64, text
//
// An empty message comes first. The client sends nothing but its close.
#pragma once

#include <optional>

#include "http/message.h"
#include "http/tunnel.h"

namespace skiff {

// Changes what is passed on so that the kubelet sees a plain request and the client its WebSocket;
// an answer other than 200 is passed on as it is. The refusal of a handshake that is not in order.
std::optional<http::Response> CarryLogInWebSocket(const http::Request& request,
                                                  http::Forwarding& forwarding);

}  // namespace skiff
