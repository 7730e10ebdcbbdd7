// `why` from end to end, against a server that keeps objects.
#include <gmock/gmock.h>

#include "cli/prune/objects_fixture.h"

namespace skiff::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class WhyCommandTest : public ObjectsTest {
 protected:
  WhyCommandTest() {
    Put("/api/v1/namespaces/default", {{"kind", "Namespace"}});
    Put("/api/v1/nodes/n1",
        {{"kind", "Node"}, {"status", {{"allocatable", {{"cpu", "1"}, {"pods", "110"}}}}}});
    Put("/api/v1/namespaces/default/pods/web",
        {{"kind", "Pod"},
         {"spec",
          {{"containers", {{{"name", "main"}, {"resources", {{"requests", {{"cpu", "3"}}}}}}}}}},
         {"status",
          {{"phase", "Pending"},
           {"conditions",
            {{{"type", "PodScheduled"}, {"status", "False"}, {"message", "no node"}}}}}}});
  }
};

TEST_F(WhyCommandTest, ReadsWhatItNeedsAndSaysIt) {
  EXPECT_EQ(Run("why", {"pod/web"}), 0) << err_;
  EXPECT_THAT(out_,
              StartsWith("pod/web is pending: it wants 3 cpu, and the only node has 1 free.\n"));
  EXPECT_EQ(Run("why", {"pod", "web", "-o", "json"}), 0) << err_;
  EXPECT_EQ((*ParseJson(out_))["explanations"][0]["findings"][0]["cause"], "Unschedulable");
  EXPECT_EQ(Run("why", {"pod", "web", "-o", "yaml"}), 0) << err_;
  EXPECT_THAT(out_, StartsWith("explanations:\n- findings:\n"));
  EXPECT_THAT(out_, HasSubstr("cause: Unschedulable\n"));
  EXPECT_EQ(Run("why", {"pod", "web", "-o", "wide"}), 1);
  EXPECT_THAT(err_, StartsWith("error: unexpected -o output mode: wide."));
}

TEST_F(WhyCommandTest, AKindAloneAndANamespaceThatIsNotThereAreTold) {
  EXPECT_EQ(Run("why", {"pods"}), 1);
  EXPECT_THAT(err_, StartsWith("error: a name is required: skiff why pods NAME\n"));
  EXPECT_EQ(Run("why", {"pods/"}), 1);
  EXPECT_THAT(err_, StartsWith("error: a name is required: skiff why pods NAME\n"));
  EXPECT_EQ(Run("why", {"web", "-n", "nowhere"}), 1);
  EXPECT_EQ(err_, "error: namespace \"nowhere\" does not exist\n");
  EXPECT_EQ(Run("why", {"pod/web", "-n", "nowhere"}), 1);
  // One of two errors, each in a line of its own.
  EXPECT_THAT(err_, HasSubstr("\nnamespace \"nowhere\" does not exist\n"));
  EXPECT_EQ(Run("why", {"--help"}), 0);
  EXPECT_THAT(out_, StartsWith("Say why a pod, service, claim, ingress or workload"));
}

TEST_F(WhyCommandTest, KindsMayBeCalledAsPeopleCallThem) {
  Put("/api/v1/namespaces/default/persistentvolumeclaims/data",
      {{"kind", "PersistentVolumeClaim"}, {"status", {{"phase", "Pending"}}}});
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"claim/data"}, {"claims/data"}, {"claim", "data"}}) {
    EXPECT_EQ(Run("why", words), 0) << err_;
    EXPECT_THAT(out_, StartsWith("persistentvolumeclaim/data ")) << words[0];
  }
  EXPECT_EQ(Run("why", {"claims"}), 1);
  EXPECT_THAT(err_, StartsWith("error: a name is required: skiff why claims NAME\n"));
  EXPECT_EQ(Run("why", {"policies"}), 1);
  EXPECT_THAT(err_, StartsWith("error: a name is required: skiff why policies NAME\n"));
}

TEST_F(WhyCommandTest, WhatIsNearIsLookedForInOnePage) {
  int pages = 0;
  server_ = [&, others = server_](const http::Request& request) {
    http::Response answer = others(request);
    if (request.path != "/api/v1/namespaces/default/pods") return answer;
    ++pages;
    EXPECT_EQ(request.Query("limit"), "500");
    EXPECT_THAT(std::string(request.Header("Accept")),
                StartsWith("application/json;as=PartialObjectMetadataList;"));
    Json list = *ParseJson(answer.body);
    list["metadata"]["continue"] = "more";
    answer.body = list.dump();
    return answer;
  };
  EXPECT_EQ(Run("why", {"pod/wev"}), 1);
  EXPECT_THAT(err_, HasSubstr("Did you mean this?\n\tweb\n"));
  EXPECT_EQ(pages, 1);
}

