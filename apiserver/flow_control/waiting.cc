// What the entrance does with requests that wait.
#include <algorithm>
#include <atomic>
#include <utility>

#include "apiserver/flow_control/beginning.h"
#include "apiserver/flow_control/waiter.h"
#include "base/flags.h"

namespace skiff::flow_control {
namespace {

// Of a request that waits, beside what was sent.
constexpr size_t kWaiterBytes = 2 << 10;

size_t BytesOf(const http::Request& request) {
  size_t bytes = kWaiterBytes + request.target.size() * 3 + request.body.size();
  for (const auto& [name, value] : request.headers) bytes += name.size() + value.size() + 96;
  return bytes;
}

// A client that gives itself less time waits for less.
Duration PatienceOf(const Question& question, Duration patience) {
  const auto text = question.http.Query("timeout");
  if (!text || question.info.verb == "watch") return patience;
  const auto timeout = ParseGoDuration(std::string(*text));
  if (!timeout || *timeout <= Duration::zero()) return patience;
  return std::min(patience, *timeout / 4);
}

// It counts from when the request arrived; its body may have been long in coming.
Duration PatienceLeft(const Question& question, Duration patience, Duration now) {
  const Duration arrived = question.http.arrived;
  const Duration passed = arrived > Duration::zero() ? now - arrived : Duration::zero();
  return std::max(Duration::zero(),
                  PatienceOf(question, patience) - std::max(passed, Duration::zero()));
}

}  // namespace

Waiter::Waiter(Turn turn, const Question& question)
    : Turn(std::move(turn)),
      request(question.http),
      info(question.info),
      user(question.user.name) {}

class KeptAnswer final : public http::PendingResponse {
 public:
  KeptAnswer(Entrance& entrance, std::shared_ptr<Waiter> waiter)
      : entrance_(entrance), waiter_(std::move(waiter)) {}
  ~KeptAnswer() override { entrance_.Leave(*waiter_); }
  void Start(http::Reply reply) override {
    waiter_->reply = std::move(reply);
    entrance_.Keep(waiter_);
  }

 private:
  Entrance& entrance_;
  const std::shared_ptr<Waiter> waiter_;
};

namespace {

// An answer that the connection's loop makes.
class MadeOnLoop final : public http::PendingResponse {
 public:
  MadeOnLoop(std::shared_ptr<Waiter> waiter, http::LateReply::Make make)
      : waiter_(std::move(waiter)), make_(std::move(make)) {}
  void Start(http::Reply reply) override {
    auto response = Guarded(make_, waiter_->request);
    make_ = nullptr;  // With it the request is over.
    reply(std::move(response));
  }

 private:
  const std::shared_ptr<Waiter> waiter_;
  http::LateReply::Make make_;
};

}  // namespace

// The entrance does not end before it.
class KeptReply final : public http::LateReply {
 public:
  KeptReply(Entrance& entrance, std::shared_ptr<Waiter> waiter)
      : entrance_(entrance), waiter_(std::move(waiter)) {
    entrance_.CountReplies(1);
  }
  ~KeptReply() override {
    waiter_ = nullptr;
    entrance_.CountReplies(-1);
  }
  void OnLoop(Make make) override {
    if (answered_.exchange(true)) return;
    http::Response response;
    response.pending = std::make_unique<MadeOnLoop>(waiter_, std::move(make));
    waiter_->reply(std::move(response));
  }
  void OnWorker(Make make) override {
    if (answered_.exchange(true)) return;
    const bool taken = entrance_.pool_.Submit([waiter = waiter_, make] {
      waiter->late.Answer(Guarded(make, waiter->request), waiter->reply);
    });
    if (!taken) entrance_.Refuse(*waiter_, Refused::kConcurrencyLimit);
  }

