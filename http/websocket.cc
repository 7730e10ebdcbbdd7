#include "http/websocket.h"

#include <openssl/rand.h>
#include <openssl/sha.h>
#include <wslay/wslay.h>

#include <algorithm>
#include <deque>

#include "base/hash.h"
#include "base/mutex.h"

namespace skiff::http {
namespace {

constexpr Duration kPeerSilenceMax = 61s;  // As kubectl's read deadline.
constexpr Duration kCloseTimeout = 10s;    // For the peer's answer to our close.
constexpr int kPingsMax = 100;             // Not answered yet; past it nothing is read.
constexpr int kFragmentsMax = 4'096;       // Of one message.
constexpr size_t kUnreadBytesMax = 32 << 10;  // Of a message that means nothing to its handler.
constexpr int kNoStatus = 1005;
constexpr int kAbnormal = 1006;

// What other threads leave for the loop.
class Outgoing final : public WebSocketSender {
 public:
  struct Message {
    std::string data;
    bool text = false;
  };
  struct Closing {
    int code = 0;
    std::string reason;
  };

  explicit Outgoing(size_t bytes_max) : bytes_max_(bytes_max) {}

  bool Send(std::string data, bool text) override {
    {
      MutexLock lock(mutex_);
      if (ended_ || closing_ || bytes_ >= bytes_max_) return false;
      messages_.push_back({std::move(data), text});
      bytes_ += HeldBy(messages_.back());
    }
    Wake();
    return true;
  }
  size_t Room() const override {
    MutexLock lock(mutex_);
    return ended_ || closing_ || bytes_ >= bytes_max_ ? 0 : bytes_max_ - bytes_;
  }
  void Close(int code, std::string reason) override {
    {
      MutexLock lock(mutex_);
      if (!closing_) closing_ = Closing{code, std::move(reason)};
    }
    Wake();
  }
  void Wake() override {
    Waker wake;
    {
      MutexLock lock(mutex_);
      wake = waker_;
    }
    if (wake) wake();
  }

  void set_waker(Waker waker) {
    MutexLock lock(mutex_);
    waker_ = std::move(waker);
  }
  std::optional<Message> Take() {
    MutexLock lock(mutex_);
    if (messages_.empty()) return std::nullopt;
    bytes_ -= HeldBy(messages_.front());
    Message message = std::move(messages_.front());
    messages_.pop_front();
    return message;
  }
  // Once every message is taken.
  std::optional<Closing> TakeClosing() {
    MutexLock lock(mutex_);
    if (!messages_.empty() || !closing_ || ended_) return std::nullopt;
    ended_ = true;
    return closing_;
  }
  void End() {
    MutexLock lock(mutex_);
    ended_ = true;
    messages_.clear();
    waker_ = nullptr;
  }

 private:
  // A message of one byte is held by forty.
  static size_t HeldBy(const Message& message) { return sizeof(Message) + message.data.capacity(); }

  const size_t bytes_max_;
  mutable Mutex mutex_;
  std::deque<Message> messages_ GUARDED_BY(mutex_);
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  std::optional<Closing> closing_ GUARDED_BY(mutex_);
  bool ended_ GUARDED_BY(mutex_) = false;
  Waker waker_ GUARDED_BY(mutex_);
};

class WebSocket final : public Duplex {
 public:
  WebSocket(WebSocketRole role, std::unique_ptr<MessageHandler> handler,
            const WebSocketOptions& options);
  ~WebSocket() override;
  void Attach(Waker waker) override;
  Pulled Pull(size_t bytes_max, std::vector<SharedBytes>& out) override;
  int PullEveryMs() const override;
  size_t OnBytes(std::string_view bytes) override;
  void OnPeerClosed() override;

