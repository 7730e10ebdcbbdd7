#include "apiserver/subresources/exec_over_spdy.h"

#include <atomic>
#include <map>
#include <set>
#include <utility>

#include "apiserver/request/api_errors.h"
#include "apiserver/request/respond.h"
#include "base/mutex.h"
#include "http/spdy.h"
#include "http/websocket.h"

namespace skiff {
namespace {

constexpr char kExecV5[] = "v5.channel.k8s.io";
constexpr char kSpdyExec[] = "v4.channel.k8s.io";
constexpr char kForwardTunnel[] = "SPDY/3.1+portforward.k8s.io";
constexpr char kForward[] = "portforward.k8s.io";
constexpr char kSuccess[] = R"({"metadata":{},"status":"Success"})";
constexpr size_t kRefusalBytesMax = 4096;
constexpr size_t kStatusBytesMax = 1 << 20;  // What a kubelet says of how a command ended.
constexpr Duration kPingEvery = std::chrono::seconds(5);

enum Channel : char { kInput = 0, kOutput = 1, kError = 2, kStatus = 3, kResize = 4 };
constexpr char kCloseChannel = static_cast<char>(255);
constexpr int kNormal = 1000;
constexpr int kProtocolError = 1002;
constexpr int kBroken = 1011;

std::string Message(char channel, std::string_view bytes) {
  std::string message(1, channel);
  message += bytes;
  return message;
}

// What the two sides share, which live on loops of their own. A side that takes no more stops the
// other from reading; it says when it takes more.
class Bridge {
 public:
  explicit Bridge(const ExecStreams& streams) : streams_(streams) {}

  void ClientOpened(std::shared_ptr<http::WebSocketSender> client) {
    MutexLock lock(mutex_);
    client_ = std::move(client);
  }
  void ClientLeft() {
    std::shared_ptr<http::SpdySender> kubelet;
    {
      MutexLock lock(mutex_);
      client_left_ = true;
      kubelet = kubelet_;
    }
    if (kubelet) kubelet->Close();
  }
  void KubeletOpened(std::shared_ptr<http::SpdySender> kubelet) {
    const auto open = [&](Channel channel, const char* type) {
      const http::SpdyStreamId stream = kubelet->Open({{"streamType", type}});
      ids_[channel] = stream;
      channels_[stream] = channel;
      unreplied_.insert(stream);
    };
    open(kStatus, "error");
    kubelet->Finish(ids_[kStatus]);
    if (streams_.input) open(kInput, "stdin");
    if (streams_.output) open(kOutput, "stdout");
    if (streams_.error && !streams_.tty) open(kError, "stderr");
    if (streams_.tty) open(kResize, "resize");
    for (const Channel channel : {kStatus, kOutput, kError}) {
      if (ids_.contains(channel)) running_.insert(channel);
    }
    MutexLock lock(mutex_);
    kubelet_ = std::move(kubelet);
    if (client_left_) kubelet_->Close();
  }
  // Peers drop data that comes before their reply.
  void Replied(http::SpdyStreamId stream) {
    unreplied_.erase(stream);
    if (!unreplied_.empty()) return;
    ready_ = true;
    client()->Wake();
  }

