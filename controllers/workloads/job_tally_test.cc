#include "controllers/workloads/job_tally.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controllers/workloads/job_fixture.h"

namespace skiff::job {
namespace {

using batch_v1::Job;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Tally TallyFor(const Job& job, const Pods& pods, const Verdict& verdict = {}) {
  return TakeTally(job, Observe(job, pods, {}), verdict, kNow);
}

std::vector<std::string> NamesIn(const Pods& pods) {
  std::vector<std::string> names;
  for (const auto& pod : pods) names.push_back(pod->metadata.name);
  return names;
}

const Verdict kFailed = {"FailureTarget", "DeadlineExceeded", "late"};
const Verdict kSucceeded = {"SuccessCriteriaMet", "SuccessPolicy", "enough"};

TEST(JobTallyTest, WhatEndedIsNotedBeforeItIsLetGo) {
  const auto tally = TallyFor(JobOf(2, 5), {PodOf("a", "Running"), PodOf("b", "Succeeded"),
                                            PodOf("c", "Failed")});
  EXPECT_THAT(tally.status.uncounted_terminated_pods->succeeded, ElementsAre("b"));
  EXPECT_THAT(tally.status.uncounted_terminated_pods->failed, ElementsAre("c"));
  EXPECT_EQ(tally.status.succeeded, 0);
  EXPECT_THAT(NamesIn(tally.release), ElementsAre("b", "c"));
}

TEST(JobTallyTest, WhatWasNotedIsLetGoAndThenCounted) {
  Job job = JobOf(2, 5);
  job.status.uncounted_terminated_pods.Ensure().succeeded = {"b", "gone"};
  const auto tally = TallyFor(job, {PodOf("b", "Succeeded")});
  EXPECT_THAT(tally.status.uncounted_terminated_pods->succeeded, ElementsAre("b"));
  EXPECT_EQ(tally.status.succeeded, 1) << "the one that is gone";
  EXPECT_THAT(NamesIn(tally.release), ElementsAre("b"));
  auto status = tally.status;
  CountUntracked(status, {});
  EXPECT_EQ(status.succeeded, 2);
  EXPECT_THAT(status.uncounted_terminated_pods->succeeded, IsEmpty());
}

TEST(JobTallyTest, IndexesNeedNoUids) {
  Job job = IndexedJobOf(3, 5);
  job.status.completed_indexes = "0";
  job.status.succeeded = 1;
  const auto tally = TallyFor(job, {PodOf("c", "Succeeded", 2), PodOf("a", "Succeeded", 1),
                                    PodOf("b", "Succeeded", 1), PodOf("d", "Succeeded", 9)});
  EXPECT_EQ(tally.status.completed_indexes, "0-2");
  EXPECT_EQ(tally.status.succeeded, 3);
  EXPECT_THAT(tally.status.uncounted_terminated_pods->succeeded, IsEmpty());
  EXPECT_THAT(tally.release, SizeIs(4)) << "also those that count for nothing";
  EXPECT_FALSE(tally.status.failed_indexes);
}

TEST(JobTallyTest, APodThatAwaitsItsReplacementIsKept) {
  Job job = IndexedJobOf(3, 5);
  job.spec.backoff_limit_per_index = 1;
  auto tally = TallyFor(job, {FailedPodOf("a", 0, 0), FailedPodOf("b", 1, 1)});
  EXPECT_THAT(NamesIn(tally.release), ElementsAre("b"));
  EXPECT_THAT(tally.status.uncounted_terminated_pods->failed, ElementsAre("b"));
  EXPECT_EQ(tally.status.failed_indexes, "1");
  tally = TallyFor(job, {FailedPodOf("a", 0, 0), PodOf("c", "Running", 0)});
  EXPECT_THAT(NamesIn(tally.release), ElementsAre("a")) << "replaced";
}

TEST(JobTallyTest, AFailedJobTakesWhatItDeletesForFailuresASuccessfulOneDoesNot) {
  const Pods pods = {PodOf("a", "Running"), PodOf("b", "Failed")};
  auto tally = TallyFor(JobOf(2, 2), pods, kFailed);
  EXPECT_THAT(tally.status.uncounted_terminated_pods->failed, ElementsAre("a", "b"));
  tally = TallyFor(JobOf(2, 2), pods, kSucceeded);
  EXPECT_THAT(tally.status.uncounted_terminated_pods->failed, ElementsAre("b"));
  EXPECT_THAT(NamesIn(tally.release), ElementsAre("a", "b"));
  EXPECT_EQ(tally.status.conditions[0].type, "SuccessCriteriaMet");
}

TEST(JobTallyTest, AStatusHoldsNoMoreThanFiveHundredUids) {
  Pods pods;
  for (int i = 0; i < 600; ++i) pods.push_back(PodOf("p" + std::to_string(i), "Failed"));
  Job job = JobOf(1, 1);
  auto tally = TallyFor(job, pods);
  EXPECT_THAT(tally.status.uncounted_terminated_pods->failed, SizeIs(500));
  EXPECT_THAT(tally.release, SizeIs(500));
  EXPECT_FALSE(tally.is_whole);
  // Those that are noted are let go of although there is no room.
  job.status = tally.status;
  EXPECT_THAT(TallyFor(job, pods).release, SizeIs(500));
}

TEST(JobTallyTest, TheEndComesWhenAllIsCountedAndNoPodIsLeft) {
  auto status = TallyFor(JobOf(1, 1), {PodOf("a", "Failed")}, kFailed).status;
  EXPECT_FALSE(Finish(status, kFailed, kNow)) << "a is not counted";
  CountUntracked(status, {});
  status.terminating = 1;
  EXPECT_FALSE(Finish(status, kFailed, kNow));
  status.terminating = 0;
  EXPECT_FALSE(Finish(status, {}, kNow));
  EXPECT_TRUE(Finish(status, kFailed, kNow));
  ASSERT_THAT(status.conditions, SizeIs(2));
  EXPECT_EQ(status.conditions[0].type, "FailureTarget");
  EXPECT_EQ(status.conditions[1].type, "Failed");
  EXPECT_EQ(status.conditions[1].reason, "DeadlineExceeded");
  EXPECT_EQ(status.conditions[1].message, "late");
  EXPECT_FALSE(status.completion_time);
}

}  // namespace
}  // namespace skiff::job