 private:
  static WebSocket& Self(void* user_data) { return *static_cast<WebSocket*>(user_data); }
  static ssize_t OnRecv(wslay_event_context_ptr context, uint8_t* buffer, size_t length, int,
                        void* user_data);
  static ssize_t OnSend(wslay_event_context_ptr context, const uint8_t* data, size_t length, int,
                        void* user_data);
  static int OnMask(wslay_event_context_ptr context, uint8_t* buffer, size_t length, void*);
  static void OnFrame(wslay_event_context_ptr context,
                      const wslay_event_on_frame_recv_start_arg* frame, void* user_data);
  static void OnMessage(wslay_event_context_ptr context, const wslay_event_on_msg_recv_arg* message,
                        void* user_data);
  // Offers the handler what it refused; true when nothing is left of that.
  bool DeliverHeld();
  void QueueOutgoing(size_t bytes_max);
  void TellClosed(int code, std::string_view reason);
  Pulled Rest();

  const WebSocketOptions options_;
  const std::unique_ptr<MessageHandler> handler_;
  const std::shared_ptr<Outgoing> outgoing_;
  SystemClock clock_;
  wslay_event_context_ptr context_ = nullptr;
  std::string_view incoming_;           // While wslay reads.
  std::string sent_;                    // What wslay wrote, until it is pulled.
  std::deque<Outgoing::Message> held_;  // Received, and refused by the handler.
  int pings_ = 0;                       // Whose answers the peer has not taken.
  int fragments_ = 0;                   // Of the message that is being received.
  bool told_closed_ = false;
  bool peer_gone_ = false;
  bool failed_ = false;
  Duration last_received_;
  Duration last_ping_;
  Duration close_sent_at_ = kNever;
};

WebSocket::WebSocket(WebSocketRole role, std::unique_ptr<MessageHandler> handler,
                     const WebSocketOptions& options)
    : options_(options),
      handler_(std::move(handler)),
      outgoing_(std::make_shared<Outgoing>(options.backlog_bytes_max)),
      last_received_(clock_.Monotonic()),
      last_ping_(last_received_) {
  wslay_event_callbacks callbacks{};
  callbacks.recv_callback = OnRecv;
  callbacks.send_callback = OnSend;
  callbacks.genmask_callback = OnMask;
  callbacks.on_frame_recv_start_callback = OnFrame;
  callbacks.on_msg_recv_callback = OnMessage;
  const auto init = role == WebSocketRole::kServer ? wslay_event_context_server_init
                                                   : wslay_event_context_client_init;
  CHECK(init(&context_, &callbacks, this) == 0);
  const size_t most = handler_->ReadsMessages() ? options_.message_bytes_max : kUnreadBytesMax;
  wslay_event_config_set_max_recv_msg_length(context_, most);
}

WebSocket::~WebSocket() {
  outgoing_->End();
  TellClosed(kAbnormal, "");
  wslay_event_context_free(context_);
}

void WebSocket::Attach(Waker waker) {
  outgoing_->set_waker(std::move(waker));
  handler_->OnOpen(outgoing_);
}

ssize_t WebSocket::OnRecv(wslay_event_context_ptr context, uint8_t* buffer, size_t length, int,
                          void* user_data) {
  WebSocket& self = Self(user_data);
  const bool pauses = !self.held_.empty() || self.pings_ >= kPingsMax || self.failed_;
  if (self.incoming_.empty() || pauses) {
    wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
    return -1;
  }
  const size_t count = std::min(length, self.incoming_.size());
  std::copy_n(self.incoming_.begin(), count, reinterpret_cast<char*>(buffer));
  self.incoming_.remove_prefix(count);
  return static_cast<ssize_t>(count);
}

ssize_t WebSocket::OnSend(wslay_event_context_ptr, const uint8_t* data, size_t length, int,
                          void* user_data) {
  Self(user_data).sent_.append(reinterpret_cast<const char*>(data), length);
  return static_cast<ssize_t>(length);
}

int WebSocket::OnMask(wslay_event_context_ptr, uint8_t* buffer, size_t length, void*) {
  return RAND_bytes(buffer, static_cast<int>(length)) == 1 ? 0 : -1;
}

void WebSocket::OnFrame(wslay_event_context_ptr, const wslay_event_on_frame_recv_start_arg* frame,
                        void* user_data) {
  WebSocket& self = Self(user_data);
  if (wslay_is_ctrl_frame(frame->opcode)) return;
  // Each fragment of a message costs as much again as a small one holds.
  self.fragments_ = frame->opcode == WSLAY_CONTINUATION_FRAME ? self.fragments_ + 1 : 1;
  if (self.fragments_ > kFragmentsMax) self.failed_ = true;
}

void WebSocket::OnMessage(wslay_event_context_ptr, const wslay_event_on_msg_recv_arg* message,
                          void* user_data) {
  WebSocket& self = Self(user_data);
  const std::string_view data(reinterpret_cast<const char*>(message->msg), message->msg_length);
  if (message->opcode == WSLAY_CONNECTION_CLOSE) {
    // The first two bytes are the code, which wslay has taken apart; 0 stands for none.
    const int code = message->status_code == 0 ? kNoStatus : message->status_code;
    self.TellClosed(code, data.substr(std::min<size_t>(2, data.size())));
    return;
  }
  // Pings are answered by wslay, as soon as the peer takes what was sent before.
  if (message->opcode == WSLAY_PING) ++self.pings_;
  if (wslay_is_ctrl_frame(message->opcode)) return;
  const bool text = message->opcode == WSLAY_TEXT_FRAME;
  if (!self.held_.empty() || !self.handler_->OnMessage(data, text)) {
    self.held_.push_back({std::string(data), text});
  }
}

bool WebSocket::DeliverHeld() {
  while (!held_.empty() && handler_->OnMessage(held_.front().data, held_.front().text)) {
    held_.pop_front();
  }
  return held_.empty();
}

size_t WebSocket::OnBytes(std::string_view bytes) {
  last_received_ = clock_.Monotonic();
  if (!DeliverHeld()) return 0;
  incoming_ = bytes;
  while (!incoming_.empty() && held_.empty() && pings_ < kPingsMax) {
    // After a close frame nothing counts any more.
    if (!wslay_event_want_read(context_)) return bytes.size();
    if (wslay_event_recv(context_) != 0) failed_ = true;
    if (failed_) return bytes.size();
  }
  return bytes.size() - incoming_.size();
}

void WebSocket::OnPeerClosed() {
  peer_gone_ = true;
  TellClosed(kAbnormal, "");
}

void WebSocket::TellClosed(int code, std::string_view reason) {
  if (std::exchange(told_closed_, true)) return;
  handler_->OnClose(code, reason);
}

int WebSocket::PullEveryMs() const {
  if (close_sent_at_ != kNever) return 1'000;
  const int ping_ms = static_cast<int>(options_.ping_every / 1ms);
  const int handler_ms = handler_->PullEveryMs();
  return ping_ms > 0 && handler_ms > 0 ? std::min(ping_ms, handler_ms)
                                       : std::max(ping_ms, handler_ms);
}

void WebSocket::QueueOutgoing(size_t bytes_max) {
  const Duration now = clock_.Monotonic();
  if (options_.ping_every > 0s && now - last_ping_ >= options_.ping_every) {
    last_ping_ = now;
    const wslay_event_msg ping{WSLAY_PING, nullptr, 0};
    wslay_event_queue_msg(context_, &ping);
  }
  while (sent_.size() < bytes_max) {
    const auto message = outgoing_->Take();
    if (!message) break;
    const wslay_event_msg raw{
        static_cast<uint8_t>(message->text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME),
        reinterpret_cast<const uint8_t*>(message->data.data()), message->data.size()};
    wslay_event_queue_msg(context_, &raw);
    wslay_event_send(context_);
  }
  if (const auto closing = outgoing_->TakeClosing()) {
    wslay_event_queue_close(context_, static_cast<uint16_t>(closing->code),
                            reinterpret_cast<const uint8_t*>(closing->reason.data()),
                            std::min<size_t>(closing->reason.size(), 123));
  }
  wslay_event_send(context_);
}

Pulled WebSocket::Pull(size_t bytes_max, std::vector<SharedBytes>& out) {
  DeliverHeld();
  if (outgoing_->Room() > 0) handler_->OnRoom(std::min(bytes_max, outgoing_->Room()));
  QueueOutgoing(bytes_max);
  // What was not read meanwhile is offered again.
  if (std::exchange(pings_, 0) >= kPingsMax) outgoing_->Wake();
  if (!sent_.empty()) {
    out.push_back(std::make_shared<const std::string>(std::move(sent_)));
    sent_ = {};
    return Pulled::kMore;
  }
  return Rest();
}

// What is left to do once everything is sent.
Pulled WebSocket::Rest() {
  if (failed_) return Pulled::kAbort;
  const Duration now = clock_.Monotonic();
  const bool close_sent = wslay_event_get_close_sent(context_) != 0;
  if (close_sent) {
    outgoing_->End();
    if (close_sent_at_ == kNever) close_sent_at_ = now;
    // Closing before the peer's close has come could reset the connection under our last message.
    const bool answered = wslay_event_get_close_received(context_) != 0;
    const bool waited = now - close_sent_at_ >= kCloseTimeout;
    return answered || peer_gone_ || waited ? Pulled::kEnd : Pulled::kIdle;
  }
  if (peer_gone_) return Pulled::kEnd;
  if (options_.ping_every > 0s && now - last_received_ > kPeerSilenceMax) return Pulled::kAbort;
  return Pulled::kIdle;
}

// Sends what a stream yields, a message for each piece.
class PieceSender {
 public:
  PieceSender(StreamSource& source, MessageForm form) : source_(source), form_(std::move(form)) {}

