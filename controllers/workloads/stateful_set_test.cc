#include <gmock/gmock.h>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"
#include "controllers/workloads/revision_history.h"

namespace skiff {
namespace {

using testing::Contains;
using testing::Not;

constexpr char kSetClaims[] = "/api/v1/namespaces/default/persistentvolumeclaims";

// A set of one pod with two claims, of which there is the revision and nothing else.
class StatefulSetRounds : public ListingServerTest {
 protected:
  StatefulSetRounds() {
    const Json labels = {{"app", "a"}};
    const Json containers = Json::array({{{"name", "main"}, {"image", "web:1"}}});
    const Json claims =
        Json::array({{{"metadata", {{"name", "data"}}}}, {{"metadata", {{"name", "logs"}}}}});
    Put("/apis/apps/v1/statefulsets", "/apis/apps/v1/namespaces/default/statefulsets/web",
        {{"spec",
          {{"replicas", 1},
           {"selector", {{"matchLabels", labels}}},
           {"volumeClaimTemplates", claims},
           {"template",
            {{"metadata", {{"labels", labels}}}, {"spec", {{"containers", containers}}}}}}}});
    core_v1::PodTemplateSpec pod_template;
    pod_template.metadata.labels["app"] = "a";
    auto& container = pod_template.spec.containers.emplace_back();
    container.name = "main";
    container.image = "web:1";
    const Json owner = {{"apiVersion", "apps/v1"},
                        {"kind", "StatefulSet"},
                        {"name", "web"},
                        {"uid", "web"},
                        {"controller", true}};
    Put("/apis/apps/v1/controllerrevisions",
        "/apis/apps/v1/namespaces/default/controllerrevisions/web-1",
        {{"metadata", {{"labels", labels}, {"ownerReferences", Json::array({owner})}}},
         {"data", TemplatePatch(pod_template)},
         {"revision", 1}});
  }
};

TEST_F(StatefulSetRounds, AClaimThatIsBeingDeletedIsSaidToKeepThePodFromBeingMade) {
  Put("/api/v1/persistentvolumeclaims", std::string(kSetClaims) + "/data-web-0",
      {{"metadata", {{"deletionTimestamp", "2027-01-15T07:00:00Z"}}}});
  AddStatefulSetController(manager_);
  Run(500ms);
  EXPECT_THAT(written(), Not(Contains("POST /api/v1/namespaces/default/pods")));
  EXPECT_THAT(written(), Contains(std::string("POST ") + kSetClaims)) << "of the other one";
  EXPECT_THAT(told(), Contains("FailedCreate"));
  EXPECT_THAT(messages(), Contains("Create Pod web-0 in StatefulSet web failed error: "
                                   "pvc data-web-0 is being deleted"));
}

TEST_F(StatefulSetRounds, ClaimsThatCannotBeMadeAreToldOfTogether) {
  refused_.insert(std::string("POST ") + kSetClaims);
  AddStatefulSetController(manager_);
  Run(500ms);
  EXPECT_THAT(written(), Not(Contains("POST /api/v1/namespaces/default/pods")));
  EXPECT_THAT(messages(), Contains(testing::AllOf(
                              testing::StartsWith("Create Pod web-0 in StatefulSet web failed "
                                                  "error: [failed to create PVC data-web-0: "),
                              testing::HasSubstr(", failed to create PVC logs-web-0: "))));
}

}  // namespace
}  // namespace skiff
