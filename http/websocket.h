// WebSocket (RFC 6455) over a connection of the front: the handshake, and a Duplex that turns bytes
// into messages for a MessageHandler and back. The door to wslay.
//
//   if (http::IsWebSocket(request)) {
//     const auto chosen = http::ChooseSubprotocol(request, {"v5.channel.k8s.io"});
//     return http::AcceptWebSocket(request, *chosen, std::make_unique<ExecMessages>(...));
//   }
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/client.h"
#include "http/message.h"

namespace skiff::http {

struct WebSocketOptions {
  size_t message_bytes_max = 8 << 20;    // Of one received message; past it closed with 1009.
  size_t backlog_bytes_max = 256 << 10;  // Held for what Send queued; past it Send refuses.
  // Pings that often; a peer that sends nothing for a minute after is given up. 0: no pings.
  Duration ping_every = 0s;
};

// The sending half. Any thread, any time; without effect after the end.
class WebSocketSender {
 public:
  virtual ~WebSocketSender() = default;
  // False when the backlog is full or the socket closes: nothing was queued. A message is taken
  // whole whenever the backlog has any room.
  virtual bool Send(std::string data, bool text = false) = 0;
  // Bytes until Send refuses.
  virtual size_t Room() const = 0;
  // After what is queued. 1000 is the normal end.
  virtual void Close(int code, std::string reason = "") = 0;
  // Has OnRoom called, and a refused message offered again.
  virtual void Wake() = 0;
};

// What a program does with messages. Called on one thread at a time, a loop's: must not block.
class MessageHandler {
 public:
  virtual ~MessageHandler() = default;
  // Before everything else.
  virtual void OnOpen(std::shared_ptr<WebSocketSender> sender) = 0;
  // False: not now. It is given again after sender->Wake(), and nothing is read meanwhile.
  virtual bool OnMessage(std::string_view data, bool text) = 0;
  // The peer takes more, about `bytes`. Also after each Wake.
  virtual void OnRoom(size_t /*bytes*/) {}
  // Once: the peer closes with that code; 1005 without one, 1006 when it just went away.
  virtual void OnClose(int code, std::string_view reason) = 0;
  // When not zero: OnRoom is called at least this often (milliseconds) while there is room.
  virtual int PullEveryMs() const { return 0; }
  // False: what the peer says means nothing, and little of it is kept until it is a message.
  virtual bool ReadsMessages() const { return true; }
};

bool IsWebSocket(const Request& request);
// As the client lists them, best first.
std::vector<std::string> OfferedSubprotocols(const Request& request);
// The first that the client offers and `known` holds; "" when it offers none and `known` holds "";
// nullopt when nothing is in common.
std::optional<std::string> ChooseSubprotocol(const Request& request,
                                             const std::vector<std::string>& known);
// The 400 to a handshake that is not in order.
std::optional<Response> RefuseWebSocket(const Request& request);
// 101, with the subprotocol unless it is ""; 400 when the handshake is not in order.
Response AcceptWebSocket(const Request& request, std::string_view subprotocol,
                         std::unique_ptr<MessageHandler> handler,
                         const WebSocketOptions& options = {});
// The headers of that 101, for those who carry the connection in another way.
Headers WebSocketAcceptHeaders(const Request& request, std::string_view subprotocol);

enum class WebSocketRole { kServer, kClient };
std::unique_ptr<Duplex> MakeWebSocket(WebSocketRole role, std::unique_ptr<MessageHandler> handler,
                                      const WebSocketOptions& options = {});

// A handler that carries `bytes`' stream in binary messages, whose boundaries mean nothing: a text
// message closes with 1003, the stream's end with 1000, and close 1000 is its end.
std::unique_ptr<MessageHandler> BytesInMessages(std::unique_ptr<Duplex> bytes);

// How a stream that only goes to the client looks in messages.
struct MessageForm {
  bool text = false;
  bool begins_empty = false;  // With a message of no bytes, by which clients know that all is well.
  // Of each piece that the source yields; null: as it is.
  std::function<std::string(const std::string&)> encode = {};
};
// A message for each piece of the stream; its end closes with 1000, a break with 1011. What the
// client sends means nothing.
std::unique_ptr<MessageHandler> SourceInMessages(std::unique_ptr<StreamSource> source,
                                                 MessageForm form);

// As a client. `request` needs target and whatever headers; the handshake's are added. `open` is
// called once on a loop: with the subprotocol that was chosen ("" for none) it returns the handler;
// with an error it returns null. An answer that is not 101 is an error with that http_code.
std::unique_ptr<Exchange> OpenWebSocket(
    Loops& loops, Upstream upstream, ClientRequest request,
    const std::vector<std::string>& subprotocols,
    std::function<std::unique_ptr<MessageHandler>(Result<std::string>)> open,
    const WebSocketOptions& options = {});

}  // namespace skiff::http
