#include "kubelet/simulation/simulated_forward.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "http/spdy.h"
#include "http/websocket.h"
#include "kubelet/simulation/channel_messages.h"
#include "kubelet/streaming/kubelet_request.h"

namespace skiff::kubelet {
namespace {

constexpr int kNormalClosure = 1000;
// Of what a connection sends before it is answered.
constexpr size_t kFirstBytesMax = 64 << 10;
// Of one WebSocket: there are two channels to a port, and where all is text as many as characters.
constexpr size_t kPortsMax = 32;

// What came on a connection, up to where it can be answered.
class FirstBytes {
 public:
  // True: it can be answered.
  bool Take(std::string_view bytes) {
    bytes_.append(bytes.substr(0, kFirstBytesMax - std::min(bytes_.size(), kFirstBytesMax)));
    if (bytes_.size() == kFirstBytesMax) return true;
    const bool is_http = bytes_.find(" HTTP/1.") != std::string::npos;
    return !is_http || bytes_.find("\r\n\r\n") != std::string::npos;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Each connection is a pair of streams: one for errors, which stays empty, and one for bytes.
class SpdyForward final : public http::SpdyHandler {
 public:
  explicit SpdyForward(PortAnswer answer) : answer_(std::move(answer)) {}
  void OnOpen(std::shared_ptr<http::SpdySender> sender) override { sender_ = std::move(sender); }
  bool OnStream(http::SpdyStreamId stream, const http::Headers& headers) override {
    const auto header = [&](const char* name) {
      const auto found = headers.find(name);
      return found == headers.end() ? std::string() : found->second;
    };
    if (header("streamtype") == "error") {
      errors_[header("requestid")] = stream;
    } else {
      connections_[stream] = {header("port"), header("requestid"), {}};
    }
    return true;
  }
  size_t OnData(http::SpdyStreamId stream, std::string_view bytes) override {
    const auto found = connections_.find(stream);
    if (found != connections_.end() && found->second.first.Take(bytes)) Answer(stream);
    return bytes.size();
  }
  void OnFin(http::SpdyStreamId stream) override { Answer(stream); }
  void OnReset(http::SpdyStreamId stream) override { connections_.erase(stream); }
  void OnClose() override {}

 private:
  struct Connection {
    std::string port, request_id;
    FirstBytes first;
  };
  void Answer(http::SpdyStreamId stream) {
    const auto found = connections_.find(stream);
    if (found == connections_.end()) return;
    const Connection& connection = found->second;
    if (!connection.first.bytes().empty()) {
      sender_->Send(stream, answer_(connection.port, connection.first.bytes()));
    }
    sender_->Finish(stream);
    if (const auto error = errors_.find(connection.request_id); error != errors_.end()) {
      sender_->Finish(error->second);
      errors_.erase(error);
    }
    connections_.erase(found);
  }

  const PortAnswer answer_;
  std::shared_ptr<http::SpdySender> sender_;
  std::map<http::SpdyStreamId, Connection> connections_;
  std::map<std::string, http::SpdyStreamId> errors_;  // By request id.
};

// Each port is one connection, and a pair of channels: 0, 2, ... for bytes, 1, 3, ... for errors.
// Both begin with the port's number, the lower byte first. When all have been answered, it ends.
class MessageForward final : public http::MessageHandler {
 public:
  MessageForward(ChannelMessages messages, const std::vector<int32_t>& ports, PortAnswer answer)
      : messages_(messages), answer_(std::move(answer)), open_(ports.size()) {
    for (const int32_t port : ports) connections_.push_back({port, {}, true});
  }
  void OnOpen(std::shared_ptr<http::WebSocketSender> sender) override {
    sender_ = std::move(sender);
    for (size_t i = 0; i < connections_.size(); ++i) {
      const int32_t port = connections_[i].port;
      const std::string number = {static_cast<char>(port & 0xFF), static_cast<char>(port >> 8)};
      for (const size_t channel : {2 * i, 2 * i + 1}) Send(channel, number);
    }
  }
  bool OnMessage(std::string_view data, bool) override {
    const auto message = messages_.Read(data);
    if (!message || message->channel % 2 != 0) return true;
    const auto index = static_cast<size_t>(message->channel / 2);
    if (index >= connections_.size() || !connections_[index].is_open) return true;
    // Whatever is sent is taken whole where there is any room.
    if (sender_->Room() == 0) {
      is_waiting_ = true;
      return false;
    }
    Connection& connection = connections_[index];
    if (!connection.first.Take(message->bytes)) return true;
    connection.is_open = false;
    Send(2 * index, answer_(std::to_string(connection.port), connection.first.bytes()));
    if (--open_ == 0) sender_->Close(kNormalClosure);
    return true;
  }
  void OnRoom(size_t) override {
    if (std::exchange(is_waiting_, false)) sender_->Wake();
  }
  void OnClose(int, std::string_view) override {}

 private:
  struct Connection {
    int32_t port = 0;
    FirstBytes first;
    bool is_open = true;
  };
  void Send(size_t channel, std::string_view bytes) {
    sender_->Send(messages_.Make(static_cast<int>(channel), bytes), messages_.is_text());
  }

  const ChannelMessages messages_;
  const PortAnswer answer_;
  std::shared_ptr<http::WebSocketSender> sender_;
  std::vector<Connection> connections_;
  size_t open_ = 0;
  bool is_waiting_ = false;  // For room to answer in.
};

http::Response AnswerByMessages(const http::Request& request, PortAnswer answer) {
  const auto ports = ForwardedPortsOf(request);
  if (!ports) return PlainAnswer(400, ports.error().message);
  if (ports->empty()) return PlainAnswer(400, "query parameter \"port\" is required");
  if (ports->size() > kPortsMax) return PlainAnswer(400, "too many ports");
  const auto chosen =
      http::ChooseSubprotocol(request, {"v4.channel.k8s.io", "v4.base64.channel.k8s.io", ""});
  if (!chosen) {
    return PlainAnswer(400, "no protocol in common; this node speaks v4.channel.k8s.io");
  }
  return http::AcceptWebSocket(
      request, *chosen,
      std::make_unique<MessageForward>(ChannelMessages(*chosen), *ports, std::move(answer)));
}

}  // namespace

http::Response AnswerSimulatedForward(const http::Request& request, PortAnswer answer) {
  if (http::IsWebSocket(request)) return AnswerByMessages(request, std::move(answer));
  if (!http::IsSpdy(request)) return PlainAnswer(400, "Upgrade request required");
  return http::AcceptSpdy(request, {"portforward.k8s.io"}, [&](const std::string&) {
    return std::make_unique<SpdyForward>(std::move(answer));
  });
}

}  // namespace skiff::kubelet
