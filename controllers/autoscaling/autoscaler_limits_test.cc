#include "controllers/autoscaling/autoscaler_limits.h"

#include <gtest/gtest.h>

namespace skiff::autoscaler {
namespace {

using autoscaling_v2::HorizontalPodAutoscalerSpec;
using autoscaling_v2::HPAScalingRules;

class AutoscalerLimitsTest : public testing::Test {
 protected:
  AutoscalerLimitsTest() {
    spec_.min_replicas = 1;
    spec_.max_replicas = 100;
  }
  static void AddPolicy(HPAScalingRules& rules, const char* type, int value, int period_s) {
    auto& policy = rules.policies.emplace_back();
    policy.type = type;
    policy.value = value;
    policy.period_seconds = period_s;
  }
  // As the server fills them in.
  void UseRules() {
    auto& behavior = spec_.behavior.emplace();
    auto& up = behavior.scale_up.emplace();
    up.stabilization_window_seconds = 0;
    up.select_policy = "Max";
    AddPolicy(up, "Pods", 4, 15);
    AddPolicy(up, "Percent", 100, 15);
    auto& down = behavior.scale_down.emplace();
    down.select_policy = "Max";
    AddPolicy(down, "Percent", 100, 15);
  }
  HPAScalingRules& up() { return *spec_.behavior->scale_up; }
  HPAScalingRules& down() { return *spec_.behavior->scale_down; }

  // One sync: the target becomes what it may become.
  Limited Sync(int32_t wanted) {
    history_.Begin(current_, now_);
    last_ = history_.Limit(spec_, current_, wanted, 5min, now_);
    if (last_.replicas != current_) history_.Scaled(spec_, current_, last_.replicas, now_);
    current_ = last_.replicas;
    return last_;
  }
  int32_t After(Duration time, int32_t wanted) {
    now_ += time;
    return Sync(wanted).replicas;
  }

