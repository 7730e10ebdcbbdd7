#include "skiff/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>
#include <vector>

namespace skiff {
namespace {

using testing::ElementsAre;
using End = StartOutcome::End;

class ProgressTest : public testing::Test {
 protected:
  ProgressTest() { EXPECT_EQ(pipe(ends_), 0); }
  ~ProgressTest() override { close(ends_[0]); }
  StartOutcome Follow(Duration timeout = 10s) {
    return FollowProgress(ends_[0], timeout,
                          [this](const std::string& line) { lines_.push_back(line); });
  }
  int ends_[2];
  std::vector<std::string> lines_;
};

TEST_F(ProgressTest, LinesAreShownUntilTheClusterIsUsable) {
  std::jthread daemon([this] {
    ProgressWriter writer(ends_[1]);
    writer.Say("one");
    writer.Say("two");
    writer.Usable();
  });
  EXPECT_EQ(Follow().end, End::kUsable);
  EXPECT_THAT(lines_, ElementsAre("one", "two"));
}

TEST_F(ProgressTest, AnErrorMayHaveSeveralLines) {
  std::jthread daemon([this] {
    ProgressWriter writer(ends_[1]);
    writer.Say("one");
    writer.Failed("this\nand that");
  });
  const auto outcome = Follow();
  EXPECT_EQ(outcome.end, End::kFailed);
  EXPECT_EQ(outcome.error, "this\nand that");
  EXPECT_THAT(lines_, ElementsAre("one"));
}

TEST_F(ProgressTest, ADaemonThatDiesIsNoticedAtOnce) {
  std::jthread daemon([this] { ProgressWriter(ends_[1]).Say("one"); });
  EXPECT_EQ(Follow(1h).end, End::kDied);
  EXPECT_THAT(lines_, ElementsAre("one"));
}

TEST_F(ProgressTest, SomebodyWhoSaysNothingIsNotWaitedForForEver) {
  EXPECT_EQ(Follow(10ms).end, End::kTimedOut);
  close(ends_[1]);
}

}  // namespace
}  // namespace skiff
