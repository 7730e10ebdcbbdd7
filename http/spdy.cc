#include "http/spdy.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "base/mutex.h"

namespace skiff::http {
namespace {

constexpr size_t kAnswersMax = 10'000;      // Frames that the peer has not taken.
constexpr size_t kDataBytesMax = 32 << 10;  // Of one frame, as peers send.
constexpr size_t kJoinedBytesMax = 4096;    // Of small pieces that are queued as one.
constexpr size_t kItemsMax = 4096;          // Queued; past it Send refuses.

// What other threads leave for the loop, in order.
class Queue final : public SpdySender {
 public:
  enum class Kind { kOpen, kData, kFinish, kReset };
  struct Item {
    Kind kind = Kind::kData;
    SpdyStreamId stream = 0;
    std::string data;
    Headers headers;
  };

  Queue(SpdyRole role, size_t bytes_max)
      : bytes_max_(bytes_max), next_(role == SpdyRole::kClient ? 1 : 2) {}

  SpdyStreamId Open(Headers headers) override {
    SpdyStreamId stream = 0;
    {
      MutexLock lock(mutex_);
      if (ended_ || closing_) return 0;
      stream = next_;
      next_ += 2;
      items_.push_back({Kind::kOpen, stream, {}, std::move(headers)});
    }
    Wake();
    return stream;
  }
  bool Send(SpdyStreamId stream, std::string data) override {
    {
      MutexLock lock(mutex_);
      if (RoomLocked() == 0) return false;
      if (data.empty()) return true;
      bytes_ += data.size();
      Add(stream, std::move(data));
    }
    Wake();
    return true;
  }
  void Finish(SpdyStreamId stream) override { Push(Kind::kFinish, stream); }
  void Reset(SpdyStreamId stream) override { Push(Kind::kReset, stream); }
  void Close() override {
    {
      MutexLock lock(mutex_);
      closing_ = true;
    }
    Wake();
  }
  size_t Room() const override {
    MutexLock lock(mutex_);
    return RoomLocked();
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
  std::optional<Item> Take() {
    MutexLock lock(mutex_);
    if (items_.empty()) return std::nullopt;
    Item item = std::move(items_.front());
    items_.pop_front();
    bytes_ -= item.data.size();
    marks_.erase({item.kind, item.stream});
    return item;
  }
  // Whether Close was called, and all before it is taken.
  bool closed() const {
    MutexLock lock(mutex_);
    return closing_ && items_.empty();
  }
  void End() {
    MutexLock lock(mutex_);
    ended_ = true;
    items_.clear();
    marks_.clear();
    waker_ = nullptr;
  }

 private:
  void Push(Kind kind, SpdyStreamId stream) {
    {
      MutexLock lock(mutex_);
      if (ended_ || closing_ || !marks_.insert({kind, stream}).second) return;
      items_.push_back({kind, stream, {}, {}});
    }
    Wake();
  }
  size_t RoomLocked() const REQUIRES(mutex_) {
    const bool is_full = bytes_ >= bytes_max_ || items_.size() >= kItemsMax;
    return ended_ || closing_ || is_full ? 0 : bytes_max_ - bytes_;
  }
  // What a peer sends byte by byte would cost a hundred times as much as it is counted for.
  void Add(SpdyStreamId stream, std::string data) REQUIRES(mutex_) {
    const bool joins = !items_.empty() && items_.back().kind == Kind::kData &&
                       items_.back().stream == stream &&
                       items_.back().data.size() + data.size() <= kJoinedBytesMax;
    if (joins) {
      items_.back().data += data;
    } else {
      items_.push_back({Kind::kData, stream, std::move(data), {}});
    }
  }

  const size_t bytes_max_;
  mutable Mutex mutex_;
  std::deque<Item> items_ GUARDED_BY(mutex_);
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  // The ends of streams that are queued, each once however often it is told: they are not refused.
  std::set<std::pair<Kind, SpdyStreamId>> marks_ GUARDED_BY(mutex_);
  SpdyStreamId next_ GUARDED_BY(mutex_);
  bool closing_ GUARDED_BY(mutex_) = false;
  bool ended_ GUARDED_BY(mutex_) = false;
  Waker waker_ GUARDED_BY(mutex_);
};

class Session final : public Duplex, private SpdyReader::Sink {
 public:
  Session(SpdyRole role, std::unique_ptr<SpdyHandler> handler, const SpdyOptions& options)
      : role_(role),
        options_(options),
        handler_(std::move(handler)),
        queue_(std::make_shared<Queue>(role, options.backlog_bytes_max)),
        reader_(*this),
        next_ping_(role == SpdyRole::kClient ? 1 : 2),
        last_ping_(clock_.Monotonic()) {}
  ~Session() override { TellClosed(); }

