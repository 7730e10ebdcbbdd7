// Jobs and what they count.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "api/gen/batch_v1.h"
#include "e2e/controllers_harness.h"

namespace skiff {
namespace {

using core_v1::Pod;
using testing::IsEmpty;
using testing::SizeIs;

class JobsTest : public ControllersTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, JobsTest, kOrders);

batch_v1::Job JobOf(const std::string& name, int completions) {
  batch_v1::Job job;
  job.metadata.name = name;
  job.metadata.namespace_ = "default";
  job.spec.completions = completions;
  job.spec.parallelism = 2;
  FillTemplate(job.spec.template_, name, "image:1");
  job.spec.template_.spec.restart_policy = "Never";
  return job;
}

TEST_P(JobsTest, AJobRunsUntilEnoughPodsSucceeded) {
  cluster_.Apply(JobOf("sum", 5)).RunFor(1min);
  const auto job = cluster_.Get<batch_v1::Job>({"default", "sum"});
  EXPECT_EQ(job->status.succeeded, 5);
  EXPECT_EQ(job->status.active, 0);
  std::set<std::string> conditions;
  for (const auto& condition : job->status.conditions) conditions.insert(condition.type);
  EXPECT_EQ(conditions, (std::set<std::string>{"Complete", "SuccessCriteriaMet"}));
  const auto pods = cluster_.List<Pod>("default");
  EXPECT_THAT(pods, SizeIs(5));
  for (const Pod& pod : pods) EXPECT_THAT(pod.metadata.finalizers, IsEmpty());
}

TEST_P(JobsTest, AJobThatIsDeletedLeavesNoPods) {
  batch_v1::Job job = JobOf("sum", 3);
  job.spec.ttl_seconds_after_finished = 120;
  cluster_.Apply(job).RunFor(1min);
  EXPECT_EQ(PodCount(), 3u);
  cluster_.RunFor(2min);
  EXPECT_EQ(cluster_.Get<batch_v1::Job>({"default", "sum"}), nullptr) << "its time is over";
  EXPECT_EQ(PodCount(), 0u);
}

TEST_P(JobsTest, AJobEndsThoughTheClockWasSetBack) {
  pods_start_ = false;
  cluster_.Apply(JobOf("sum", 2)).RunFor(10s);
  cluster_.clock().JumpWall(-1h);
  pods_start_ = true;
  for (const Pod& pod : cluster_.List<Pod>("default")) cluster_.Delete<Pod>(KeyOf(pod));
  cluster_.RunFor(3min);
  const auto job = cluster_.Get<batch_v1::Job>({"default", "sum"});
  EXPECT_EQ(job->status.succeeded, 2);
  ASSERT_TRUE(job->status.completion_time);
  EXPECT_EQ(*job->status.completion_time, *job->status.start_time);
}

// However a pod ends that the job has no use for, it is neither a success nor a failure.
TEST_P(JobsTest, ASurplusPodIsNotCounted) {
  pods_start_ = false;
  batch_v1::Job job = JobOf("sum", 5);
  job.spec.parallelism = 3;
  cluster_.Apply(job).RunFor(1min);
  EXPECT_EQ(PodCount(), 3u);
  cluster_.Edit<batch_v1::Job>({"default", "sum"},
                               [](batch_v1::Job& it) { it.spec.parallelism = 1; });
  cluster_.RunFor(1min);
  EXPECT_EQ(PodCount(), 1u);
  pods_start_ = true;
  cluster_.Edit<batch_v1::Job>({"default", "sum"},
                               [](batch_v1::Job& it) { it.spec.parallelism = 2; });
  cluster_.RunFor(1min);
  const auto stored = cluster_.Get<batch_v1::Job>({"default", "sum"});
  EXPECT_EQ(stored->status.succeeded + stored->status.active, 5);
  EXPECT_EQ(stored->status.failed, 0);
}

}  // namespace
}  // namespace skiff