  void Open(std::shared_ptr<WebSocketSender> sender) {
    sender_ = std::move(sender);
    if (form_.begins_empty) sender_->Send("", form_.text);
    source_.Attach([sender = sender_] { sender->Wake(); });
  }
  void OnRoom(size_t bytes_max) {
    // A message is counted for more than its bytes, so that the last ones may find no room.
    if (!SendWaiting() || pulled_ == Pulled::kEnd || pulled_ == Pulled::kAbort) return;
    std::vector<SharedBytes> pieces;
    pulled_ = source_.Pull(bytes_max, pieces);
    waiting_.assign(pieces.begin(), pieces.end());
    const bool sent = SendWaiting();
    if (sent && pieces.empty() && pulled_ == Pulled::kMore) sender_->Wake();
  }
  WebSocketSender& sender() { return *sender_; }

 private:
  // False while the backlog is full; OnRoom comes when it is not.
  bool SendWaiting() {
    while (!waiting_.empty()) {
      const std::string& piece = *waiting_.front();
      if (!sender_->Send(form_.encode ? form_.encode(piece) : piece, form_.text)) return false;
      waiting_.pop_front();
    }
    if (pulled_ == Pulled::kEnd) sender_->Close(1000);
    if (pulled_ == Pulled::kAbort) sender_->Close(1011);
    return true;
  }

