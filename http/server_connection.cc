#include "http/server_connection.h"

#include <sys/socket.h>

#include <algorithm>

#include "http/server.h"

namespace skiff::http {
namespace {

constexpr size_t kIdleBufferBytesMax = 1 << 10;  // An idle connection keeps no more than this.
constexpr Duration kLingerTime = 2s;
constexpr size_t kInlineBodyBytesMax = 16 << 10;  // Copied behind the head, to be sent as one.

Response TooBusy() {
  Response response;
  response.status = 429;
  response.content_type = "text/plain; charset=utf-8";
  response.SetHeader("Retry-After", "1");
  response.body = "Too many requests, please try again later.\n";
  return response;
}

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
  awaited_ = Awaited::kHead;
  first_head_due_ = loop_.Now() + host_.limits().head_timeout;
  timer_.ArmAt(first_head_due_);
  // What TLS takes is taken when the client has said something, and has a place.
  if (host_.tls()) state_ = State::kHandshake;
}

void ServerConnection::Close() {
  if (channel_.closed()) return;
  channel_.Close();
  timer_.Disarm();
  host_.Arrived(*this);
  host_.EndHandshake(*this);
  if (wake_) wake_->Detach();
  EndBusy();
  // Their frames may be on the stack, so they go with us.
  if (const auto self = weak_from_this().lock()) {
    loop_.Defer([self] { self->host_.Remove(*self); });
  }
}

void ServerConnection::EndBusy() {
  if (busy_) host_.CountBusy(-1);
  busy_ = false;
}

void ServerConnection::OnReady(uint32_t events) {
  if (state_ == State::kHandshake) return DoHandshake();
  if ((events & EPOLLOUT) != 0) {
    if (state_ == State::kStreaming) {
      OnCarrier(carrier_->OnWritable());
    } else {
      Continue(channel_.Flush());
    }
  }
  if (!channel_.closed() && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) OnReadable();
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
  channel_.AcceptTls(host_.tls());
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
  state_ = State::kReading;
  timer_.ArmAt(first_head_due_);
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
      return OnEof();
    case Channel::Io::kError:
      return Close();
  }
}

void ServerConnection::OnBytes(std::string_view bytes) {
  if (state_ == State::kStreaming && carrier_->is_duplex()) {
    return OnCarrier(carrier_->OnBytes(bytes));
  }
  if (state_ == State::kLingering) {
    lingered_bytes_ += bytes.size();
    if (lingered_bytes_ > kLingerBytesMax) Close();
    return;
  }
  in_.append(bytes);
  if (!HasRoom()) return;
  if (state_ == State::kReading) return Advance();
  if (unparsed().size() >= kPipelinedBytesMax) channel_.WantRead(false);
}

void ServerConnection::OnEof() {
  peer_closed_ = true;
  channel_.WantRead(false);
  if (state_ == State::kStreaming) {
    // A client that takes a stream of answers closes nothing but the whole connection.
    if (!carrier_->is_duplex()) return Close();
    return OnCarrier(carrier_->OnPeerClosed());
  }
  // Half-closed behind its last request, it still gets the answer; but nobody knows how long a
  // pending one takes, and most clients that close are gone.
  if (pending_ || (state_ != State::kHandling && state_ != State::kSending)) Close();
}

void ServerConnection::Consume(size_t bytes) {
  in_used_ += bytes;
  if (in_used_ == in_.size()) {
    in_.clear();
    in_used_ = 0;
    if (in_.capacity() > kIdleBufferBytesMax) in_.shrink_to_fit();
  } else if (in_used_ > kPipelinedBytesMax) {
    in_.erase(0, in_used_);
    in_used_ = 0;
  }
}

void ServerConnection::SkipEmptyLines() {
  // Old clients send one behind a body.
  while (unparsed().starts_with("\r\n")) Consume(2);
}

void ServerConnection::ArmForReading() {
  Awaited awaited = Awaited::kHead;
  if (head_) {
    awaited = Awaited::kBody;
  } else if (unparsed().empty() && awaited_ != Awaited::kHead) {
    awaited = Awaited::kRequest;
  }
  // Bytes that trickle in move no deadline.
  if (awaited == awaited_) return;
  awaited_ = awaited;
  const Limits& limits = host_.limits();
  timer_.ArmIn(awaited == Awaited::kBody   ? limits.body_timeout
               : awaited == Awaited::kHead ? limits.head_timeout
                                           : limits.idle_timeout);
}

bool ServerConnection::HasRoom() {
  if (share_.Resize(in_.capacity() + body_.capacity())) return true;
  if (state_ == State::kReading) {
    RefuseBusy();
  } else {
    Close();  // More than it should send before it has its answer.
  }
  return false;
}

