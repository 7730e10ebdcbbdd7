// Rounds of the Job controller, one after the other.
#include <gmock/gmock.h>

#include "api/gen/batch_v1.h"
#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using testing::Contains;
using testing::Not;

constexpr char kPodOfJob[] = "POST /api/v1/namespaces/default/pods";

class JobRounds : public ListingServerTest {
 protected:
  // Its one pod has just failed.
  JobRounds() {
    const Json labels = {{"app", "a"}};
    const Json containers = Json::array({{{"name", "main"}, {"image", "web:1"}}});
    job_ = {{"spec",
             {{"completions", 1},
              {"parallelism", 1},
              {"backoffLimit", 6},
              {"selector", {{"matchLabels", labels}}},
              {"template",
               {{"metadata", {{"labels", labels}}},
                {"spec", {{"restartPolicy", "Never"}, {"containers", containers}}}}}}}};
    Put("/apis/batch/v1/jobs", "/apis/batch/v1/namespaces/default/jobs/j", job_);
    job_ = answers_.at("/apis/batch/v1/namespaces/default/jobs/j").second;
    after_writes_["PATCH /apis/batch/v1/namespaces/default/jobs/j/status"] = job_;
    const Json owner = {{"apiVersion", "batch/v1"},
                        {"kind", "Job"},
                        {"name", "j"},
                        {"uid", "j"},
                        {"controller", true}};
    Put("/api/v1/pods", "/api/v1/namespaces/default/pods/p",
        {{"metadata",
          {{"labels", labels},
           {"creationTimestamp", "2027-01-15T08:00:00Z"},
           {"finalizers", Json::array({"batch.kubernetes.io/job-tracking"})},
           {"ownerReferences", Json::array({owner})}}},
         {"status", {{"phase", "Failed"}}}});
  }
  Json job_;
};

TEST_F(JobRounds, AJobThatIsMadeAnewWaitsForNoFailureOfTheFormerOne) {
  AddJobController(manager_);
  Run(500ms);
  EXPECT_THAT(written(), Not(Contains(kPodOfJob))) << "it is tried again in ten seconds";
  InformerCache& jobs = manager_.informer<batch_v1::Job>().cache();
  Json another = job_;
  another["metadata"]["uid"] = "k";
  another["metadata"]["resourceVersion"] = "9";
  jobs.Apply({.type = WatchEvent::Type::kDeleted, .object = RawJson(job_)});
  jobs.Apply({.type = WatchEvent::Type::kAdded, .object = RawJson(another)});
  Run(500ms);
  EXPECT_THAT(written(), Contains(kPodOfJob));
}

}  // namespace
}  // namespace skiff
