#include "skiff/daemon.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <future>

namespace skiff {
namespace {

class DaemonTest : public testing::Test {
 protected:
  ~DaemonTest() override { std::filesystem::remove_all(directory_); }

  const std::string directory_ = testing::TempDir() + "/skiff-daemon-" + std::to_string(getpid());
};

TEST_F(DaemonTest, WhoFindsAStartUnderWayWaitsForItsEnd) {
  EXPECT_FALSE(AwaitStart(directory_, [] { FAIL() << "nobody starts there"; }));
  for (const bool has_failed : {false, true}) {
    std::optional<DataDirLock> lock = std::move(*DataDirLock::Take(directory_));
    std::promise<void> waits;
    auto waited = std::async(std::launch::async,
                             [&] { return AwaitStart(directory_, [&] { waits.set_value(); }); });
    waits.get_future().wait();
    EXPECT_TRUE(IsStarting(directory_));
    EXPECT_EQ(waited.wait_for(0s), std::future_status::timeout);
    if (has_failed) {
      lock.reset();
    } else {
      lock->StartIsOver();
    }
    EXPECT_TRUE(waited.get());
    EXPECT_FALSE(IsStarting(directory_));
    EXPECT_EQ(IsDataDirLocked(directory_), !has_failed);
    EXPECT_FALSE(AwaitStart(directory_, [] { FAIL() << "it has started"; }));
  }
}

}  // namespace
}  // namespace skiff
