#include "api/rules/workloads/job_validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/rules/rules_fixture.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Json kJob = Parsed(R"({"apiVersion": "batch/v1", "kind": "Job",
    "metadata": {"name": "j", "uid": "u"}, "spec": {"template": {"spec": {
    "restartPolicy": "Never", "containers": [{"name": "c", "image": "nginx"}]}}}})");
const Json kCronJob = Parsed(R"({"apiVersion": "batch/v1", "kind": "CronJob",
    "metadata": {"name": "c"}, "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {
    "template": {"spec": {"restartPolicy": "Never",
    "containers": [{"name": "c", "image": "nginx"}]}}}}}})");

TEST(JobValidation, FindsNothingWrongWithASmallOne) {
  EXPECT_THAT(CreateErrors(kJob), IsEmpty());
}

TEST(JobValidation, EndsItsPods) {
  EXPECT_THAT(CreateErrors(With(kJob, "/spec/template/spec/restartPolicy", "Always")),
              ElementsAre("spec.template.spec.restartPolicy: Required value: valid values: "
                          "\"OnFailure\", \"Never\""));
}

TEST(JobValidation, CountsCompletionsWhenIndexed) {
  EXPECT_THAT(CreateErrors(With(kJob, "/spec/completionMode", "Indexed")), IsEmpty());
  Json job = With(kJob, "/spec/completionMode", "Indexed");
  job = With(job, "/spec/parallelism", 1);
  EXPECT_THAT(CreateErrors(job),
              ElementsAre("spec.completions: Required value: when completion mode is Indexed"));
}

TEST(JobValidation, GeneratesItsSelector) {
  const Json labels = {{"controller-uid", "other"}};
  EXPECT_THAT(CreateErrors(With(kJob, "/spec/template/metadata", {{"labels", labels}})),
              ElementsAre("spec.template.metadata.labels[controller-uid]: Invalid value: "
                          "{\"batch.kubernetes.io/controller-uid\":\"u\","
                          "\"batch.kubernetes.io/job-name\":\"j\",\"controller-uid\":\"other\","
                          "\"job-name\":\"j\"}: must be 'u'"));
}

TEST(JobCreate, LabelsItselfWithItsNameOnlyIfThatIsALabel) {
  EXPECT_EQ(Created(kJob)["metadata"]["labels"]["job-name"], "j");
  const Json job = With(kJob, "/metadata/name", std::string(64, 'x'));
  EXPECT_FALSE(Created(job)["metadata"].contains("labels"));
  EXPECT_EQ(CreateErrors(job).size(), 2u);
}

TEST(JobValidation, WantsExitCodesOfARule) {
  const Json rules =
      Parsed(R"([{"action": "FailJob", "onExitCodes": {"operator": "In", "values": []}}])");
  EXPECT_THAT(CreateErrors(With(kJob, "/spec/podFailurePolicy", {{"rules", rules}})),
              ElementsAre("spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: []: "
                          "at least one value is required"));
}

TEST(JobCreate, HasTheLabelsOfItsPodsUnlessItHasItsOwn) {
  Json job = With(kJob, "/spec/template/metadata", {{"labels", {{"a", "b"}}}});
  Json stored = Created(job);
  EXPECT_EQ(stored["metadata"]["labels"], stored["spec"]["template"]["metadata"]["labels"]);
  EXPECT_EQ(stored["metadata"]["labels"].size(), 5u);
  job = With(job, "/metadata/labels", {{"a", "b"}});
  EXPECT_EQ(Created(job)["metadata"]["labels"], Json({{"a", "b"}}));
}

TEST(CronJobWarnings, MentionThatManyIndexesMayFail) {
  Json job = With(kCronJob, "/spec/jobTemplate/spec/completionMode", "Indexed");
  job = With(job, "/spec/jobTemplate/spec/completions", 100001);
  EXPECT_THAT(CreateWarnings(With(job, "/spec/jobTemplate/spec/parallelism", 10001)),
              ElementsAre("spec.jobTemplate.spec: In Indexed Jobs with a number of completions "
                          "higher than 10^5 and a parallelism higher than 10^4, Kubernetes might "
                          "not be able to track completedIndexes when a big number of indexes "
                          "fail"));
}

TEST(JobValidation, SucceedsByIndexesThatExist) {
  Json job = With(kJob, "/spec/completionMode", "Indexed");
  job = With(job, "/spec/completions", 3);
  job = With(job, "/spec/successPolicy", Parsed(R"({"rules": [{"succeededIndexes": "0-5"}]})"));
  EXPECT_THAT(CreateErrors(job),
              ElementsAre("spec.successPolicy.rules[0].succeededIndexes: Invalid value: \"0-5\": "
                          "error parsing succeededIndexes: too large index: \"5\""));
}

TEST(JobValidation, MayMovePodsWhileItIsSuspended) {
  const Json running = Created(kJob);
  const Json elsewhere = With(running, "/spec/template/spec/nodeSelector", {{"a", "b"}});
  EXPECT_EQ(UpdateErrors(running, elsewhere).size(), 1u);
  const Json suspended = With(running, "/spec/suspend", true);
  EXPECT_THAT(UpdateErrors(suspended, With(elsewhere, "/spec/suspend", true)), IsEmpty());
  const Json fond_of_none = With(suspended, "/spec/template/spec/affinity", Json::object());
  EXPECT_THAT(UpdateErrors(suspended, fond_of_none), IsEmpty());
}

