#include "controllers/nodes/pod_marks.h"

#include <gtest/gtest.h>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

class PodMarksTest : public ListingServerTest {
 protected:
  // The pod p on the node n, about which its kubelet has said something.
  void PutPod() {
    Put("/api/v1/pods", "/api/v1/namespaces/default/pods/p",
        {{"metadata", {{"generation", 3}}},
         {"spec", {{"nodeName", "n"}, {"containers", {{{"name", "c"}, {"image", "i"}}}}}},
         {"status",
          {{"phase", "Running"}, {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
  }
  // The one write before it was deleted.
  Json Mark() {
    const std::vector<std::string> expected = {
        "PATCH /api/v1/namespaces/default/pods/p/status",
        "DELETE /api/v1/namespaces/default/pods/p"};
    EXPECT_EQ(written(), expected);
    return written() == expected ? Json::parse(bodies()[0]) : Json();
  }
};

// A list that is sent as a whole would take back what the kubelet said meanwhile.
TEST_F(PodMarksTest, OfConditionsOnlyTheOneIsSent) {
  PutPod();
  Put("/api/v1/nodes", "/api/v1/nodes/n",
      {{"spec", {{"taints", {{{"key", "k"}, {"effect", "NoExecute"}}}}}}});
  AddTaintEvictionController(manager_);
  Run(1s);
  const Json condition = {{"type", "DisruptionTarget"},
                          {"status", "True"},
                          {"reason", "DeletionByTaintManager"},
                          {"message", "Taint manager: deleting due to NoExecute taint"},
                          {"observedGeneration", 3},
                          {"lastTransitionTime", "2027-01-15T08:00:00Z"}};
  EXPECT_EQ(Mark(), Json({{"metadata", {{"uid", "p"}}},
                          {"status", {{"conditions", Json::array({condition})}}}}));
}

TEST_F(PodMarksTest, APodOfANodeThatIsGoneFailsFirst) {
  PutPod();
  answers_["/api/v1/nodes/n"] = {404, {{"kind", "Status"}, {"reason", "NotFound"}}};
  AddPodGarbageCollector(manager_, 0);
  Run(3min);
  const Json status = Mark()["status"];
  EXPECT_EQ(status["phase"], "Failed");
  EXPECT_EQ(status["observedGeneration"], 3);
  ASSERT_EQ(status["conditions"].size(), 1u);
  EXPECT_EQ(status["conditions"][0]["reason"], "DeletionByPodGC");
}

// Since when it is so stays, whatever else is said of it.
TEST_F(PodMarksTest, AMarkedPodKeepsItsTime) {
  core_v1::Pod pod;
  auto& condition = pod.status.conditions.emplace_back();
  condition.type = "DisruptionTarget";
  condition.status = "True";
  EXPECT_FALSE(Disrupted(pod, "R", "m", clock_.Now())[0].contains("lastTransitionTime"));
}

}  // namespace
}  // namespace skiff
