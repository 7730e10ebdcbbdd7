#include "base/at_once.h"

#include <gtest/gtest.h>

#include <thread>

namespace skiff {
namespace {

TEST(AtOnce, WhoAsksInAnAttemptMakesItFail) {
  EXPECT_TRUE(MayWait());
  EXPECT_FALSE(IsAtOnce());
  {
    AtOnce attempt;
    EXPECT_TRUE(IsAtOnce());
    EXPECT_FALSE(IsVoid());
    EXPECT_FALSE(attempt.failed());
    EXPECT_FALSE(MayWait());
    EXPECT_TRUE(IsVoid());
    EXPECT_TRUE(attempt.failed());
  }
  EXPECT_TRUE(MayWait());
  EXPECT_FALSE(IsVoid());
  AtOnce next;
  EXPECT_FALSE(next.failed()) << "it is no other's fault";
}

TEST(AtOnce, AWorkerWaitsButNotForLong) {
  EXPECT_TRUE(MayWaitLong());
  Mutex mutex;
  {
    NotForLong attempt;
    EXPECT_TRUE(MayWait());
    EXPECT_FALSE(IsAtOnce());
    const PatientLock lock(mutex);
    EXPECT_TRUE(lock);
    EXPECT_FALSE(attempt.failed());
    EXPECT_FALSE(MayWaitLong());
    EXPECT_TRUE(IsVoid());
    EXPECT_TRUE(attempt.failed());
  }
  EXPECT_FALSE(IsVoid());
  AtOnce attempt;
  EXPECT_FALSE(MayWaitLong());
  EXPECT_TRUE(attempt.failed());
}

TEST(AtOnce, IsOfItsThreadAlone) {
  AtOnce attempt;
  std::jthread([] { EXPECT_TRUE(MayWait()); }).join();
  EXPECT_FALSE(attempt.failed());
}

TEST(AtOnce, AMutexThatIsHeldIsNotWaitedFor) {
  Mutex mutex;
  mutex.lock();
  std::jthread([&] {
    AtOnce attempt;
    const PatientLock lock(mutex);
    EXPECT_FALSE(lock);
    EXPECT_TRUE(attempt.failed());
  }).join();
  mutex.unlock();
  AtOnce attempt;
  const PatientLock lock(mutex);
  EXPECT_TRUE(lock);
  EXPECT_FALSE(attempt.failed());
}

}  // namespace
}  // namespace skiff
