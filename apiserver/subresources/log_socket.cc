#include "apiserver/subresources/log_socket.h"

#include <utility>

#include "base/hash.h"
#include "http/websocket.h"

namespace skiff {
namespace {

constexpr char kBinary[] = "binary.k8s.io";
constexpr char kBase64[] = "base64.binary.k8s.io";

}  // namespace

std::optional<http::Response> CarryLogInWebSocket(const http::Request& request,
                                                  http::Forwarding& forwarding) {
  if (auto refused = http::RefuseWebSocket(request)) return refused;
  const auto protocol = http::ChooseSubprotocol(request, {"", kBinary, kBase64});
  if (!protocol) {
    http::Response refused;
    refused.status = 403;
    return refused;
  }
  for (const char* name : {"Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version",
                           "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Origin"}) {
    forwarding.request.headers.erase(name);
  }
  http::MessageForm form{.begins_empty = true};
  if (*protocol == kBase64) {
    form.text = true;
    form.encode = [](const std::string& piece) { return Base64(piece); };
  }
  forwarding.on_answer = [before = std::move(forwarding.on_answer), form = std::move(form),
                          headers = http::WebSocketAcceptHeaders(request, *protocol)](
                             http::Response& response) {
    if (before) before(response);
    if (response.status != 200 || !response.stream) return;
    response.status = 101;
    response.headers = headers;
    response.content_type.clear();
    response.upgrade = http::MakeWebSocket(
        http::WebSocketRole::kServer, http::SourceInMessages(std::move(response.stream), form));
  };
  return std::nullopt;
}

}  // namespace skiff
