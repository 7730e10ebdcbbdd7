#include "http/http2_protocol.h"

#include <algorithm>

#include "http/server.h"
#include "http/server_connection.h"

namespace skiff::http {
namespace {

// Requests at workers whose streams are gone, for each stream that may be open. Go waits as long
// before it parts with a client that opens streams only to reset them.
constexpr size_t kAbandonedPerStream = 4;

// Go's words.
Response Refusal(const HeadFault& fault) {
  if (fault.status == 431) {
    Response response;
    response.status = fault.status;
    response.content_type = "text/html; charset=utf-8";
    response.body = "<h1>HTTP Error 431</h1><p>Request Header Field(s) Too Large</p>";
    return response;
  }
  Response response = AnswerTo(fault);
  if (!fault.text.empty()) {
    response.body = fault.text + "\n";
    response.SetHeader("X-Content-Type-Options", "nosniff");
  }
  return response;
}

}  // namespace

Http2Protocol::Http2Protocol(ServerConnection& connection)
    : connection_(connection),
      loop_(connection.loop()),
      channel_(connection.channel()),
      wire_({.streams_max = connection.host().limits().http2_streams_max,
             .head_bytes_max = connection.host().limits().head_bytes_max,
             .scratch = {loop_.frame_scratch(), Loop::kFrameBytes}},
            *this) {
  // Our settings need not wait for the client's.
  ScheduleSend();
}

void Http2Protocol::OnBytes(std::string_view bytes) {
  if (parting_) return;
  if (!wire_.Receive(bytes)) return Part();
  ScheduleSend();
}

void Http2Protocol::OnEof() {
  connection_.Close();
}

void Http2Protocol::OnWritable() {
  Pump();
}

void Http2Protocol::ScheduleSend() {
  // At the end of the round, so that what happens to a hundred streams in it is one record.
  if (std::exchange(send_scheduled_, true)) return;
  loop_.Defer([this, self = connection_.weak_from_this()] {
    const auto alive = self.lock();
    if (!alive) return;
    send_scheduled_ = false;
    if (!channel_.closed()) Pump();
  });
}

void Http2Protocol::Pump() {
  if (!parting_) {
    if (!wire_.Send()) return Part();
    const size_t framed = channel_.queued_bytes();
    const auto flushed = channel_.Flush();
    if (flushed == Channel::Io::kAgain) return ArmTimer();
    if (flushed != Channel::Io::kDone) return connection_.Close();
    if (framed > 0 && wire_.WantsToSend()) channel_.AskTurn();
  }
  if (parting_ || wire_.IsOver()) return Part();
  ArmTimer();
}

void Http2Protocol::Part() {
  if (!std::exchange(parting_, true)) LeaveStreams();
  const auto flushed = channel_.Flush();
  if (flushed == Channel::Io::kDone) return connection_.Linger();
  if (flushed != Channel::Io::kAgain) return connection_.Close();
  ArmTimer();
}

void Http2Protocol::LeaveStreams() {
  // Their frames may be on the stack.
  auto streams = std::make_shared<decltype(streams_)>(std::move(streams_));
  streams_.clear();
  found_ = nullptr;
  OnHeadEnd();
  for (const auto& [id, stream] : *streams) stream->Leave();
  loop_.Defer([streams] {});
}

void Http2Protocol::ArmTimer() {
  Duration due = head_due_;
  if (!arrived_) due = std::min(due, connection_.first_head_due());
  if (arrived_ && streams_.empty()) due = std::min(due, idle_due_);
  if (channel_.queued_bytes() == 0) {
    write_due_ = kNever;
  } else if (write_due_ == kNever || channel_.sent_bytes() != sent_before_) {
    sent_before_ = channel_.sent_bytes();
    write_due_ = loop_.Now() + connection_.host().limits().write_timeout;
  }
  due = std::min(due, write_due_);
  if (due == kNever) return connection_.timer().Disarm();
  connection_.timer().ArmAt(due);
}

void Http2Protocol::OnTimer() {
  const Duration now = loop_.Now();
  if (now >= write_due_ && channel_.sent_bytes() == sent_before_) {
    channel_.MarkCut();
    return connection_.Close();
  }
  if (now >= head_due_ || (!arrived_ && now >= connection_.first_head_due())) {
    return connection_.Close();
  }
  if (arrived_ && streams_.empty() && now >= idle_due_) {
    idle_due_ = kNever;
    GoAway();
    return Pump();
  }
  ArmTimer();
}

void Http2Protocol::OnAnswer(int32_t id, PreparedAnswer answer) {
  if (Http2Stream* stream = Find(id)) stream->OnAnswer(std::move(answer));
}

void Http2Protocol::CloseWhenIdle() {
  GoAway();
}

void Http2Protocol::EndStreams() {
  for (const auto& [id, stream] : streams_) stream->EndSource();
}

void Http2Protocol::OnClose() {
  const size_t open = streams_.size();
  LeaveStreams();
  // Requests of single streams that are reset stay where they are: by them it is seen who opens
  // streams only for that.
  if (open > 0) connection_.host().AskerLeft(open);
}

void Http2Protocol::OnHeadBegin() {
  head_due_ = loop_.Now() + connection_.host().limits().head_timeout;
}

bool Http2Protocol::OnHeadBytes(size_t held) {
  if (!Hold(head_held_, held)) return false;
  head_held_ = held;
  return true;
}

void Http2Protocol::OnHeadEnd() {
  head_due_ = kNever;
  Hold(std::exchange(head_held_, 0), 0);
}

Http2Stream* Http2Protocol::Find(Http2Wire::StreamId id) {
  // What is asked of a stream in one frame is asked several times.
  if (found_ != nullptr && found_id_ == id) return found_;
  const auto found = streams_.find(id);
  found_ = found == streams_.end() ? nullptr : found->second.get();
  found_id_ = id;
  return found_;
}

Http2Stream& Http2Protocol::Add(Http2Wire::StreamId id) {
  if (!std::exchange(arrived_, true)) connection_.host().Arrived(connection_);
  auto& stream = streams_[id];
  stream = std::make_unique<Http2Stream>(static_cast<Http2Stream::Owner&>(*this), id);
  return *stream;
}

void Http2Protocol::OnHead(Http2Wire::StreamId id, RequestHead head, bool ended) {
  Add(id).OnHead(std::move(head), ended);
}

void Http2Protocol::OnBadHead(Http2Wire::StreamId id, const HeadFault& fault) {
  Add(id).OnAnswer(Prepare(Refusal(fault), {.stream = id}));
}

void Http2Protocol::OnData(Http2Wire::StreamId id, std::string_view bytes) {
  if (Http2Stream* stream = Find(id)) stream->OnData(bytes);
}

void Http2Protocol::OnEnd(Http2Wire::StreamId id) {
  if (Http2Stream* stream = Find(id)) stream->OnEnd();
}

void Http2Protocol::OnClosed(Http2Wire::StreamId id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  std::shared_ptr<Http2Stream> stream(std::move(found->second));
  streams_.erase(found);
  found_ = nullptr;
  stream->Leave();
  loop_.Defer([stream = std::move(stream)] {});
  if (streams_.empty()) idle_due_ = loop_.Now() + connection_.host().limits().idle_timeout;
}

bool Http2Protocol::HasRoom() const {
  return channel_.queued_bytes() < connection_.host().limits().stream_backlog_bytes_max;
}

void Http2Protocol::Send(std::string_view bytes) {
  channel_.Send(std::string(bytes));
}

Http2Wire::Ready Http2Protocol::Next(Http2Wire::StreamId id, size_t bytes_max) {
  Http2Stream* stream = Find(id);
  return stream ? stream->Next(bytes_max) : Http2Wire::Ready{};
}

void Http2Protocol::SendData(Http2Wire::StreamId id, std::string_view frame, size_t bytes) {
  Http2Stream* stream = Find(id);
  CHECK(stream != nullptr);  // The wire forgets a stream's frames when it tells that it is closed.
  stream->SendData(frame, bytes);
}

Duration Http2Protocol::Now() const {
  return loop_.Now();
}

bool Http2Protocol::Hold(size_t before, size_t after) {
  const size_t held = held_ - before + after;
  if (!connection_.share().Resize(held)) return false;
  held_ = held;
  return true;
}

void Http2Protocol::GoAway() {
  if (std::exchange(going_away_, true)) return;
  wire_.GoAway();
  ScheduleSend();
}

void Http2Protocol::Abandon(std::weak_ptr<const Asker> request) {
  const size_t abandoned_max = kAbandonedPerStream * connection_.host().limits().http2_streams_max;
  abandoned_.push_back(std::move(request));
  if (abandoned_.size() <= abandoned_max) return;
  std::erase_if(abandoned_, [](const auto& one) { return one.expired(); });
  if (abandoned_.size() > abandoned_max) wire_.CalmDown();
}

}  // namespace skiff::http
