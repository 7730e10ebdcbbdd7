// A program that comes and goes while somebody asks what it tells.
#include "skiff/program_run.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace skiff {
namespace {

// A gauge that holds whoever asks for it until it is let go.
class ProgramRunTest : public testing::Test {
 protected:
  ProgramRunTest() {
    metrics_.AddMeasured({"held", "Held.", {}}, [this] {
      asked_.set_value();
      let_.get_future().wait();
      return std::vector<Sample>{{{}, 1}};
    });
    plain_.AddMeasured({"plain", "Plain.", {}}, [] { return std::vector<Sample>{{{}, 2}}; });
  }

  std::promise<void> asked_, let_;
  MetricRegistry metrics_, plain_;
  ProgramRun run_;
};

TEST_F(ProgramRunTest, NothingIsToldWhereNothingRuns) {
  EXPECT_EQ(run_.TextAt("/metrics"), "");
  EXPECT_FALSE(run_.IsSynced());
  EXPECT_FALSE(run_.Leads());
  run_.Hide();
  run_.Close();
}

TEST_F(ProgramRunTest, WhatIsShownIsToldUntilItIsHidden) {
  bool synced = false;
  run_.Show(
      {.metrics = &plain_, .is_synced = [&] { return synced; }, .leads = [] { return false; }});
  EXPECT_NE(run_.TextAt("/metrics").find("plain 2"), std::string::npos);
  EXPECT_EQ(run_.TextAt("/metrics/resources"), "");
  EXPECT_FALSE(run_.IsSynced());
  synced = true;
  EXPECT_TRUE(run_.IsSynced());
  EXPECT_FALSE(run_.Leads());
  run_.Hide();
  EXPECT_EQ(run_.TextAt("/metrics"), "");
  EXPECT_FALSE(run_.IsSynced());
  run_.Show({.resources = &plain_});
  EXPECT_EQ(run_.TextAt("/metrics"), "");
  EXPECT_NE(run_.TextAt("/metrics/resources").find("plain 2"), std::string::npos);
  EXPECT_TRUE(run_.IsSynced());
  EXPECT_TRUE(run_.Leads());
}

TEST_F(ProgramRunTest, WhoEndsWaitsForNobodyAndIsThereForWhoLooks) {
  run_.Show({.metrics = &metrics_});
  auto reader = std::async(std::launch::async, [this] { return run_.TextAt("/metrics"); });
  asked_.get_future().wait();
  run_.Hide();
  auto closed = std::async(std::launch::async, [this] { run_.Close(); });
  EXPECT_EQ(closed.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout)
      << "somebody reads still";
  let_.set_value();
  EXPECT_NE(reader.get().find("held 1"), std::string::npos);
  closed.get();
}

}  // namespace
}  // namespace skiff
