#include "http/client.h"

#include <openssl/ssl.h>
#include <unistd.h>

#include <vector>

#include "http/carrier.h"
#include "http/channel.h"
#include "http/head.h"
#include "http/pipe.h"
#include "http/socket.h"
#include "http/worker_pool.h"

namespace skiff::http {
namespace {

constexpr size_t kHeadBytesMax = 1 << 20;
constexpr size_t kBacklogBytesMax = 64 << 10;

using Done = std::function<void(Result<Opened>)>;

// One request on one connection; lives in its loop, which keeps it until it is closed.
//
//   kConnecting -> kHandshake -> kHead -> kBody -> closed
//                                  `-> kRaw (waiting for its Duplex) -> kCarrying -> closed
class ClientConnection final : public LoopListener,
                               public std::enable_shared_from_this<ClientConnection> {
 public:
  ClientConnection(Loop& loop, Upstream upstream, std::optional<ClientRequest> request, Done done)
      : loop_(loop),
        upstream_(std::move(upstream)),
        request_(std::move(request)),
        done_(std::move(done)),
        timer_(loop, *this) {}
  ~ClientConnection() { Close(); }

  // With the numeric addresses to try.
  void Start(Result<std::vector<std::string>> addresses);
  void Carry(std::shared_ptr<Duplex> duplex);
  void Cancel() {
    done_ = nullptr;
    if (state_ < State::kBody) Close();
  }
  void CloseUnlessCarrying() {
    if (state_ != State::kCarrying) Close();
  }

 private:
  enum class State { kConnecting, kHandshake, kHead, kBody, kRaw, kCarrying };

  void OnReady(uint32_t events) override;
  void OnWake() override;
  void OnTimer() override;

  void ConnectNext();
  void OnConnected();
  void DoHandshake();
  void SendRequest();
  void OnReadable();
  void OnHeadBytes(std::string_view bytes);
  void OnHead(ResponseHead head);
  void OnBody(std::string_view bytes);
  void OnEof();
  void EndBody(bool in_order);
  void OnCarrier(Carrier::State state);
  void MakeRaw(Opened opened);
  void GiveUp(Error error);
  void Finish(Result<Opened> result);
  void Close();
  std::string Where() const;

  Loop& loop_;
  const Upstream upstream_;
  std::optional<ClientRequest> request_;  // None: a raw connection.
  Done done_;
  State state_ = State::kConnecting;
  Timer timer_;
  std::vector<std::string> addresses_;  // Still to be tried, in reverse.
  std::string address_;
  std::unique_ptr<Channel> channel_;
  std::shared_ptr<Wake> wake_;
  std::string in_;
  size_t head_searched_ = 0;
  bool bodiless_ = false;
  Framing framing_;
  uint64_t body_left_ = 0;
  ChunkDecoder chunks_;
  std::shared_ptr<Pipe> pipe_;
  std::unique_ptr<Carrier> carrier_;
  bool closed_ = false;
};

class RawHandle final : public RawConnection {
 public:
  RawHandle(Loop& loop, std::weak_ptr<ClientConnection> connection)
      : loop_(loop), connection_(std::move(connection)) {}
  ~RawHandle() override {
    loop_.Post([connection = connection_] {
      if (const auto self = connection.lock()) self->CloseUnlessCarrying();
    });
  }
  void Carry(std::unique_ptr<Duplex> duplex) override {
    loop_.Post([connection = connection_, duplex = std::shared_ptr<Duplex>(std::move(duplex))] {
      if (const auto self = connection.lock()) self->Carry(duplex);
    });
  }

 private:
  Loop& loop_;
  const std::weak_ptr<ClientConnection> connection_;
};

class ExchangeHandle final : public Exchange {
 public:
  ExchangeHandle(Loop& loop, std::weak_ptr<ClientConnection> connection)
      : loop_(loop), connection_(std::move(connection)) {}
  ~ExchangeHandle() override {
    if (connection_.expired()) return;
    loop_.Post([connection = connection_] {
      if (const auto self = connection.lock()) self->Cancel();
    });
  }

