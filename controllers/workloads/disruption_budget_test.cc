#include "controllers/workloads/disruption_budget.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

const TimePoint kNow{1'700'000'000s};

std::vector<Ptr<core_v1::Pod>> PodsOf(int ready, int not_ready) {
  std::vector<Ptr<core_v1::Pod>> pods;
  for (int i = 0; i < ready + not_ready; ++i) {
    auto pod = std::make_shared<core_v1::Pod>();
    pod->metadata.name = "p" + std::to_string(i);
    auto& condition = pod->status.conditions.emplace_back();
    condition.type = "Ready";
    condition.status = i < ready ? "True" : "False";
    pods.push_back(pod);
  }
  return pods;
}

int Allowed(const policy_v1::PodDisruptionBudget& budget, std::vector<Ptr<core_v1::Pod>> pods,
            int scale) {
  return Judge({budget, std::move(pods), scale, kNow}).status.disruptions_allowed;
}

TEST(DisruptionBudgetTest, MinAvailableCountsTheHealthyBeyondIt) {
  policy_v1::PodDisruptionBudget budget;
  budget.spec.min_available = 2;
  EXPECT_EQ(Allowed(budget, PodsOf(3, 0), 0), 1);
  EXPECT_EQ(Allowed(budget, PodsOf(2, 5), 0), 0);
  EXPECT_EQ(Allowed(budget, PodsOf(0, 0), 0), 0);
  budget.spec.min_available = std::string("50%");
  EXPECT_TRUE(NeedsScale(budget));
  EXPECT_EQ(Allowed(budget, PodsOf(7, 0), 7), 3) << "four of seven have to stay";
}

TEST(DisruptionBudgetTest, WithoutEitherLimitNothingIsAllowed) {
  const policy_v1::PodDisruptionBudget budget;
  const auto outcome = Judge({budget, PodsOf(3, 0), 0, kNow});
  EXPECT_EQ(outcome.status.disruptions_allowed, 0);
  EXPECT_EQ(outcome.status.expected_pods, 0);
  EXPECT_EQ(outcome.status.current_healthy, 3);
}

TEST(DisruptionBudgetTest, MaxUnavailableCountsFromTheScale) {
  policy_v1::PodDisruptionBudget budget;
  budget.spec.max_unavailable = 1;
  EXPECT_EQ(Allowed(budget, PodsOf(3, 0), 3), 1);
  EXPECT_EQ(Allowed(budget, PodsOf(2, 1), 3), 0);
  budget.spec.max_unavailable = std::string("30%");
  EXPECT_EQ(Allowed(budget, PodsOf(5, 0), 5), 2) << "rounded up";
}

TEST(DisruptionBudgetTest, AnAnnouncedDisruptionCountsUntilItIsOverdue) {
  policy_v1::PodDisruptionBudget budget;
  budget.spec.min_available = 1;
  budget.status.disrupted_pods["p0"] = Time(kNow - 30s);
  const auto fresh = Judge({budget, PodsOf(2, 0), 0, kNow});
  EXPECT_EQ(fresh.status.disruptions_allowed, 0);
  EXPECT_EQ(fresh.again, Duration(90s));
  EXPECT_TRUE(fresh.not_deleted.empty());
  const auto overdue = Judge({budget, PodsOf(2, 0), 0, kNow + 2min});
  EXPECT_EQ(overdue.status.disruptions_allowed, 1);
  EXPECT_EQ(overdue.not_deleted, std::vector<std::string>{"p0"});
  EXPECT_TRUE(overdue.status.disrupted_pods.empty());
}

TEST(DisruptionBudgetTest, ADisruptionAnnouncedForTheEndOfTimeIsNotOverdue) {
  policy_v1::PodDisruptionBudget budget;
  budget.spec.min_available = 1;
  budget.status.disrupted_pods["p0"] = Time::Parse("9999-12-31T23:59:59Z").value();
  const auto announced = Judge({budget, PodsOf(2, 0), 0, kNow});
  EXPECT_TRUE(announced.not_deleted.empty());
  EXPECT_GT(announced.again, 200 * 365 * 24h);
}

TEST(DisruptionBudgetTest, TheConditionSaysWhy) {
  policy_v1::PodDisruptionBudget budget;
  budget.spec.min_available = 1;
  const auto outcome = Judge({budget, PodsOf(1, 0), 0, kNow});
  EXPECT_EQ(outcome.status.conditions[0].reason, "InsufficientPods");
  budget.metadata.generation = 2;
  budget.status.observed_generation = 1;
  const auto failed = FailedStatus(budget, "no", kNow);
  EXPECT_EQ(failed.observed_generation, 1) << "what it asks for now nobody has counted";
  EXPECT_EQ(failed.conditions[0].reason, "SyncFailed");
  EXPECT_EQ(failed.disruptions_allowed, 0);
}

}  // namespace
}  // namespace skiff
