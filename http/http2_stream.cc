#include "http/http2_stream.h"

#include <algorithm>

#include "http/guarded_pull.h"
#include "http/server.h"
#include "http/server_connection.h"

namespace skiff::http {
Http2Stream::Http2Stream(Owner& owner, Http2Wire::StreamId id)
    : owner_(owner),
      connection_(owner.connection()),
      id_(id),
      timer_(connection_.loop(), *this),
      traits_{.keep_alive = !connection_.host().stopping(), .stream = id} {}

void Http2Stream::OnHead(RequestHead head, bool ended) {
  traits_.is_head = head.method == "HEAD";
  arrived_ = connection_.loop().ReadClock();
  head_bytes_ = BytesOfHead(head);
  head_ = std::make_unique<RequestHead>(std::move(head));
  const Limits& limits = connection_.host().limits();
  if (head_->framing.content_length.value_or(0) > limits.body_bytes_max) return Dispatch(true);
  if (ended) return OnEnd();
  if (!HoldsBody()) return;
  if (head_->expects_continue) owner_.wire().AskForBody(id_);
  timer_.ArmIn(limits.body_timeout);
}

// Counts what has arrived; refuses the request when there is no room for it, and is false.
bool Http2Stream::HoldsBody() {
  const size_t bytes = head_bytes_ + body_.capacity();
  if (owner_.Hold(held_, bytes)) {
    held_ = bytes;
    return true;
  }
  head_.reset();
  LetGo(body_);
  OnAnswer(Prepare(TooBusy(), traits_));
  return false;
}

void Http2Stream::OnData(std::string_view bytes) {
  if (state_ != State::kBody) return;  // Answered already; the rest does not matter.
  const auto& promised = head_->framing.content_length;
  if (promised && bytes.size() > *promised - body_.size()) {
    return Reset(Http2Wire::Code::kProtocolError);
  }
  if (body_.size() + bytes.size() > connection_.host().limits().body_bytes_max) {
    return Dispatch(true);
  }
  body_.append(bytes);
  HoldsBody();
}

void Http2Stream::OnEnd() {
  if (state_ != State::kBody) return;
  const auto& promised = head_->framing.content_length;
  if (promised && *promised != body_.size()) return Reset(Http2Wire::Code::kProtocolError);
  Dispatch(false);
}

void Http2Stream::Dispatch(bool body_too_large) {
  auto request = connection_.MakeRequest(std::move(*head_), arrived_);
  if (!body_too_large) request->body = std::move(body_);
  request->http2 = true;
  request->body_too_large = body_too_large;
  head_.reset();
  LetGo(body_);
  state_ = State::kHandling;
  timer_.Disarm();
  busy_ = true;
  connection_.host().CountBusy(1);
  asker_ = std::make_shared<Asker>();
  traits_.asker = asker_;
  // The bytes are the request's now.
  owner_.Hold(std::exchange(held_, 0), 0);
  Intake::Share held = connection_.share().Next();
  if (!held.Resize(head_bytes_ + request->body.size())) {
    return OnAnswer(Prepare(TooBusy(), traits_));
  }
  auto answer = connection_.host().Dispatch(connection_.weak_from_this(), std::move(request),
                                            traits_, std::move(held));
  if (answer) OnAnswer(std::move(*answer));
}

void Http2Stream::Reset(Http2Wire::Code code) {
  state_ = State::kClosed;
  timer_.Disarm();
  owner_.wire().Reset(id_, code);
  owner_.ScheduleSend();
}

void Http2Stream::OnAnswer(PreparedAnswer answer) {
  if (state_ == State::kClosed) return;
  pending_.reset();
  if (answer.pending) {
    pending_ = std::move(answer.pending);
    return pending_->Start(connection_.MakeReply(traits_));
  }
  state_ = State::kSending;
  timer_.Disarm();
  EndBusy();
  using Body = Http2Wire::Body;
  owner_.wire().Answer(id_, answer.fields,
                       answer.stream && !answer.stream->EndsByItself() ? Body::kEndless
                       : answer.stream || !answer.pieces.empty()       ? Body::kWhole
                                                                       : Body::kNone);
  if (answer.stream) {
    StartSource(answer);
  } else {
    ended_ = true;
    Enqueue(answer.pieces);
  }
  // As in Go, where a handler closes the connection by the header that HTTP/2 does not have.
  if (!answer.keep_alive) owner_.GoAway();
  owner_.ScheduleSend();
}

void Http2Stream::StartSource(PreparedAnswer& answer) {
  source_ = std::move(answer.stream);
  length_left_ = answer.framing.content_length;
  wake_ = connection_.loop().MakeWake(*this);
  source_->Attach([wake = wake_] { wake->Notify(); });
  Pull();
  ArmTimer();
}

void Http2Stream::EndOfSource() {
  // Fewer bytes than were promised: only a reset says so.
  if (length_left_.value_or(0) > 0) broken_ = true;
  ended_ = true;
}

void Http2Stream::EndSource() {
  if (state_ != State::kSending || !source_ || ended_ || broken_) return;
  if (source_->EndsByItself()) return;
  EndOfSource();
  Offer();
}

void Http2Stream::Pull() {
  std::vector<SharedBytes> pieces;
  while (source_ && ready_ && !ended_ && !broken_ && queued_bytes_ < kPullBytes) {
    pieces.clear();
    const size_t before = queued_bytes_;
    const Pulled pulled = PullGuarded(*source_, kPullBytes - queued_bytes_, pieces);
    Enqueue(pieces);
    if (pulled == Pulled::kIdle) ready_ = false;
    if (pulled == Pulled::kEnd) EndOfSource();
    if (pulled == Pulled::kAbort) broken_ = true;
    if (queued_bytes_ > before) continue;
    // It has more, and gave nothing: others have their turn first.
    if (pulled == Pulled::kMore) wake_->Notify();
    return;
  }
}

void Http2Stream::Enqueue(std::vector<SharedBytes>& pieces) {
  size_t bytes = 0;
  for (auto& piece : pieces) {
    if (!piece || piece->empty()) continue;
    bytes += piece->size();
    queue_.push_back(std::move(piece));
  }
  queued_bytes_ += bytes;
  if (length_left_) {
    if (bytes > *length_left_) broken_ = true;
    *length_left_ -= std::min<uint64_t>(bytes, *length_left_);
  }
  if (queued_bytes_ == 0 || write_due_ != kNever) return;
  sent_before_ = sent_;
  write_due_ = connection_.loop().Now() + WriteTimeout();
  ArmTimer();
}

Http2Wire::Ready Http2Stream::Next(size_t bytes_max) {
  if (state_ != State::kSending) return {};
  // What is left of one pull is no frame of its own where more is there to fill it.
  if (queued_bytes_ < bytes_max) Pull();
  const size_t bytes = std::min(bytes_max, queued_bytes_);
  if (bytes == 0 && broken_) return {.what = Http2Wire::Ready::What::kBroken};
  if (bytes == 0 && !ended_) return {};
  return {.what = Http2Wire::Ready::What::kBytes,
          .bytes = bytes,
          .last = ended_ && !broken_ && bytes == queued_bytes_};
}

void Http2Stream::SendData(std::string_view frame, size_t bytes) {
  CHECK(bytes <= queued_bytes_);
  Channel& channel = connection_.channel();
  channel.Send(std::string(frame));
  queued_bytes_ -= bytes;
  sent_ += bytes;
  while (bytes > 0) {
    SharedBytes& piece = queue_[first_];
    const size_t take = std::min(bytes, piece->size() - offset_);
    bytes -= take;
    if (offset_ + take < piece->size()) {
      channel.SendPart(piece, offset_, take);
      offset_ += take;
      continue;
    }
    channel.SendPart(std::move(piece), offset_, take);
    ++first_;
    offset_ = 0;
  }
  if (queued_bytes_ == 0) {
    queue_.clear();
    first_ = 0;
    write_due_ = kNever;
    ArmTimer();  // A source that is to be looked at now and then does not wait for that time.
  } else if (first_ >= kSentPiecesMax) {
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<ptrdiff_t>(first_));
    first_ = 0;
  }
}

