#include "http/client_connection.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include "http/kept_connections.h"
#include "http/shared_duplex.h"

namespace skiff::http {
namespace {

constexpr size_t kHeadBytesMax = 1 << 20;
constexpr size_t kBacklogBytesMax = 64 << 10;
// Servers commonly wait longer, so that a connection is hardly ever used while it is being closed.
constexpr Duration kKeptTime = 60s;
// Before what is wrong with an answer that had begun, in Go's words as all of these.
const std::string kBroken = "net/http: HTTP/1.x transport connection broken: ";

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

// What a space or the end of a line in one of these would make another request of: "".
std::string WhyUnsendable(const ClientRequest& request) {
  if (!IsToken(request.method)) return "invalid method";
  if (!IsTarget(request.target)) return "invalid control character in URL";
  for (const auto& [name, value] : request.headers) {
    if (!IsToken(name)) return "invalid header field name";
  }
  return "";
}

}  // namespace

std::string PlaceOf(const Upstream& upstream) {
  return upstream.host + '\n' + std::to_string(upstream.port) + '\n' + upstream.unix_path + '\n' +
         upstream.server_name + '\n' +
         std::to_string(reinterpret_cast<uintptr_t>(upstream.tls.get()));
}

void ClientConnection::Start(Result<std::vector<std::string>> addresses) {
  if (closed_) return;
  if (!addresses) return GiveUp(addresses.error());
  addresses_.assign(addresses->rbegin(), addresses->rend());
  ConnectNext();
}

void ClientConnection::StartOn(Result<int> socket) {
  if (socket && closed_) close(*socket);
  if (closed_) return;
  if (!socket) return GiveUp(socket.error());
  fcntl(*socket, F_SETFL, fcntl(*socket, F_GETFL) | O_NONBLOCK);
  address_ = upstream_.host;
  channel_ = std::make_unique<Channel>(loop_, *this, *socket);
  timer_.ArmIn(upstream_.connect_timeout);
  StartTls();
}

std::string ClientConnection::Fault() const {
  if (const int error = channel_->socket_error(); error != 0) {
    return ReadFault(channel_->fd(), Place(), error);
  }
  return channel_->error().empty() ? "EOF" : channel_->error();
}

void ClientConnection::ConnectNext() {
  channel_.reset();
  state_ = State::kConnecting;
  address_ = addresses_.back();
  addresses_.pop_back();
  const auto fd = StartConnecting(Place());
  if (!fd) return NotConnected(fd.error());
  channel_ = std::make_unique<Channel>(loop_, *this, *fd);
  channel_->WantRead(false);
  channel_->WantWrite(true);
  timer_.ArmIn(upstream_.connect_timeout);
}

void ClientConnection::NotConnected(Error error) {
  if (!first_refusal_) first_refusal_ = std::move(error);
  if (!addresses_.empty()) return ConnectNext();
  GiveUp(*std::exchange(first_refusal_, std::nullopt));
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
    return NotConnected(
        {Reason::kServiceUnavailable, "dial " + Where() + ": connect: " + ErrnoText(error)});
  }
  channel_->WantRead(true);
  channel_->WantWrite(false);
  StartTls();
}

void ClientConnection::StartTls() {
  state_ = State::kHandshake;
  if (upstream_.tls) {
    channel_->ConnectTls(upstream_.tls,
                         upstream_.server_name.empty() ? upstream_.host : upstream_.server_name);
  }
  DoHandshake();
}

void ClientConnection::DoHandshake() {
  const Channel::Io io = channel_->Handshake();
  if (io == Channel::Io::kDone) return SendRequest();
  if (io != Channel::Io::kAgain) GiveUp({Reason::kServiceUnavailable, Fault()});
}

void ClientConnection::SendRequest() {
  timer_.Disarm();
  if (!request_) return MakeRaw({});
  state_ = State::kHead;
  ClientRequest& request = *request_;
  if (const std::string why = WhyUnsendable(request); !why.empty()) {
    return GiveUp({Reason::kBadRequest, "net/http: " + why});
  }
  Headers& headers = request.headers;
  bodiless_ = request.method == "HEAD";
  if (headers.count("Host") == 0) {
    const std::string host = upstream_.unix_path.empty() ? upstream_.host : "localhost";
    headers.emplace("Host", host.find(':') == host.npos ? host : "[" + host + "]");
  }
  if (headers.count("Connection") == 0 && !upstream_.kept) headers.emplace("Connection", "close");
  headers.erase("Transfer-Encoding");
  headers.erase("Content-Length");
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT" ||
      request.method == "PATCH") {
    headers.emplace("Content-Length", std::to_string(request.body.size()));
  }
  keeps_ = false;
  channel_->Send(request.method + " " + request.target + " HTTP/1.1\r\n" +
                 SerializeHeaders(headers) + "\r\n");
  channel_->Send(std::move(request.body));
  channel_->Flush();  // A failure shows when the answer is read.
  if (upstream_.head_timeout != kNever) timer_.ArmIn(upstream_.head_timeout);
}