void ServerConnection::RefuseBusy() {
  if (!head_) traits_ = {};
  traits_.keep_alive = false;
  linger_after_ = true;
  awaited_ = Awaited::kNothing;
  in_ = {};
  in_used_ = 0;
  body_ = {};
  head_.reset();
  chunks_.reset();
  share_.Resize(0);
  OnAnswer(Prepare(TooBusy(), traits_));
}

void ServerConnection::Advance() {
  if (!head_ && !AdvanceHead()) return;
  if (!AdvanceBody()) return;
  DispatchRequest(false);
}

bool ServerConnection::AdvanceHead() {
  SkipEmptyLines();
  const Limits& limits = host_.limits();
  const size_t end = FindHeadEnd(unparsed(), head_searched_);
  if (std::min(end, unparsed().size()) > limits.head_bytes_max) {
    Refuse({431, ""});
    return false;
  }
  if (end == std::string_view::npos) {
    ArmForReading();
    return false;
  }
  auto head = std::make_unique<RequestHead>();
  if (const auto fault = ParseRequestHead(unparsed().substr(0, end), *head)) {
    Refuse(*fault);
    return false;
  }
  Consume(end);
  head_searched_ = 0;
  host_.Arrived(*this);
  traits_ = {.is_head = head->method == "HEAD",
             .minor_version = head->minor_version,
             .keep_alive = head->keep_alive && !host_.stopping()};
  head_ = std::move(head);
  if (head_->framing.content_length.value_or(0) > limits.body_bytes_max) {
    DispatchRequest(true);
    return false;
  }
  if (head_->framing.chunked) chunks_ = std::make_unique<ChunkDecoder>();
  const bool has_body = head_->framing.chunked || head_->framing.content_length.value_or(0) > 0;
  if (has_body && head_->expects_continue && unparsed().empty()) {
    channel_.Send(std::string("HTTP/1.1 100 Continue\r\n\r\n"));
    channel_.Flush();  // A failure shows when the body is read.
  }
  return true;
}

bool ServerConnection::AdvanceBody() {
  if (head_->framing.chunked) return DecodeChunks();
  const size_t missing = head_->framing.content_length.value_or(0) - body_.size();
  const std::string_view part = unparsed().substr(0, missing);
  body_.append(part);
  const bool complete = part.size() == missing;
  Consume(part.size());
  if (complete) return true;
  if (HasRoom()) ArmForReading();
  return false;
}

bool ServerConnection::DecodeChunks() {
  size_t taken = 0;
  const auto state = chunks_->Decode(unparsed(), taken, body_);
  Consume(taken);
  if (state == ChunkDecoder::State::kBad) {
    Refuse({400, "invalid chunked body"});
    return false;
  }
  if (body_.size() > host_.limits().body_bytes_max) {
    DispatchRequest(true);
    return false;
  }
  if (state == ChunkDecoder::State::kMore && HasRoom()) ArmForReading();
  return state == ChunkDecoder::State::kEnd;
}

void ServerConnection::DispatchRequest(bool body_too_large) {
  auto request = std::make_shared<Request>();
  request->method = std::move(head_->method);
  request->target = std::move(head_->target);
  request->path = std::move(head_->path);
  request->headers = std::move(head_->headers);
  // Decoded by the worker; the loop has other things to do.
  request->query.emplace_back(std::move(head_->query), "");
  if (!body_too_large) request->body = std::move(body_);
  request->body_too_large = body_too_large;
  request->secure = channel_.secure();
  request->remote_address = remote_address_;
  request->peer_certificate = peer_;
  request->peer_certificate_error = peer_error_;
  head_.reset();
  chunks_.reset();
  body_ = {};
  if (body_too_large) {
    // What is left of the body is not to be taken for the next request.
    traits_.keep_alive = false;
    linger_after_ = true;
  }
  state_ = State::kHandling;
  awaited_ = Awaited::kNothing;
  timer_.Disarm();
  busy_ = true;
  host_.CountBusy(1);
  // The bytes are the request's now, and what follows it is counted anew. A body holds no more than
  // its buffers did, so there is room.
  share_.Resize(request->body.size());
  Intake::Share next = share_.Next();
  Intake::Share held = std::exchange(share_, std::move(next));
  if (!host_.Dispatch(weak_from_this(), std::move(request), traits_, std::move(held))) {
    OnAnswer(Prepare(TooBusy(), traits_));
  }
}

