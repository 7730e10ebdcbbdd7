// When finished Jobs are deleted.
#include <gmock/gmock.h>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using testing::Contains;
using testing::Not;

constexpr char kEndedJob[] = "/apis/batch/v1/namespaces/default/jobs/j";
constexpr char kEndedJobIsDeleted[] = "DELETE /apis/batch/v1/namespaces/default/jobs/j";

class TtlAfterFinishedTest : public ListingServerTest {
 protected:
  // It may stay for a minute after its end.
  void Start(Json condition) {
    condition.update({{"type", "Complete"}, {"status", "True"}});
    Put("/apis/batch/v1/jobs", kEndedJob,
        {{"spec", {{"ttlSecondsAfterFinished", 60}}},
         {"status", {{"conditions", Json::array({condition})}}}});
    AddTtlAfterFinishedController(manager_);
  }
};

TEST_F(TtlAfterFinishedTest, AJobGoesSoLongAfterItsEnd) {
  Start({{"lastTransitionTime", "2027-01-15T07:59:30Z"}});
  Run(20s);
  EXPECT_THAT(written(), Not(Contains(kEndedJobIsDeleted)));
  Run(20s);
  EXPECT_THAT(written(), Contains(kEndedJobIsDeleted));
}

// As of a controller outside of the cluster's own.
TEST_F(TtlAfterFinishedTest, AJobOfWhichNobodySaysWhenItEndedStays) {
  Start(Json::object());
  Run(1h);
  EXPECT_THAT(written(), Not(Contains(kEndedJobIsDeleted)));
}

}  // namespace
}  // namespace skiff
