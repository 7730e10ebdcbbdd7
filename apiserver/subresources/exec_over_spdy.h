// What kubelets do not speak and newer clients do: exec and attach over WebSocket v5, whose input
// can end before the command does, and ports forwarded through SPDY inside a WebSocket. Kubelets
// are asked for SPDY instead.
//
//   client ──WebSocket: a channel a message──► here ──SPDY: a stream a channel──► kubelet
#pragma once

#include <string>

#include "http/client.h"
#include "http/message.h"
#include "http/tunnel.h"

namespace skiff {

// The streams that the client wants.
struct ExecStreams {
  bool input = false;
  bool output = false;
  bool error = false;
  bool tty = false;
};

// Whether the client would speak v5 rather than another protocol of exec that kubelets know.
bool WantsExecV5(const http::Request& request);
// The 101 to that client. `to_kubelet` becomes a POST that asks for SPDY; failures from here on,
// the kubelet's refusal too, are told on the channel for errors.
http::Response AcceptExecV5(const http::Request& request, const ExecStreams& streams,
                            http::Loops& loops, http::Upstream kubelet,
                            http::ClientRequest to_kubelet);

// Whether the client wants SPDY inside a WebSocket.
bool WantsForwardTunnel(const http::Request& request);
// Changes what is passed on so that the kubelet sees SPDY and the client its WebSocket. An answer
// other than 101 is passed on as it is.
void TunnelForward(const http::Request& request, http::Forwarding& forwarding);

// What a refusal says: short, and there as soon as its head is.
std::string RefusalText(http::StreamSource& body);

}  // namespace skiff
