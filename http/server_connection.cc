#include "http/server_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>

#include "http/http1_protocol.h"
#include "http/http2_protocol.h"
#include "http/server.h"

namespace skiff::http {
namespace {

constexpr Duration kLingerTime = 2s;

}  // namespace

ServerConnection::ServerConnection(Loop& loop, ConnectionHost& host, Intake& intake, int fd,
                                   std::string remote_address)
    : loop_(loop),
      host_(host),
      remote_address_(std::move(remote_address)),
      channel_(loop, *this, fd),
      timer_(loop, *this),
      share_(intake, remote_address_) {}

ServerConnection::~ServerConnection() {
  Close();
}

void ServerConnection::Start() {
  first_head_due_ = loop_.Now() + host_.limits().head_timeout;
  timer_.ArmAt(first_head_due_);
  // What TLS takes is taken when the client has said something, and has a place.
  if (host_.tls()) {
    state_ = State::kHandshake;
  } else {
    Open();
  }
}

void ServerConnection::Open() {
  state_ = State::kOpen;
  timer_.ArmAt(first_head_due_);
  if (channel_.protocol() == "h2") {
    protocol_ = std::make_unique<Http2Protocol>(*this);
  } else {
    protocol_ = std::make_unique<Http1Protocol>(*this);
  }
}

void ServerConnection::Close() {
  if (channel_.closed()) return;
  channel_.Close();
  timer_.Disarm();
  host_.Arrived(*this);
  host_.EndHandshake(*this);
  if (protocol_) protocol_->OnClose();
  // Their frames may be on the stack, so they go with us.
  if (const auto self = weak_from_this().lock()) {
    loop_.Defer([self] { self->host_.Remove(*self); });
  }
}

void ServerConnection::OnReady(uint32_t events) {
  if (state_ == State::kHandshake) return DoHandshake();
  // What is to be sent has its turn behind what came in.
  if ((events & EPOLLOUT) != 0 && state_ == State::kOpen) channel_.AskTurn();
  if (!channel_.closed() && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) OnReadable();
}

void ServerConnection::OnTurn() {
  if (state_ == State::kOpen) protocol_->OnWritable();
}

void ServerConnection::GoOn() {
  may_shake_ = true;
  channel_.WantRead(true);
}

bool ServerConnection::BeginHandshake() {
  if (!may_shake_ && !host_.BeginHandshake(*this)) {
    channel_.WantRead(false);
    return false;
  }
  context_ = host_.tls();
  channel_.AcceptTls(context_);
  timer_.ArmAt(std::min(first_head_due_, loop_.Now() + host_.limits().handshake_patience));
  return true;
}

void ServerConnection::DoHandshake() {
  if (!channel_.secure() && !BeginHandshake()) return;
  switch (channel_.Handshake()) {
    case Channel::Io::kAgain:
      return;
    case Channel::Io::kDone:
      break;
    default:
      host_.HandshakeFailed();
      if (channel_.error() == "http request") {
        static constexpr std::string_view kAnswer =
            "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
        // Read first: closing with bytes unread sends a reset.
        (void)!recv(channel_.fd(), loop_.scratch(), Loop::kScratchBytes, MSG_DONTWAIT);
        (void)!send(channel_.fd(), kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      }
      return Close();
  }
  host_.EndHandshake(*this);
  peer_ = DescribePeer(channel_.ssl(), peer_error_);
  if (peer_) share_.MarkKnown();
  if (!peer_error_.empty()) {
    unverified_ = UnverifiedPeer::Of(channel_.ssl(), context_, share_.Next());
  }
  context_.reset();
  Open();
  channel_.LetGoOfHandshake();
  OnReadable();
}

void ServerConnection::OnReadable() {
  std::string_view bytes;
  switch (channel_.Read(bytes)) {
    case Channel::Io::kAgain:
      return;
    case Channel::Io::kDone:
      return OnBytes(bytes);
    case Channel::Io::kEof:
      return state_ == State::kLingering ? Close() : protocol_->OnEof();
    case Channel::Io::kError:
      return Close();
  }
}

void ServerConnection::OnBytes(std::string_view bytes) {
  if (state_ != State::kLingering) return protocol_->OnBytes(bytes);
  lingered_bytes_ += bytes.size();
  if (lingered_bytes_ > kLingerBytesMax) Close();
}

// Its bytes go on being counted with those of strangers.
void ServerConnection::JudgeAgain() {
  peer_ = unverified_->Verify(host_.tls(), peer_error_);
  if (!peer_) return;
  peer_error_.clear();
  unverified_.reset();
}

std::shared_ptr<Request> ServerConnection::MakeRequest(RequestHead head, Duration arrived) {
  if (unverified_) JudgeAgain();
  auto request = std::make_shared<Request>();
  request->arrived = arrived;
  request->method = std::move(head.method);
  request->target = std::move(head.target);
  request->path = std::move(head.path);
  request->headers = std::move(head.headers);
  // Decoded by who handles it: where it is long, the loop has other things to do.
  request->query.emplace_back(std::move(head.query), "");
  request->secure = channel_.secure();
  request->remote_address = remote_address_;
  request->peer_certificate = peer_;
  request->peer_certificate_error = peer_error_;
  return request;
}

void ServerConnection::Answer(Loop& loop, std::weak_ptr<ServerConnection> connection,
                              int32_t stream, PreparedAnswer answer) {
  auto shared = std::make_shared<PreparedAnswer>(std::move(answer));
  loop.Post([connection = std::move(connection), stream, shared] {
    if (const auto self = connection.lock()) self->AnswerHere(stream, std::move(*shared));
  });
}

void ServerConnection::AnswerHere(int32_t stream, PreparedAnswer answer) {
  if (!channel_.closed()) protocol_->OnAnswer(stream, std::move(answer));
}

namespace {

// Calls back with the answer, or with 502 when the last copy of its Reply is dropped.
struct PendingReply {
  Loop& loop;
  std::weak_ptr<ServerConnection> connection;
  RequestTraits traits;
  std::atomic<bool> answered = false;

  PendingReply(Loop& loop, std::weak_ptr<ServerConnection> connection, RequestTraits traits)
      : loop(loop), connection(std::move(connection)), traits(std::move(traits)) {}
  ~PendingReply() {
    Response response;
    response.status = 502;
    Give(std::move(response));
  }
  void Give(Response response) {
    if (answered.exchange(true)) return;
    ServerConnection::Answer(loop, connection, traits.stream, Prepare(std::move(response), traits));
  }
};

}  // namespace

Reply ServerConnection::MakeReply(const RequestTraits& traits) {
  auto reply = std::make_shared<PendingReply>(loop_, weak_from_this(), traits);
  return [reply](Response response) { reply->Give(std::move(response)); };
}

void ServerConnection::Linger() {
  if (state_ == State::kLingering) return;
  state_ = State::kLingering;
  channel_.CloseWrite();
  channel_.WantRead(true);
  timer_.ArmIn(kLingerTime);
}

void ServerConnection::OnTimer() {
  if (state_ == State::kOpen) return protocol_->OnTimer();
  if (state_ == State::kHandshake) {
    if (loop_.Now() < first_head_due_ && !host_.IsHandshakeInTheWay(*this)) {
      return timer_.ArmAt(
          std::min(first_head_due_, loop_.Now() + host_.limits().handshake_patience));
    }
    host_.HandshakeFailed();
  }
  Close();
}

// One that is closed is still among the others until its round is over.
void ServerConnection::CloseWhenIdle() {
  if (channel_.closed()) return;
  if (state_ == State::kHandshake) return Close();
  if (state_ == State::kOpen) protocol_->CloseWhenIdle();
}

void ServerConnection::EndStreams() {
  if (state_ == State::kOpen && !channel_.closed()) protocol_->EndStreams();
}

void ServerConnection::CutOff() {
  channel_.MarkCut();
  Close();
}

}  // namespace skiff::http
