#include <gmock/gmock.h>

#include <algorithm>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using testing::Contains;
using testing::Not;

// A set of one pod that is not there, and a pod that has ended and nobody controls.
class ReplicaSetRounds : public ListingServerTest {
 protected:
  ReplicaSetRounds() {
    const Json labels = {{"app", "a"}};
    const Json containers = Json::array({{{"name", "main"}, {"image", "web:1"}}});
    Put("/apis/apps/v1/replicasets", "/apis/apps/v1/namespaces/default/replicasets/s",
        {{"spec",
          {{"replicas", 1},
           {"selector", {{"matchLabels", labels}}},
           {"template",
            {{"metadata", {{"labels", labels}}}, {"spec", {{"containers", containers}}}}}}}});
    PutOrphan("ended", "Succeeded");
  }
  void PutOrphan(const std::string& name, const std::string& phase) {
    Put("/api/v1/pods", "/api/v1/namespaces/default/pods/" + name,
        {{"metadata", {{"labels", {{"app", "a"}}}}}, {"status", {{"phase", phase}}}});
  }
};

// It would go with the set, and its logs with it.
TEST_F(ReplicaSetRounds, APodThatHasEndedBecomesNobodys) {
  AddReplicaSetController(manager_);
  Run(500ms);
  EXPECT_THAT(written(), Not(Contains("PATCH /api/v1/namespaces/default/pods/ended")));
  EXPECT_THAT(written(), Contains("POST /api/v1/namespaces/default/pods"));
}

TEST_F(ReplicaSetRounds, APodThatRunsBecomesTheSets) {
  PutOrphan("running", "Running");
  AddReplicaSetController(manager_);
  Run(500ms);
  EXPECT_THAT(written(), Contains("PATCH /api/v1/namespaces/default/pods/running"));
  EXPECT_THAT(written(), Not(Contains("PATCH /api/v1/namespaces/default/pods/ended")));
}

TEST_F(ReplicaSetRounds, APodThatNamesTheSetAmongItsOwnersNamesItOnce) {
  Put("/api/v1/pods", "/api/v1/namespaces/default/pods/owned",
      {{"metadata",
        {{"labels", {{"app", "a"}}},
         {"ownerReferences",
          {{{"apiVersion", "apps/v1"},
            {"kind", "ReplicaSet"},
            {"name", "s"},
            {"uid", "s"},
            {"controller", false}}}}}},
       {"status", {{"phase", "Running"}}}});
  AddReplicaSetController(manager_);
  Run(500ms);
  const auto found = std::ranges::find(written(), "PATCH /api/v1/namespaces/default/pods/owned");
  ASSERT_NE(found, written().end());
  const Json body = Json::parse(bodies()[static_cast<size_t>(found - written().begin())]);
  ASSERT_EQ(body["metadata"]["ownerReferences"].size(), 1u);
  EXPECT_EQ(body["metadata"]["ownerReferences"][0]["controller"], true);
}

}  // namespace
}  // namespace skiff