  void Attach(Waker waker) override {
    queue_->set_waker(std::move(waker));
    handler_->OnOpen(queue_);
  }
  Pulled Pull(size_t bytes_max, std::vector<SharedBytes>& out) override;
  int PullEveryMs() const override { return static_cast<int>(options_.ping_every / 1ms); }
  size_t OnBytes(std::string_view bytes) override {
    if (ending_) return bytes.size();
    const auto taken = reader_.Read(bytes);
    if (taken) return *taken;
    GoAway(kSpdyProtocolError);
    return bytes.size();
  }
  void OnPeerClosed() override {
    ending_ = true;
    TellClosed();
  }

 private:
  struct Stream {
    bool peer_done = false;
    bool our_done = false;
  };

  void OnControl(SpdyControl control) override;
  size_t OnData(SpdyStreamId stream, std::string_view bytes) override;
  void OnFin(SpdyStreamId stream) override;
  void OnSynStream(const SpdyControl& control);
  void OnPing(uint32_t id);
  void Write(Queue::Item item);
  void HalfClosed(SpdyStreamId stream);
  void GoAway(uint32_t status);
  void TellClosed();
  bool IsOurs(uint32_t id) const { return (id % 2 == 1) == (role_ == SpdyRole::kClient); }

  const SpdyRole role_;
  const SpdyOptions options_;
  const std::unique_ptr<SpdyHandler> handler_;
  const std::shared_ptr<Queue> queue_;
  SystemClock clock_;
  SpdyReader reader_;
  SpdyWriter writer_;
  std::map<SpdyStreamId, Stream> streams_;
  SpdyStreamId last_peer_stream_ = 0;
  uint32_t next_ping_;
  Duration last_ping_;
  std::vector<SharedBytes> written_;  // Frames, until they are pulled.
  size_t written_bytes_ = 0;
  bool ending_ = false;  // What is written is sent; nothing more is read.
  bool told_closed_ = false;

