#include "controllers/workloads/job_observation.h"

#include <gtest/gtest.h>

#include "controllers/workloads/job_fixture.h"

namespace skiff::job {
namespace {

using batch_v1::Job;

TEST(JobObservationTest, APodIsCountedOnce) {
  Job job = JobOf(1, 3);
  job.status.succeeded = 1;
  job.status.uncounted_terminated_pods.Ensure().succeeded = {"b"};
  const Pods pods = {PodOf("a", "Succeeded"), PodOf("b", "Succeeded"), PodOf("c", "Succeeded")};
  // a's finalizer is off already, though the cache shows it.
  EXPECT_EQ(Succeeded(job, Observe(job, pods, {.released = {"a"}, .deleted = {}})), 3);
}

TEST(JobObservationTest, AnIndexIsCountedOnceAndOnlyIfTheJobHasIt) {
  Job job = IndexedJobOf(3, 3);
  job.status.completed_indexes = "0,7";
  const Pods pods = {PodOf("a", "Succeeded", 0), PodOf("b", "Succeeded", 1),
                     PodOf("c", "Succeeded", 1), PodOf("d", "Succeeded", 3),
                     PodOf("e", "Succeeded")};
  const auto observation = Observe(job, pods, {});
  EXPECT_EQ(observation.succeeded.size(), 1u);
  EXPECT_EQ(Succeeded(job, observation), 2);
  EXPECT_EQ(observation.completed.Text(), "0,1");
}

TEST(JobObservationTest, WhatWasDeletedIsNotActiveThoughTheCacheShowsIt) {
  const Job job = JobOf(2, 2);
  const Pods pods = {PodOf("a", "Running"), PodOf("b", "Running")};
  const auto observation = Observe(job, pods, {.released = {}, .deleted = {"a"}});
  EXPECT_EQ(observation.active.size(), 1u);
  EXPECT_EQ(observation.leaving.size(), 1u);
}

TEST(JobObservationTest, AnIgnoredFailureIsNone) {
  Job job = JobOf(1, 1);
  auto& rule = job.spec.pod_failure_policy.Ensure().rules.emplace_back();
  rule.action = "Ignore";
  auto& pattern = rule.on_pod_conditions.emplace_back();
  pattern.type = "DisruptionTarget";
  pattern.status = "True";
  auto disrupted = PodOf("a", "Failed");
  auto& condition = disrupted->status.conditions.emplace_back();
  condition.type = "DisruptionTarget";
  condition.status = "True";
  EXPECT_EQ(Failed(job, Observe(job, {disrupted, PodOf("b", "Failed")}, {})), 1);
}

Job JobWithLimit(int limit) {
  Job job = IndexedJobOf(3, 3);
  job.spec.backoff_limit_per_index = limit;
  return job;
}

TEST(JobObservationTest, TheLastFailedPodOfAnIndexAwaitsTheNext) {
  const Job job = JobWithLimit(5);
  const Pods pods = {FailedPodOf("a", 0, 0), FailedPodOf("b", 0, 1), FailedPodOf("c", 1, 0),
                     PodOf("d", "Running", 1)};
  const auto observation = Observe(job, pods, {});
  ASSERT_EQ(observation.awaiting.size(), 1u) << "index 1 runs again";
  EXPECT_EQ(observation.awaiting.at(0)->metadata.name, "b");
}

TEST(JobObservationTest, ADoneIndexDoesNotFailNorAFailedOneSucceed) {
  Job job = JobWithLimit(0);
  auto observation = Observe(job, {FailedPodOf("a", 0, 0), PodOf("b", "Succeeded", 0)}, {});
  EXPECT_EQ(observation.completed.Text(), "0");
  EXPECT_EQ(observation.failed_indexes.Text(), "");
  job.status.failed_indexes = "0";
  observation = Observe(job, {PodOf("b", "Succeeded", 0)}, {});
  EXPECT_EQ(observation.completed.Text(), "");
  EXPECT_EQ(observation.failed_indexes.Text(), "0");
}

TEST(JobObservationTest, AMalformedCountIsZero) {
  auto pod = PodOf("a", "Failed", 0);
  pod->metadata.annotations[std::string(kFailureCount)] = "-3";
  pod->metadata.annotations[std::string(kIgnoredFailureCount)] = "2x";
  EXPECT_EQ(FailuresBefore(*pod).all(), 0);
}

TEST(JobObservationTest, AConditionThatWasNeverTrueIsNotWritten) {
  batch_v1::JobStatus status;
  batch_v1::JobCondition condition;
  condition.type = "Suspended";
  condition.status = "False";
  EXPECT_FALSE(SetCondition(status, condition, kNow));
  EXPECT_TRUE(status.conditions.empty());
  condition.status = "True";
  EXPECT_TRUE(SetCondition(status, condition, kNow));
  EXPECT_FALSE(SetCondition(status, condition, kNow + 1s));
  EXPECT_EQ(status.conditions[0].last_transition_time, Time(kNow));
}

}  // namespace
}  // namespace skiff::job
