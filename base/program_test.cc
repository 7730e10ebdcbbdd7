#include "base/program.h"

#include <gtest/gtest.h>

#include <csignal>

namespace skiff {
namespace {

TEST(ProgramTest, AnEndThatIsAskedForIsSeenBeforeAnybodyWaits) {
  sigset_t before;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, &before);
  EXPECT_FALSE(EndIsAsked());
  raise(SIGTERM);
  EXPECT_TRUE(EndIsAsked());
  EXPECT_TRUE(EndIsAsked()) << "looking does not take it away";
  EXPECT_TRUE(WaitForSignal());
  EXPECT_TRUE(EndIsAsked()) << "and others see it until the process has ended";
  const timespec at_once{};
  EXPECT_EQ(sigtimedwait(&signals, nullptr, &at_once), SIGTERM);
  EXPECT_FALSE(EndIsAsked());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace
}  // namespace skiff
