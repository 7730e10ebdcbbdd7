// Passive parts and what drives them.
//
// A part (controller, scheduler cycle, pod worker, proxier) is a ControlLoop: Step does what is due
// and says when to come back. Programs run parts on a ThreadExecutor; the simulation runs all parts
// of a cluster on one thread with a SteppedExecutor, in seeded order, on a FakeClock.
//
//   class NodeStatus : public ControlLoop {
//     Duration Step() override { Report(clock_.Now()); return kHeartbeatPeriod; }
//   };
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"

namespace skiff {

class ControlLoop;

// Runs loops. A loop never runs on two threads at once. Loops must be removed before they die.
class Executor {
 public:
  virtual ~Executor() = default;
  // The loop's first Step is due at once. `loop` outlives its membership.
  virtual void Add(ControlLoop& loop) = 0;
  // On return no Step of `loop` runs or will run. Not to be called from that loop's own Step.
  virtual void Remove(ControlLoop& loop) = 0;
  // Makes a Step of `loop` due now. Called during its Step: it runs once more after. Any thread.
  virtual void Wake(ControlLoop& loop) = 0;
  // Whether one loop's Step may block until another loop has run: else it would for ever.
  virtual bool IsParallel() const { return false; }
};

class ControlLoop {
 public:
  virtual ~ControlLoop() = default;
  // Does what is due, without sleeping. Returns how long until the next step is due if nothing
  // wakes the loop before: 0 means again at once, kNever only when woken.
  virtual Duration Step() = 0;
  // Makes a Step due now. Any thread; without effect before Executor::Add and after Remove.
  void Wake() {
    if (Executor* executor = executor_.load()) executor->Wake(*this);
  }

 private:
  friend class ThreadExecutor;
  friend class SteppedExecutor;
  std::atomic<Executor*> executor_ = nullptr;
};

// Up to `threads_max` threads, started when there is work for them; loops that are due wait their
// turn in order of their due time.
class ThreadExecutor final : public Executor {
 public:
  ThreadExecutor(std::string name, int threads_max);
  ~ThreadExecutor() override;  // Stops all threads; the loops stay where they were.
  void Add(ControlLoop& loop) override;
  void Remove(ControlLoop& loop) override;
  void Wake(ControlLoop& loop) override;
  bool IsParallel() const override { return true; }

 private:
  struct Entry {
    Duration due = Duration::zero();  // Monotonic; kNever: only when woken.
    bool running = false;
    bool woken = false;  // While running: step once more.
  };
  // A loop and how it stands here; stays in its place until it is removed.
  using Member = std::pair<ControlLoop* const, Entry>;
  void Run(std::stop_token stop);
  void StartThreadIfNeeded() REQUIRES(mutex_);
  // Before a thread is busy: has another one look after the loop that is due next.
  void LeaveTheRest() REQUIRES(mutex_);
  // Whether the caller has to notify `changed_` once it has let go of mutex_. Not while a thread
  // that was notified has not come yet: it looks after what is due, and has the next one come.
  bool MustNotify() REQUIRES(mutex_);
  // Lets go of mutex_ during the step.
  void RunOne(Member& member) REQUIRES(mutex_);

  const std::string name_;
  const size_t threads_max_;
  SystemClock clock_;
  Mutex mutex_;
  CondVar changed_;  // Threads without work wait for it.
  CondVar stepped_;  // Remove waits for it.
  // Tens of thousands, of whose tree each step of the way would be a line not in the cache.
  std::unordered_map<ControlLoop*, Entry> entries_ GUARDED_BY(mutex_);
  std::multimap<Duration, Member*> queue_ GUARDED_BY(mutex_);  // Not running, by due time.
  size_t waiting_ GUARDED_BY(mutex_) = 0;
  bool notified_ GUARDED_BY(mutex_) = false;  // One that waits; it has not come yet.
  // When a thread that waits will look by itself; kNever: nobody may.
  Duration watched_ GUARDED_BY(mutex_) = kNever;
  std::vector<std::jthread> threads_ GUARDED_BY(mutex_);
};

// Single-threaded: the owner calls RunOne. Which of the due loops runs is drawn from the seed.
class SteppedExecutor final : public Executor {
 public:
  SteppedExecutor(FakeClock& clock, uint64_t seed) : clock_(clock), random_(seed) {}
  void Add(ControlLoop& loop) override;
  void Remove(ControlLoop& loop) override;
  void Wake(ControlLoop& loop) override;
  // Runs one due loop; false when none is due now.
  bool RunOne();
  // Runs until nothing is due at the present time, at most `steps_max` steps; false at that bound.
  bool RunUntilIdle(int steps_max = 1'000'000);
  // Lets time pass up to `length`, moving the clock from one due time to the next.
  void RunFor(Duration length);
  // Monotonic due time of the earliest loop; kNever when all only wait to be woken.
  Duration NextDue() const;

 private:
  FakeClock& clock_;
  std::mt19937_64 random_;
  // In order of Add, so that a seed means the same run every time.
  struct Entry {
    ControlLoop* loop;
    Duration due;
  };
  std::vector<Entry> entries_;
  ControlLoop* running_ = nullptr;
  bool woken_ = false;
};

}  // namespace skiff
