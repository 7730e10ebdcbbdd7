#include "controllers/workloads/job_figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff::job {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(JobFiguresTest, WhatCameOfAJobIsInItsLabels) {
  MetricRegistry registry;
  JobFigures figures(&registry);
  batch_v1::Job job;
  job.spec.completion_mode = "Indexed";
  figures.Synced(job, {.action = "pods_created", .took = 5ms});
  figures.Synced(job, {.failed = true});
  figures.Finished(job, false, "BackoffLimitExceeded");
  job.status.succeeded = 3;
  batch_v1::JobStatus now = job.status;
  now.succeeded = 2;
  now.failed = 4;
  figures.PodsFinished(job, now);
  const std::string text = registry.Text();
  const std::string prefix = "\njob_controller_";
  for (const char* line :
       {"job_syncs_total{completion_mode=\"Indexed\",result=\"success\",action=\"pods_created\"} "
        "1\n",
        "job_syncs_total{completion_mode=\"Indexed\",result=\"error\",action=\"reconciling\"} 1\n",
        "job_sync_duration_seconds_bucket{completion_mode=\"Indexed\",result=\"success\",action="
        "\"pods_created\",le=\"0.008\"} 1\n",
        "jobs_finished_total{completion_mode=\"Indexed\",result=\"failed\",reason="
        "\"BackoffLimitExceeded\"} 1\n",
        "job_pods_finished_total{completion_mode=\"Indexed\",result=\"failed\"} 4\n"}) {
    EXPECT_THAT(text, HasSubstr(prefix + line));
  }
  EXPECT_THAT(text, Not(HasSubstr("result=\"succeeded\""))) << "some are not wanted any more";
}

TEST(JobFiguresTest, WhatThePodsOfAJobComeToIsCounted) {
  MetricRegistry registry;
  JobFigures figures(&registry);
  batch_v1::Job job;
  job.spec.completion_mode = "Indexed";
  job.spec.completions = 9;
  job.spec.backoff_limit_per_index = 1;
  job.status.completed_indexes = "0-2";
  batch_v1::JobStatus now = job.status;
  now.completed_indexes = "0-3,8";
  now.failed_indexes = "5";
  figures.PodsFinished(job, now);
  Observation observed;
  figures.PodsMade(job, observed, 3, 1);
  observed.leaving.push_back(std::make_shared<const core_v1::Pod>());
  figures.PodsMade(job, observed, 2, 0);
  job.spec.pod_replacement_policy = "Failed";
  figures.PodsMade(job, observed, 3, 0);
  job.status.failed = 1;
  figures.PodsMade(job, observed, 4, 0);
  figures.PolicyApplied({{"Ignore", 4}});
  figures.LeftToOther("kueue");
  core_v1::Pod pod;
  pod.metadata.finalizers = {std::string(kTracking)};
  core_v1::Pod ended = pod;
  ended.status.phase = "Failed";
  figures.PodChanged(&pod, &ended);
  figures.PodChanged(&ended, nullptr);
  const std::string text = registry.Text();
  for (const char* line :
       {"job_finished_indexes_total{status=\"succeeded\",backoffLimit=\"perIndex\"} 2\n",
        "job_finished_indexes_total{status=\"failed\",backoffLimit=\"perIndex\"} 1\n",
        "job_pods_creation_total{reason=\"new\",status=\"succeeded\"} 3\n",
        "job_pods_creation_total{reason=\"new\",status=\"failed\"} 1\n",
        "job_pods_creation_total{reason=\"recreate_terminating_or_failed\",status=\"succeeded\"} "
        "5\n",
        "job_pods_creation_total{reason=\"recreate_failed\",status=\"succeeded\"} 4\n",
        "pod_failures_handled_by_failure_policy_total{action=\"Ignore\"} 4\n",
        "jobs_by_external_controller_total{controller_name=\"kueue\"} 1\n",
        "terminated_pods_tracking_finalizer_total{event=\"add\"} 1\n",
        "terminated_pods_tracking_finalizer_total{event=\"delete\"} 1\n"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\njob_controller_") + line));
  }
}

TEST(CronJobFiguresTest, HowLateAJobWasMadeIsMeasured) {
  MetricRegistry registry;
  CronJobFigures(&registry).Made(3s);
  EXPECT_THAT(registry.Text(),
              HasSubstr("\ncronjob_controller_job_creation_skew_duration_seconds_bucket{le=\"4\"} "
                        "1\n"));
}

TEST(CronJobFiguresTest, NobodyNeedsToAsk) {
  CronJobFigures(nullptr).Made(3s);
  JobFigures(nullptr).Finished({}, true, "CompletionsReached");
}

}  // namespace
}  // namespace skiff::job
