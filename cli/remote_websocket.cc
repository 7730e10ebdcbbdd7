#include <sys/eventfd.h>

#include "cli/remote_link.h"
#include "client/transport.h"
#include "http/websocket.h"

namespace skiff::cli {
namespace {

constexpr char kStdinChannel = 0;
constexpr char kStdoutChannel = 1;
constexpr char kStderrChannel = 2;
constexpr char kErrorChannel = 3;
constexpr char kResizeChannel = 4;
constexpr char kCloseChannel = static_cast<char>(255);
constexpr char kWithHalfClose[] = "v5.channel.k8s.io";

// Each message begins with the number of its channel.
class WebSocketLink final : public RemoteLink {
 public:
  WebSocketLink(std::shared_ptr<http::WebSocketSender> sender, bool half_close)
      : sender_(std::move(sender)), half_close_(half_close) {}
  bool SendInput(const std::string& bytes) override {
    return sender_->Send(std::string(1, kStdinChannel) + bytes);
  }
  bool EndInput() override {
    return !half_close_ || sender_->Send({kCloseChannel, kStdinChannel});
  }
  bool SendSize(const std::string& json) override {
    return sender_->Send(std::string(1, kResizeChannel) + json);
  }

 private:
  const std::shared_ptr<http::WebSocketSender> sender_;
  const bool half_close_;  // v4 knows no end of input.
};

// Writes what comes to the outputs. They may block the loop, which carries nothing else.
class RemoteMessages final : public http::MessageHandler {
 public:
  RemoteMessages(std::shared_ptr<RemoteState> state, RemoteOutputs outputs, bool half_close)
      : state_(std::move(state)), outputs_(std::move(outputs)), half_close_(half_close) {}

  void OnOpen(std::shared_ptr<http::WebSocketSender> sender) override {
    const MutexLock lock(state_->mutex);
    state_->link = std::make_shared<WebSocketLink>(std::move(sender), half_close_);
    state_->Signal();
  }
  bool OnMessage(std::string_view data, bool /*text*/) override {
    if (data.size() < 2) return true;
    const std::string_view bytes = data.substr(1);
    if (data[0] == kStdoutChannel) outputs_.out(bytes);
    if (data[0] == kStderrChannel) outputs_.err(bytes);
    if (data[0] == kErrorChannel) {
      const MutexLock lock(state_->mutex);
      state_->status += bytes;
    }
    return true;
  }
  void OnRoom(size_t /*bytes*/) override { state_->Signal(); }
  void OnClose(int code, std::string_view /*reason*/) override {
    const MutexLock lock(state_->mutex);
    state_->closed = true;
    state_->close_code = code;
    state_->Signal();
  }

 private:
  const std::shared_ptr<RemoteState> state_;
  const RemoteOutputs outputs_;
  const bool half_close_;
};

}  // namespace

RemoteState::RemoteState() : changed(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
RemoteState::~RemoteState() {
  close(changed);
}
void RemoteState::Signal() const {
  const uint64_t one = 1;
  (void)!write(changed, &one, sizeof(one));  // Full means that it is readable already.
}

http::ClientRequest RemoteUpgradeRequest(const ServerAddress& address,
                                         const RemoteRequest& request) {
  http::Request target;
  target.path = fmt::format("/api/v1/namespaces/{}/pods/{}/{}", request.pod.namespace_,
                            request.pod.name, request.subresource);
  for (const std::string& word : request.command) target.query.emplace_back("command", word);
  target.query.emplace_back("container", request.container);
  if (request.with_stdin) target.query.emplace_back("stdin", "true");
  target.query.emplace_back("stdout", "true");
  if (!request.tty) target.query.emplace_back("stderr", "true");
  if (request.tty) target.query.emplace_back("tty", "true");
  http::ClientRequest out;
  out.target = address.path_prefix + EncodeTarget(target);
  out.headers = address.headers;
  return out;
}

std::unique_ptr<http::Exchange> OpenRemoteWebSocket(http::Loops& loops,
                                                    const ServerAddress& address,
                                                    const RemoteRequest& request,
                                                    std::shared_ptr<RemoteState> state,
                                                    RemoteOutputs outputs) {
  return http::OpenWebSocket(
      loops, address.upstream, RemoteUpgradeRequest(address, request),
      {kWithHalfClose, "v4.channel.k8s.io"},
      [state, outputs](Result<std::string> protocol) -> std::unique_ptr<http::MessageHandler> {
        if (protocol) {
          return std::make_unique<RemoteMessages>(state, outputs, *protocol == kWithHalfClose);
        }
        const MutexLock lock(state->mutex);
        state->refused = protocol.error();
        state->Signal();
        return nullptr;
      },
      {.ping_every = 5s});
}

}  // namespace skiff::cli