  void Emit(std::string frame) {
    written_bytes_ += frame.size();
    written_.push_back(std::make_shared<const std::string>(std::move(frame)));
  }
};

Pulled Session::Pull(size_t bytes_max, std::vector<SharedBytes>& out) {
  const bool was_full = queue_->Room() == 0;
  if (!ending_ && queue_->Room() > 0) handler_->OnRoom(std::min(bytes_max, queue_->Room()));
  if (!ending_ && options_.ping_every > 0s &&
      clock_.Monotonic() - last_ping_ >= options_.ping_every) {
    last_ping_ = clock_.Monotonic();
    Emit(SpdyWriter::Ping(next_ping_));
    next_ping_ += 2;
  }
  while (!ending_ && written_bytes_ < bytes_max) {
    auto item = queue_->Take();
    if (!item) break;
    Write(std::move(*item));
  }
  if (!ending_ && queue_->closed()) GoAway(0);
  const bool any = !written_.empty();
  out.insert(out.end(), std::make_move_iterator(written_.begin()),
             std::make_move_iterator(written_.end()));
  written_.clear();
  written_bytes_ = 0;
  // What was queued for streams that are done makes no frame, but room that somebody may wait for.
  const bool has_room_again = was_full && queue_->Room() > 0;
  if (any || has_room_again) return Pulled::kMore;
  return ending_ ? Pulled::kEnd : Pulled::kIdle;
}

void Session::Write(Queue::Item item) {
  if (item.kind == Queue::Kind::kOpen) {
    streams_.emplace(item.stream, Stream{});
    return Emit(writer_.SynStream(item.stream, item.headers));
  }
  const auto it = streams_.find(item.stream);
  if (it == streams_.end() || it->second.our_done) return;
  switch (item.kind) {
    case Queue::Kind::kData:
      for (size_t at = 0; at < item.data.size(); at += kDataBytesMax) {
        const std::string_view part = std::string_view(item.data).substr(at, kDataBytesMax);
        Emit(SpdyWriter::DataHead(item.stream, part.size(), false).append(part));
      }
      return;
    case Queue::Kind::kFinish:
      Emit(SpdyWriter::DataHead(item.stream, 0, true));
      it->second.our_done = true;
      return HalfClosed(item.stream);
    default:
      Emit(SpdyWriter::RstStream(item.stream, kSpdyCancel));
      streams_.erase(it);
  }
}

void Session::HalfClosed(SpdyStreamId stream) {
  const auto it = streams_.find(stream);
  if (it->second.peer_done && it->second.our_done) streams_.erase(it);
}

void Session::OnControl(SpdyControl control) {
  if (ending_) return;
  // Of a peer that asks for more and more and takes no answer.
  if (written_.size() > kAnswersMax) return GoAway(kSpdyProtocolError);
  switch (control.type) {
    case SpdyType::kSynStream:
      return OnSynStream(control);
    case SpdyType::kSynReply:
      if (streams_.count(control.stream) == 0) return;
      handler_->OnReply(control.stream);
      if (control.fin) OnFin(control.stream);
      return;
    case SpdyType::kHeaders:
      if (control.fin) OnFin(control.stream);
      return;
    case SpdyType::kRstStream:
      if (streams_.erase(control.stream) > 0) handler_->OnReset(control.stream);
      return;
    case SpdyType::kPing:
      return OnPing(control.value);
    case SpdyType::kGoAway:
      // The peer opens no more; it closes the connection itself when its streams are done.
      return;
    default:
      return;
  }
}

void Session::OnPing(uint32_t id) {
  if (!IsOurs(id)) Emit(SpdyWriter::Ping(id));
}

void Session::OnSynStream(const SpdyControl& control) {
  const SpdyStreamId stream = control.stream;
  if (IsOurs(stream) || stream <= last_peer_stream_) {
    return Emit(SpdyWriter::RstStream(stream, kSpdyProtocolError));
  }
  last_peer_stream_ = stream;
  if (streams_.size() >= options_.streams_max) {
    return Emit(SpdyWriter::RstStream(stream, kSpdyRefused));
  }
  streams_.emplace(stream, Stream{});
  if (!handler_->OnStream(stream, control.headers)) {
    streams_.erase(stream);
    return Emit(SpdyWriter::RstStream(stream, kSpdyCancel));
  }
  // Before any data of ours, which peers would drop: data comes from the queue, later.
  Emit(writer_.SynReply(stream));
  if (control.fin) OnFin(stream);
}

size_t Session::OnData(SpdyStreamId stream, std::string_view bytes) {
  const auto it = streams_.find(stream);
  // Data may be under way when we reset a stream.
  if (ending_ || it == streams_.end() || it->second.peer_done) return bytes.size();
  return handler_->OnData(stream, bytes);
}

void Session::OnFin(SpdyStreamId stream) {
  const auto it = streams_.find(stream);
  if (ending_ || it == streams_.end() || it->second.peer_done) return;
  it->second.peer_done = true;
  HalfClosed(stream);
  handler_->OnFin(stream);
}

void Session::GoAway(uint32_t status) {
  // All streams first, as Kubernetes does; those that are done hear of nothing.
  for (const auto& [stream, state] : streams_) {
    Emit(SpdyWriter::RstStream(stream, kSpdyCancel));
  }
  streams_.clear();
  Emit(SpdyWriter::GoAway(last_peer_stream_, status));
  ending_ = true;
  TellClosed();
}

void Session::TellClosed() {
  queue_->End();
  if (!std::exchange(told_closed_, true)) handler_->OnClose();
}

std::vector<std::string> OfferedProtocols(const Request& request) {
  std::vector<std::string> offered;
  const auto [first, last] = request.headers.equal_range("X-Stream-Protocol-Version");
  for (auto it = first; it != last; ++it) {
    std::string_view rest = it->second;
    while (!rest.empty()) {
      std::string_view part = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), part.size() + 1));
      const size_t begin = part.find_first_not_of(' ');
      if (begin == part.npos) continue;
      offered.emplace_back(part.substr(begin, part.find_last_not_of(' ') - begin + 1));
    }
  }
  return offered;
}

