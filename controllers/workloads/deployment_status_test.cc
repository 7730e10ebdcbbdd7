#include "controllers/workloads/deployment_status.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

const TimePoint kNow{1'700'000'000s};

apps_v1::Deployment UpdatedAt(const std::string& time) {
  apps_v1::Deployment deployment;
  deployment.spec.replicas = 1;
  deployment.spec.progress_deadline_seconds = 2'000'000'000;
  auto& condition = deployment.status.conditions.emplace_back();
  condition.type = "Progressing";
  condition.status = "True";
  condition.reason = "ReplicaSetUpdated";
  condition.last_update_time = Time::Parse(time).value();
  return deployment;
}

TEST(DeploymentDeadlineTest, ADeadlineAtTheEndOfTimeIsNotOver) {
  const apps_v1::Deployment deployment = UpdatedAt("9999-12-31T23:59:59Z");
  EXPECT_GT(UntilDeadline(deployment, deployment.status, kNow), 200 * 365 * 24h);
}

TEST(DeploymentDeadlineTest, ADeadlineBeforeAllTimesIsOver) {
  const apps_v1::Deployment deployment = UpdatedAt("0001-01-02T00:00:00Z");
  EXPECT_EQ(UntilDeadline(deployment, deployment.status, kNow), 1s);
}

TEST(DeploymentConditionsTest, AFailureThatStaysKeepsItsPlace) {
  apps_v1::Deployment deployment = UpdatedAt("2023-11-14T22:13:20Z");
  apps_v1::DeploymentCondition failure;
  failure.type = "ReplicaFailure";
  failure.status = "True";
  failure.reason = "FailedCreate";
  failure.message = "as it was told first";
  deployment.status.conditions.insert(deployment.status.conditions.begin(), failure);
  auto set = std::make_shared<apps_v1::ReplicaSet>();
  auto& fails = set->status.conditions.emplace_back();
  fails.type = "ReplicaFailure";
  fails.status = "True";
  fails.reason = "FailedCreate";
  fails.message = "another pod";
  rollout::Split sets;
  sets.current = set;
  sets.all = {set};
  const auto conditions = RolloutStatus(deployment, sets, kNow).conditions;
  ASSERT_EQ(conditions.size(), 3u);
  EXPECT_EQ(conditions[0].type, "ReplicaFailure");
  EXPECT_EQ(conditions[0].message, "as it was told first");
  fails.reason = "FailedDelete";
  EXPECT_EQ(RolloutStatus(deployment, sets, kNow).conditions.back().reason, "FailedDelete");
}

}  // namespace
}  // namespace skiff
