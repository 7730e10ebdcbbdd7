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
  EXPECT_FALSE(EndIsAsked());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace
}  // namespace skiff
