#include <gmock/gmock.h>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using testing::Contains;
using testing::Not;

// A set of pods that are available once they have been ready for ten seconds.
class DaemonSetRounds : public ListingServerTest {
 protected:
  DaemonSetRounds() {
    const Json labels = {{"app", "a"}};
    const Json containers = Json::array({{{"name", "main"}, {"image", "web:1"}}});
    Put("/apis/apps/v1/daemonsets", "/apis/apps/v1/namespaces/default/daemonsets/d",
        {{"metadata", {{"annotations", {{"deprecated.daemonset.template.generation", "2"}}}}},
         {"spec",
          {{"minReadySeconds", 10},
           {"selector", {{"matchLabels", labels}}},
           {"template",
            {{"metadata", {{"labels", labels}}}, {"spec", {{"containers", containers}}}}}}}});
  }
  // On a node of its own; ready since then, or not.
  void PutPod(const std::string& name, const char* generation, const char* ready_since) {
    Put("/api/v1/nodes", "/api/v1/nodes/of-" + name, Json::object());
    const Json owner = {{"apiVersion", "apps/v1"},
                        {"kind", "DaemonSet"},
                        {"name", "d"},
                        {"uid", "d"},
                        {"controller", true}};
    Json ready = {{"type", "Ready"}, {"status", *ready_since == '\0' ? "False" : "True"}};
    if (*ready_since != '\0') ready["lastTransitionTime"] = ready_since;
    Put("/api/v1/pods", "/api/v1/namespaces/default/pods/" + name,
        {{"metadata",
          {{"labels", {{"app", "a"}, {"pod-template-generation", generation}}},
           {"ownerReferences", Json::array({owner})}}},
         {"spec", {{"nodeName", "of-" + name}}},
         {"status", {{"phase", "Running"}, {"conditions", Json::array({ready})}}}});
  }
};

// Which the cache may go on to show as if it were there for good.
TEST_F(DaemonSetRounds, NobodyTakesThePlaceOfAPodThatWasJustDeleted) {
  PutPod("old", "1", "");
  PutPod("new", "2", "2027-01-15T07:59:51Z");  // A second more, and it is available.
  AddDaemonSetController(manager_);
  Run(500ms);
  EXPECT_THAT(written(), Contains("DELETE /api/v1/namespaces/default/pods/old"));
  Run(5s);
  EXPECT_THAT(written(), Not(Contains("POST /api/v1/namespaces/default/pods")));
}

}  // namespace
}  // namespace skiff
