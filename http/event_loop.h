// One epoll thread. Internal to http/: everything but Post and Wake happens on that thread.
//
//   what came in, tasks ─> wakes ─> turns ─> timers ─> deferred ─> put off ─┐
//        ^─────────────────────────────────────────────────────────────────────┘
//
// A round is short, whatever there is to send: a connection that has much of it takes turns with
// the others that have, kTurnsTime a round; answers that take long to make are put off, and made
// one in a round. Tasks, mostly answers that are there, wait for no more than kEventsAtOnce of what
// came in. Between two rounds there is a look at what came in, and other threads may have the
// processor. So a small request waits for no long answer to be sent, and for one to be made.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "http/tls_records.h"

namespace skiff::http {

class Loop;
class Wake;

// What a loop calls. A listener that closes unregisters its descriptor and timer at once, but is
// destroyed by Loop::Defer, since its own frames may still be on the stack.
class LoopListener {
 public:
  virtual void OnReady(uint32_t /*epoll_events*/) {}
  virtual void OnWake() {}
  virtual void OnTimer() {}
  // Of who has more to send: does a piece of it, and asks again.
  virtual void OnTurn() { OnReady(EPOLLOUT); }

 protected:
  ~LoopListener() = default;

 private:
  friend class Loop;
  bool has_turn_ = false;
};

// A deadline that moves cheaply: moving it later does not touch the queue.
class Timer {
 public:
  Timer(Loop& loop, LoopListener& listener) : loop_(loop), listener_(listener) {}
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  void ArmAt(Duration monotonic);
  void ArmIn(Duration delay);
  void Disarm() { due_ = kNever; }

 private:
  friend class Loop;
  Loop& loop_;
  LoopListener& listener_;
  Duration due_ = kNever;
  Duration queued_at_ = kNever;  // Its key in the loop's queue; kNever: not there.
};

class Loop {
 public:
  Loop();
  ~Loop();
  // Joins the thread, runs what was posted last, and lets go of what is kept. Not on its thread.
  void Stop();

  // Any thread. Runs `task` on the loop's thread, in order of posting.
  void Post(std::function<void()> task);
  bool IsHere() const { return std::this_thread::get_id() == thread_.get_id(); }
  // A handle whose Notify makes `listener.OnWake` run, until it is detached.
  std::shared_ptr<Wake> MakeWake(LoopListener& listener);

  // Level-triggered.
  void Watch(int fd, uint32_t events, LoopListener& listener);
  void Change(int fd, uint32_t events, LoopListener& listener);
  // Calls OnReady(EPOLLIN) once more, soon, unless the listener wants no more of that by then: for
  // what was read together with bytes and comes behind them.
  void Repeat(LoopListener& listener) { repeats_.push_back(&listener); }
  // Calls OnTurn once, after those who asked before. Asked again before that, it is one.
  void AskTurn(LoopListener& listener);
  // It gets none; for who goes.
  void DropTurn(LoopListener& listener);
  // `listener` hears no more of it, not even what this round of events still holds.
  void Forget(int fd, LoopListener& listener);
  // Runs `task` when no listener is on the stack any more: after the present round of events, or
  // after what was posted in between, and before what comes behind that. So the next event, or who
  // posts once his last task has run, finds it done.
  void Defer(std::function<void()> task) { deferred_.push_back(std::move(task)); }
  // Runs `task` at the end of a round, behind all that was put off before it: of this round, or of
  // a later one.
  void PutOff(std::function<void()> task) { put_off_.push_back(std::move(task)); }
  // Keeps `object` alive until it is let go of, or the loop ends. `Release` is deferred.
  void Keep(std::shared_ptr<void> object);
  void Release(void* object);
  // Monotonic; taken once a round.
  Duration Now() const { return now_; }
  // Monotonic; read anew, for what must not be as old as the round.
  Duration ReadClock() const { return clock_.Monotonic(); }
  // Any thread. How long the present round has lasted; 0 while it waits for something to do.
  Duration RoundTime() const;
  // For reading and gathering, valid until the caller returns.
  static constexpr size_t kScratchBytes = 64 << 10;
  char* scratch() { return scratch_.get(); }
  static constexpr size_t kRecordBytes = 16 << 10;  // A TLS record holds no more.
  char* record_scratch() { return scratch_.get() + kScratchBytes; }
  // In which the connections of HTTP/2 pack their frames: more than one of 16 KiB.
  static constexpr size_t kFrameBytes = 17 << 10;
  char* frame_scratch() { return record_scratch() + kRecordBytes; }
  static constexpr size_t kRecordsBytes = 48 << 10;  // As they come in.
  char* records_scratch() { return frame_scratch() + kFrameBytes; }
  static constexpr size_t kSealedBytes = 66 << 10;  // As they go out: four full ones.
  char* sealed_scratch() { return records_scratch() + kRecordsBytes; }
  TlsRecords::Ciphers ciphers() { return {*sealer_, *opener_}; }

