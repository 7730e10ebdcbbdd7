#include "apiserver/watches/watch_socket.h"

#include "http/websocket.h"

namespace skiff {
namespace {

// In front of each protobuf frame of a plain stream; a message says its length itself.
constexpr size_t kFrameLengthBytes = 4;

}  // namespace

http::Response WatchOverWebSocket(const http::Request& request, Encoding encoding,
                                  std::unique_ptr<http::StreamSource> watch) {
  http::MessageForm form{.text = encoding != Encoding::kProtobuf};
  if (encoding == Encoding::kProtobuf) {
    form.encode = [](const std::string& frame) { return frame.substr(kFrameLengthBytes); };
  }
  // The one protocol that a client offers is the one that it gets: there is nothing to choose.
  const auto offered = http::OfferedSubprotocols(request);
  if (offered.size() > 1) {
    http::Response refused;
    refused.status = 400;
    refused.content_type = "text/plain; charset=utf-8";
    refused.body = "bad WebSocket protocol";
    return refused;
  }
  return http::AcceptWebSocket(request, offered.empty() ? "" : offered.front(),
                               http::SourceInMessages(std::move(watch), std::move(form)));
}

}  // namespace skiff