  // False: not now.
  bool FromClient(std::string_view data) {
    if (data.empty()) return true;
    if (!ready_) return false;
    const auto to = kubelet();
    if (data[0] == kCloseChannel) {
      if (data.size() != 2) {
        client()->Close(kProtocolError);
      } else if (data[1] == kInput && streams_.input) {
        to->Finish(ids_.at(kInput));
      }
      return true;
    }
    const std::string_view bytes = data.substr(1);
    if (data[0] == kResize && streams_.tty) {
      // Documents one after the other, a line each. A size that has no room is not worth waiting.
      (void)to->Send(ids_.at(kResize), std::string(bytes) + "\n");
    }
    if (data[0] != kInput || !streams_.input || bytes.empty()) return true;
    if (to->Send(ids_.at(kInput), std::string(bytes))) return true;
    input_waits_ = true;
    // Room may have come between the two.
    return to->Send(ids_.at(kInput), std::string(bytes)) && Reset(input_waits_);
  }
  void ClientHasRoom() {
    if (output_waits_.exchange(false)) kubelet()->Wake();
    Finish();
  }
  size_t FromKubelet(http::SpdyStreamId stream, std::string_view bytes) {
    const auto channel = channels_.find(stream);
    if (channel == channels_.end()) return bytes.size();
    if (channel->second == kStatus) {
      status_ += bytes.substr(0, kStatusBytesMax - std::min(status_.size(), kStatusBytesMax));
      return bytes.size();
    }
    const auto to = client();
    if (to->Send(Message(channel->second, bytes))) return bytes.size();
    output_waits_ = true;
    return to->Send(Message(channel->second, bytes)) && Reset(output_waits_) ? bytes.size() : 0;
  }
  void KubeletHasRoom() {
    if (input_waits_.exchange(false)) client()->Wake();
  }
  // The command is over when its outputs are, and its result is known.
  void Ended(http::SpdyStreamId stream) {
    const auto channel = channels_.find(stream);
    if (channel == channels_.end() || running_.erase(channel->second) == 0) return;
    if (!running_.empty()) return;
    End(status_.empty() ? kSuccess : status_);
    kubelet()->Close();
  }
  void KubeletClosed() {
    if (!running_.empty()) client()->Close(kBroken);
  }
  // The last word to the client.
  void End(std::string status) {
    {
      MutexLock lock(mutex_);
      result_ = Message(kStatus, status);
    }
    Finish();
  }
  const ExecStreams& streams() const { return streams_; }

 private:
  static bool Reset(std::atomic<bool>& flag) {
    flag = false;
    return true;
  }
  std::shared_ptr<http::WebSocketSender> client() {
    MutexLock lock(mutex_);
    return client_;
  }
  std::shared_ptr<http::SpdySender> kubelet() {
    MutexLock lock(mutex_);
    return kubelet_;
  }
  void Finish() {
    MutexLock lock(mutex_);
    // Refused while the client's backlog is full; tried again when it has room.
    if (result_.empty() || !client_->Send(result_)) return;
    result_.clear();
    client_->Close(kNormal);
  }

  const ExecStreams streams_;
  // Of the kubelet's side; ids_ is read by the other as well, once ready_ is set.
  std::map<Channel, http::SpdyStreamId> ids_;
  std::map<http::SpdyStreamId, Channel> channels_;
  std::set<http::SpdyStreamId> unreplied_;
  std::set<Channel> running_;
  std::string status_;
  std::atomic<bool> ready_ = false;
  std::atomic<bool> input_waits_ = false;   // The kubelet's side refused some.
  std::atomic<bool> output_waits_ = false;  // The client's side did.

  Mutex mutex_;
  std::shared_ptr<http::WebSocketSender> client_ GUARDED_BY(mutex_);
  std::shared_ptr<http::SpdySender> kubelet_ GUARDED_BY(mutex_);
  bool client_left_ GUARDED_BY(mutex_) = false;
  std::string result_ GUARDED_BY(mutex_);  // To be sent; "" when it has been, or is not known.
};

class KubeletSide final : public http::SpdyHandler {
 public:
  explicit KubeletSide(std::shared_ptr<Bridge> bridge) : bridge_(std::move(bridge)) {}
  void OnOpen(std::shared_ptr<http::SpdySender> sender) override {
    bridge_->KubeletOpened(std::move(sender));
  }
  bool OnStream(http::SpdyStreamId, const http::Headers&) override { return false; }
  void OnReply(http::SpdyStreamId stream) override { bridge_->Replied(stream); }
  size_t OnData(http::SpdyStreamId stream, std::string_view bytes) override {
    return bridge_->FromKubelet(stream, bytes);
  }
  void OnFin(http::SpdyStreamId stream) override { bridge_->Ended(stream); }
  void OnReset(http::SpdyStreamId stream) override { bridge_->Ended(stream); }
  void OnRoom(size_t) override { bridge_->KubeletHasRoom(); }
  void OnClose() override { bridge_->KubeletClosed(); }