TEST(JobStatus, FailsAfterItsTargetFailed) {
  const Json stored = With(Created(kJob), "/status/startTime", "2026-01-01T00:00:00Z");
  const Json failed =
      With(stored, "/status/conditions", Parsed(R"([{"type": "Failed", "status": "True"}])"));
  EXPECT_THAT(StatusErrors(stored, failed),
              ElementsAre("status.conditions: Invalid value: cannot set Failed=True condition "
                          "without the FailureTarget=true condition"));
}

TEST(JobStatus, ReadsIndexesOfJobsThatHaveNone) {
  const Json stored = Created(kJob);
  EXPECT_THAT(StatusErrors(stored, With(stored, "/status/completedIndexes", "x")),
              ElementsAre("status.completedIndexes: Invalid value: \"x\": error parsing "
                          "completedIndexes: cannot convert string to integer for index: \"x\"",
                          "status.completedIndexes: Invalid value: \"x\": cannot set non-empty "
                          "completedIndexes when non-indexed completion mode"));
}

TEST(JobStatus, FindsWhereIndexesMeetHoweverManyThereAre) {
  Json job = With(kJob, "/spec/completionMode", "Indexed");
  job = With(job, "/spec/completions", 400'000);
  job = With(job, "/spec/parallelism", 1);
  job = With(job, "/spec/backoffLimitPerIndex", 1);
  const Json stored = Created(With(job, "/spec/maxFailedIndexes", 10));
  std::string even;
  std::string odd;
  for (int i = 0; i < 200'000; i += 2) {
    even += std::to_string(i) + ",";
    odd += std::to_string(i + 1) + ",";
  }
  const auto with = [&](const std::string& completed, const std::string& failed) {
    return StatusErrors(stored, With(With(stored, "/status/completedIndexes", completed),
                                     "/status/failedIndexes", failed));
  };
  EXPECT_THAT(with(even + "300000", odd + "300001"), IsEmpty());
  EXPECT_THAT(with("0,2-4", "1,4-5"),
              ElementsAre("status.failedIndexes: Invalid value: \"1,4-5\": failedIndexes and "
                          "completedIndexes overlap at index: 4"));
}

TEST(JobValidation, SaysOnceThatCompletionsOfAnIndexedJobAreGone) {
  Json job = With(kJob, "/spec/completionMode", "Indexed");
  job = With(job, "/spec/parallelism", 2);
  const Json stored = Created(With(job, "/spec/completions", 2));
  Json without = stored;
  without["spec"].erase("completions");
  // Of the Job and of its spec.
  const char* kMissing = "spec.completions: Required value: when completion mode is Indexed";
  EXPECT_THAT(UpdateErrors(stored, without), ElementsAre(kMissing, kMissing));
}

TEST(JobStatus, CountsFailuresUpwards) {
  const Json stored = With(Created(kJob), "/status/failed", 2);
  EXPECT_THAT(StatusErrors(stored, With(stored, "/status/failed", 1)),
              ElementsAre("status.failed: Invalid value: 1: cannot decrease the failed counter"));
}

TEST(CronJobValidation, WantsASchedule) {
  EXPECT_THAT(CreateErrors(kCronJob), IsEmpty());
  EXPECT_THAT(CreateErrors(With(kCronJob, "/spec/schedule", "* * *")),
              ElementsAre("spec.schedule: Invalid value: \"* * *\": expected exactly 5 fields, "
                          "found 3: [* * *]"));
}

TEST(CronJobValidation, TakesTheZoneFromItsField) {
  EXPECT_THAT(CreateErrors(With(kCronJob, "/spec/schedule", "TZ=UTC * * * * *")),
              ElementsAre("spec.schedule: Invalid value: \"TZ=UTC * * * * *\": cannot use TZ or "
                          "CRON_TZ in schedule, use timeZone field instead"));
  EXPECT_THAT(CreateErrors(With(kCronJob, "/spec/timeZone", "Local")),
              ElementsAre("spec.timeZone: Invalid value: \"Local\": timeZone must be an explicit "
                          "time zone as defined in https://www.iana.org/time-zones"));
  EXPECT_THAT(CreateErrors(With(kCronJob, "/spec/timeZone", "local")),
              ElementsAre("spec.timeZone: Invalid value: \"local\": timeZone must be an explicit "
                          "time zone as defined in https://www.iana.org/time-zones",
                          "spec.timeZone: Invalid value: \"local\": unknown time zone local"));
}

TEST(CronJobValidation, LeavesRoomInItsName) {
  const std::string name(53, 'x');
  EXPECT_THAT(CreateErrors(With(kCronJob, "/metadata/name", name)),
              ElementsAre("metadata.name: Invalid value: \"" + name +
                          "\": must be no more than 52 characters"));
}

}  // namespace
}  // namespace skiff
