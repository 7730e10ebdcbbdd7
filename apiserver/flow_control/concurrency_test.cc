// Seats by configuration, and lent from one level to another.
#include "apiserver/flow_control/concurrency.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace skiff::flow_control {
namespace {

// The shares that Kubernetes starts with: exempt, catch-all, system, node-high, leader-election,
// workload-high, workload-low, global-default.
std::vector<Shares> DefaultShares() {
  return {{.exempt = true}, {.nominal = 5},
          {.nominal = 30, .lendable_percent = 33}, {.nominal = 40, .lendable_percent = 25},
          {.nominal = 10}, {.nominal = 40, .lendable_percent = 50},
          {.nominal = 100, .lendable_percent = 90}, {.nominal = 20, .lendable_percent = 50}};
}

TEST(ConcurrencyTest, SharesBecomeSeats) {
  const auto limits = LimitsOf(DefaultShares(), 600);
  EXPECT_EQ(limits[0], (Limits{0, 0, 600}));
  EXPECT_EQ(limits[1], (Limits{13, 13, 613}));
  EXPECT_EQ(limits[2], (Limits{74, 50, 674}));
  EXPECT_EQ(limits[3], (Limits{98, 73, 698}));
  EXPECT_EQ(limits[6], (Limits{245, 24, 845}));
  EXPECT_EQ(limits[6].initial(), 135);
  EXPECT_EQ(limits[7], (Limits{49, 24, 649}));
}

TEST(ConcurrencyTest, WhoMayBorrowSoMuchBorrowsNoMore) {
  const auto limits = LimitsOf({{.nominal = 1, .borrowing_percent = 50}, {.nominal = 1}}, 100);
  EXPECT_EQ(limits[0], (Limits{50, 50, 75}));
  EXPECT_EQ(limits[1], (Limits{50, 50, 150}));
}

TEST(ConcurrencyTest, NobodyHasASeatWhereNobodyHasAShare) {
  EXPECT_EQ(LimitsOf({{.nominal = 0}}, 600)[0].nominal, 0);
}

// As large as an object may say: the product of seats and shares is no int.
TEST(ConcurrencyTest, ManySharesAreManySeats) {
  constexpr int kSharesMax = std::numeric_limits<int>::max();
  const auto limits =
      LimitsOf({{.nominal = kSharesMax}, {.nominal = 3'579'140}, {.nominal = 1}}, 600);
  EXPECT_EQ(limits[0].nominal, 600);
  EXPECT_EQ(limits[1].nominal, 1);
  EXPECT_EQ(limits[2].nominal, 1);
  EXPECT_EQ(LimitsOf({{.nominal = 3'579'140}}, 600)[0], (Limits{600, 600, 1200}));
}

TEST(ConcurrencyTest, OneRequestTakesAPartOfItsLevelAlone) {
  EXPECT_EQ(SeatsPerRequestMax(245, 6), 37);
  EXPECT_EQ(SeatsPerRequestMax(49, 6), 8);
  EXPECT_EQ(SeatsPerRequestMax(13, 6), 2);
  EXPECT_EQ(SeatsPerRequestMax(1, 8), 1);
}

TEST(ConcurrencyTest, WhatIsNotedIsWeighedByItsTime) {
  Integrator integrator(100s);
  integrator.Note(100s, 4);
  integrator.Note(101s, 0);
  const auto results = integrator.Take(104s);
  EXPECT_EQ(results.length, 4s);
  EXPECT_DOUBLE_EQ(results.average, 1);
  EXPECT_DOUBLE_EQ(results.deviation, std::sqrt(3));
  EXPECT_EQ(results.highest, 4);
  EXPECT_EQ(integrator.Take(105s).highest, 0);
}

TEST(ConcurrencyTest, AWishRisesAtOnceAndFallsSlowly) {
  Wish wish;
  wish.Take({.length = 10s, .average = 100, .highest = 100});
  EXPECT_EQ(wish.smoothed, 100);
  wish.Take({.length = 10s});
  EXPECT_NEAR(wish.smoothed, 97.7, 0.01);
  EXPECT_EQ(wish.highest, 0);
  wish.Take({.length = 1h});
  EXPECT_LT(wish.smoothed, 1);
}

std::vector<Demand> DemandOf(const std::vector<double>& wanted) {
  const auto limits = LimitsOf(DefaultShares(), 600);
  std::vector<Demand> demands;
  for (size_t i = 0; i < limits.size(); ++i) {
    Demand demand{.limits = limits[i], .exempt = i == 0};
    demand.wish.Take({.length = 10s, .average = wanted[i], .highest = wanted[i]});
    demands.push_back(demand);
  }
  return demands;
}

TEST(ConcurrencyTest, WhoWantsMuchGetsWhatOthersLend) {
  const auto calm = AdjustLimits(DemandOf({0, 0, 0, 0, 0, 0, 0, 0}), 602);
  const auto flood = AdjustLimits(DemandOf({0, 0, 0, 0, 0, 0, 0, 500}), 602);
  EXPECT_GT(flood.seats[7], 49);
  EXPECT_GT(flood.seats[7], calm.seats[7]);
  // Nobody falls below what he does not lend.
  const std::vector<int> lower = {0, 13, 50, 73, 25, 49, 24, 24};
  for (size_t i = 0; i < lower.size(); ++i) EXPECT_GE(flood.seats[i], lower[i]) << i;
  EXPECT_EQ(flood.seats[3], 73) << "node-high lends a quarter";
  EXPECT_NEAR(std::accumulate(flood.seats.begin(), flood.seats.end(), 0), 602, 4);
}

TEST(ConcurrencyTest, WhoNeedsHisOwnSeatsLendsNone) {
  const auto busy = AdjustLimits(DemandOf({0, 0, 0, 98, 0, 0, 0, 500}), 602);
  EXPECT_GE(busy.seats[3], 98);
}

TEST(ConcurrencyTest, WhateverIsWantedNobodyGetsLessThanHisOwnNorMoreThanHeMay) {
  std::mt19937 random(11);
  std::uniform_int_distribution<int> wanted(0, 700);
  for (int round = 0; round < 500; ++round) {
    std::vector<double> wishes(8);
    for (double& wish : wishes) wish = random() % 3 == 0 ? 0 : wanted(random);
    wishes[0] = 0;
    const auto demands = DemandOf(wishes);
    const auto adjusted = AdjustLimits(demands, 602);
    int sum = 0;
    for (size_t i = 0; i < demands.size(); ++i) {
      EXPECT_GE(adjusted.seats[i], demands[i].limits.lower);
      EXPECT_LE(adjusted.seats[i], demands[i].limits.upper);
      // Who asks for no more than is his gets it.
      EXPECT_GE(adjusted.seats[i] + 1, std::min<double>(wishes[i], demands[i].limits.nominal));
      sum += adjusted.seats[i];
    }
    EXPECT_NEAR(sum, 602, 5);
  }
}

}  // namespace
}  // namespace skiff::flow_control