bool ClientConnection::Reuse(ClientRequest request, Done done, ClientAttemptPtr attempt,
                             std::function<void()> again) {
  if (closed_ || state_ != State::kIdle) return false;
  OnReadable();  // The server may have closed it, and the loop has yet to hear of that.
  if (closed_) return false;
  if (!attempt->MoveTo(loop_, weak_from_this())) {
    Close();
    return true;
  }
  request_ = std::move(request);
  done_ = std::move(done);
  attempt_ = std::move(attempt);
  again_ = std::move(again);
  in_.clear();
  head_searched_ = 0;
  early_head_bytes_ = 0;
  framing_ = {};
  body_left_ = 0;
  chunks_ = {};
  SendRequest();
  return true;
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
      if (carrier_ || state_ == State::kIdle) return Close();
      if (state_ == State::kBody) return EndBody(false);
      return GiveUp({Reason::kServiceUnavailable, (in_.empty() ? "" : kBroken) + Fault()});
    case Channel::Io::kDone:
      break;
  }
  again_ = nullptr;
  switch (state_) {
    case State::kIdle:
      return Close();  // Nobody asked.
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
  // Heads of 1xx come before the one that counts; together they are as large as one may be.
  while (state_ == State::kHead && !closed_) {
    const size_t end = FindHeadEnd(in_, head_searched_);
    if (early_head_bytes_ + (end == std::string::npos ? in_.size() : end) > kHeadBytesMax) {
      return GiveUp({Reason::kServiceUnavailable, "server response headers exceeded the limit"});
    }
    if (end == std::string::npos) return;
    ResponseHead head;
    const auto fault = ParseResponseHead(std::string_view(in_).substr(0, end), head);
    if (fault) return GiveUp({Reason::kServiceUnavailable, kBroken + fault->text});
    in_.erase(0, end);
    head_searched_ = 0;
    if (head.status >= 200 || head.status == 101) return OnHead(std::move(head));
    early_head_bytes_ += end;
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
  const auto connection = opened.headers.find("Connection");
  const bool says_close =
      connection != opened.headers.end() && HasToken(connection->second, "close");
  keeps_ = upstream_.kept && head.minor_version >= 1 && !says_close &&
           (bodiless_ || framing_.chunked || framing_.content_length);
  const std::string early = std::move(in_);
  in_.clear();
  if (bodiless_) {
    keeps_ = keeps_ && early.empty();
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
    keeps_ = keeps_ && taken == bytes.size();
    if (state != ChunkDecoder::State::kMore) {
      EndBody(state == ChunkDecoder::State::kEnd, chunks_.fault());
    }
    return;
  }
  if (framing_.content_length) {
    keeps_ = keeps_ && bytes.size() <= body_left_;
    bytes = bytes.substr(0, body_left_);
    body_left_ -= bytes.size();
  }
  pipe_->Write(std::string(bytes));
  if (framing_.content_length && body_left_ == 0) EndBody(true);
}

void ClientConnection::OnEof() {
  if (carrier_) return OnCarrier(carrier_->OnPeerClosed());
  if (state_ == State::kIdle) return Close();
  if (state_ == State::kBody) return EndBody(!framing_.chunked && !framing_.content_length);
  GiveUp(
      {Reason::kServiceUnavailable, in_.empty() ? std::string("EOF") : kBroken + "unexpected EOF"});
}

void ClientConnection::EndBody(bool in_order, const std::string& fault) {
  const std::shared_ptr<Pipe> pipe = pipe_;
  // A server that answers before it has read everything still has the rest of the request to read.
  if (in_order && keeps_ && channel_->queued_bytes() == 0) {
    Park();
  } else {
    Close();
  }
  // Whoever has read it all finds the connection where it waits.
  if (in_order) pipe->End(true);
  if (!in_order) pipe->Break(fault);
}

void ClientConnection::Park() {
  state_ = State::kIdle;
  wake_->Detach();
  wake_ = nullptr;
  pipe_ = nullptr;
  request_.reset();
  channel_->WantRead(true);
  timer_.ArmIn(kKeptTime);
  if (!upstream_.kept->Put(PlaceOf(upstream_), {&loop_, weak_from_this()})) Close();
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
  if (!pipe_) return;
  if (pipe_->reader_left()) return Close();
  channel_->WantRead(true);
}

void ClientConnection::OnTimer() {
  if (carrier_) return OnCarrier(carrier_->OnTimer());
  if (state_ == State::kIdle) return Close();
  if (state_ == State::kConnecting) {
    return NotConnected({Reason::kTimeout, "dial " + Where() + ": i/o timeout"});
  }
  const bool dialling = state_ != State::kHead;
  GiveUp({Reason::kTimeout,
          dialling ? "dial " + Where() + ": i/o timeout" : "timeout awaiting response headers"});
}

void ClientConnection::GiveUp(Error error) {
  if (again_ && error.reason != Reason::kTimeout) {
    // The server closed the connection while the request was on its way.
    const auto again = std::exchange(again_, nullptr);
    done_ = nullptr;
    Close();
    return again();
  }
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

}  // namespace skiff::http
