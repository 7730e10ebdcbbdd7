#include "apiserver/server/health_monitor.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

class HealthMonitorTest : public testing::Test {
 protected:
  HealthMonitor Make(HealthMonitor::Check check) {
    check.name = "it";
    check.look = [this]() -> Result<> {
      ++looks_;
      if (broken_) return Fail(Reason::kInternalError, "broken");
      return {};
    };
    return HealthMonitor(clock_, {std::move(check)});
  }
  static std::string FaultOf(HealthMonitor& monitor) { return monitor.Verdicts().at(0).fault; }

  FakeClock clock_;
  bool broken_ = false;
  int looks_ = 0;
};

TEST_F(HealthMonitorTest, AnswersFromWhatItSawAndNotFromWhatIs) {
  auto monitor = Make({});
  monitor.LookAside();
  looks_ = 0;
  EXPECT_EQ(FaultOf(monitor), "");
  broken_ = true;
  EXPECT_EQ(FaultOf(monitor), "");
  EXPECT_EQ(looks_, 0) << "a question waits for nothing";
  EXPECT_EQ(monitor.Step(), HealthMonitor::kPeriod);
  EXPECT_EQ(FaultOf(monitor), "broken");
  broken_ = false;
  monitor.Step();
  EXPECT_EQ(FaultOf(monitor), "");
}

TEST_F(HealthMonitorTest, FailsWhenItNoLongerComesRound) {
  auto monitor = Make({});
  monitor.LookAside();
  clock_.Advance(HealthMonitor::kAgeMax);
  EXPECT_EQ(FaultOf(monitor), "");
  clock_.Advance(1s);
  EXPECT_EQ(FaultOf(monitor), "nothing was seen of it for 11 s");
  monitor.Step();
  EXPECT_EQ(FaultOf(monitor), "");
}

TEST_F(HealthMonitorTest, WhatIsDoneOnceStaysDone) {
  broken_ = true;
  auto monitor = Make({.once = true});
  monitor.LookAside();
  EXPECT_EQ(FaultOf(monitor), "broken");
  broken_ = false;
  monitor.Step();
  EXPECT_EQ(FaultOf(monitor), "");
  broken_ = true;
  monitor.Step();
  clock_.Advance(1min);
  EXPECT_EQ(FaultOf(monitor), "");
}

TEST_F(HealthMonitorTest, WhatIsDoneOnceStaysDoneAlsoWhereNobodyRunsIt) {
  auto monitor = Make({.once = true});
  EXPECT_EQ(FaultOf(monitor), "");
  broken_ = true;
  EXPECT_EQ(FaultOf(monitor), "");
  EXPECT_EQ(looks_, 1);
}

TEST_F(HealthMonitorTest, LooksWhenAskedWhereNobodyRunsItOrNothingCanHoldIt) {
  auto alone = Make({});
  broken_ = true;
  EXPECT_EQ(FaultOf(alone), "broken");
  broken_ = false;
  auto immediate = Make({.immediate = true});
  immediate.LookAside();
  broken_ = true;
  clock_.Advance(1min);
  EXPECT_EQ(FaultOf(immediate), "broken");
}

}  // namespace
}  // namespace skiff
