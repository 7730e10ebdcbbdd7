#include "controllers/job_plan.h"

#include <gtest/gtest.h>

#include <limits>

namespace skiff::job {
namespace {

using batch_v1::Job;
using core_v1::Pod;

const TimePoint kNow{1'700'000'000s};

Job JobOf(int parallelism, std::optional<int> completions) {
  Job job;
  job.metadata.name = "job";
  job.metadata.uid = "j";
  job.spec.parallelism = parallelism;
  job.spec.completions = completions;
  job.spec.backoff_limit = 6;
  job.spec.template_.spec.restart_policy = "Never";
  return job;
}

Ptr<Pod> PodOf(const std::string& uid, const std::string& phase, int index = -1,
               Duration ago = 1h) {
  auto pod = std::make_shared<Pod>();
  pod->metadata.name = pod->metadata.uid = uid;
  pod->metadata.finalizers = {std::string(kTracking)};
  pod->metadata.creation_timestamp = kNow - ago;
  pod->status.phase = phase;
  if (index >= 0) {
    pod->metadata.annotations[std::string(kCompletionIndex)] = std::to_string(index);
  }
  return pod;
}

TEST(JobPlanTest, AsManyPodsRunAsAreStillNeeded) {
  const Job job = JobOf(3, 5);
  EXPECT_EQ(PlanPods(job, {}, {}, kNow).create, 3);
  const Pods pods = {PodOf("a", "Running"), PodOf("b", "Succeeded"), PodOf("c", "Succeeded"),
                     PodOf("d", "Succeeded")};
  const auto observation = Observe(job, pods, {});
  EXPECT_EQ(Succeeded(job, observation), 3);
  EXPECT_EQ(PlanPods(job, observation, pods, kNow).create, 1) << "two are missing, one runs";
}

TEST(JobPlanTest, APodIsCountedOnce) {
  Job job = JobOf(1, 3);
  job.status.succeeded = 1;
  job.status.uncounted_terminated_pods.Ensure().succeeded = {"b"};
  const Pods pods = {PodOf("a", "Succeeded"), PodOf("b", "Succeeded"), PodOf("c", "Succeeded")};
  // a's finalizer is off already, though the cache shows it.
  EXPECT_EQ(Succeeded(job, Observe(job, pods, {"a"})), 3);
}

TEST(JobPlanTest, NobodyWaitsForTheClockOfANodeThatIsAhead) {
  const Job job = JobOf(1, 1);
  const Pods pods = {PodOf("a", "Failed", -1, -1h)};
  auto observation = Observe(job, pods, {});
  observation.seen_ended["a"] = kNow - 4s;
  EXPECT_EQ(PlanPods(job, observation, pods, kNow).wait, Duration(6s));
  EXPECT_EQ(PlanPods(job, observation, pods, kNow + 6s).create, 1);
}

TEST(JobPlanTest, FailuresBackOff) {
  const Job job = JobOf(1, 1);
  const Pods pods = {PodOf("a", "Failed", -1, 5s), PodOf("b", "Failed", -1, 60s)};
  const auto plan = PlanPods(job, Observe(job, pods, {}), pods, kNow);
  EXPECT_EQ(plan.create, 0);
  EXPECT_EQ(plan.wait, Duration(15s)) << "20 s after the second failure";
  EXPECT_EQ(PlanPods(job, Observe(job, pods, {}), pods, kNow + 15s).create, 1);
}

TEST(JobPlanTest, TooManyFailuresEndTheJob) {
  Job job = JobOf(1, 1);
  job.spec.backoff_limit = 1;
  const Pods one = {PodOf("a", "Failed")};
  EXPECT_EQ(Judge(job, Observe(job, one, {}), kNow).type, "");
  const Pods two = {PodOf("a", "Failed"), PodOf("b", "Failed")};
  EXPECT_EQ(Judge(job, Observe(job, two, {}), kNow).reason, "BackoffLimitExceeded");
}

TEST(JobPlanTest, ADeadlineBeyondAllTimesIsNotOver) {
  Job job = JobOf(1, 1);
  job.spec.active_deadline_seconds = std::numeric_limits<int64_t>::max();
  job.status.start_time = Time::Parse("9999-12-31T23:59:59Z").value();
  EXPECT_EQ(Judge(job, {}, kNow).type, "");
}

TEST(JobPlanTest, CompletionAndDeadlineEndTheJob) {
  Job job = JobOf(1, 1);
  const Pods done = {PodOf("a", "Succeeded")};
  EXPECT_EQ(Judge(job, Observe(job, done, {}), kNow).reason, "CompletionsReached");
  job.spec.active_deadline_seconds = 60;
  job.status.start_time = Time(kNow);
  EXPECT_EQ(Judge(job, {}, kNow + 59s).type, "");
  EXPECT_EQ(Judge(job, {}, kNow + 60s).reason, "DeadlineExceeded");
  job.spec.active_deadline_seconds = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(Judge(job, {}, kNow + 60s).type, "");
}

TEST(JobPlanTest, IndexedPodsTakeTheLowestFreeIndexes) {
  Job job = JobOf(3, 5);
  job.spec.completion_mode = "Indexed";
  job.status.completed_indexes = "1";
  job.status.succeeded = 1;
  const Pods pods = {PodOf("a", "Running", 0), PodOf("b", "Failed", 2)};
  const auto plan = PlanPods(job, Observe(job, pods, {}), pods, kNow);
  EXPECT_EQ(plan.indexes, (std::vector<int>{2, 3}));
  const Pod pod = PodFor(job, 3);
  EXPECT_EQ(pod.metadata.generate_name, "job-3-");
  EXPECT_EQ(pod.spec.hostname, "job-3");
  EXPECT_EQ(pod.metadata.labels.at(std::string(kCompletionIndex)), "3");
}

TEST(JobPlanTest, ASuspendedJobHasNoPods) {
  Job job = JobOf(2, 2);
  job.spec.suspend = true;
  const Pods pods = {PodOf("a", "Running")};
  const auto plan = PlanPods(job, Observe(job, pods, {}), pods, kNow);
  EXPECT_EQ(plan.create, 0);
  EXPECT_EQ(plan.remove.size(), 1u);
}

}  // namespace
}  // namespace skiff::job
