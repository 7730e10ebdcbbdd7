// Where requests are let in: API priority and fairness. Once it is known who asks, and before any
// work is done, a request is let in, kept until its turn, or refused.
//
//   Pass pass = entrance.Enter({request, info, user});
//   switch (pass.state()) {
//     case Pass::State::kIn:      ... work; the next one begins when the pass goes ...
//     case Pass::State::kMustWait: return entrance.Wait(std::move(pass), {...}, run);
//     case Pass::State::kRefused:  return entrance.Refusal(pass, request);
//   }
//
//        classifier          dispatcher (levels, their queues, slots)
//   request ─> flow ─> Enter ─┬─> in, on the worker that it came to
//                             └─> kept: a pending answer, no thread ─> 429: too long, or left
//                                    └─ its turn ─> a thread of `pool_`, which does not wait for
//                                                   what is written either
//
// Who is exempt passes without a lock but for the one under which the configuration is read.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/auth/user.h"
#include "apiserver/flow_control/classifier.h"
#include "apiserver/flow_control/dispatcher.h"
#include "apiserver/flow_control/executing.h"
#include "apiserver/flow_control/figures.h"
#include "apiserver/flow_control/kind_figures.h"
#include "apiserver/request/initial_events.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "http/late.h"
#include "http/message.h"
#include "http/worker_pool.h"

namespace skiff::flow_control {

class Beginning;
class Entrance;
class Unsent;
struct Waiter;

// What a schema leads to.
struct Target {
  std::string schema;
  std::string schema_uid;
  std::string level_uid;
  bool exempt = false;
  uint64_t salt = 0;  // Flows of different schemas are different.
  std::shared_ptr<Level> level;
  std::shared_ptr<FlowFigures> figures;
};
// Immutable. A request keeps the one it came by.
struct Configuration {
  Classifier classifier;
  std::vector<Target> targets;  // One a schema of the classifier.
};

struct Question {
  const http::Request& http;
  const RequestInfo& info;
  const User& user;
};

// The right to be worked on; what it holds is given back with it.
class Pass {
 public:
  enum class State : uint8_t { kIn, kMustWait, kRefused };
  Pass() = default;  // Of who is not counted.
  Pass(Pass&& other) noexcept { *this = std::move(other); }
  Pass& operator=(Pass&& other) noexcept;
  ~Pass() { End(); }

  State state() const { return state_; }
  // What it writes is judged: from here on it waits for the disk, and others may use the processor.
  void EndJudging();
  // The work goes on elsewhere, and no worker is held: what is left are seats.
  void LeaveWorker();
  // Names the schema and the level, as every answer does.
  void Mark(http::Response& response) const;

 private:
  friend class Entrance;
  enum class Held : uint8_t { kNothing, kTurn, kExempt, kReading, kWriting };
  void End();

  Entrance* entrance_ = nullptr;
  std::shared_ptr<const Configuration> configuration_;
  const Target* target_ = nullptr;
  State state_ = State::kIn;
  Held held_ = Held::kNothing;
  bool is_watch_ = false;
  Turn turn_;
  std::optional<ExecutingRequests::Place> executing_;
};

// The request that this thread works on, while it is in scope: whoever waits for the disk on its
// behalf, deep below, says so.
class AtWork {
 public:
  explicit AtWork(Pass& pass);
  ~AtWork();
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;
  static void Waits();
};

class Entrance {
 public:
  struct Options {
    bool fair = true;  // Else requests are only counted.
    int reading_max = 400;
    int writing_max = 200;
    int read_slots = 0;  // 0: by the number of processors.
    int write_slots = 24;
    int judging_slots = 0;  // Of writes, before they wait for the disk; 0: likewise.
    // How long a request may wait; a quarter of what it may take.
    Duration patience = 15s;
    // What those that wait may hold, and those of one level.
    size_t bytes_max = size_t{128} << 20;
    size_t bytes_per_level_max = size_t{48} << 20;
    size_t waiting_max = 10'000;
    // What answers may hold that their clients have not taken.
    size_t unsent_bytes_max = size_t{512} << 20;
  };
  struct Parts {  // All outlive it.
    const Clock& clock;
    MetricRegistry& metrics;
    KindFigures::Count count_objects;
    // What every answer is given that no handler makes.
    std::function<void(const http::Request&, http::Response&)> finish_refusal;
  };
  Entrance(Options options, Parts parts);
  ~Entrance() { Stop(); }

  // Mandatory objects that are missing are what they would be.
  void Configure(Classifier::Objects schemas,
                 std::vector<std::shared_ptr<const flowcontrol_v1::PriorityLevelConfiguration>>
                     levels);
  // Called, on any thread, when Step is due earlier than it said. Before anybody asks.
  void WakeBy(std::function<void()> wake);

