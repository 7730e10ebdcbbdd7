// Of processes of this test's own, in a control group of their own.
#include "skiff/chaos/clock_hand.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "skiff/chaos/frozen.h"
#include "skiff/chaos/machine.h"

namespace skiff::chaos {
namespace {

constexpr Duration kHelperPatience = std::chrono::seconds(30);

TEST(HelperTest, WhatItSaysIsHeard) {
  auto helper = Helper::Start([](const auto& say) { say(Fail(Reason::kInvalid, "words")); });
  ASSERT_TRUE(helper);
  const auto heard = helper->Hear(kHelperPatience);
  ASSERT_FALSE(heard);
  EXPECT_EQ(heard.error().message, "words");
  EXPECT_TRUE(helper->AwaitEnd(kHelperPatience));
}

TEST(HelperTest, OneThatIsHeldUpIsGivenUp) {
  auto helper = Helper::Start([](const auto&) {
    while (true) pause();
  });
  ASSERT_TRUE(helper);
  EXPECT_EQ(helper->Hear(std::chrono::milliseconds(10)).error().reason, Reason::kTimeout);
  EXPECT_FALSE(helper->AwaitEnd(std::chrono::milliseconds(10)));
}

TEST(HelperTest, ItKeepsNoFileOpen) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  auto helper = Helper::Start([](const auto& say) {
    say({});
    while (true) pause();
  });
  ASSERT_TRUE(helper);
  EXPECT_TRUE(helper->Hear(kHelperPatience));
  close(ends[1]);
  char byte = 0;
  EXPECT_EQ(read(ends[0], &byte, 1), 0);
  close(ends[0]);
}

TEST(HelperTest, OneThatEndsWithoutAWordIsHeardOf) {
  auto helper = Helper::Start([](const auto&) {});
  ASSERT_TRUE(helper);
  EXPECT_EQ(helper->Hear(kHelperPatience).error().reason, Reason::kInternalError);
}

// A parent of vfork(2) waits so for its child that no handler of a signal gets its turn.
TEST(HoldUpBoundTest, WhoIsHeldUpInTheKernelEnds) {
  auto helper = Helper::Start([](const auto& say) {
    { const HoldUpBound bound(std::chrono::hours(1)); }
    const HoldUpBound bound(std::chrono::milliseconds(20));
    const pid_t parent = getpid();
    if (vfork() == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      while (getppid() == parent) pause();
      _exit(0);
    }
    say({});
  });
  ASSERT_TRUE(helper);
  EXPECT_EQ(helper->Hear(kHelperPatience).error().reason, Reason::kInternalError);
  EXPECT_TRUE(helper->AwaitEnd(kHelperPatience));
}

TEST(ClockHandTest, NothingIsNobodysClock) {
  const auto begun = ClockHand::Begin({"no-such-group-0123456789"}, {});
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().message, "nothing of it runs any more");
  EXPECT_TRUE(LetClocksBeRight({"no-such-group-0123456789"}));
}

#if defined(__x86_64__)

constexpr int64_t kHourSeconds = 3600;

class ClocksInGroupTest : public testing::Test {
 protected:
  // What parent and child both see.
  struct Shared {
    std::atomic<int64_t> now[2];  // By the clocks of a child and of its own child.
    std::atomic<bool> is_to_fork, is_to_begin_another, is_first_to_end;
    std::atomic<pid_t> other_thread;
  };
  // Nothing tells of what another process writes there.
  static void AwaitMoment() { poll(nullptr, 0, 1); }
  static int64_t Now() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
  }
  void SetUp() override {
    name_ = fmt::format("skiff-clocks-{}", getpid());
    // Version 1's, or the only one.
    std::error_code error;
    for (const char* root : {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup"}) {
      group_ = std::filesystem::path(root) / name_;
      if (std::filesystem::create_directory(group_, error)) break;
    }
    if (error) GTEST_SKIP() << "no control groups here: " << error.message();
    shared_ = static_cast<Shared*>(
        mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    child_ = fork();
    if (child_ == 0) RunChild();
    std::ofstream(group_ / "cgroup.procs") << child_ << std::flush;
    ASSERT_TRUE(IsOff(0, 0));
    if (auto begun = Begin()) {
      begun_.emplace(std::move(*begun));
    } else {
      GTEST_SKIP() << begun.error().message;
    }
    ASSERT_TRUE(IsOff(0, 2 * kHourSeconds));
  }
  ~ClocksInGroupTest() override {
    begun_.reset();
    debugger_.reset();
    if (shared_ == nullptr) return;
    // The last ones of it can be taken away when they have ended, a moment later.
    std::error_code error;
    for (int i = 0; i < 5000 && !std::filesystem::remove(group_, error); ++i) {
      std::ifstream all(group_ / "cgroup.procs");
      for (pid_t each = 0; all >> each;) kill(each, SIGKILL);
      waitpid(child_, nullptr, WNOHANG);
      AwaitMoment();
    }
    munmap(shared_, sizeof(Shared));
  }
  // Its end does not come while this test runs.
  Result<ClockHand> Begin(Duration patience = kHelperPatience) const {
    const Duration now = SystemClock().Monotonic();
    const ClockFault fault = {
        .offset = std::chrono::hours(2), .begins = now, .ends = now + std::chrono::hours(1)};
    return ClockHand::Begin({name_}, fault, patience);
  }
  // Traces a thread of its, as a debugger does that came meanwhile, until the end.
  void TraceByAnother(pid_t thread) {
    debugger_.emplace(*Helper::Start([thread](const auto& say) {
      const bool is_traced = ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) == 0;
      say(is_traced ? Result<>() : Fail(Reason::kForbidden, "not traced"));
      while (true) pause();
    }));
    ASSERT_TRUE(debugger_->Hear(kHelperPatience));
  }
  // Whether that clock comes to be so wrong within half a minute; a minute does not matter.
  bool IsOff(int which, int64_t seconds) const {
    for (int i = 0; i < 30'000; ++i) {
      const int64_t off = shared_->now[which] - Now() - seconds;
      if (off > -60 && off < 60) return true;
      AwaitMoment();
    }
    return false;
  }

  std::string name_;
  std::filesystem::path group_;
  Shared* shared_ = nullptr;
  pid_t child_ = 0;
  std::optional<ClockHand> begun_;
  std::optional<Helper> debugger_;

 private:
  [[noreturn]] void RunChild() const {
    int which = 0;
    std::thread other([this] {
      shared_->other_thread = gettid();
      while (true) pause();
    });
    while (true) {
      shared_->now[which] = Now();
      if (shared_->is_to_begin_another) execl("/bin/true", "true", nullptr);
      if (shared_->is_to_fork.exchange(false) && fork() == 0) which = 1;
      if (shared_->is_first_to_end) {
        const std::thread second([this] {
          while (true) shared_->now[0] = Now();
        });
        syscall(SYS_exit, 0);  // Of this thread alone.
      }
    }
  }
};