 private:
  const std::shared_ptr<Bridge> bridge_;
};

// Asks the kubelet as soon as the client's socket is open.
class ClientSide final : public http::MessageHandler {
 public:
  ClientSide(const ExecStreams& streams, http::Loops& loops, http::Upstream kubelet,
             http::ClientRequest request)
      : bridge_(std::make_shared<Bridge>(streams)),
        loops_(loops),
        kubelet_(std::move(kubelet)),
        request_(std::move(request)) {}

  void OnOpen(std::shared_ptr<http::WebSocketSender> sender) override {
    // Clients take an empty message for the sign that all is ready.
    const ExecStreams& streams = bridge_->streams();
    (void)sender->Send(Message(streams.output ? kOutput : streams.error ? kError : kStatus, ""));
    bridge_->ClientOpened(std::move(sender));
    exchange_ = http::Open(
        loops_, std::move(kubelet_), std::move(request_),
        [bridge = bridge_](Result<http::Opened> opened) { Answered(bridge, std::move(opened)); });
  }
  // Text or binary, a message's first byte is its channel.
  bool OnMessage(std::string_view data, bool) override { return bridge_->FromClient(data); }
  void OnRoom(size_t) override { bridge_->ClientHasRoom(); }
  void OnClose(int, std::string_view) override { bridge_->ClientLeft(); }

 private:
  static void Answered(const std::shared_ptr<Bridge>& bridge, Result<http::Opened> opened) {
    if (opened && opened->raw) {
      opened->raw->Carry(http::MakeSpdy(http::SpdyRole::kClient,
                                        std::make_unique<KubeletSide>(bridge),
                                        {.ping_every = kPingEvery}));
      return;
    }
    std::string why = opened ? "unable to upgrade connection: " : "error dialing backend: ";
    if (!opened) why += opened.error().message;
    if (opened && opened->body) why += RefusalText(*opened->body);
    bridge->End(StatusText(InternalErrorOf(why)));
  }

  const std::shared_ptr<Bridge> bridge_;
  http::Loops& loops_;
  http::Upstream kubelet_;
  http::ClientRequest request_;
  std::unique_ptr<http::Exchange> exchange_;
};

// The same request as a POST for SPDY.
void AskForSpdyInstead(http::ClientRequest& request, const std::string& protocol) {
  request.method = "POST";
  for (const char* name : {"Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version",
                           "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"}) {
    request.headers.erase(name);
  }
  http::AskForSpdy(request.headers, {protocol});
}

}  // namespace

std::string RefusalText(http::StreamSource& body) {
  std::vector<http::SharedBytes> pieces;
  body.Attach([] {});
  (void)body.Pull(kRefusalBytesMax, pieces);
  std::string text;
  for (const auto& piece : pieces) text += *piece;
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

bool WantsExecV5(const http::Request& request) {
  if (!http::IsWebSocket(request)) return false;
  return http::ChooseSubprotocol(request, {kExecV5, kSpdyExec, "v4.base64.channel.k8s.io",
                                           "channel.k8s.io", "base64.channel.k8s.io", ""}) ==
         kExecV5;
}

http::Response AcceptExecV5(const http::Request& request, const ExecStreams& streams,
                            http::Loops& loops, http::Upstream kubelet,
                            http::ClientRequest to_kubelet) {
  AskForSpdyInstead(to_kubelet, kSpdyExec);
  return http::AcceptWebSocket(
      request, kExecV5,
      std::make_unique<ClientSide>(streams, loops, std::move(kubelet), std::move(to_kubelet)));
}

bool WantsForwardTunnel(const http::Request& request) {
  return http::IsWebSocket(request) &&
         http::ChooseSubprotocol(request, {kForwardTunnel}) == kForwardTunnel;
}

void TunnelForward(const http::Request& request, http::Forwarding& forwarding) {
  AskForSpdyInstead(forwarding.request, kForward);
  forwarding.on_answer =
      [headers = http::WebSocketAcceptHeaders(request, kForwardTunnel)](http::Response& response) {
        if (response.status != 101) return;
        response.headers = headers;
        response.upgrade = http::MakeWebSocket(http::WebSocketRole::kServer,
                                               http::BytesInMessages(std::move(response.upgrade)));
      };
}

}  // namespace skiff
