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