  Pass Enter(const Question& question);
  // As http::LateHandler::HandleLater: nullopt, and the answer comes by the reply.
  using Run = std::function<std::optional<http::Response>(const http::Request&, Pass,
                                                          const http::LateReplyPtr&)>;
  http::Response Wait(Pass pass, const Question& question, Run run);
  http::Response Refusal(const Pass& pass, const http::Request& request) const;
  // The answer to a request that was let in by that pass; a large one is counted, and kept here,
  // until its client has taken it, or its time is up.
  http::Response Send(const Pass& pass, const http::Request& request, http::Response response);
  // Of a watch that was let in by that pass: its stream says when all it begins with is sent. Null:
  // it has no seats.
  std::shared_ptr<InitialEvents> BeginningOf(const Pass& pass);
  // The seats of a watch that was answered are kept until then, but for a minute at most.
  void Hold(const std::shared_ptr<InitialEvents>& events, Pass pass);
  KindFigures& kinds() { return kinds_; }

  // Refuses who has waited too long, and adjusts limits; how long until that is due again.
  Duration Step();
  // Whoever waits is refused, and nobody begins any more. Waits for those who have begun.
  void Stop();

  // /debug/api_priority_and_fairness/...
  std::string DumpLevels();
  std::string DumpQueues();
  std::string DumpRequests(bool details);

 private:
  friend class Beginning;
  friend class Pass;
  friend class KeptAnswer;
  friend class KeptReply;
  using Waiters = std::vector<std::shared_ptr<Waiter>>;

  std::shared_ptr<const Configuration> Now() const;
  Pass EnterCounted(const Question& question);
  Pass EnterExempt(Pass pass);
  Pass EnterFairly(Pass pass);
  void AddExecuting(Pass& pass, ExecutingRequest request);
  void Keep(const std::shared_ptr<Waiter>& waiter);
  void Leave(Waiter& waiter);
  void End(Pass& pass);
  void LeaveSlot(Turn& turn);
  void EndJudging(Turn& turn);

  // Lets begin whoever may; true when `own` is among them, and `begun` gets the others.
  bool Dispatch(Turn* own, Duration now, Waiters& begun) REQUIRES(mutex_);
  void Forget(Waiter& waiter) REQUIRES(mutex_);
  void Sent(Unsent& unsent);
  void Forget(Unsent& unsent) REQUIRES(mutex_);
  // Those answers whose time is up; they count no longer.
  std::vector<std::shared_ptr<Unsent>> TakeLate(Duration now) REQUIRES(mutex_);
  void Expect(Beginning& beginning);
  void Over(Beginning& beginning);
  // Those that have had their time; to be ended without the mutex.
  std::vector<Pass> TakeSlowBeginnings(Duration until) REQUIRES(mutex_);
  // Step is to come by then; true: somebody must tell it, once the mutex is let go.
  bool Plan(Duration due) REQUIRES(mutex_);
  void Begin(const Waiters& begun);
  void Execute(const std::shared_ptr<Waiter>& waiter);
  void CountReplies(int change);
  void Refuse(Waiter& waiter, Refused reason);
  void CountBegun(const Target& target, const Turn& turn, Duration waited);
  void CountRefused(const Target& target, Refused reason);
  bool Reserve(const Level& level, size_t bytes) REQUIRES(mutex_);
  void GiveBack(const Waiter& waiter) REQUIRES(mutex_);
  std::vector<LevelFigures> LevelsNow();

  const Options options_;
  const Clock& clock_;
  const std::function<void(const http::Request&, http::Response&)> finish_refusal_;
  KindFigures kinds_;
  std::atomic<int> reading_ = 0, writing_ = 0;  // Where they are only counted.

  mutable Mutex configuration_mutex_;  // Never taken with mutex_.
  std::shared_ptr<const Configuration> configuration_ GUARDED_BY(configuration_mutex_);
  std::vector<std::shared_ptr<FlowFigures>> flows_ GUARDED_BY(configuration_mutex_);

  ExecutingRequests executing_;

  Mutex mutex_;
  Dispatcher dispatcher_ GUARDED_BY(mutex_);
  std::multimap<Duration, std::shared_ptr<Waiter>> deadlines_ GUARDED_BY(mutex_);
  std::multimap<Duration, std::shared_ptr<Unsent>> unsent_ GUARDED_BY(mutex_);  // By deadline.
  std::multimap<Duration, std::shared_ptr<Beginning>> beginnings_ GUARDED_BY(mutex_);  // Likewise.
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  std::map<const Level*, size_t> bytes_of_ GUARDED_BY(mutex_);
  Duration adjust_at_ GUARDED_BY(mutex_) = kNever;
  Duration planned_ GUARDED_BY(mutex_) = kNever;
  bool stopped_ GUARDED_BY(mutex_) = false;
  int replies_ GUARDED_BY(mutex_) = 0;  // Of kept requests whose answers come later.
  CondVar replied_;
  std::function<void()> wake_;  // Set before anybody asks.

  Figures figures_;
  http::WorkerPool pool_;
};

}  // namespace skiff::flow_control