 private:
  friend class Timer;
  friend class Wake;
  static constexpr int kEventsPerRound = 256;
  static constexpr int kEventsAtOnce = 8;
  // Of a round.
  static constexpr Duration kWakesTime = 500us;
  static constexpr Duration kTurnsTime = 200us;
  static constexpr Duration kPutOffTime = 100us;

  // Shared with Wakes, which may outlive the loop.
  struct Inbox {
    ~Inbox();
    void Ring() REQUIRES(mutex);
    Mutex mutex;
    std::vector<std::function<void()>> tasks GUARDED_BY(mutex);
    std::vector<std::shared_ptr<Wake>> wakes GUARDED_BY(mutex);
    bool rung GUARDED_BY(mutex) = false;
    bool stop GUARDED_BY(mutex) = false;
    int event_fd = -1;
  };
  void Run();
  int WaitMs() const;
  void DropRepeats(LoopListener& listener);
  void RunRepeats();
  void LetOthersRun();
  void RunTimers();
  // Those that have become ready, and what was posted in between; returns whether to stop.
  bool RunEvents();
  bool IsRung() const;
  // Likewise.
  bool RunInbox();
  // Those there are now, of which there may be one for each of ten thousand streams, until
  // `time_max` is over: the rest after what has become ready meanwhile.
  void RunWakes(Duration time_max);
  void RunTurns();
  void RunDeferred();
  // One, and more as long as all were short.
  void RunPutOff();
  void Drain();

  const std::shared_ptr<Inbox> inbox_;
  int epoll_fd_ = -1;
  SystemClock clock_;
  Duration now_ = Duration::zero();
  std::atomic<Duration::rep> round_began_ = 0;  // Monotonic; 0: it waits.
  std::multimap<Duration, Timer*> timers_;
  std::vector<std::function<void()>> deferred_;
  std::deque<std::function<void()>> put_off_;
  std::vector<LoopListener*> repeats_;  // nullptr: wants it no more.
  std::deque<LoopListener*> turns_;
  std::deque<std::shared_ptr<Wake>> wakes_;
  std::unordered_map<void*, std::shared_ptr<void>> kept_;
  std::unique_ptr<char[]> scratch_;
  const std::unique_ptr<RecordCipher> sealer_ = RecordCipher::Make();
  const std::unique_ptr<RecordCipher> opener_ = RecordCipher::Make();
  epoll_event events_[kEventsPerRound];
  int events_count_ = 0;
  std::jthread thread_;
};

// Notify from any thread, any time; many before the loop looks are one.
class Wake : public std::enable_shared_from_this<Wake> {
 public:
  Wake(std::shared_ptr<Loop::Inbox> inbox, LoopListener& listener)
      : inbox_(std::move(inbox)), listener_(&listener) {}
  void Notify();
  // On the loop's thread.
  void Detach() { listener_ = nullptr; }

 private:
  friend class Loop;
  const std::shared_ptr<Loop::Inbox> inbox_;
  LoopListener* listener_;
  std::atomic<bool> pending_ = false;
};

}  // namespace skiff::http