void ServerConnection::Answer(Loop& loop, std::weak_ptr<ServerConnection> connection,
                              PreparedAnswer answer) {
  auto shared = std::make_shared<PreparedAnswer>(std::move(answer));
  loop.Post([connection = std::move(connection), shared] {
    const auto self = connection.lock();
    if (self && !self->channel_.closed()) self->OnAnswer(std::move(*shared));
  });
}

namespace {

// Calls back with the answer, or with 502 when the last copy of its Reply is dropped.
struct PendingReply {
  Loop& loop;
  std::weak_ptr<ServerConnection> connection;
  RequestTraits traits;
  std::atomic<bool> answered = false;

  PendingReply(Loop& loop, std::weak_ptr<ServerConnection> connection, RequestTraits traits)
      : loop(loop), connection(std::move(connection)), traits(traits) {}
  ~PendingReply() {
    Response response;
    response.status = 502;
    Give(std::move(response));
  }
  void Give(Response response) {
    if (answered.exchange(true)) return;
    ServerConnection::Answer(loop, connection, Prepare(std::move(response), traits));
  }
};

}  // namespace

void ServerConnection::StartPending(std::unique_ptr<PendingResponse> pending) {
  pending_ = std::move(pending);
  auto reply = std::make_shared<PendingReply>(loop_, weak_from_this(), traits_);
  pending_->Start([reply](Response response) { reply->Give(std::move(response)); });
}

void ServerConnection::OnAnswer(PreparedAnswer answer) {
  pending_.reset();
  if (answer.pending) {
    // See OnEof, which came first.
    return peer_closed_ ? Close() : StartPending(std::move(answer.pending));
  }
  close_after_ = !answer.keep_alive || host_.stopping();
  channel_.Send(std::move(answer.head));
  for (auto& piece : answer.pieces) channel_.Send(std::move(piece));
  EndBusy();
  if (answer.stream || answer.upgrade) return StartStream(answer);
  state_ = State::kSending;
  Continue(channel_.Flush());
}

// After a flush of a plain answer.
void ServerConnection::Continue(Channel::Io flushed) {
  switch (flushed) {
    case Channel::Io::kDone:
      if (state_ == State::kSending) NextRequest();
      return;
    case Channel::Io::kAgain:
      if (state_ != State::kSending || write_due_ != kNever) return;
      sent_before_ = channel_.sent_bytes();
      write_due_ = loop_.Now() + host_.limits().write_timeout;
      return timer_.ArmAt(write_due_);
    default:
      return Close();
  }
}

void ServerConnection::StartStream(PreparedAnswer& answer) {
  state_ = State::kStreaming;
  if (!wake_) wake_ = loop_.MakeWake(*this);
  const size_t backlog_max = host_.limits().stream_backlog_bytes_max;
  if (!answer.upgrade) {
    carrier_ = std::make_unique<Carrier>(channel_, wake_, std::move(answer.stream), answer.framing,
                                         backlog_max);
    return OnCarrier(carrier_->OnWake());
  }
  close_after_ = true;
  carrier_ = std::make_unique<Carrier>(channel_, wake_, std::move(answer.upgrade), backlog_max);
  // A client may send right behind its request.
  const std::string early(unparsed());
  in_ = {};
  in_used_ = 0;
  auto state = early.empty() ? carrier_->OnWake() : carrier_->OnBytes(early);
  if (state == Carrier::State::kGoing && peer_closed_) state = carrier_->OnPeerClosed();
  OnCarrier(state);
}

void ServerConnection::OnCarrier(Carrier::State state) {
  if (state == Carrier::State::kBroken) return Close();
  if (state == Carrier::State::kGoing) return ArmForStream();
  timer_.Disarm();
  write_due_ = kNever;
  if (close_after_) return Close();
  loop_.Defer([carrier = std::shared_ptr<Carrier>(std::move(carrier_))] {});
  state_ = State::kSending;
  NextRequest();
}

// A stream that cannot go on for its peer is not pulled, so its own times do not pass; it ends when
// the peer has taken nothing for long enough.
void ServerConnection::ArmForStream() {
  const int every_ms = carrier_->PullEveryMs();
  if (channel_.queued_bytes() == 0) {
    write_due_ = kNever;
  } else if (write_due_ == kNever || channel_.sent_bytes() != sent_before_) {
    const Limits& limits = host_.limits();
    sent_before_ = channel_.sent_bytes();
    write_due_ = loop_.Now() + (every_ms > 0 ? limits.write_timeout : limits.stream_stall_timeout);
  }
  Duration due = write_due_;
  if (every_ms > 0 && !carrier_->is_blocked()) {
    due = std::min(due, loop_.Now() + std::chrono::milliseconds(every_ms));
  }
  if (due == kNever) return timer_.Disarm();
  timer_.ArmAt(due);
}

