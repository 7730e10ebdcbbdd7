#include <gmock/gmock.h>

#include <algorithm>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using testing::Contains;
using testing::Not;

using NodeLifecycleRounds = ListingServerTest;

TEST_F(NodeLifecycleRounds, APodThatCannotBeMarkedKeepsNoOtherInService) {
  Put("/api/v1/nodes", "/api/v1/nodes/n",
      {{"status", {{"conditions", {{{"type", "Ready"}, {"status", "Unknown"}}}}}}});
  for (const char* name : {"a", "b"}) {
    Put("/api/v1/pods", std::string("/api/v1/namespaces/default/pods/") + name,
        {{"spec", {{"nodeName", "n"}, {"containers", {{{"name", "main"}}}}}},
         {"status",
          {{"phase", "Running"}, {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
  }
  const std::string mark = "PUT /api/v1/namespaces/default/pods/a/status";
  const auto marks = [&] { return std::count(written().begin(), written().end(), mark); };
  refused_.insert(mark);
  AddNodeLifecycleController(manager_, {});
  Run(1s);
  EXPECT_THAT(written(), Contains("PUT /api/v1/namespaces/default/pods/b/status"));
  refused_.clear();
  Run(1min);
  const auto before = marks();
  EXPECT_GT(before, 1);
  Run(1min);
  EXPECT_EQ(marks(), before) << "it is done with";
}

// 1'800'000'000 seconds, at which the clock stands.
constexpr char kMinuteBefore[] = "2027-01-15T07:58:59Z";
constexpr char kSilentStatus[] = "PUT /api/v1/nodes/n/status";

TEST_F(NodeLifecycleRounds, ANodeThatNeverSaidHowItIsIsSilentSinceItWasMade) {
  Put("/api/v1/nodes", "/api/v1/nodes/n", {{"metadata", {{"creationTimestamp", kMinuteBefore}}}});
  AddNodeLifecycleController(manager_, {});
  Run(1s);
  EXPECT_THAT(written(), Contains(kSilentStatus));
}

TEST_F(NodeLifecycleRounds, ANodeThatIsHeardOfByItsLeaseIsNot) {
  const Json lease = {
      {"metadata", {{"name", "n"}, {"namespace", "kube-node-lease"}, {"resourceVersion", "1"}}},
      {"spec", {{"renewTime", "2027-01-15T07:58:59.000000Z"}}}};
  answers_["/apis/coordination.k8s.io/v1/leases"] = {
      200, {{"metadata", {{"resourceVersion", "1"}}}, {"items", Json::array({lease})}}};
  Put("/api/v1/nodes", "/api/v1/nodes/n", {{"metadata", {{"creationTimestamp", kMinuteBefore}}}});
  AddNodeLifecycleController(manager_, {});
  Run(1s);
  EXPECT_THAT(written(), Not(Contains(kSilentStatus)));
}

}  // namespace
}  // namespace skiff