// Go prints lists so.
std::string Bracketed(const std::vector<std::string>& words) {
  std::string out = "[";
  for (const auto& word : words) out += (out.size() > 1 ? " " : "") + word;
  return out + "]";
}

Response Refusal(int status, std::string text) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.SetHeader("X-Content-Type-Options", "nosniff");
  response.body = std::move(text);
  return response;
}

bool HasText(const Headers& headers, std::string_view name, std::string_view lower) {
  const auto [first, last] = headers.equal_range(name);
  return std::any_of(first, last, [&](const auto& header) {
    std::string value = header.second;
    std::transform(value.begin(), value.end(), value.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return value.find(lower) != std::string::npos;
  });
}

}  // namespace

std::unique_ptr<Duplex> MakeSpdy(SpdyRole role, std::unique_ptr<SpdyHandler> handler,
                                 const SpdyOptions& options) {
  return std::make_unique<Session>(role, std::move(handler), options);
}

bool IsSpdy(const Request& request) {
  // Substrings in any case, which is how Kubernetes looks.
  return HasText(request.headers, "Connection", "upgrade") &&
         HasText(request.headers, "Upgrade", "spdy/3.1");
}

Response AcceptSpdy(const Request& request, const std::vector<std::string>& known,
                    const std::function<std::unique_ptr<SpdyHandler>(const std::string&)>& make,
                    const SpdyOptions& options) {
  if (!IsSpdy(request)) {
    return Refusal(400, "unable to upgrade: missing upgrade headers in request\n");
  }
  const auto offered = OfferedProtocols(request);
  if (offered.empty()) {
    return Refusal(400,
                   "unable to upgrade: header X-Stream-Protocol-Version does not exist in request "
                   "with " +
                       std::to_string(request.headers.size()) + " headers\n");
  }
  const auto chosen = std::find_if(offered.begin(), offered.end(), [&](const auto& protocol) {
    return std::find(known.begin(), known.end(), protocol) != known.end();
  });
  if (chosen == offered.end()) {
    Response refusal =
        Refusal(403, "unable to upgrade: unable to negotiate protocol: client supports " +
                         Bracketed(offered) + ", server accepts " + Bracketed(known) + "\n");
    for (const auto& protocol : known) {
      refusal.SetHeader("X-Accepted-Stream-Protocol-Versions", protocol);
    }
    return refusal;
  }
  Response response;
  response.status = 101;
  response.SetHeader("Connection", "Upgrade");
  response.SetHeader("Upgrade", "SPDY/3.1");
  response.SetHeader("X-Stream-Protocol-Version", *chosen);
  response.upgrade = MakeSpdy(SpdyRole::kServer, make(*chosen), options);
  return response;
}

void AskForSpdy(Headers& headers, const std::vector<std::string>& protocols) {
  headers.emplace("Connection", "Upgrade");
  headers.emplace("Upgrade", "SPDY/3.1");
  for (const auto& protocol : protocols) headers.emplace("X-Stream-Protocol-Version", protocol);
}

}  // namespace skiff::http