bool ServerConnection::IsStalled() const {
  return loop_.Now() >= write_due_ && channel_.sent_bytes() == sent_before_;
}

void ServerConnection::NextRequest() {
  write_due_ = kNever;
  if (linger_after_) return Linger();
  if (close_after_ || (peer_closed_ && unparsed().empty())) return Close();
  state_ = State::kReading;
  channel_.WantRead(!peer_closed_);
  ArmForReading();
  if (unparsed().empty()) return;
  // Deferred, or a long pipeline of refused requests would be as deep a recursion.
  loop_.Defer([self = shared_from_this()] {
    if (self->channel_.closed()) return;
    self->Advance();
    // What a half-closed client left incomplete will never be complete.
    if (self->peer_closed_ && self->state_ == State::kReading) self->Close();
  });
}

void ServerConnection::Refuse(const HeadFault& fault) {
  Response response;
  response.status = fault.status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::to_string(fault.status) + " " + std::string(StatusText(fault.status));
  if (!fault.text.empty()) response.body += ": " + fault.text;
  traits_ = {.keep_alive = false};
  linger_after_ = true;
  OnAnswer(Prepare(std::move(response), traits_));
}

// Closed at once, unread bytes would make the kernel send a reset, and the answer could be lost.
void ServerConnection::Linger() {
  if (peer_closed_) return Close();
  state_ = State::kLingering;
  in_ = {};
  in_used_ = 0;
  channel_.CloseWrite();
  channel_.WantRead(true);
  timer_.ArmIn(kLingerTime);
}

void ServerConnection::OnWake() {
  if (state_ == State::kStreaming) OnCarrier(carrier_->OnWake());
}

void ServerConnection::OnTimer() {
  if (state_ == State::kHandshake && loop_.Now() < first_head_due_) {
    if (host_.IsHandshakeInTheWay(*this)) return Close();
    return timer_.ArmAt(std::min(first_head_due_, loop_.Now() + host_.limits().handshake_patience));
  }
  if (state_ == State::kStreaming) {
    if (!IsStalled()) return OnCarrier(carrier_->OnTimer());
    channel_.MarkCut();
    return Close();
  }
  if (state_ == State::kSending && channel_.sent_bytes() - sent_before_ >= kWriteBytesMin) {
    write_due_ = kNever;
    return Continue(Channel::Io::kAgain);
  }
  if (state_ != State::kHandling) Close();
}

void ServerConnection::CloseWhenIdle() {
  close_after_ = true;
  const bool idle = state_ == State::kReading && !head_ && unparsed().empty();
  if (idle || state_ == State::kHandshake) Close();
}

void ServerConnection::EndStream() {
  if (state_ != State::kStreaming) return;
  close_after_ = true;
  OnCarrier(carrier_->End());
}

PreparedAnswer Prepare(Response response, const RequestTraits& traits) {
  PreparedAnswer answer;
  answer.keep_alive = traits.keep_alive && !HasToken(response.Header("Connection"), "close");
  if (response.pending) {
    answer.pending = std::move(response.pending);
    return answer;
  }
  const bool upgrade = response.upgrade != nullptr;
  const std::string_view promised = response.Header("Content-Length");
  const bool bodiless = response.status == 204 || response.status == 304 || response.status < 200;
  if (upgrade || bodiless) {
    // Nothing frames a body.
  } else if (response.stream || (traits.is_head && !promised.empty())) {
    if (!promised.empty()) {
      answer.framing.content_length = std::strtoull(std::string(promised).c_str(), nullptr, 10);
    } else if (traits.minor_version > 0) {
      answer.framing.chunked = true;
    } else {
      answer.keep_alive = false;
    }
  } else {
    size_t length = response.body.size();
    for (const auto& piece : response.pieces) length += piece->size();
    answer.framing.content_length = length;
  }
  if (traits.minor_version == 0 && answer.keep_alive && !upgrade) {
    response.SetHeader("Connection", "keep-alive");
  }
  answer.head = SerializeResponseHead(response, answer.keep_alive, answer.framing);
  answer.upgrade = std::move(response.upgrade);
  if (bodiless || traits.is_head || upgrade) return answer;
  answer.stream = std::move(response.stream);
  if (answer.stream) return answer;
  if (response.body.size() <= kInlineBodyBytesMax) {
    answer.head += response.body;
  } else {
    answer.pieces.push_back(std::make_shared<const std::string>(std::move(response.body)));
  }
  answer.pieces.insert(answer.pieces.end(), std::make_move_iterator(response.pieces.begin()),
                       std::make_move_iterator(response.pieces.end()));
  return answer;
}

}  // namespace skiff::http
