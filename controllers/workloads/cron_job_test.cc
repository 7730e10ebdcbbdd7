// What becomes of a CronJob and its jobs where the server, or the cache, is not as one might wish.
#include <gmock/gmock.h>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

constexpr char kCronJobsJobs[] = "/apis/batch/v1/namespaces/default/jobs";

class CronJobRounds : public ListingServerTest {
 protected:
  // A minute begins as the test does, and this was made shortly before.
  void PutCronJob(Json spec, Json status = Json::object()) {
    if (!spec.contains("schedule")) spec["schedule"] = "* * * * *";
    Put("/apis/batch/v1/cronjobs", "/apis/batch/v1/namespaces/default/cronjobs/c",
        {{"metadata", {{"creationTimestamp", "2027-01-15T07:59:30Z"}}},
         {"spec", std::move(spec)},
         {"status", std::move(status)}});
    AddCronJobController(manager_);
  }
  static Json JobOfC(const std::string& name) {
    return {{"metadata",
             {{"name", name},
              {"namespace", "default"},
              {"uid", name},
              {"ownerReferences",
               {{{"apiVersion", "batch/v1"},
                 {"kind", "CronJob"},
                 {"name", "c"},
                 {"uid", "c"},
                 {"controller", true}}}}}}};
  }
};

TEST_F(CronJobRounds, AZoneWithinTheScheduleIsTakenAndSaidToBeUnsupported) {
  PutCronJob({{"schedule", "CRON_TZ=UTC * * * * *"}});
  Run(1s);
  EXPECT_THAT(told(), Contains("UnsupportedSchedule"));
  EXPECT_THAT(told(), Contains("SuccessfulCreate"));
}

TEST_F(CronJobRounds, AnUnknownZoneIsToldOfThoughItIsSuspended) {
  PutCronJob({{"timeZone", "Europe/Atlantis"}, {"suspend", true}});
  Run(1s);
  EXPECT_THAT(told(), ElementsAre("UnknownTimeZone"));
}

TEST_F(CronJobRounds, AJobThatTheCacheDoesNotShowIsReplacedAllTheSame) {
  answers_[std::string(kCronJobsJobs) + "/old"] = {200, JobOfC("old")};
  PutCronJob({{"concurrencyPolicy", "Replace"}},
             {{"active", {{{"name", "old"}, {"namespace", "default"}, {"uid", "old"}}}}});
  Run(1s);
  EXPECT_THAT(written(), Contains("DELETE " + std::string(kCronJobsJobs) + "/old"));
  EXPECT_THAT(written(), Contains("POST " + std::string(kCronJobsJobs)));
  EXPECT_THAT(told(), Not(Contains("MissingJob")));
}

TEST_F(CronJobRounds, AJobThatCannotBeDeletedKeepsNoOtherFromBeingMade) {
  Json old = JobOfC("old");
  old["status"] = {{"conditions", {{{"type", "Complete"}, {"status", "True"}}}}};
  Put("/apis/batch/v1/jobs", std::string(kCronJobsJobs) + "/old", old);
  refused_.insert("DELETE " + std::string(kCronJobsJobs) + "/old");
  PutCronJob({{"successfulJobsHistoryLimit", 0}});
  Run(1s);
  EXPECT_THAT(told(), Contains("FailedDelete"));
  EXPECT_THAT(written(), Contains("POST " + std::string(kCronJobsJobs)));
}

}  // namespace
}  // namespace skiff