  StreamSource& source_;
  const MessageForm form_;
  std::shared_ptr<WebSocketSender> sender_;
  std::deque<SharedBytes> waiting_;  // Pulled, and not taken by the backlog yet.
  Pulled pulled_ = Pulled::kIdle;
};

class BytesHandler final : public MessageHandler {
 public:
  explicit BytesHandler(std::unique_ptr<Duplex> bytes) : bytes_(std::move(bytes)) {}

  void OnOpen(std::shared_ptr<WebSocketSender> sender) override { pieces_.Open(std::move(sender)); }
  bool OnMessage(std::string_view data, bool text) override {
    if (text) {
      pieces_.sender().Close(1003, "invalid message type received");
      return true;
    }
    if (!OfferRest()) return false;
    rest_ = data.substr(bytes_->OnBytes(data));
    return true;
  }
  void OnRoom(size_t bytes_max) override {
    OfferRest();
    pieces_.OnRoom(bytes_max);
  }
  void OnClose(int, std::string_view) override {
    closed_ = true;
    OfferRest();
  }
  int PullEveryMs() const override { return bytes_->PullEveryMs(); }

 private:
  bool OfferRest() {
    if (!rest_.empty()) rest_.erase(0, bytes_->OnBytes(rest_));
    if (rest_.empty() && closed_ && !std::exchange(told_closed_, true)) bytes_->OnPeerClosed();
    return rest_.empty();
  }