TEST_F(ClocksInGroupTest, AllAreRightBeforeTheFaultsEnd) {
  shared_->is_to_fork = true;
  ASSERT_TRUE(IsOff(1, 2 * kHourSeconds)) << "a child has it from its parent";
  begun_.reset();
  const auto made = LetClocksBeRight({name_});
  EXPECT_TRUE(made) << made.error().message;
  EXPECT_TRUE(IsOff(0, 0));
  EXPECT_TRUE(IsOff(1, 0));
  const auto again = Begin();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(IsOff(0, 2 * kHourSeconds)) << "and again";
  EXPECT_TRUE(IsOff(1, 2 * kHourSeconds));
}

TEST_F(ClocksInGroupTest, OneWhoseFirstThreadHasEndedIsWrongToo) {
  begun_.reset();
  ASSERT_TRUE(LetClocksBeRight({name_}));
  shared_->is_first_to_end = true;
  while (!HasThreadEnded(child_)) AwaitMoment();
  ASSERT_TRUE(IsOff(0, 0));
  {
    const auto again = Begin();
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE(IsOff(0, 2 * kHourSeconds));
  }
  EXPECT_TRUE(LetClocksBeRight({name_}));
  EXPECT_TRUE(IsOff(0, 0));
}

// Its threads stand, and go on when it goes.
TEST_F(ClocksInGroupTest, OneWhoseFirstThreadHasEndedIsPaused) {
  begun_.reset();
  shared_->is_first_to_end = true;
  while (!HasThreadEnded(child_)) AwaitMoment();
  const auto looks_at_its_clock = [this](int moments) {
    shared_->now[0] = -1;
    for (int i = 0; i < moments && shared_->now[0] == -1; ++i) AwaitMoment();
    return shared_->now[0] != -1;
  };
  {
    Frozen frozen;
    const auto stopped = frozen.Stop({name_});
    ASSERT_TRUE(stopped) << stopped.error().message;
    EXPECT_FALSE(looks_at_its_clock(100));
  }
  EXPECT_TRUE(looks_at_its_clock(30'000));
}

TEST_F(ClocksInGroupTest, OneThatCannotBeStoppedIsRightAllTheSame) {
  begun_.reset();
  TraceByAnother(child_);
  const auto made = LetClocksBeRight({name_});
  EXPECT_TRUE(made) << made.error().message;
  EXPECT_TRUE(IsOff(0, 0));
}

// It begins another program while somebody does not hear of its threads' ends: whoever would trace
// it waits in the kernel until that one does, which is never.
TEST_F(ClocksInGroupTest, WhoHoldsUpItsTracerHoldsUpNobodyElse) {
  begun_.reset();
  while (shared_->other_thread == 0) AwaitMoment();
  const pid_t other = shared_->other_thread;
  TraceByAnother(other);
  shared_->is_to_begin_another = true;
  const std::string path = fmt::format("/proc/{}/task/{}/stat", child_, other);
  for (std::string stat; stat.find(") Z ") == stat.npos; AwaitMoment()) {
    std::ifstream in(path);
    ASSERT_TRUE(std::getline(in, stat));
  }
  const auto made = LetClocksBeRight({name_});
  EXPECT_TRUE(made) << made.error().message;
  const auto again = Begin(std::chrono::milliseconds(200));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason, Reason::kTimeout) << again.error().message;
}

// A process of the group with mounts of its own, as of a container; in one of them is perl.
class ProgramsInGroupTest : public ClocksInGroupTest {
 protected:
  ProgramsInGroupTest() {
    EXPECT_EQ(pipe2(go_, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(said_, O_CLOEXEC), 0);
  }
  ~ProgramsInGroupTest() override {
    begun_.reset();
    for (const ProcessId& each : ProcessesIn({name_})) kill(each.pid, SIGKILL);
    if (other_ > 0) waitpid(other_, nullptr, 0);
    for (const int end : {go_[0], go_[1], said_[0], said_[1]}) close(end);
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  // It does `work` once the clocks of all are wrong. Skips the test where that cannot be.
  void StartWith(const std::function<void()>& work) {
    begun_.reset();
    folder_ = testing::TempDir() + name_;
    std::filesystem::create_directories(folder_);
    other_ = fork();
    if (other_ == 0) {
      char byte = 0;
      if (unshare(CLONE_NEWNS) != 0 ||
          mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          mount("tmpfs", folder_.c_str(), "tmpfs", 0, nullptr) != 0) {
        _exit(1);
      }
      std::filesystem::copy_file("/usr/bin/perl", folder_ / "perl");
      dup2(said_[1], STDOUT_FILENO);
      (void)!write(STDOUT_FILENO, "0 0\n", 4);
      (void)!read(go_[0], &byte, 1);
      work();
      _exit(1);
    }
    std::ofstream(group_ / "cgroup.procs") << other_ << std::flush;
    lines_.reset(fdopen(dup(said_[0]), "r"));
    setvbuf(lines_.get(), nullptr, _IONBF, 0);  // What was read cannot be polled for.
    if (!NextLine()) GTEST_SKIP() << "no mounts of its own, or no perl";
    begun_.emplace(*Begin());
    (void)!write(go_[1], "g", 1);
  }
  // Says the time again and again.
  void BeginPerl(const std::filesystem::path& perl, int number) const {
    execl(perl.c_str(), "perl", "-e",
          "$| = 1; while (1) { print qq($ARGV[0] ), time, qq(\n); select undef, undef, undef, .01 }",
          std::to_string(number).c_str(), nullptr);
  }
  struct Line {
    int number;
    int64_t off;  // How wrong its time is.
    bool IsOff(int64_t seconds) const { return off > seconds - 60 && off < seconds + 60; }
  };
  std::optional<Line> NextLine() {
    pollfd file{said_[0], POLLIN, 0};
    char line[64];
    constexpr int kPatienceMs = 20'000;
    if (poll(&file, 1, kPatienceMs) <= 0 || !fgets(line, sizeof line, lines_.get())) return {};
    Line next{};
    long long time = 0;
    if (sscanf(line, "%d %lld", &next.number, &time) != 2) return {};
    next.off = time - Now();
    return next;
  }
  std::filesystem::path folder_;

 private:
  int go_[2], said_[2];
  pid_t other_ = 0;
  std::unique_ptr<FILE, int (*)(FILE*)> lines_{nullptr, fclose};
};

// Programs that do not lie where their interpreter does: of that alone we are asked, when nobody
// can begin to trace them (as on kernels before 6.8 any program); all of them at once.
TEST_F(ProgramsInGroupTest, ThoseThatCannotBeTracedBeforeTheyBeginBegin) {
  constexpr int kPrograms = 12;
  StartWith([this] {
    for (int i = 0; i < kPrograms; ++i) {
      if (fork() == 0) BeginPerl(folder_ / "perl", i);
    }
    while (true) pause();
  });
  if (IsSkipped()) return;
  std::set<int> wrong;
  for (int i = 0; i < 5000 && wrong.size() < kPrograms; ++i) {
    const auto line = NextLine();
    ASSERT_TRUE(line) << "it waits for us";
    if (line->IsOff(2 * kHourSeconds)) wrong.insert(line->number);
  }
  EXPECT_EQ(wrong.size(), static_cast<size_t>(kPrograms));
}

// By whose clock the fault would not end.
TEST_F(ProgramsInGroupTest, OneThatBeginsInATimeNamespaceOfItsOwnIsRight) {
  StartWith([this] {
    if (unshare(CLONE_NEWTIME) != 0) _exit(1);
    std::ofstream("/proc/self/timens_offsets") << "monotonic 60 0" << std::flush;
    if (fork() == 0) BeginPerl("/usr/bin/perl", 1);
    while (true) pause();
  });
  if (IsSkipped()) return;
  for (int i = 0; i < 50; ++i) {
    const auto line = NextLine();
    if (!line && i == 0) GTEST_SKIP() << "no time namespaces here";
    ASSERT_TRUE(line);
    EXPECT_TRUE(line->IsOff(0)) << line->off;
  }
}

#endif

}  // namespace
}  // namespace skiff::chaos