 private:
  Entrance& entrance_;
  std::shared_ptr<Waiter> waiter_;
  std::atomic<bool> answered_ = false;
};

bool Entrance::Reserve(const Level& level, size_t bytes) {
  size_t& of_level = bytes_of_[&level];
  const bool fits = !stopped_ && bytes_ + bytes <= options_.bytes_max &&
                    of_level + bytes <= options_.bytes_per_level_max &&
                    deadlines_.size() < options_.waiting_max;
  if (fits) {
    of_level += bytes;
    bytes_ += bytes;
  }
  if (of_level == 0) bytes_of_.erase(&level);
  return fits;
}

void Entrance::GiveBack(const Waiter& waiter) {
  bytes_ -= waiter.bytes;
  const auto found = bytes_of_.find(waiter.level.get());
  found->second -= waiter.bytes;
  if (found->second == 0) bytes_of_.erase(found);
}

http::Response Entrance::Wait(Pass pass, const Question& question, Run run) {
  const size_t bytes = BytesOf(question.http);
  {
    const MutexLock lock(mutex_);
    if (!Reserve(*pass.turn_.level, bytes)) pass.state_ = Pass::State::kRefused;
  }
  if (pass.state_ == Pass::State::kRefused) {
    CountRefused(*pass.target_, Refused::kQueueFull);
    return Refusal(pass, question.http);
  }
  auto waiter = std::make_shared<Waiter>(std::move(pass.turn_), question);
  waiter->configuration = std::move(pass.configuration_);
  waiter->target = pass.target_;
  // From here on, or it would be counted twice that there was no seat when it came.
  waiter->no_room = &waiter->target->figures->not_accommodated;
  waiter->is_watch = pass.is_watch_;
  const auto found = waiter->configuration->classifier.Find(question.user, question.info);
  waiter->distinguisher = found.distinguisher;
  waiter->bytes = bytes;
  waiter->run = std::move(run);
  const Duration now = clock_.Monotonic();
  waiter->deadline = now + PatienceLeft(question, options_.patience, now);
  http::Response response;
  response.pending = std::make_unique<KeptAnswer>(*this, std::move(waiter));
  return response;
}

void Entrance::Keep(const std::shared_ptr<Waiter>& waiter) {
  Waiters begun;
  auto verdict = QueueSet::Verdict::kQueueFull;
  bool wake = false;
  int queue_length = 0;
  {
    const MutexLock lock(mutex_);
    const Duration now = clock_.Monotonic();
    if (!stopped_) verdict = dispatcher_.Enqueue(*waiter, now);
    if (verdict == QueueSet::Verdict::kWaits) {
      waiter->state = Waiter::State::kWaiting;
      queue_length = waiter->level->set.LengthOf(waiter->queue);
      waiter->place = deadlines_.emplace(waiter->deadline, waiter);
      ++waiter->target->figures->waiting;
      waiter->target->figures->waiting_seats += waiter->work.seats();
      Dispatch(nullptr, now, begun);
      const Duration due = deadlines_.empty() ? kNever : deadlines_.begin()->first;
      wake = Plan(std::min(due, dispatcher_.next_release()));
    } else {
      waiter->state = Waiter::State::kGone;
      GiveBack(*waiter);
    }
  }
  if (wake) wake_();
  Begin(begun);
  if (verdict == QueueSet::Verdict::kWaits) {
    return figures_.Queued(*waiter->target->figures, queue_length);
  }
  Refuse(*waiter, verdict == QueueSet::Verdict::kQueueFull ? Refused::kQueueFull
                                                           : Refused::kConcurrencyLimit);
}

void Entrance::Forget(Waiter& waiter) {
  deadlines_.erase(waiter.place);
  GiveBack(waiter);
  --waiter.target->figures->waiting;
  waiter.target->figures->waiting_seats -= waiter.work.seats();
}

void Entrance::Leave(Waiter& waiter) {
  Waiters begun;
  bool waited = false;
  {
    const MutexLock lock(mutex_);
    const Duration now = clock_.Monotonic();
    waited = waiter.state == Waiter::State::kWaiting;
    if (waited) {
      dispatcher_.Remove(waiter, now);
      Forget(waiter);
      // It may have been what the others had to wait for.
      Dispatch(nullptr, now, begun);
    } else if (waiter.state == Waiter::State::kNew) {
      GiveBack(waiter);
    }
    if (waiter.state != Waiter::State::kBegun) waiter.state = Waiter::State::kGone;
  }
  Begin(begun);
  waiter.late.Leave();
  if (waited) CountRefused(*waiter.target, Refused::kCancelled);
}

void Entrance::Begin(const Waiters& begun) {
  for (const std::shared_ptr<Waiter>& waiter : begun) {
    if (pool_.Submit([this, waiter] { Execute(waiter); })) continue;
    // There are no threads to be had. The others wait for who is done, or until their time is up.
    {
      const MutexLock lock(mutex_);
      dispatcher_.Finish(*waiter, clock_.Monotonic());
    }
    Refuse(*waiter, Refused::kConcurrencyLimit);
  }
}

void Entrance::Execute(const std::shared_ptr<Waiter>& waiter) {
  Pass pass;
  pass.entrance_ = this;
  pass.configuration_ = waiter->configuration;
  pass.target_ = waiter->target;
  pass.held_ = Pass::Held::kTurn;
  pass.is_watch_ = waiter->is_watch;
  pass.turn_ = static_cast<const Turn&>(*waiter);
  AddExecuting(pass, {.distinguisher = waiter->distinguisher,
                      .user = waiter->user,
                      .method = waiter->request.method,
                      .path = waiter->request.path,
                      .verb = waiter->info.verb,
                      .name = waiter->info.name});
  CountBegun(*waiter->target, *waiter, waiter->started - waiter->arrived);
  if (waiter->late.left()) return;
  const Run run = std::move(waiter->run);
  const auto reply = std::make_shared<KeptReply>(*this, waiter);
  bool is_late = false;
  const auto handle = [&] {
    auto answer = run(waiter->request, std::move(pass), reply);
    is_late = !answer.has_value();
    return is_late ? http::Response() : *std::move(answer);
  };
  auto answer = Guarded(handle, waiter->request);
  if (!is_late) waiter->late.Answer(std::move(answer), waiter->reply);
}

void Entrance::CountReplies(int change) {
  const MutexLock lock(mutex_);
  replies_ += change;
  if (replies_ == 0) replied_.notify_all();
}

void Entrance::Refuse(Waiter& waiter, Refused reason) {
  CountRefused(*waiter.target, reason);
  figures_.Waited(*waiter.target->figures, clock_.Monotonic() - waiter.arrived, false);
  Pass pass;
  pass.target_ = waiter.target;
  waiter.reply(Refusal(pass, waiter.request));
}

void Entrance::Stop() {
  Waiters waiting;
  std::vector<Pass> beginning;
  {
    const MutexLock lock(mutex_);
    if (std::exchange(stopped_, true)) return;
    beginning = TakeSlowBeginnings(kNever);
    while (!deadlines_.empty()) {
      const std::shared_ptr<Waiter> waiter = deadlines_.begin()->second;
      dispatcher_.Remove(*waiter, clock_.Monotonic());
      Forget(*waiter);
      waiter->state = Waiter::State::kGone;
      waiting.push_back(waiter);
    }
  }
  beginning.clear();
  for (const auto& waiter : waiting) Refuse(*waiter, Refused::kTimeOut);
  pool_.Stop();
  MutexLock lock(mutex_);
  while (replies_ > 0) replied_.wait(lock);
}

}  // namespace skiff::flow_control