  const std::unique_ptr<Duplex> bytes_;
  PieceSender pieces_{*bytes_, {}};
  std::string rest_;  // Of a message; bytes_ would not take it yet.
  bool closed_ = false;
  bool told_closed_ = false;
};

class SourceHandler final : public MessageHandler {
 public:
  SourceHandler(std::unique_ptr<StreamSource> source, MessageForm form)
      : source_(std::move(source)), pieces_(*source_, std::move(form)) {}

  void OnOpen(std::shared_ptr<WebSocketSender> sender) override { pieces_.Open(std::move(sender)); }
  bool OnMessage(std::string_view, bool) override { return true; }
  void OnRoom(size_t bytes_max) override { pieces_.OnRoom(bytes_max); }
  void OnClose(int, std::string_view) override {}
  int PullEveryMs() const override { return source_->PullEveryMs(); }
  bool ReadsMessages() const override { return false; }

 private:
  const std::unique_ptr<StreamSource> source_;
  PieceSender pieces_;
};

std::string AcceptKey(std::string_view key) {
  const std::string salted = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(salted.data()), salted.size(), digest);
  return Base64({reinterpret_cast<char*>(digest), sizeof digest});
}

Response Refusal(std::string text) {
  Response response;
  response.status = 400;
  response.content_type = "text/plain; charset=utf-8";
  response.SetHeader("Sec-WebSocket-Version", "13");
  response.body = std::move(text);
  return response;
}

Error BadHandshake(int status) {
  return {Reason::kServiceUnavailable, "websocket: bad handshake", {}, {}, status};
}

// The subprotocol that the server's 101 names.
Result<std::string> CheckAnswer(const Opened& opened, const std::string& key) {
  if (!opened.raw) return Fail(BadHandshake(opened.status));
  const auto accept = opened.headers.find("Sec-WebSocket-Accept");
  if (accept == opened.headers.end() || accept->second != AcceptKey(key)) {
    return Fail(BadHandshake(opened.status));
  }
  const auto chosen = opened.headers.find("Sec-WebSocket-Protocol");
  return chosen == opened.headers.end() ? std::string() : chosen->second;
}

}  // namespace

bool IsWebSocket(const Request& request) {
  return HasToken(request.Header("Connection"), "upgrade") &&
         EqualsIgnoreCase(request.Header("Upgrade"), "websocket");
}

std::vector<std::string> OfferedSubprotocols(const Request& request) {
  std::vector<std::string> offered;
  const auto [first, last] = request.headers.equal_range("Sec-WebSocket-Protocol");
  for (auto it = first; it != last; ++it) {
    std::string_view rest = it->second;
    while (!rest.empty()) {
      const std::string_view part = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), part.size() + 1));
      const size_t begin = part.find_first_not_of(" \t");
      if (begin == part.npos) continue;
      offered.emplace_back(part.substr(begin, part.find_last_not_of(" \t") - begin + 1));
    }
  }
  return offered;
}

