// What the entrance does with answers until their clients have taken them.
#include "apiserver/flow_control/unsent.h"

#include <algorithm>
#include <utility>

#include "apiserver/request/answer_stream.h"

namespace skiff::flow_control {
namespace {

// In which an answer has to be taken, beside a second for each of these.
constexpr Duration kTakingTime = 60s;
constexpr size_t kBytesPerSecond = 1 << 20;
constexpr int kUnsentCheckMs = 1000;

size_t UnsentBytesOf(const http::Response& response) {
  if (response.stream) {
    const AnswerStream* const answer = AnswerStreamOf(response);
    return answer == nullptr ? 0 : answer->HeldBytesMax();
  }
  size_t bytes = response.body.size();
  for (const auto& piece : response.pieces) bytes += piece->size();
  return bytes;
}

Duration TimeFor(size_t bytes) {
  return std::chrono::seconds(bytes / kBytesPerSecond);
}

class UnsentSource final : public http::StreamSource {
 public:
  UnsentSource(std::shared_ptr<Unsent> unsent, std::function<void(Unsent&)> done)
      : unsent_(std::move(unsent)), done_(std::move(done)) {}
  ~UnsentSource() override { done_(*unsent_); }
  void Attach(http::Waker waker) override { unsent_->Attach(std::move(waker)); }
  http::Pulled Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) override {
    return unsent_->Pull(bytes_max, out);
  }
  // It has a time of its own, and no pauses.
  int PullEveryMs() const override { return kUnsentCheckMs; }
  bool EndsByItself() const override { return true; }

 private:
  const std::shared_ptr<Unsent> unsent_;
  const std::function<void(Unsent&)> done_;
};

}  // namespace

Unsent::Unsent(http::Response& response)
    : bytes_(UnsentBytesOf(response)),
      body_(std::move(response.body)),
      pieces_(std::make_move_iterator(response.pieces.begin()),
              std::make_move_iterator(response.pieces.end())),
      stream_(std::move(response.stream)) {
  if (stream_) stream_bytes_.emplace(0);
  response.body.clear();
  response.pieces.clear();
}

void Unsent::Attach(http::Waker waker) {
  const MutexLock lock(mutex_);
  if (stream_) stream_->Attach(waker);
  waker_ = std::move(waker);
}

http::Pulled Unsent::Pull(size_t bytes_max, std::vector<http::SharedBytes>& out) {
  const MutexLock lock(mutex_);
  if (dropped_) return http::Pulled::kAbort;
  if (stream_) return PullStream(bytes_max, out);
  size_t taken = 0;
  while (taken < bytes_max && sent_ < body_.size()) {
    const size_t bytes = std::min(kUnsentUnitBytes, body_.size() - sent_);
    out.push_back(std::make_shared<const std::string>(body_, sent_, bytes));
    sent_ += bytes;
    taken += bytes;
  }
  while (taken < bytes_max && sent_ == body_.size() && !pieces_.empty()) {
    taken += pieces_.front()->size();
    out.push_back(std::move(pieces_.front()));
    pieces_.pop_front();
  }
  const bool is_all = sent_ == body_.size() && pieces_.empty();
  return is_all ? http::Pulled::kEnd : http::Pulled::kMore;
}

http::Pulled Unsent::PullStream(size_t bytes_max, std::vector<http::SharedBytes>& out) {
  const size_t before = out.size();
  const http::Pulled pulled = stream_->Pull(bytes_max, out);
  for (size_t i = before; i < out.size(); ++i) *stream_bytes_ += out[i]->size();
  return pulled;
}

void Unsent::Drop() {
  std::unique_ptr<http::StreamSource> stream;
  std::string body;
  std::deque<http::SharedBytes> pieces;
  http::Waker waker;
  {
    const MutexLock lock(mutex_);
    dropped_ = true;
    body.swap(body_);
    pieces.swap(pieces_);
    stream.swap(stream_);
    waker = waker_;
  }
  if (waker) waker();
}

// Only what goes over a connection waits for somebody to take it.
http::Response Entrance::Send(const Pass& pass, const http::Request& request,
                              http::Response response) {
  const bool is_sent = pass.held_ == Pass::Held::kTurn && !request.remote_address.empty() &&
                       request.method != "HEAD" && !response.upgrade && !response.pending;
  if (!is_sent || UnsentBytesOf(response) < kUnsentUnitBytes) return response;
  const auto unsent = std::make_shared<Unsent>(response);
  unsent->level = pass.turn_.level;
  unsent->flow = pass.turn_.flow;
  unsent->units = UnsentUnits(unsent->bytes());
  bool wake = false;
  {
    const MutexLock lock(mutex_);
    const Duration due = clock_.Monotonic() + kTakingTime + TimeFor(unsent->bytes());
    unsent->due = due;
    dispatcher_.TakeUnsent(*unsent->level, unsent->flow, unsent->units);
    unsent->counts = true;
    unsent->place = unsent_.emplace(due, unsent);
    wake = Plan(due);
  }
  if (wake) wake_();
  response.headers.erase("Content-Length");
  if (!unsent->is_made_as_taken()) {
    response.SetHeader("Content-Length", std::to_string(unsent->bytes()));
  }
  response.stream = std::make_unique<UnsentSource>(unsent, [this](Unsent& each) { Sent(each); });
  return response;
}

void Entrance::Sent(Unsent& unsent) {
  Waiters begun;
  {
    const MutexLock lock(mutex_);
    if (!unsent.counts) return;
    Forget(unsent);
    Dispatch(nullptr, clock_.Monotonic(), begun);
  }
  Begin(begun);
}

void Entrance::Forget(Unsent& unsent) {
  dispatcher_.GiveUnsent(*unsent.level, unsent.flow, unsent.units);
  unsent.counts = false;
  unsent_.erase(unsent.place);
}

std::vector<std::shared_ptr<Unsent>> Entrance::TakeLate(Duration now) {
  std::vector<std::shared_ptr<Unsent>> late;
  while (!unsent_.empty() && unsent_.begin()->first <= now) {
    const auto first = unsent_.begin()->second;
    const Duration due = first->due + TimeFor(first->taken_bytes());
    if (due > now) {
      unsent_.erase(first->place);
      first->place = unsent_.emplace(due, first);
      continue;
    }
    late.push_back(first);
    Forget(*first);
  }
  return late;
}

}  // namespace skiff::flow_control