  HorizontalPodAutoscalerSpec spec_;
  History history_;
  int32_t current_ = 5;
  Duration now_ = 1h;
  Limited last_;
};

TEST_F(AutoscalerLimitsTest, ATargetDoublesAtMostAndKeepsWithinItsLimits) {
  EXPECT_EQ(Sync(50).replicas, 10);
  EXPECT_EQ(last_.limited.reason, "ScaleUpLimit");
  EXPECT_TRUE(last_.limited.is_true);
  spec_.max_replicas = 12;
  EXPECT_EQ(Sync(50).replicas, 12);
  EXPECT_EQ(last_.limited.reason, "TooManyReplicas");
  EXPECT_EQ(Sync(12).replicas, 12);
  current_ = 1;
  spec_.max_replicas = 100;
  EXPECT_EQ(History().Limit(spec_, 1, 50, 5min, now_).replicas, 4) << "four are always allowed";
}

TEST_F(AutoscalerLimitsTest, ATargetIsKeptAsLargeAsItWasAskedToBeLately) {
  EXPECT_EQ(Sync(5).replicas, 5);
  EXPECT_EQ(last_.able.reason, "ReadyForNewScale");
  EXPECT_EQ(last_.limited.reason, "DesiredWithinRange");
  EXPECT_FALSE(last_.limited.is_true);
  EXPECT_EQ(After(15s, 2), 5);
  EXPECT_EQ(last_.able.reason, "ScaleDownStabilized");
  EXPECT_TRUE(last_.able.is_true);
  EXPECT_EQ(After(4min, 3), 5);
  EXPECT_EQ(After(46s, 1), 3) << "the five are of more than five minutes ago";
  EXPECT_EQ(After(5min + 1s, 0), 1);
  EXPECT_EQ(last_.limited.reason, "TooFewReplicas");
}

TEST_F(AutoscalerLimitsTest, TheFirstLookCountsAsARecommendation) {
  history_.Begin(8, now_);
  current_ = 8;
  EXPECT_EQ(Sync(1).replicas, 8);
  EXPECT_EQ(After(5min + 1s, 1), 1);
}

TEST_F(AutoscalerLimitsTest, PoliciesSayHowFastItGrows) {
  UseRules();
  EXPECT_EQ(Sync(50).replicas, 10) << "100 % of 5 is more than 4 pods";
  EXPECT_EQ(last_.limited.reason, "ScaleUpLimit");
  EXPECT_EQ(After(5s, 50), 10) << "within the period they are used up";
  EXPECT_EQ(After(10s, 50), 20);
  up().select_policy = "Min";
  EXPECT_EQ(After(15s, 50), 24);
  up().select_policy = "Disabled";
  EXPECT_EQ(After(15s, 50), 24);
  EXPECT_EQ(last_.limited.reason, "ScaleUpLimit");
  up().select_policy = "Max";
  spec_.max_replicas = 30;
  EXPECT_EQ(After(15s, 50), 30);
  EXPECT_EQ(last_.limited.reason, "TooManyReplicas");
}

TEST_F(AutoscalerLimitsTest, PoliciesSayHowFastItShrinks) {
  UseRules();
  current_ = 80;
  down().stabilization_window_seconds = 0;
  down().policies.clear();
  AddPolicy(down(), "Percent", 10, 60);
  AddPolicy(down(), "Pods", 5, 60);
  EXPECT_EQ(Sync(1).replicas, 72);
  EXPECT_EQ(last_.limited.reason, "ScaleDownLimit");
  EXPECT_EQ(After(30s, 1), 72);
  EXPECT_EQ(After(30s, 1), 64) << "64.8, rounded down";
  down().select_policy = "Min";
  EXPECT_EQ(After(60s, 1), 59);
  down().select_policy = "Disabled";
  EXPECT_EQ(After(60s, 1), 59);
  down().select_policy = "Max";
  down().policies[0].value = 100;
  EXPECT_EQ(After(60s, 0), 1);
  EXPECT_EQ(last_.limited.reason, "TooFewReplicas");
}

TEST_F(AutoscalerLimitsTest, WindowsHoldInBothDirections) {
  UseRules();
  up().stabilization_window_seconds = 60;
  down().stabilization_window_seconds = 60;
  EXPECT_EQ(Sync(9).replicas, 5) << "the first look asked for five";
  EXPECT_EQ(last_.able.reason, "ScaleUpStabilized");
  EXPECT_EQ(After(30s, 8), 5);
  EXPECT_EQ(After(30s, 9), 8) << "the lowest of a minute";
  EXPECT_EQ(After(30s, 2), 8);
  EXPECT_EQ(last_.able.reason, "ScaleDownStabilized");
  EXPECT_EQ(After(29s, 2), 8);
  EXPECT_EQ(After(1s, 2), 2);
  EXPECT_EQ(last_.able.reason, "ReadyForNewScale");
}

TEST_F(AutoscalerLimitsTest, WithoutAWindowOfItsOwnShrinkingHasTheUsualOne) {
  UseRules();
  EXPECT_EQ(Sync(1).replicas, 5);
  EXPECT_EQ(After(4min, 1), 5);
  EXPECT_EQ(After(1min, 1), 1);
}

TEST_F(AutoscalerLimitsTest, WhatIsRememberedHasABound) {
  UseRules();
  down().stabilization_window_seconds = 3600;
  for (int i = 0; i < 10'000; ++i) After(100ms, i == 0 ? 90 : 5);
  EXPECT_EQ(After(100ms, 1), 5) << "the ninety are forgotten, though of the last hour";
}

TEST_F(AutoscalerLimitsTest, NoMinimumIsOne) {
  spec_.min_replicas = std::nullopt;
  EXPECT_EQ(LeastReplicas(spec_), 1);
  spec_.min_replicas = 0;
  EXPECT_EQ(History().Limit(spec_, 5, 0, 0s, now_).replicas, 0);
}

}  // namespace
}  // namespace skiff::autoscaler