std::optional<std::string> ChooseSubprotocol(const Request& request,
                                             const std::vector<std::string>& known) {
  auto offered = OfferedSubprotocols(request);
  if (offered.empty()) offered.emplace_back();
  for (auto& protocol : offered) {
    if (std::find(known.begin(), known.end(), protocol) != known.end()) return protocol;
  }
  return std::nullopt;
}

Headers WebSocketAcceptHeaders(const Request& request, std::string_view subprotocol) {
  Headers headers = {{"Connection", "Upgrade"},
                     {"Upgrade", "websocket"},
                     {"Sec-WebSocket-Accept", AcceptKey(request.Header("Sec-WebSocket-Key"))}};
  if (!subprotocol.empty()) headers.emplace("Sec-WebSocket-Protocol", subprotocol);
  return headers;
}

std::optional<Response> RefuseWebSocket(const Request& request) {
  const auto nonce = FromBase64(request.Header("Sec-WebSocket-Key"));
  if (request.method != "GET" || !IsWebSocket(request)) return Refusal("not a WebSocket request");
  if (request.Header("Sec-WebSocket-Version") != "13") return Refusal("bad WebSocket version");
  if (!nonce || nonce->size() != 16) return Refusal("bad Sec-WebSocket-Key");
  return std::nullopt;
}

Response AcceptWebSocket(const Request& request, std::string_view subprotocol,
                         std::unique_ptr<MessageHandler> handler, const WebSocketOptions& options) {
  if (auto refused = RefuseWebSocket(request)) return std::move(*refused);
  Response response;
  response.status = 101;
  response.headers = WebSocketAcceptHeaders(request, subprotocol);
  response.upgrade = MakeWebSocket(WebSocketRole::kServer, std::move(handler), options);
  return response;
}

std::unique_ptr<Duplex> MakeWebSocket(WebSocketRole role, std::unique_ptr<MessageHandler> handler,
                                      const WebSocketOptions& options) {
  return std::make_unique<WebSocket>(role, std::move(handler), options);
}

std::unique_ptr<MessageHandler> BytesInMessages(std::unique_ptr<Duplex> bytes) {
  return std::make_unique<BytesHandler>(std::move(bytes));
}

std::unique_ptr<MessageHandler> SourceInMessages(std::unique_ptr<StreamSource> source,
                                                 MessageForm form) {
  return std::make_unique<SourceHandler>(std::move(source), std::move(form));
}

std::unique_ptr<Exchange> OpenWebSocket(
    Loops& loops, Upstream upstream, ClientRequest request,
    const std::vector<std::string>& subprotocols,
    std::function<std::unique_ptr<MessageHandler>(Result<std::string>)> open,
    const WebSocketOptions& options) {
  std::string nonce(16, '\0');
  CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(nonce.data()), 16) == 1);
  const std::string key = Base64(nonce);
  std::string offer;
  for (const auto& protocol : subprotocols) offer += (offer.empty() ? "" : ", ") + protocol;
  request.method = "GET";
  request.headers.emplace("Connection", "Upgrade");
  request.headers.emplace("Upgrade", "websocket");
  request.headers.emplace("Sec-WebSocket-Version", "13");
  request.headers.emplace("Sec-WebSocket-Key", key);
  if (!offer.empty()) request.headers.emplace("Sec-WebSocket-Protocol", offer);
  return Open(
      loops, std::move(upstream), std::move(request),
      [key, options, open = std::move(open)](Result<Opened> opened) {
        if (!opened) {
          (void)open(Fail(std::move(opened.error())));  // It has nothing to handle.
          return;
        }
        auto chosen = CheckAnswer(*opened, key);
        const bool accepted = chosen.has_value();
        auto handler = open(std::move(chosen));
        if (!accepted || !handler) return;
        opened->raw->Carry(MakeWebSocket(WebSocketRole::kClient, std::move(handler), options));
      });
}

}  // namespace skiff::http
