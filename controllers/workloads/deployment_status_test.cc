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

}  // namespace
}  // namespace skiff
