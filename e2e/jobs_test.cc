// Jobs and what they count.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "api/gen/batch_v1.h"
#include "controllers/workloads/pod_control.h"
#include "e2e/controllers_harness.h"

namespace skiff {
namespace {

using core_v1::Pod;
using testing::ElementsAre;
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

// Jobs whose pods end when and how a test says.
class JobEndsTest : public JobsTest {
 protected:
  JobEndsTest() { pods_start_ = false; }

  batch_v1::Job IndexedJobOf(int completions) {
    batch_v1::Job job = JobOf("sum", completions);
    job.spec.completion_mode = "Indexed";
    job.spec.parallelism = completions;
    return job;
  }
  // Pods that are under way, by name.
  std::map<std::string, Pod> Running() {
    std::map<std::string, Pod> running;
    for (const Pod& pod : cluster_.List<Pod>("default")) {
      if (IsActive(pod)) running.emplace(pod.metadata.name, pod);
    }
    return running;
  }
  Pod PodOfIndex(int index) {
    for (const auto& [name, pod] : Running()) {
      if (pod.metadata.annotations.at("batch.kubernetes.io/job-completion-index") ==
          std::to_string(index)) {
        return pod;
      }
    }
    ADD_FAILURE() << "no pod of index " << index;
    return {};
  }
  void End(const Pod& pod, int exit_code, const std::string& condition = "") {
    cluster_.Edit<Pod>(
        KeyOf(pod),
        [&](Pod& it) {
          it.status.phase = exit_code == 0 ? "Succeeded" : "Failed";
          auto& status = it.status.container_statuses.emplace_back();
          status.name = "main";
          status.state.terminated.Ensure().exit_code = exit_code;
          status.state.terminated->finished_at = Time(cluster_.clock().Now());
          if (condition.empty()) return;
          auto& said = it.status.conditions.emplace_back();
          said.type = condition;
          said.status = "True";
        },
        true);
    cluster_.RunFor(1s);
  }
  Ptr<batch_v1::Job> Stored() { return cluster_.Get<batch_v1::Job>({"default", "sum"}); }
  std::vector<std::string> Conditions() {
    std::vector<std::string> types;
    const auto job = Stored();
    for (const auto& condition : job->status.conditions) {
      types.push_back(condition.type + " " + condition.reason);
    }
    return types;
  }
  void ExpectNoFinalizers() {
    for (const Pod& pod : cluster_.List<Pod>("default")) {
      EXPECT_THAT(pod.metadata.finalizers, IsEmpty());
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Seeds, JobEndsTest, kOrders);

batch_v1::PodFailurePolicyRule RuleOn(const std::string& action, int exit_code) {
  batch_v1::PodFailurePolicyRule rule;
  rule.action = action;
  rule.on_exit_codes.Ensure().operator_ = "In";
  rule.on_exit_codes->values = {exit_code};
  return rule;
}

TEST_P(JobEndsTest, AFatalExitCodeFailsTheJobAtOnce) {
  batch_v1::Job job = JobOf("sum", 4);
  job.spec.pod_failure_policy.Ensure().rules = {RuleOn("FailJob", 42)};
  cluster_.Apply(job).RunFor(1s);
  ASSERT_THAT(Running(), SizeIs(2));
  const Pod fatal = Running().begin()->second;
  End(fatal, 42);
  cluster_.RunFor(5s);
  EXPECT_THAT(Conditions(),
              ElementsAre("FailureTarget PodFailurePolicy", "Failed PodFailurePolicy"));
  EXPECT_EQ(Stored()->status.conditions[1].message,
            "Container main for pod default/" + fatal.metadata.name +
                " failed with exit code 42 matching FailJob rule at index 0");
  EXPECT_EQ(Stored()->status.failed, 2) << "the one that was deleted, too";
  EXPECT_EQ(Stored()->status.active, 0);
  EXPECT_THAT(Running(), IsEmpty());
  ExpectNoFinalizers();
}

TEST_P(JobEndsTest, ADisruptionThatIsIgnoredCountsForNothing) {
  batch_v1::Job job = JobOf("sum", 1);
  job.spec.backoff_limit = 0;
  auto& rule = job.spec.pod_failure_policy.Ensure().rules.emplace_back();
  rule.action = "Ignore";
  auto& pattern = rule.on_pod_conditions.emplace_back();
  pattern.type = "DisruptionTarget";
  pattern.status = "True";
  cluster_.Apply(job).RunFor(1s);
  ASSERT_THAT(Running(), SizeIs(1));
  End(Running().begin()->second, 1, "DisruptionTarget");
  EXPECT_THAT(Running(), IsEmpty()) << "back-off";
  cluster_.RunFor(10s);
  ASSERT_THAT(Running(), SizeIs(1));
  End(Running().begin()->second, 0);
  EXPECT_THAT(Conditions(),
              ElementsAre("SuccessCriteriaMet CompletionsReached", "Complete CompletionsReached"));
  EXPECT_EQ(Stored()->status.failed, 0);
  EXPECT_EQ(Stored()->status.succeeded, 1);
  ExpectNoFinalizers();
}

TEST_P(JobEndsTest, EachIndexMayFailAsOftenAsItsLimitSays) {
  batch_v1::Job job = IndexedJobOf(3);
  job.spec.backoff_limit_per_index = 1;
  cluster_.Apply(job).RunFor(1s);
  ASSERT_THAT(Running(), SizeIs(3));
  const Pod first = PodOfIndex(1);
  EXPECT_EQ(first.metadata.annotations.at("batch.kubernetes.io/job-index-failure-count"), "0");
  End(first, 1);
  EXPECT_THAT(cluster_.Get<Pod>(KeyOf(first))->metadata.finalizers, SizeIs(1))
      << "it awaits its replacement";
  cluster_.RunFor(10s);
  EXPECT_THAT(cluster_.Get<Pod>(KeyOf(first))->metadata.finalizers, IsEmpty());
  const Pod second = PodOfIndex(1);
  EXPECT_EQ(second.metadata.annotations.at("batch.kubernetes.io/job-index-failure-count"), "1");
  End(second, 1);
  EXPECT_EQ(Stored()->status.failed_indexes, "1");
  EXPECT_EQ(Stored()->status.failed, 2);
  End(PodOfIndex(0), 0);
  EXPECT_THAT(Conditions(), IsEmpty()) << "index 2 still runs";
  End(PodOfIndex(2), 0);
  EXPECT_THAT(Conditions(), ElementsAre("FailureTarget FailedIndexes", "Failed FailedIndexes"));
  EXPECT_EQ(Stored()->status.completed_indexes, "0,2");
  EXPECT_EQ(Stored()->status.succeeded, 2);
  ExpectNoFinalizers();
}

TEST_P(JobEndsTest, TooManyFailedIndexesEndTheJob) {
  batch_v1::Job job = IndexedJobOf(4);
  job.spec.backoff_limit_per_index = 3;
  job.spec.max_failed_indexes = 1;
  job.spec.pod_failure_policy.Ensure().rules = {RuleOn("FailIndex", 7)};
  cluster_.Apply(job).RunFor(1s);
  ASSERT_THAT(Running(), SizeIs(4));
  End(PodOfIndex(3), 7);
  EXPECT_EQ(Stored()->status.failed_indexes, "3") << "at once, whatever its limit";
  EXPECT_THAT(Conditions(), IsEmpty());
  End(PodOfIndex(0), 7);
  cluster_.RunFor(5s);
  EXPECT_THAT(Conditions(), ElementsAre("FailureTarget MaxFailedIndexesExceeded",
                                        "Failed MaxFailedIndexesExceeded"));
  EXPECT_EQ(Stored()->status.failed_indexes, "0,3");
  EXPECT_THAT(Running(), IsEmpty());
  ExpectNoFinalizers();
}

TEST_P(JobEndsTest, TheSuccessPolicySparesTheRest) {
  batch_v1::Job job = IndexedJobOf(3);
  job.spec.success_policy.Ensure().rules.emplace_back().succeeded_indexes = "0,2";
  job.spec.success_policy->rules[0].succeeded_count = 1;
  cluster_.Apply(job).RunFor(1s);
  ASSERT_THAT(Running(), SizeIs(3));
  End(PodOfIndex(1), 0);
  EXPECT_THAT(Conditions(), IsEmpty());
  End(PodOfIndex(2), 0);
  cluster_.RunFor(5s);
  EXPECT_THAT(Conditions(),
              ElementsAre("SuccessCriteriaMet SuccessPolicy", "Complete SuccessPolicy"));
  EXPECT_EQ(Stored()->status.conditions[1].message, "Matched rules at index 0");
  EXPECT_EQ(Stored()->status.completed_indexes, "1,2");
  EXPECT_EQ(Stored()->status.succeeded, 2);
  EXPECT_EQ(Stored()->status.failed, 0) << "what was deleted is no failure";
  EXPECT_THAT(Running(), IsEmpty());
  ExpectNoFinalizers();
}

TEST_P(JobEndsTest, SuspensionTakesPodsAwayAndResumingStartsAnew) {
  batch_v1::Job job = JobOf("sum", 2);
  job.spec.suspend = true;
  cluster_.Apply(job).RunFor(1s);
  EXPECT_THAT(Conditions(), ElementsAre("Suspended JobSuspended"));
  EXPECT_THAT(Running(), IsEmpty());
  EXPECT_FALSE(Stored()->status.start_time);
  const auto suspend = [&](bool value) {
    cluster_.Edit<batch_v1::Job>({"default", "sum"},
                                 [&](batch_v1::Job& it) { it.spec.suspend = value; });
    cluster_.RunFor(5s);
  };
  suspend(false);
  EXPECT_THAT(Conditions(), ElementsAre("Suspended JobResumed"));
  EXPECT_THAT(Running(), SizeIs(2));
  EXPECT_TRUE(Stored()->status.start_time);
  suspend(true);
  EXPECT_THAT(Running(), IsEmpty());
  EXPECT_EQ(Stored()->status.failed, 0);
}

TEST_P(JobEndsTest, AJobOfAnotherManagerIsLeftAlone) {
  batch_v1::Job job = JobOf("sum", 2);
  job.spec.managed_by = "example.com/other";
  cluster_.Apply(job).RunFor(5s);
  EXPECT_THAT(Running(), IsEmpty());
  EXPECT_EQ(Stored()->status, batch_v1::JobStatus());
}

}  // namespace
}  // namespace skiff
