#include "e2e/simulation/cron_laws.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class CronLawsTest : public testing::Test {
 protected:
  CronLawsTest() { Say("Forbid"); }
  void Say(const std::string& policy) {
    batch_v1::CronJob cron_job;
    cron_job.metadata.uid = "c";
    cron_job.spec.concurrency_policy = policy;
    cron_laws_.TakeCronJob(cron_job, false);
  }
  void Tell(const std::string& name, const std::string& scheduled, bool finished = false) {
    batch_v1::Job job;
    job.metadata.uid = job.metadata.name = name;
    job.metadata.annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"] = scheduled;
    auto& owner = job.metadata.owner_references.emplace_back();
    owner.kind = "CronJob";
    owner.name = "rounds";
    owner.uid = "c";
    owner.controller = true;
    if (finished) {
      auto& condition = job.status.conditions.emplace_back();
      condition.type = "Complete";
      condition.status = "True";
    }
    cron_laws_.TakeJob(job, false);
  }

  FakeClock clock_;
  std::vector<std::string> complaints_;
  std::string unheard_;
  Laws laws_{{[this](std::string text) { complaints_.push_back(std::move(text)); }, clock_,
              [](const auto&) { return false; }, [](const auto&) { return false; }}};
  CronLaws cron_laws_{laws_, [this](const std::string& uid) { return uid == unheard_; }};
};

TEST_F(CronLawsTest, ThereIsOneJobForEachTime) {
  Tell("a", "12:00", true);
  Tell("b", "12:02");
  Tell("b", "12:02", true);
  EXPECT_THAT(complaints_, IsEmpty());
  Tell("d", "12:02");
  EXPECT_THAT(complaints_, ElementsAre("job d is the second one for 12:02"));
}

TEST_F(CronLawsTest, OneAfterTheOtherWhereMoreAreForbidden) {
  Tell("a", "12:00");
  Tell("a", "12:00", true);
  Tell("b", "12:02");
  EXPECT_THAT(complaints_, IsEmpty());
  Tell("d", "12:04");
  EXPECT_THAT(complaints_, ElementsAre("cron job rounds has 2 jobs at once"));
}

TEST_F(CronLawsTest, WhatNobodyWasToldOfIsNotCounted) {
  unheard_ = "a";
  Tell("a", "12:00");
  Tell("b", "12:02");
  Say("Allow");
  Tell("d", "12:04");
  EXPECT_THAT(complaints_, IsEmpty());
}

}  // namespace
}  // namespace skiff
