#include "http/process_watch.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <latch>

namespace skiff::http {
namespace {

// A process that waits to be killed.
class Sleeper {
 public:
  Sleeper() : pid_(fork()) {
    if (pid_ == 0) {
      pause();
      _exit(0);
    }
    id = *IdentifyProcess(pid_);
  }
  ~Sleeper() { End(); }
  void End() {
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  ProcessId id;

 private:
  pid_t pid_;
};

TEST(ProcessWatchTest, TheEndOfAProcessIsTold) {
  Sleeper sleeper;
  Loops loops;
  std::latch ended(1);
  const auto watch = ProcessWatch::Open(loops, sleeper.id, [&] { ended.count_down(); });
  ASSERT_TRUE(watch) << watch.error().message;
  EXPECT_FALSE(ended.try_wait());
  sleeper.End();
  ended.wait();
}

TEST(ProcessWatchTest, OneThatHasEndedIsNotFound) {
  Sleeper sleeper;
  sleeper.End();
  Loops loops;
  const auto watch = ProcessWatch::Open(loops, sleeper.id, [] {});
  ASSERT_FALSE(watch);
  EXPECT_EQ(watch.error().reason, Reason::kNotFound);
}

TEST(ProcessWatchTest, AnotherProcessOfTheSameNumberIsNotMeant) {
  Sleeper sleeper;
  ProcessId earlier = sleeper.id;
  --earlier.start_ticks;
  Loops loops;
  EXPECT_FALSE(ProcessWatch::Open(loops, earlier, [] {}));
}

TEST(ProcessWatchTest, AWatchThatIsGoneIsNotCalled) {
  Sleeper sleeper;
  Loops loops;
  bool called = false;
  auto first = *ProcessWatch::Open(loops, sleeper.id, [&] { called = true; });
  std::latch ended(1);
  const auto second = *ProcessWatch::Open(loops, sleeper.id, [&] { ended.count_down(); });
  first.reset();
  sleeper.End();
  ended.wait();
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace skiff::http