 private:
  Loop& loop_;
  const std::weak_ptr<ClientConnection> connection_;
};

// A Duplex that somebody else may still hold, as std::function wants its captures.
class SharedDuplex final : public Duplex {
 public:
  explicit SharedDuplex(std::shared_ptr<Duplex> duplex) : duplex_(std::move(duplex)) {}
  void Attach(Waker waker) override { duplex_->Attach(std::move(waker)); }
  Pulled Pull(size_t bytes_max, std::vector<SharedBytes>& out) override {
    return duplex_->Pull(bytes_max, out);
  }
  int PullEveryMs() const override { return duplex_->PullEveryMs(); }
  size_t OnBytes(std::string_view bytes) override { return duplex_->OnBytes(bytes); }
  void OnPeerClosed() override { duplex_->OnPeerClosed(); }
  bool KeepsReading() const override { return duplex_->KeepsReading(); }

 private:
  const std::shared_ptr<Duplex> duplex_;
};

void ClientConnection::Start(Result<std::vector<std::string>> addresses) {
  if (closed_) return;
  if (!addresses) return GiveUp(addresses.error());
  addresses_.assign(addresses->rbegin(), addresses->rend());
  ConnectNext();
}

std::string ClientConnection::Where() const {
  return DescribeAddress({address_, upstream_.port, upstream_.unix_path});
}

void ClientConnection::ConnectNext() {
  channel_.reset();
  state_ = State::kConnecting;
  address_ = addresses_.back();
  addresses_.pop_back();
  const auto fd = StartConnecting({address_, upstream_.port, upstream_.unix_path});
  if (!fd) {
    if (!addresses_.empty()) return ConnectNext();
    return GiveUp(fd.error());
  }
  channel_ = std::make_unique<Channel>(loop_, *this, *fd);
  channel_->WantRead(false);
  channel_->WantWrite(true);
  timer_.ArmIn(upstream_.connect_timeout);
}

void ClientConnection::OnReady(uint32_t events) {
  if (state_ == State::kConnecting) return OnConnected();
  if (state_ == State::kHandshake) return DoHandshake();
  if ((events & EPOLLOUT) != 0) {
    if (carrier_) {
      OnCarrier(carrier_->OnWritable());
    } else if (channel_->Flush() == Channel::Io::kError) {
      // The server may have answered before it closed: what it said counts.
      channel_->WantWrite(false);
    }
  }
  if (!closed_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) OnReadable();
}

void ClientConnection::OnConnected() {
  if (const int error = ConnectError(channel_->fd()); error != 0) {
    if (!addresses_.empty()) return ConnectNext();
    return GiveUp(
        {Reason::kServiceUnavailable, "dial " + Where() + ": connect: " + ErrnoText(error)});
  }
  channel_->WantRead(true);
  channel_->WantWrite(false);
  state_ = State::kHandshake;
  if (upstream_.tls) {
    channel_->ConnectTls(upstream_.tls,
                         upstream_.server_name.empty() ? upstream_.host : upstream_.server_name);
  }
  DoHandshake();
}

void ClientConnection::DoHandshake() {
  switch (channel_->Handshake()) {
    case Channel::Io::kAgain:
      return;
    case Channel::Io::kDone:
      return SendRequest();
    default:
      return GiveUp({Reason::kServiceUnavailable,
                     "tls: " + (channel_->error().empty() ? "EOF" : channel_->error())});
  }
}

void ClientConnection::SendRequest() {
  timer_.Disarm();
  if (!request_) return MakeRaw({});
  state_ = State::kHead;
  ClientRequest& request = *request_;
  Headers& headers = request.headers;
  bodiless_ = request.method == "HEAD";
  if (headers.count("Host") == 0) {
    const std::string host = upstream_.unix_path.empty() ? upstream_.host : "localhost";
    headers.emplace("Host", host.find(':') == host.npos ? host : "[" + host + "]");
  }
  if (headers.count("Connection") == 0) headers.emplace("Connection", "close");
  headers.erase("Transfer-Encoding");
  headers.erase("Content-Length");
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT" ||
      request.method == "PATCH") {
    headers.emplace("Content-Length", std::to_string(request.body.size()));
  }
  channel_->Send(request.method + " " + request.target + " HTTP/1.1\r\n" +
                 SerializeHeaders(headers) + "\r\n");
  channel_->Send(std::move(request.body));
  channel_->Flush();  // A failure shows when the answer is read.
  if (upstream_.head_timeout != kNever) timer_.ArmIn(upstream_.head_timeout);
}

void ClientConnection::OnReadable() {
  if (state_ == State::kBody && pipe_->Room() == 0) return channel_->WantRead(false);
  std::string_view bytes;
  switch (channel_->Read(bytes)) {
    case Channel::Io::kAgain:
      return;
    case Channel::Io::kEof:
      return OnEof();
    case Channel::Io::kError:
      if (carrier_) return Close();
      if (state_ == State::kBody) return EndBody(false);
      return GiveUp({Reason::kServiceUnavailable, "read " + Where() + ": " + channel_->error()});
    case Channel::Io::kDone:
      break;
  }
  switch (state_) {
    case State::kHead:
      return OnHeadBytes(bytes);
    case State::kBody:
      return OnBody(bytes);
    case State::kCarrying:
      return OnCarrier(carrier_->OnBytes(bytes));
    default:
      in_.append(bytes);
      return channel_->WantRead(false);
  }
}

void ClientConnection::OnHeadBytes(std::string_view bytes) {
  in_.append(bytes);
  // Heads of 1xx come before the one that counts.
  while (state_ == State::kHead && !closed_) {
    const size_t end = FindHeadEnd(in_, head_searched_);
    if (end == std::string::npos) {
      if (in_.size() > kHeadBytesMax) {
        GiveUp({Reason::kServiceUnavailable, "server response headers exceeded the limit"});
      }
      return;
    }
    ResponseHead head;
    const auto fault = ParseResponseHead(std::string_view(in_).substr(0, end), head);
    if (fault) return GiveUp({Reason::kServiceUnavailable, fault->text});
    in_.erase(0, end);
    head_searched_ = 0;
    if (head.status >= 200 || head.status == 101) OnHead(std::move(head));
  }
}

void ClientConnection::OnHead(ResponseHead head) {
  timer_.Disarm();
  Opened opened{.status = head.status, .headers = std::move(head.headers)};
  if (head.status == 101 || (head.status == 200 && request_->method == "CONNECT")) {
    return MakeRaw(std::move(opened));
  }
  state_ = State::kBody;
  wake_ = loop_.MakeWake(*this);
  pipe_ = std::make_shared<Pipe>(upstream_.buffer_bytes_max);
  pipe_->OnRoom([wake = wake_] { wake->Notify(); });
  opened.body = std::make_unique<PipeSource>(pipe_);
  framing_ = head.framing;
  body_left_ = framing_.content_length.value_or(0);
  bodiless_ = bodiless_ || head.status == 204 || head.status == 304 ||
              (framing_.content_length && body_left_ == 0);
  const std::string early = std::move(in_);
  in_.clear();
  if (bodiless_) {
    EndBody(true);
  } else if (!early.empty()) {
    OnBody(early);
  }
  Finish(std::move(opened));
}

void ClientConnection::OnBody(std::string_view bytes) {
  if (framing_.chunked) {
    std::string data;
    size_t taken = 0;
    const auto state = chunks_.Decode(bytes, taken, data);
    pipe_->Write(std::move(data));
    if (state != ChunkDecoder::State::kMore) EndBody(state == ChunkDecoder::State::kEnd);
    return;
  }
  if (framing_.content_length) {
    bytes = bytes.substr(0, body_left_);
    body_left_ -= bytes.size();
  }
  pipe_->Write(std::string(bytes));
  if (framing_.content_length && body_left_ == 0) EndBody(true);
}

void ClientConnection::OnEof() {
  if (carrier_) return OnCarrier(carrier_->OnPeerClosed());
  if (state_ == State::kBody) return EndBody(!framing_.chunked && !framing_.content_length);
  GiveUp({Reason::kServiceUnavailable, "EOF"});
}

void ClientConnection::EndBody(bool in_order) {
  pipe_->End(in_order);
  Close();
}

void ClientConnection::MakeRaw(Opened opened) {
  state_ = State::kRaw;
  channel_->WantRead(false);
  opened.raw = std::make_unique<RawHandle>(loop_, weak_from_this());
  Finish(std::move(opened));
}

void ClientConnection::Carry(std::shared_ptr<Duplex> duplex) {
  if (closed_ || state_ != State::kRaw) return;
  state_ = State::kCarrying;
  wake_ = loop_.MakeWake(*this);
  carrier_ = std::make_unique<Carrier>(
      *channel_, wake_, std::make_unique<SharedDuplex>(std::move(duplex)), kBacklogBytesMax);
  channel_->WantRead(true);
  const std::string early = std::move(in_);
  in_.clear();
  OnCarrier(early.empty() ? carrier_->OnWake() : carrier_->OnBytes(early));
}

void ClientConnection::OnCarrier(Carrier::State state) {
  if (state != Carrier::State::kGoing) return Close();
  if (const int every = carrier_->PullEveryMs(); every > 0) {
    timer_.ArmIn(std::chrono::milliseconds(every));
  }
}

void ClientConnection::OnWake() {
  if (carrier_) return OnCarrier(carrier_->OnWake());
  if (pipe_->reader_left()) return Close();
  channel_->WantRead(true);
}

void ClientConnection::OnTimer() {
  if (carrier_) return OnCarrier(carrier_->OnTimer());
  if (state_ == State::kConnecting && !addresses_.empty()) return ConnectNext();
  const bool dialling = state_ != State::kHead;
  GiveUp({Reason::kTimeout,
          dialling ? "dial " + Where() + ": i/o timeout" : "timeout awaiting response headers"});
}

void ClientConnection::GiveUp(Error error) {
  Finish(tl::unexpected<Error>(std::move(error)));
  Close();
}

void ClientConnection::Finish(Result<Opened> result) {
  if (const Done done = std::exchange(done_, nullptr)) done(std::move(result));
}

void ClientConnection::Close() {
  if (std::exchange(closed_, true)) return;
  if (channel_) channel_->Close();
  if (wake_) wake_->Detach();
  timer_.Disarm();
  loop_.Release(this);
}

// The loop alone holds the connection: its last frame must not be on another thread.
std::unique_ptr<Exchange> StartOn(Loops& loops, Upstream upstream,
                                  std::optional<ClientRequest> request, Done done) {
  Loop& loop = loops.Next();
  const std::string host = upstream.host;
  const auto allows = upstream.unix_path.empty() ? upstream.allows : nullptr;
  const bool known = !upstream.unix_path.empty() || (IsNumericHost(host) && !allows);
  auto connection = std::make_shared<ClientConnection>(loop, std::move(upstream),
                                                       std::move(request), std::move(done));
  const std::weak_ptr<ClientConnection> weak = connection;
  auto handle = std::make_unique<ExchangeHandle>(loop, weak);
  loop.Post([&loop, connection = std::move(connection)] { loop.Keep(connection); });
  const auto start = [&loop, weak, allows](Result<std::vector<std::string>> addresses) {
    if (addresses && allows && !std::all_of(addresses->begin(), addresses->end(), allows)) {
      addresses = Fail(Reason::kBadRequest, "address not allowed");
    }
    loop.Post([weak, addresses = std::move(addresses)] {
      if (const auto self = weak.lock()) self->Start(addresses);
    });
  };
  if (known) {
    start(std::vector<std::string>{host});
  } else if (!loops.resolvers().Submit([start, host] { start(ResolveHost(host)); })) {
    start(Fail(Reason::kServiceUnavailable, "too many names are being looked up"));
  }
  return handle;
}

}  // namespace

std::unique_ptr<Exchange> Open(Loops& loops, Upstream upstream, ClientRequest request,
                               std::function<void(Result<Opened>)> done) {
  return StartOn(loops, std::move(upstream), std::move(request), std::move(done));
}

std::unique_ptr<Exchange> Connect(
    Loops& loops, Upstream upstream,
    std::function<void(Result<std::unique_ptr<RawConnection>>)> done) {
  const auto on_open = [done = std::move(done)](Result<Opened> opened) {
    if (!opened) return done(tl::unexpected<Error>(std::move(opened.error())));
    done(std::move(opened->raw));
  };
  return StartOn(loops, std::move(upstream), std::nullopt, on_open);
}

}  // namespace skiff::http
