#include <gmock/gmock.h>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"
#include "controllers/workloads/revision_history.h"

namespace skiff {
namespace {

using testing::Contains;
using testing::Not;

constexpr char kRevisionsPath[] = "/apis/apps/v1/namespaces/default/controllerrevisions";

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
  void PutPod(const std::string& name, const char* generation, const char* ready_since,
              const char* hash = "") {
    Put("/api/v1/nodes", "/api/v1/nodes/of-" + name, Json::object());
    Json ready = {{"type", "Ready"}, {"status", *ready_since == '\0' ? "False" : "True"}};
    if (*ready_since != '\0') ready["lastTransitionTime"] = ready_since;
    Put("/api/v1/pods", "/api/v1/namespaces/default/pods/" + name,
        {{"metadata",
          {{"labels",
            {{"app", "a"},
             {"pod-template-generation", generation},
             {"controller-revision-hash", hash}}},
           {"ownerReferences", Json::array({owner_})}}},
         {"spec", {{"nodeName", "of-" + name}}},
         {"status", {{"phase", "Running"}, {"conditions", Json::array({ready})}}}});
  }
  // Of the present template.
  void PutRevision(const std::string& hash, int number) {
    core_v1::PodTemplateSpec pod_template;
    pod_template.metadata.labels["app"] = "a";
    auto& container = pod_template.spec.containers.emplace_back();
    container.name = "main";
    container.image = "web:1";
    Put("/apis/apps/v1/controllerrevisions", kRevisionsPath + ("/d-" + hash),
        {{"metadata",
          {{"labels", {{"app", "a"}, {"controller-revision-hash", hash}}},
           {"ownerReferences", Json::array({owner_})}}},
         {"data", TemplatePatch(pod_template)},
         {"revision", number}});
  }

  const Json owner_ = {{"apiVersion", "apps/v1"},
                       {"kind", "DaemonSet"},
                       {"name", "d"},
                       {"uid", "d"},
                       {"controller", true}};
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

// Another controller may have made it, whose hashes are others.
TEST_F(DaemonSetRounds, ARevisionSaysWhichHashItsPodsHave) {
  PutRevision("theirs", 1);
  PutPod("kept", "1", "2027-01-15T07:00:00Z", "theirs");
  AddDaemonSetController(manager_);
  Run(500ms);
  EXPECT_THAT(written(), Not(Contains("DELETE /api/v1/namespaces/default/pods/kept")));
  EXPECT_THAT(written(),
              Not(Contains("POST /apis/apps/v1/namespaces/default/controllerrevisions")));
}

TEST_F(DaemonSetRounds, OfRevisionsOfOneTemplateTheNewestTakesOverThePodsOfTheOthers) {
  PutRevision("older", 1);
  PutRevision("newer", 2);
  PutPod("kept", "1", "2027-01-15T07:00:00Z", "older");
  const std::string path = "/api/v1/namespaces/default/pods/kept";
  Json labelled = answers_[path].second;
  labelled["metadata"]["labels"]["controller-revision-hash"] = "newer";
  after_writes_["PATCH " + path] = labelled;
  AddDaemonSetController(manager_);
  Run(500ms);
  EXPECT_THAT(written(), Contains("PATCH " + path));
  EXPECT_THAT(written(), Contains(std::string("DELETE ") + kRevisionsPath + "/d-older"));
  EXPECT_THAT(written(), Not(Contains(std::string("DELETE ") + kRevisionsPath + "/d-newer")));
  EXPECT_THAT(written(), Not(Contains("DELETE " + path)));
}

}  // namespace
}  // namespace skiff
