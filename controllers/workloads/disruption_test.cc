#include <gtest/gtest.h>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

constexpr char kShopPods[] = "/api/v1/namespaces/default/pods/";

class DisruptionTest : public ListingServerTest {
 protected:
  DisruptionTest() { AddDisruptionController(manager_); }

  void PutPod(const std::string& name, const Json& owner, const Json& condition = {}) {
    Json pod = {{"metadata", {{"labels", {{"app", "a"}}}, {"generation", 3}}},
                {"spec", {{"containers", {{{"name", "c"}, {"image", "i"}}}}}},
                {"status", {{"phase", "Running"}}}};
    if (!owner.is_null()) pod["metadata"]["ownerReferences"] = {owner};
    if (!condition.is_null()) pod["status"]["conditions"] = {condition};
    Put("/api/v1/pods", kShopPods + name, std::move(pod));
  }
  static Json OwnerOf(const std::string& version, const std::string& kind) {
    return {
        {"apiVersion", version}, {"kind", kind}, {"name", "o"}, {"uid", "u"}, {"controller", true}};
  }
  // What is first written at that path; null when nothing is.
  Json Written(const std::string& path) {
    const auto found = std::find(written().begin(), written().end(), "PATCH " + path);
    if (found == written().end()) return {};
    return Json::parse(bodies()[static_cast<size_t>(found - written().begin())]);
  }
  Json BudgetStatus() {
    const std::string path = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/b";
    Put("/apis/policy/v1/poddisruptionbudgets", path,
        {{"metadata", {{"generation", 1}}},
         {"spec", {{"maxUnavailable", 1}, {"selector", {{"matchLabels", {{"app", "a"}}}}}}}});
    Run(1s);
    return Written(path + "/status")["status"];
  }
};

TEST_F(DisruptionTest, AnyKindWithAScaleSaysHowManyPodsThereAreToBe) {
  PutPod("p", OwnerOf("apps/v1", "ReplicaSet"));
  answers_["/apis/apps/v1/namespaces/default/replicasets/o/scale"] = {
      200, {{"metadata", {{"uid", "u"}}}, {"spec", {{"replicas", 4}}}}};
  const Json status = BudgetStatus();
  EXPECT_EQ(status["expectedPods"], 4);
  EXPECT_EQ(status["desiredHealthy"], 3);
}

TEST_F(DisruptionTest, AKindWithoutAScaleIsNamed) {
  PutPod("p", OwnerOf("apps/v1", "DaemonSet"));
  answers_["/apis/apps/v1/namespaces/default/daemonsets/o/scale"] = {
      404, {{"kind", "Status"}, {"reason", "NotFound"}}};
  answers_["/apis/apps/v1"] = {200, {{"resources", {{{"name", "daemonsets"}}}}}};
  EXPECT_EQ(BudgetStatus()["conditions"][0]["message"],
            "daemonsets.apps does not implement the scale subresource");
}

TEST_F(DisruptionTest, AnOwnerThatIsGoneIsNone) {
  PutPod("p", OwnerOf("apps/v1", "ReplicaSet"));
  answers_["/apis/apps/v1/namespaces/default/replicasets/o/scale"] = {
      200, {{"metadata", {{"uid", "another"}}}, {"spec", {{"replicas", 4}}}}};
  EXPECT_EQ(BudgetStatus()["conditions"][0]["message"], "found no controllers for pod \"p\"");
}

TEST_F(DisruptionTest, AnOwnerInNoNamespaceIsNotAskedForItsScale) {
  answers_["/apis"] = {
      200, {{"groups", {{{"preferredVersion", {{"groupVersion", "example.com/v1"}}}}}}}};
  answers_["/apis/example.com/v1"] = {
      200,
      {{"resources",
        {{{"name", "farms"}, {"kind", "Farm"}, {"namespaced", false}},
         {{"name", "farms/scale"}, {"kind", "Scale"}, {"namespaced", false}}}}}};
  answers_["/apis/example.com/v1/farms/o/scale"] = {
      200, {{"metadata", {{"uid", "u"}}}, {"spec", {{"replicas", 4}}}}};
  PutPod("p", OwnerOf("example.com/v1", "Farm"));
  EXPECT_EQ(BudgetStatus()["conditions"][0]["message"], "found no controllers for pod \"p\"");
}

TEST_F(DisruptionTest, WhatWasSaidOfPodsThatStayIsTakenBack) {
  const auto said = [&](const std::string& reason) {
    return Json{{"type", "DisruptionTarget"},
                {"status", "True"},
                {"reason", reason},
                {"message", "m"},
                {"lastTransitionTime", Time(clock_.Now()).Rfc3339()}};
  };
  PutPod("stays", {}, said("EvictionByEvictionAPI"));
  PutPod("ends", {}, said("TerminationByKubelet"));
  const auto path = [](const std::string& name) { return kShopPods + name + "/status"; };
  Run(119s);
  EXPECT_TRUE(Written(path("stays")).is_null());
  Run(2s);
  const Json condition = Written(path("stays"))["status"]["conditions"][0];
  EXPECT_EQ(condition["status"], "False");
  EXPECT_EQ(condition["observedGeneration"], 3);
  EXPECT_EQ(condition.value("reason", "") + condition.value("message", ""), "");
  EXPECT_TRUE(Written(path("ends")).is_null());
}

}  // namespace
}  // namespace skiff
