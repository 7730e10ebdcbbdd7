// What a server's connection speaks once it is open. The connection has the socket, TLS, and who is
// at the other end; the protocol finds the requests in what arrives, and sends the answers.
// Internal; on the loop's thread only.
//
//   ServerConnection -- Http1Protocol    one request after the other
//                    `- Http2Protocol    many at once, each on a stream
#pragma once

#include <cstdint>
#include <string_view>

#include "http/answer.h"

namespace skiff::http {

class Protocol {
 public:
  virtual ~Protocol() = default;
  virtual void OnBytes(std::string_view bytes) = 0;
  // The client has closed its side.
  virtual void OnEof() = 0;
  // The socket takes more.
  virtual void OnWritable() = 0;
  // The connection's timer is the protocol's.
  virtual void OnTimer() = 0;
  // `stream` as the request's traits named it.
  virtual void OnAnswer(int32_t stream, PreparedAnswer answer) = 0;
  // The server is stopping: takes no further request, and closes when none is left.
  virtual void CloseWhenIdle() = 0;
  // Ends what streams in order.
  virtual void EndStreams() = 0;
  // The connection is closed. Nothing of it is to be called from here on, and nobody to be waited
  // for; frames of this protocol may be on the stack.
  virtual void OnClose() = 0;
};

}  // namespace skiff::http