void Http2Stream::Offer() {
  if (queued_bytes_ > 0 || ended_ || broken_) {
    owner_.wire().Resume(id_);
    // A long answer has its turn after others'.
    if (source_ && source_->EndsByItself()) {
      connection_.channel().AskTurn();
    } else {
      owner_.ScheduleSend();
    }
  }
  ArmTimer();
}

void Http2Stream::OnWake() {
  if (state_ != State::kSending) return;
  ready_ = true;
  if (queued_bytes_ == 0) Pull();
  Offer();
}

void Http2Stream::OnTimer() {
  if (state_ == State::kBody) return Reset(Http2Wire::Code::kCancel);
  if (state_ != State::kSending) return;
  if (IsStalled()) return Reset(Http2Wire::Code::kCancel);
  OnWake();
}

// Whether the client has had its time, and has taken too little in it. Begins its next time.
bool Http2Stream::IsStalled() {
  const Duration now = connection_.loop().Now();
  if (now < write_due_) return false;
  // Of a source with times of its own, or pauses, anything will do. Of an answer it is this
  // stream's part of what a connection must take.
  const size_t least = source_ ? 1 : std::max<size_t>(1, kWriteBytesMin / owner_.streams());
  if (sent_ - sent_before_ < least) return true;
  sent_before_ = sent_;
  write_due_ = now + WriteTimeout();
  return false;
}

Duration Http2Stream::WriteTimeout() const {
  const Limits& limits = connection_.host().limits();
  return source_ && source_->PullEveryMs() == 0 ? limits.stream_stall_timeout
                                                : limits.write_timeout;
}

void Http2Stream::ArmTimer() {
  Duration due = write_due_;
  const int every_ms = source_ ? source_->PullEveryMs() : 0;
  if (every_ms > 0 && queued_bytes_ == 0) {
    due = std::min(due, connection_.loop().Now() + std::chrono::milliseconds(every_ms));
  }
  if (due == kNever) return timer_.Disarm();
  timer_.ArmAt(due);
}

void Http2Stream::EndBusy() {
  if (busy_) connection_.host().CountBusy(-1);
  busy_ = false;
}

void Http2Stream::Leave() {
  if (asker_) asker_->is_gone = true;
  if (busy_ && !pending_) owner_.Abandon(asker_);
  state_ = State::kClosed;
  timer_.Disarm();
  if (wake_) wake_->Detach();
  pending_.reset();
  EndBusy();
  owner_.Hold(std::exchange(held_, 0), 0);
}

}  // namespace skiff::http
