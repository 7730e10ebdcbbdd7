// Where requests wait that have to ask somebody beyond this server: on threads of their own, so
// that who does not answer holds none of the ordinary workers. Each job says by name whom it may
// have to wait for; of one name so many run at one time, and so many wait in line, that one who
// hangs leaves room for what has nothing to do with him. Nobody who can be told so stands in line
// for longer than `patience`, nor once he has left.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/mutex.h"
#include "http/worker_pool.h"

namespace skiff {

class OutboundPool final : public ControlLoop {
 public:
  struct Limits {
    int threads_max = 1024;  // Started on demand; nearly all the time they wait.
    int running_per_name_max = 256;
    int running_of_few_max = 2;
    size_t waiting_max = 1024;  // Past it, and past the next, Submit says no.
    int waiting_per_name_max = 256;
    // What jobs hold that run or wait. The first of a name may hold what it likes.
    size_t bytes_max = size_t{512} << 20;
    size_t bytes_per_name_max = size_t{128} << 20;
    Duration patience = 15s;         // As kube-apiserver has it for who waits for his turn.
    Duration patience_of_few = 60s;  // As long as a request may take there.
  };
  // The clock outlives it.
  explicit OutboundPool(const Clock& clock) : OutboundPool(clock, Limits{}) {}
  OutboundPool(const Clock& clock, Limits limits)
      : clock_(clock),
        limits_(limits),
        pool_(limits.threads_max, static_cast<size_t>(limits.threads_max)) {}
  ~OutboundPool() override { Stop(); }

  using Names = std::set<std::string>;
  // The name of one of many who have another name together: it has a part of what a name has.
  static std::string OneOfMany(const std::string& name) { return kOneOfMany + name; }
  // The name of work that takes so much memory that few of it run at one time.
  static std::string FewAtOnce(const std::string& name) { return kFewAtOnce + name; }
  // Whether one of them is such a name.
  static bool AreOfFew(const Names& names);
  // What a job holds: `at_work` >= `in_line`, for as long as it runs.
  struct Held {
    Held(size_t bytes = 0) : Held(bytes, bytes) {}
    Held(size_t in_line, size_t at_work) : in_line(in_line), at_work(at_work) {}
    size_t in_line, at_work;
  };
  // False: too many wait already, or hold too much, or it has been stopped. One for whose work
  // there is no room waits for it, and where that is the room of a name, others of that name wait
  // behind it; more than all jobs may hold it counts as that much. `overdue` is called instead of
  // `work` where its turn does not come in time; null: it stands in line for as long as that takes.
  // `of`: by whom it can leave the line.
  bool Submit(Names names, std::function<void()> work, Held held = {},
              std::function<void()> overdue = nullptr, const void* of = nullptr);
  // What stands in line and is of him is dropped. Any thread.
  void Leave(const void* of);
  // Sends away who has stood in line for too long.
  Duration Step() override;
  // Lets what runs finish, as well as a Step, and drops what waits. Not to be called from a job.
  void Stop();

 private:
  static constexpr const char* kOneOfMany = "one of many: ";
  static constexpr const char* kFewAtOnce = "few at once: ";
  static constexpr int kShareOfOne = 4;
  // What a name has of what names have at most.
  template <typename Number>
  static Number LimitOf(const std::string& name, Number limit) {
    return name.starts_with(kOneOfMany) ? limit / kShareOfOne : limit;
  }
  static bool AllBelow(const std::map<std::string, int>& counts, const Names& names, int count_max);
  struct Job {
    Names names;
    std::function<void()> work;
    Held held;
    std::function<void()> overdue = nullptr;
    Duration until = kNever;
    const void* of = nullptr;
  };
  // What jobs hold, all of them and by name.
  struct Sums {
    void Add(const Names& names, size_t bytes);
    void TakeOff(const Names& names, size_t bytes);
    // Whether there is room for so much more; whoever brings the first of a name may bring more.
    bool FitsName(const std::string& name, size_t more, size_t max) const;
    size_t all = 0;
    std::map<std::string, size_t> of;
  };
  bool MayStandInLine(const Names& names, size_t bytes) const REQUIRES(mutex_);
  // `more`: beside what it holds in line, where that counts already.
  bool HasRoomAtWork(const std::string& name, size_t more) const REQUIRES(mutex_);
  bool MayHoldAtWork(const Names& names, size_t more) const REQUIRES(mutex_);
  // It waits for the room of those of its names that have none.
  void WaitForRoom(const Names& names, size_t more) REQUIRES(mutex_);
  // Of all that a job holds that has not begun.
  void LetGo(const Names& names, size_t in_line) REQUIRES(mutex_);
  void StartWaiting() REQUIRES(mutex_);
  Duration PatienceOf(const Names& names) const;
  bool MayRun(const Names& names) const REQUIRES(mutex_);  // By number.
  bool MayWait(const Names& names) const REQUIRES(mutex_);
  // What it holds in line counts already.
  bool Run(Job job) REQUIRES(mutex_);
  void Done(const Names& names, Held held);

  const Clock& clock_;
  const Limits limits_;
  Mutex sending_away_;  // Held by Step; before the other.
  mutable Mutex mutex_;
  bool stopped_ GUARDED_BY(mutex_) = false;
  int running_ GUARDED_BY(mutex_) = 0;
  std::map<std::string, int> running_of_ GUARDED_BY(mutex_);
  std::map<std::string, int> waiting_of_ GUARDED_BY(mutex_);
  Sums texts_ GUARDED_BY(mutex_);               // What each holds in line, also of those that run.
  Sums held_ GUARDED_BY(mutex_);                // What each holds where it is.
  int holders_at_work_ GUARDED_BY(mutex_) = 0;  // Jobs that run and hold anything.
  Names awaited_ GUARDED_BY(mutex_);            // Names of whose room some job in line needs more.
  std::deque<Job> waiting_ GUARDED_BY(mutex_);  // In the order in which they came.
  Duration planned_ GUARDED_BY(mutex_) = kNever;  // When Step is due.
  http::WorkerPool pool_;                         // Takes no more than run.
};

}  // namespace skiff
