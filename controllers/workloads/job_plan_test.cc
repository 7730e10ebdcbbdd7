#include "controllers/workloads/job_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "controllers/workloads/job_fixture.h"

namespace skiff::job {
namespace {

using batch_v1::Job;
using core_v1::Pod;
using testing::ElementsAre;

Plan PlanFor(const Job& job, const Observation& observation, TimePoint now = kNow) {
  return PlanPods(job, observation, BackOffAfter(std::nullopt, observation), now);
}

Verdict JudgeFor(const Job& job, const Pods& pods, TimePoint now = kNow) {
  return Judge(job, Observe(job, pods, {}), now);
}

std::vector<std::string> Names(const Pods& pods) {
  std::vector<std::string> names;
  for (const auto& pod : pods) names.push_back(pod->metadata.name);
  return names;
}

TEST(JobPlanTest, AsManyPodsRunAsAreStillNeeded) {
  const Job job = JobOf(3, 5);
  EXPECT_EQ(PlanFor(job, {}).create, 3);
  const Pods pods = {PodOf("a", "Running"), PodOf("b", "Succeeded"), PodOf("c", "Succeeded"),
                     PodOf("d", "Succeeded")};
  const auto observation = Observe(job, pods, {});
  EXPECT_EQ(Succeeded(job, observation), 3);
  EXPECT_EQ(PlanFor(job, observation).create, 1) << "two are missing, one runs";
}

TEST(JobPlanTest, NobodyWaitsForTheClockOfANodeThatIsAhead) {
  const Job job = JobOf(1, 1);
  const Pods pods = {PodOf("a", "Failed", -1, -1h)};
  auto observation = Observe(job, pods, {});
  observation.seen_ended["a"] = kNow - 4s;
  EXPECT_EQ(PlanFor(job, observation).wait, Duration(6s));
  EXPECT_EQ(PlanFor(job, observation, kNow + 6s).create, 1);
}

TEST(JobPlanTest, FailuresBackOff) {
  const Job job = JobOf(1, 1);
  const Pods pods = {PodOf("a", "Failed", -1, 5s), PodOf("b", "Failed", -1, 60s)};
  const auto plan = PlanFor(job, Observe(job, pods, {}));
  EXPECT_EQ(plan.create, 0);
  EXPECT_EQ(plan.wait, Duration(15s)) << "20 s after the second failure";
  EXPECT_EQ(PlanFor(job, Observe(job, pods, {}), kNow + 15s).create, 1);
}

TEST(JobPlanTest, TooManyFailuresEndTheJob) {
  Job job = JobOf(1, 1);
  job.spec.backoff_limit = 1;
  EXPECT_EQ(JudgeFor(job, {PodOf("a", "Failed")}).type, "");
  EXPECT_EQ(JudgeFor(job, {PodOf("a", "Failed"), PodOf("b", "Failed")}).reason,
            "BackoffLimitExceeded");
}

TEST(JobPlanTest, RestartsInPlaceCountWhereContainersAreRestarted) {
  Job job = JobOf(1, 1);
  job.spec.backoff_limit = 2;
  job.spec.template_.spec.restart_policy = "OnFailure";
  auto pod = PodOf("a", "Running");
  pod->status.container_statuses.emplace_back().restart_count = 1;
  EXPECT_EQ(JudgeFor(job, {pod}).type, "");
  pod->status.init_container_statuses.emplace_back().restart_count = 1;
  EXPECT_EQ(JudgeFor(job, {pod}).reason, "BackoffLimitExceeded");
}

TEST(JobPlanTest, ADeadlineBeyondAllTimesIsNotOver) {
  Job job = JobOf(1, 1);
  job.spec.active_deadline_seconds = std::numeric_limits<int64_t>::max();
  job.status.start_time = Time::Parse("9999-12-31T23:59:59Z").value();
  EXPECT_EQ(JudgeFor(job, {}).type, "");
}

TEST(JobPlanTest, TheDeadlineEndsTheJobUnlessItIsSuspended) {
  Job job = JobOf(1, 1);
  job.spec.active_deadline_seconds = 60;
  job.status.start_time = Time(kNow);
  EXPECT_EQ(JudgeFor(job, {}, kNow + 59s).type, "");
  EXPECT_EQ(JudgeFor(job, {}, kNow + 60s).reason, "DeadlineExceeded");
  job.spec.suspend = true;
  EXPECT_EQ(JudgeFor(job, {}, kNow + 60s).type, "");
}

TEST(JobPlanTest, CompletionsEndTheJobOnceNothingRuns) {
  const Job job = JobOf(1, 1);
  const auto done = Observe(job, {PodOf("a", "Succeeded")}, {});
  EXPECT_EQ(JudgeCompletions(job, done, 1).type, "");
  EXPECT_EQ(JudgeCompletions(job, done, 0).type, "SuccessCriteriaMet");
  EXPECT_EQ(JudgeCompletions(job, done, 0).reason, "CompletionsReached");
  EXPECT_EQ(JudgeCompletions(JobOf(2, std::nullopt), done, 0).reason, "CompletionsReached")
      << "one success is enough";
}

TEST(JobPlanTest, WhatWasSaidStaysSaid) {
  Job job = JobOf(1, 1);
  job.spec.backoff_limit = 0;
  auto& met = job.status.conditions.emplace_back();
  met.type = "SuccessCriteriaMet";
  met.status = "True";
  met.reason = "SuccessPolicy";
  EXPECT_EQ(JudgeFor(job, {PodOf("a", "Failed")}).reason, "SuccessPolicy");
}

TEST(JobPlanTest, IndexedPodsTakeTheLowestFreeIndexes) {
  Job job = IndexedJobOf(3, 5);
  job.status.completed_indexes = "1";
  job.status.succeeded = 1;
  const Pods pods = {PodOf("a", "Running", 0), PodOf("b", "Failed", 2)};
  const auto observation = Observe(job, pods, {});
  EXPECT_THAT(PlanFor(job, observation).indexes, ElementsAre(2, 3));
  const Pod pod = PodFor(job, observation, 3);
  EXPECT_EQ(pod.metadata.generate_name, "job-3-");
  EXPECT_EQ(pod.spec.hostname, "job-3");
  EXPECT_EQ(pod.metadata.labels.at(std::string(kCompletionIndex)), "3");
  EXPECT_FALSE(pod.metadata.annotations.contains(std::string(kFailureCount)));
}

TEST(JobPlanTest, OfTwoPodsWithAnIndexOneGoesAndSoDoesOneBeyondTheEnd) {
  const Job job = IndexedJobOf(3, 3);
  const Pods pods = {PodOf("a", "Running", 0), PodOf("b", "Pending", 0), PodOf("c", "Running", 3),
                     PodOf("d", "Running")};
  EXPECT_THAT(Names(PlanFor(job, Observe(job, pods, {})).remove),
              testing::UnorderedElementsAre("b", "c", "d"));
}

TEST(JobPlanTest, APodOnItsWayOutIsReplacedAtOnceUnlessTheJobWaitsForItsEnd) {
  Job job = JobOf(1, 1);
  const Pods pods = {Deleted(PodOf("a", "Running"), 10s)};
  EXPECT_EQ(PlanFor(job, Observe(job, pods, {})).create, 1);
  EXPECT_EQ(Failed(job, Observe(job, pods, {})), 1);
  job.spec.pod_replacement_policy = "Failed";
  EXPECT_EQ(PlanFor(job, Observe(job, pods, {})).create, 0);
  EXPECT_EQ(Failed(job, Observe(job, pods, {})), 0);
}

TEST(JobPlanTest, ASuspendedJobHasNoPods) {
  Job job = JobOf(2, 2);
  job.spec.suspend = true;
  const Pods pods = {PodOf("a", "Running")};
  const auto plan = PlanFor(job, Observe(job, pods, {}));
  EXPECT_EQ(plan.create, 0);
  EXPECT_THAT(Names(plan.remove), ElementsAre("a"));
}

Job JobWithLimitPerIndex(int parallelism, int completions, int limit) {
  Job job = IndexedJobOf(parallelism, completions);
  job.spec.backoff_limit_per_index = limit;
  job.spec.backoff_limit = std::numeric_limits<int>::max();
  return job;
}

TEST(JobPlanTest, EachIndexBacksOffForItself) {
  const Job job = JobWithLimitPerIndex(3, 3, 5);
  const Pods pods = {FailedPodOf("a", 0, 1, 5s), FailedPodOf("b", 1, 0, 5s)};
  const auto observation = Observe(job, pods, {});
  auto plan = PlanFor(job, observation);
  EXPECT_THAT(plan.indexes, ElementsAre(2)) << "this one has not failed";
  EXPECT_EQ(plan.wait, Duration(5s));
  plan = PlanFor(job, observation, kNow + 5s);
  EXPECT_THAT(plan.indexes, ElementsAre(1, 2));
  EXPECT_EQ(plan.wait, Duration(10s)) << "20 s after the second failure of index 0";
}

TEST(JobPlanTest, APodKnowsHowOftenItsIndexFailed) {
  Job job = JobWithLimitPerIndex(3, 3, 5);
  const auto counts = [&](const Observation& observation, int index) {
    const auto annotations = PodFor(job, observation, index).metadata.annotations;
    const auto ignored = annotations.find(std::string(kIgnoredFailureCount));
    return std::pair(annotations.at(std::string(kFailureCount)),
                     ignored == annotations.end() ? "" : ignored->second);
  };
  auto observation = Observe(job, {FailedPodOf("a", 0, 1)}, {});
  EXPECT_EQ(counts(observation, 0), std::pair(std::string("2"), std::string()));
  EXPECT_EQ(counts(observation, 1), std::pair(std::string("0"), std::string()));
  auto& rule = job.spec.pod_failure_policy.Ensure().rules.emplace_back();
  rule.action = "Ignore";
  rule.on_exit_codes.Ensure().operator_ = "In";
  rule.on_exit_codes->values = {3};
  auto ignored = FailedPodOf("a", 0, 1);
  ignored->status.container_statuses.emplace_back().state.terminated.Ensure().exit_code = 3;
  observation = Observe(job, {ignored}, {});
  EXPECT_EQ(counts(observation, 0), std::pair(std::string("1"), std::string("1")));
}

TEST(JobPlanTest, AnIndexThatFailedTooOftenIsNotTriedAgain) {
  Job job = JobWithLimitPerIndex(2, 2, 1);
  const Pods pods = {FailedPodOf("a", 0, 1), PodOf("b", "Running", 1)};
  const auto observation = Observe(job, pods, {});
  EXPECT_EQ(observation.failed_indexes.Text(), "0");
  EXPECT_EQ(PlanFor(job, observation).create, 0);
  EXPECT_EQ(JudgeFor(job, pods).type, "");
  const Pods ended = {pods[0], PodOf("b", "Succeeded", 1)};
  EXPECT_EQ(JudgeFor(job, ended).reason, "FailedIndexes");
  EXPECT_EQ(JudgeFor(job, ended).message, "Job has failed indexes");
  job.spec.max_failed_indexes = 0;
  EXPECT_EQ(JudgeFor(job, pods).reason, "MaxFailedIndexesExceeded");
}

TEST(JobPlanTest, AFatalFailureEndsTheJobBeforeAnythingElse) {
  Job job = JobOf(1, 1);
  job.spec.backoff_limit = 0;
  auto& rule = job.spec.pod_failure_policy.Ensure().rules.emplace_back();
  rule.action = "FailJob";
  auto& pattern = rule.on_pod_conditions.emplace_back();
  pattern.type = "DisruptionTarget";
  pattern.status = "True";
  auto pod = PodOf("a", "Running");
  auto& condition = pod->status.conditions.emplace_back();
  condition.type = "DisruptionTarget";
  condition.status = "True";
  EXPECT_EQ(JudgeFor(job, {pod}).type, "") << "it may still succeed";
  pod->status.phase = "Failed";
  EXPECT_EQ(JudgeFor(job, {pod}).reason, "PodFailurePolicy");
  EXPECT_EQ(JudgeFor(job, {pod}).message,
            "Pod default/a has condition DisruptionTarget matching FailJob rule at index 0");
}

TEST(JobPlanTest, TheSuccessPolicyEndsTheJobThoughPodsRun) {
  Job job = IndexedJobOf(3, 3);
  job.spec.success_policy.Ensure().rules.emplace_back().succeeded_indexes = "1";
  const auto verdict = JudgeFor(job, {PodOf("a", "Running", 0), PodOf("b", "Succeeded", 1)});
  EXPECT_EQ(verdict.type, "SuccessCriteriaMet");
  EXPECT_EQ(verdict.reason, "SuccessPolicy");
  EXPECT_EQ(verdict.message, "Matched rules at index 0");
}

}  // namespace
}  // namespace skiff::job