TEST_F(WhyCommandTest, SaysWhereWhatIsNotThereWasLookedForAndWhatIsNear) {
  Put("/api/v1/namespaces/default/pods/shop-7d9-x", {{"kind", "Pod"}});
  EXPECT_EQ(Run("why", {"pod/shop"}), 1);
  EXPECT_EQ(err_,
            "Error from server (NotFound): not found in namespace default\n\n"
            "Did you mean this?\n\tshop-7d9-x\n");
  EXPECT_EQ(Run("why", {"pod", "wev"}), 1);
  EXPECT_THAT(err_, HasSubstr("Did you mean this?\n\tweb\n"));
  EXPECT_EQ(Run("why", {"pod/nothing-like-it"}), 1);
  EXPECT_EQ(err_, "Error from server (NotFound): not found in namespace default\n");
  EXPECT_EQ(Run("why", {"node/n2"}), 1);
  EXPECT_THAT(err_, StartsWith("Error from server (NotFound): not found"));
  EXPECT_THAT(err_, Not(HasSubstr("namespace"))) << "it is in none";
  EXPECT_EQ(Run("why", {"pod/web", "pod/wbe"}), 1) << "the other one is explained";
  EXPECT_THAT(out_, StartsWith("pod/web is pending"));
}

TEST_F(WhyCommandTest, ABareNameIsEverythingOfThatName) {
  Put("/api/v1/namespaces/default/services/web",
      {{"kind", "Service"}, {"spec", {{"selector", {{"app", "x"}}}}}});
  EXPECT_EQ(Run("why", {"web"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("pod/web is pending"));
  EXPECT_THAT(out_, HasSubstr("\nservice/web reaches nothing: no pod has the labels"));
  EXPECT_EQ(Run("why", {"nothing"}), 1);
  EXPECT_EQ(err_,
            "error: namespace default has no pod, service, claim, ingress or workload called "
            "\"nothing\"\n");
}

TEST_F(WhyCommandTest, OfABareNameWhatIsCalledSoOrNearlySoIsSaidWithItsKind) {
  Put("/apis/apps/v1/namespaces/default/deployments/good", {{"kind", "Deployment"}});
  Put("/api/v1/namespaces/default/pods/good-7d9-x", {{"kind", "Pod"}});
  EXPECT_EQ(Run("why", {"goood"}), 1);
  EXPECT_EQ(err_,
            "error: namespace default has no pod, service, claim, ingress or workload called "
            "\"goood\"\n\nDid you mean this?\n\tdeployment/good\n");
  EXPECT_EQ(Run("why", {"good-7d9"}), 1);
  EXPECT_THAT(err_, HasSubstr("\n\nDid you mean this?\n\tpod/good-7d9-x\n"));
  for (const std::string version : {"v1", "v2"}) {
    Put("/apis/autoscaling/" + version + "/namespaces/default/horizontalpodautoscalers/good-7d9",
        {{"kind", "HorizontalPodAutoscaler"}});
  }
  EXPECT_EQ(Run("why", {"good-7d9"}), 1);
  EXPECT_THAT(err_, HasSubstr("Did you mean this?\n\thorizontalpodautoscaler/good-7d9\n"));
  EXPECT_EQ(Run("why", {"n1"}), 1);
  EXPECT_THAT(err_, HasSubstr("\n\nDid you mean this?\n\tnode/n1\n"));
}

TEST_F(WhyCommandTest, MissingRightsAreSaidAndAreNoFailure) {
  forbidden_ = {"/api/v1/nodes", "/api/v1/pods"};
  EXPECT_EQ(Run("why", {"pod/web"}), 0) << err_;
  EXPECT_THAT(out_, StartsWith("pod/web is pending: the scheduler finds no node for it.\n"));
  EXPECT_THAT(out_, HasSubstr("the scheduler says: no node"));
  EXPECT_THAT(out_, HasSubstr("Not looked at: nodes, pods (you may not see them).\n"));
}

TEST_F(WhyCommandTest, WhatMayNotBeSeenIsNotSaidToBeMissing) {
  forbidden_ = {"/api/v1/namespaces/default/pods/web",
                "/apis/apps/v1/namespaces/default/deployments/web"};
  EXPECT_EQ(Run("why", {"web"}), 1);
  EXPECT_EQ(err_,
            "error: nothing called \"web\" was found in namespace default, where you may not look "
            "at pods, deployments\n");
}

TEST_F(WhyCommandTest, AnyKindIsExplainedAsFarAsItSpeaks) {
  Put("/api/v1/namespaces/default/configmaps/c",
      {{"kind", "ConfigMap"},
       {"metadata",
        {{"deletionTimestamp", "2020-01-02T03:04:05Z"}, {"finalizers", {"example.com/hold"}}}}});
  EXPECT_EQ(Run("why", {"configmap/c"}), 0) << err_;
  EXPECT_THAT(out_, StartsWith("configmap/c is being deleted, and stays until its finalizer"));
  EXPECT_EQ(Run("why", {"node/n1"}), 0) << err_;
  EXPECT_THAT(out_, StartsWith("node/n1 has not said yet how it is.\n"));
  EXPECT_EQ(Run("why", {"pod/none"}), 1);
  EXPECT_THAT(err_, HasSubstr("not found"));
  EXPECT_EQ(Run("why", {}), 1);
  EXPECT_THAT(err_, StartsWith("error: a name is required"));
}

}  // namespace
}  // namespace skiff::cli
