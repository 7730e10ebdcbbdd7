// WebSocket frames from a peer, on either side of a connection.
#include "http/websocket.h"

#include "base/error.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {
namespace {

constexpr size_t kMessageBytesMax = 1000;

class Seen : public http::MessageHandler {
 public:
  explicit Seen(int* closed) : closed_(closed) {}
  void OnOpen(std::shared_ptr<http::WebSocketSender> sender) override {
    sender_ = std::move(sender);
  }
  bool OnMessage(std::string_view data, bool text) override {
    CHECK(*closed_ == 0);
    CHECK(data.size() <= kMessageBytesMax);
    (void)sender_->Send(std::string(data), text);
    return true;
  }
  void OnClose(int, std::string_view) override { CHECK(++*closed_ == 1); }

 private:
  std::shared_ptr<http::WebSocketSender> sender_;
  int* closed_;
};

void Play(http::WebSocketRole role, std::string_view bytes, size_t step) {
  int closed = 0;
  {
    const auto socket = http::MakeWebSocket(role, std::make_unique<Seen>(&closed),
                                            {.message_bytes_max = kMessageBytesMax});
    socket->Attach([] {});
    std::vector<http::SharedBytes> out;
    http::Pulled pulled = http::Pulled::kIdle;
    while (!bytes.empty() && pulled != http::Pulled::kEnd) {
      const size_t taken = socket->OnBytes(bytes.substr(0, step));
      bytes.remove_prefix(taken);
      out.clear();
      pulled = socket->Pull(1 << 20, out);
      if (taken == 0) break;
    }
    if (pulled != http::Pulled::kEnd) socket->OnPeerClosed();
    out.clear();
    (void)socket->Pull(1 << 20, out);
  }
  CHECK(closed <= 1);
}

}  // namespace

void WebSocket(std::string_view bytes) {
  for (const auto role : {http::WebSocketRole::kServer, http::WebSocketRole::kClient}) {
    Play(role, bytes, bytes.size() + 1);
    Play(role, bytes, 3);
  }
}

}  // namespace skiff::fuzz
