#include "http/http1_protocol.h"

#include <algorithm>

#include "http/server.h"
#include "http/server_connection.h"

namespace skiff::http {
namespace {

constexpr size_t kIdleBufferBytesMax = 1 << 10;  // An idle connection keeps no more than this.

}  // namespace

Http1Protocol::Http1Protocol(ServerConnection& connection)
    : connection_(connection),
      loop_(connection.loop()),
      host_(connection.host()),
      channel_(connection.channel()),
      timer_(connection.timer()),
      share_(connection.share()) {}

void Http1Protocol::Close() {
  connection_.Close();
}

void Http1Protocol::OnClose() {
  if (wake_) wake_->Detach();
  if (asker_) asker_->is_gone = true;
  if (busy_ && !pending_) host_.AskerLeft(1);
  EndBusy();
}

void Http1Protocol::EndBusy() {
  if (busy_) host_.CountBusy(-1);
  busy_ = false;
}

void Http1Protocol::OnWritable() {
  if (state_ == State::kStreaming) return OnCarrier(carrier_->OnWritable());
  Continue(channel_.Flush());
}

void Http1Protocol::OnBytes(std::string_view bytes) {
  if (state_ == State::kStreaming && carrier_->is_duplex()) {
    return OnCarrier(carrier_->OnBytes(bytes));
  }
  in_.append(bytes);
  if (!HasRoom()) return;
  if (state_ == State::kReading) return Advance();
  if (unparsed().size() >= kPipelinedBytesMax) channel_.WantRead(false);
}

void Http1Protocol::OnEof() {
  peer_closed_ = true;
  channel_.WantRead(false);
  if (state_ == State::kStreaming) {
    // A client that takes a stream of answers closes nothing but the whole connection.
    if (!carrier_->is_duplex()) return Close();
    return OnCarrier(carrier_->OnPeerClosed());
  }
  // Half-closed behind its last request, it still gets the answer; but nobody knows how long a
  // pending one takes, and most clients that close are gone. While it waits for a worker, others go
  // before it where there is no room for all. TLS tells of an end that came together with requests
  // before what was deferred of them has run.
  const bool is_busy = state_ == State::kHandling || state_ == State::kSending || advances_;
  if (pending_ || !is_busy) return Close();
  if (asker_) asker_->may_be_gone = true;
  if (state_ == State::kHandling) host_.AskerLeft(1);
}

void Http1Protocol::Consume(size_t bytes) {
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

void Http1Protocol::SkipEmptyLines() {
  // Old clients send one behind a body.
  while (unparsed().starts_with("\r\n")) Consume(2);
}

void Http1Protocol::ArmForReading() {
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

bool Http1Protocol::HasRoom() {
  if (share_.Resize(in_.capacity() + body_.capacity())) return true;
  if (state_ == State::kReading) {
    RefuseBusy();
  } else {
    Close();  // More than it should send before it has its answer.
  }
  return false;
}

void Http1Protocol::RefuseBusy() {
  if (!head_) traits_ = {};
  traits_.keep_alive = false;
  linger_after_ = true;
  awaited_ = Awaited::kNothing;
  LetGo(in_);
  in_used_ = 0;
  LetGo(body_);
  head_.reset();
  chunks_.reset();
  share_.Resize(0);
  Send(Prepare(TooBusy(), traits_));
}

void Http1Protocol::Advance() {
  if (!head_ && !AdvanceHead()) return;
  if (!AdvanceBody()) return;
  DispatchRequest(false);
}

bool Http1Protocol::AdvanceHead() {
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
  host_.Arrived(connection_);
  arrived_ = loop_.ReadClock();  // Others were answered in this round, maybe at length.
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

bool Http1Protocol::AdvanceBody() {
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

bool Http1Protocol::DecodeChunks() {
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

void Http1Protocol::DispatchRequest(bool body_too_large) {
  const size_t head_bytes = BytesOfHead(*head_);
  auto request = connection_.MakeRequest(std::move(*head_), arrived_);
  if (!body_too_large) request->body = std::move(body_);
  request->body_too_large = body_too_large;
  head_.reset();
  chunks_.reset();
  LetGo(body_);
  if (body_too_large) {
    // What is left of the body is not to be taken for the next request.
    traits_.keep_alive = false;
    linger_after_ = true;
  }
  if (!asker_) asker_ = std::make_shared<Asker>();
  asker_->may_be_gone = peer_closed_;
  traits_.asker = asker_;
  state_ = State::kHandling;
  awaited_ = Awaited::kNothing;
  timer_.Disarm();
  busy_ = true;
  host_.CountBusy(1);
  // The bytes are the request's now, and what follows it is counted anew.
  const bool has_room = share_.Resize(head_bytes + request->body.size());
  Intake::Share next = share_.Next();
  Intake::Share held = std::exchange(share_, std::move(next));
  if (!has_room) return Send(Prepare(TooBusy(), traits_));
  auto answer =
      host_.Dispatch(connection_.weak_from_this(), std::move(request), traits_, std::move(held));
  if (answer) Send(std::move(*answer));
}

void Http1Protocol::StartPending(std::unique_ptr<PendingResponse> pending) {
  pending_ = std::move(pending);
  pending_->Start(connection_.MakeReply(traits_));
}

void Http1Protocol::OnAnswer(int32_t, PreparedAnswer answer) {
  Send(std::move(answer));
}

void Http1Protocol::Send(PreparedAnswer answer) {
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
void Http1Protocol::Continue(Channel::Io flushed) {
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

void Http1Protocol::StartStream(PreparedAnswer& answer) {
  state_ = State::kStreaming;
  if (!wake_) wake_ = loop_.MakeWake(*this);
  const size_t backlog_max = host_.limits().stream_backlog_bytes_max;
  if (!answer.upgrade) {
    // A watch lasts for an hour: what its head came in is of no more use.
    if (unparsed().empty()) LetGo(in_);
    carrier_ = std::make_unique<Carrier>(channel_, wake_, std::move(answer.stream), answer.framing,
                                         backlog_max);
    return OnCarrier(carrier_->OnWake());
  }
  close_after_ = true;
  carrier_ = std::make_unique<Carrier>(channel_, wake_, std::move(answer.upgrade), backlog_max);
  // A client may send right behind its request.
  const std::string early(unparsed());
  LetGo(in_);
  in_used_ = 0;
  auto state = early.empty() ? carrier_->OnWake() : carrier_->OnBytes(early);
  if (state == Carrier::State::kGoing && peer_closed_) state = carrier_->OnPeerClosed();
  OnCarrier(state);
}

void Http1Protocol::OnCarrier(Carrier::State state) {
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
void Http1Protocol::ArmForStream() {
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

bool Http1Protocol::IsStalled() const {
  return loop_.Now() >= write_due_ && channel_.sent_bytes() == sent_before_;
}

void Http1Protocol::NextRequest() {
  write_due_ = kNever;
  if (linger_after_) return Linger();
  if (close_after_ || (peer_closed_ && unparsed().empty())) return Close();
  state_ = State::kReading;
  channel_.WantRead(!peer_closed_);
  ArmForReading();
  if (unparsed().empty()) return;
  // Deferred, or a long pipeline of requests answered at once would be as deep a recursion.
  advances_ = true;
  loop_.Defer([this, self = connection_.shared_from_this()] {
    if (channel_.closed()) return;
    advances_ = false;
    Advance();
    // What a half-closed client left incomplete will never be complete.
    if (peer_closed_ && state_ == State::kReading && !advances_) Close();
  });
}

void Http1Protocol::Refuse(const HeadFault& fault) {
  traits_ = {.keep_alive = false};
  linger_after_ = true;
  Send(Prepare(AnswerTo(fault), traits_));
}

void Http1Protocol::Linger() {
  if (peer_closed_) return Close();
  LetGo(in_);
  in_used_ = 0;
  connection_.Linger();
}

void Http1Protocol::OnWake() {
  if (state_ == State::kStreaming) OnCarrier(carrier_->OnWake());
}

void Http1Protocol::OnTimer() {
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

void Http1Protocol::CloseWhenIdle() {
  close_after_ = true;
  const bool idle = state_ == State::kReading && !head_ && unparsed().empty();
  if (idle) Close();
}

void Http1Protocol::EndStreams() {
  if (state_ != State::kStreaming) return;
  close_after_ = true;
  OnCarrier(carrier_->End());
}

}  // namespace skiff::http
