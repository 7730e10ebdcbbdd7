// With a stream in place of fanotify's file: what is written to one end is asked, what is read
// there is answered.
#include "skiff/chaos/begin_answers.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/fanotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

namespace skiff::chaos {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class BeginAnswersTest : public testing::Test {
 protected:
  BeginAnswersTest() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends_), 0);
  }
  ~BeginAnswersTest() override {
    for (const int end : ends_) close(end);
  }
  int file() const { return ends_[0]; }
  // Returns the event's file, by which it is answered.
  int Ask(pid_t thread) const {
    const int event_file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const fanotify_event_metadata event{.event_len = FAN_EVENT_METADATA_LEN,
                                        .vers = FANOTIFY_METADATA_VERSION,
                                        .reserved = 0,
                                        .metadata_len = FAN_EVENT_METADATA_LEN,
                                        .mask = FAN_OPEN_EXEC_PERM,
                                        .fd = event_file,
                                        .pid = thread};
    EXPECT_EQ(write(ends_[1], &event, sizeof event), static_cast<ssize_t>(sizeof event));
    return event_file;
  }
  // The file of the next one who is let begin within that time; -1: none is.
  int NextAnswered(Duration patience) const {
    const Duration deadline = SystemClock().Monotonic() + patience;
    fanotify_response answer{};
    while (read(ends_[1], &answer, sizeof answer) != sizeof answer) {
      const Duration left = deadline - SystemClock().Monotonic();
      if (left <= 0ns) return -1;
      pollfd end{ends_[1], POLLIN, 0};
      poll(&end, 1, static_cast<int>(left / 1ms) + 1);  // The alarm interrupts it.
    }
    EXPECT_EQ(answer.response, FAN_ALLOW);
    return answer.fd;
  }
  int ends_[2];
};

constexpr Duration kNever = 1h;
constexpr Duration kLong = 30s;

TEST_F(BeginAnswersTest, WhoAsksBeginsAfterTheWork) {
  BeginAnswers answers(file());
  EXPECT_FALSE(answers.Next());
  const int asked_by = Ask(7);
  const auto asked = answers.Next();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->thread, 7);
  EXPECT_FALSE(answers.After(*asked, kNever, [&] { EXPECT_EQ(NextAnswered(0ns), -1); }));
  EXPECT_EQ(NextAnswered(0ns), asked_by);
  EXPECT_EQ(fcntl(asked_by, F_GETFD), -1) << "it is closed";
}

// Who asks first may wait for who asked after it, and the work for both.
TEST_F(BeginAnswersTest, OthersBeginAsWellWhereTheWorkIsHeldUpAllTheSame) {
  BeginAnswers answers(file());
  const int first = Ask(getpid());
  const int second = Ask(getpid());
  const auto asked = answers.Next();
  ASSERT_TRUE(asked);
  EXPECT_TRUE(answers.After(*asked, 20ms, [&] {
    EXPECT_EQ(NextAnswered(kLong), first);
    EXPECT_EQ(NextAnswered(kLong), second);
  }));
  EXPECT_EQ(NextAnswered(0ns), -1) << "each is answered once";
  const auto missed = answers.TakeMissed();
  ASSERT_EQ(missed.size(), 1u);
  EXPECT_EQ(missed[0].thread, getpid());
  EXPECT_EQ(missed[0].process, getpid());
  EXPECT_THAT(answers.TakeMissed(), IsEmpty());
}

TEST_F(BeginAnswersTest, WhatIsAskedBesideAWorkIsAnsweredByTheAlarm) {
  BeginAnswers answers(file());
  answers.Beside(20ms, [&] {
    const int asked_by = Ask(1);
    EXPECT_EQ(NextAnswered(kLong), asked_by);
    const int nobody = Ask(0);
    EXPECT_EQ(NextAnswered(kLong), nobody);
  });
  const auto missed = answers.TakeMissed();
  ASSERT_EQ(missed.size(), 2u);
  EXPECT_EQ(missed[0].process, 1);
  EXPECT_EQ(missed[1].process, 0);
}

TEST_F(BeginAnswersTest, MoreThanCanBeRememberedAreAnswered) {
  BeginAnswers answers(file());
  constexpr int kMore = 3;
  for (int round = 0; round < 2; ++round) {
    answers.Beside(1ms, [&] {
      for (int i = 0; i < BeginAnswers::kMissedMax + kMore; ++i) {
        const int asked_by = Ask(1000 + i);
        ASSERT_EQ(NextAnswered(kLong), asked_by);
      }
    });
    const auto missed = answers.TakeMissed();
    ASSERT_EQ(missed.size(), static_cast<size_t>(BeginAnswers::kMissedMax));
    EXPECT_EQ(missed.front().thread, 1000);
    EXPECT_EQ(missed.back().thread, 999 + BeginAnswers::kMissedMax);
  }
}

TEST_F(BeginAnswersTest, TheAlarmRingsAlsoWhereItWasBlocked) {
  sigset_t alarm, before;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &alarm, &before);
  {
    BeginAnswers answers(file());
    const int asked_by = Ask(1);
    answers.Beside(20ms, [&] { EXPECT_EQ(NextAnswered(2s), asked_by); });
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace
}  // namespace skiff::chaos
